"""A network that learns: what the cases of fa, dfa, kp and fbp have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa.attachment import adapt, attach
from spikefa.local import learn
from spikefa.recording import array, record
from spikefa.rules.dfa import DirectFeedbackAlignment
from spikefa.sequence import run
from spikefa.testing.networks import SURROGATES
from spikefa.validation.exact import Exact

if TYPE_CHECKING:
    from models.lesson import Learner, Lesson
    from models.trace import Trace

INPUTS, NEURONS, T, SAMPLES = 5, 6, 15, 32
"""As many hidden neurons as classes, so that B has a transpose to be mistaken for."""

BETAS = (0.9, 0.7)
"""Of the hidden layers, from the bottom up: a trace with the leak of another layer is a mistake."""


class Course(NamedTuple):
    """A network with its pathways, and what it is to learn: input ``[T, samples, inputs]`` and labels ``[samples]``."""

    net: Any  # a Sequential of Linear, Leaky, Linear, Leaky
    x: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Learning(Exact, ABC):
    """A network of LIF neurons and a leaky read-out that learns from one sample, or batch, after the other.

    Attributes:
        depth: the number of hidden layers, at most as many as :data:`BETAS`.

    Args:
        batch: samples an update.
        eta: the learning rate; ``decay``: of the weights, as :class:`torch.optim.SGD` takes it.
        currents: whether the input is random currents, and not spikes.
        credit: ``bptt``, through time by autograd, or ``local``, forward in time by :class:`~spikefa.ThreeFactor`.
    """

    depth: ClassVar[int] = 1
    batch: int = 1
    eta: float = 0.003
    decay: float = 0.0
    currents: bool = False
    credit: str = "bptt"

    @property
    @abstractmethod
    def rule(self) -> str:
        """With its options, as :func:`~spikefa.attach` takes it."""

    @property
    def name(self) -> str:
        """The rule's; ``-local`` forward in time, else ``-batch`` where several samples make an update."""
        credit = "" if self.credit == "bptt" else f"-{self.credit}"
        return self.rule + (credit or ("-batch" if self.batch > 1 else ""))

    @property
    def compared(self) -> str:
        """What is simulated."""
        drive = "currents" if self.currents else "spikes"
        sizes = f"{INPUTS} → {f'{NEURONS} LIF → ' * self.depth}{NEURONS} leaky neurons"
        rule = self.rule if self.credit == "bptt" else f"{self.rule} by ThreeFactor"
        return f"{sizes}, {rule}, random {drive}, {SAMPLES} samples of {T} steps, batches of {self.batch}"

    def twin(self) -> Trace:
        """Routed gradients through time, or forward in time; SGD, and a step of the pathways, update by update."""
        from spikefa.models import trace

        net, x, labels = self.course()
        optimizer = torch.optim.SGD(net.parameters(), lr=self.eta, weight_decay=self.decay)
        updates = []
        for now, target in zip(x.split(self.batch, 1), labels.split(self.batch), strict=True):
            states = _in_turn(record(net, now))
            optimizer.zero_grad()
            GRADIENTS[self.credit](net, now, target)
            optimizer.step()
            adapt(net)
            updates.append(states | {key: array(value)[None] for key, value in _weights(net).items()})
        arrays = {key: np.concatenate([update[key] for update in updates]) for key in updates[0]}
        units = dict.fromkeys((variable for _, variable in arrays), "1")
        every = dict.fromkeys(("w", "b", "bias"), self.batch * len(x))
        recorded: Trace = trace.Trace(arrays, units, dt=1.0, every=every)
        return recorded

    def course(self) -> Course:
        """The same at every call."""
        noise = torch.Generator().manual_seed(1)
        *hidden, out = (nn.Linear(size, NEURONS).double() for size in (INPUTS, *[NEURONS] * self.depth))
        for values in (values for affine in (*hidden, out) for values in (affine.weight, affine.bias)):
            values.data = 0.3 * torch.randn(values.shape, generator=noise, dtype=torch.float64)
        out.weight.data *= 0.3
        modules: list[nn.Module] = []
        for affine, beta in zip(hidden, BETAS, strict=False):
            affine.weight.data += 0.2  # so that all neurons fire, and none at each step
            modules += [affine, snn.Leaky(beta, spike_grad=SURROGATES["atan"])]  # snnTorch's own may round errors
        net = nn.Sequential(*modules, out, snn.Leaky(beta=0.8, reset_mechanism="none", output=True)).double()
        labels = torch.randint(NEURONS, (SAMPLES,), generator=noise)
        rates = torch.rand(NEURONS, INPUTS, generator=noise, dtype=torch.float64)[labels]
        x = torch.rand(T, SAMPLES, INPUTS, generator=noise, dtype=torch.float64)
        return Course(attach(net, self.rule), 2 * rates * x if self.currents else (x < rates).double(), labels)

    def lesson(self) -> tuple[Learner, Lesson, NDArray[Any]]:
        """For a reference model: the network, the samples, and B at the start."""
        from spikefa.models import lesson, lif

        net, x, labels = self.course()
        *below, hidden, readout = (
            lif.Layer(
                array(affine.weight), array(affine.bias), float(neuron.beta), reset_mechanism=neuron.reset_mechanism
            )
            for affine, neuron in zip(net[::2], net[1::2], strict=True)
        )
        learner = lesson.Learner(hidden, readout, eta=self.eta, decay=self.decay, batch=self.batch, below=tuple(below))
        return learner, lesson.Lesson(array(x), array(labels)), array(b_of(net[-2]))


def through_time(net: nn.Module, x: Tensor, labels: Tensor) -> None:
    """Adds to ``.grad`` those of the cross-entropy, summed over time, of the mean example."""
    _, mem = run(net, x)
    F.cross_entropy(mem.flatten(0, 1), labels.repeat(len(x)), reduction="sum").div(len(labels)).backward()


def forward_in_time(net: nn.Module, x: Tensor, labels: Tensor) -> None:
    """The same, step by step, by the three-factor local form."""
    learn(net, x, lambda spk, mem: (mem.softmax(1) - F.one_hot(labels, mem.shape[1])) / len(labels))


GRADIENTS = {"bptt": through_time, "local": forward_in_time}
"""How the gradients of a batch come about."""


def b_of(layer: Any) -> Tensor:
    """B as a routed layer's pathway keeps it; D of ``dfa``."""
    kept: Tensor = layer.feedback.matrix.weight if direct(layer) else layer.feedback.weight
    return kept


def direct(layer: Any) -> bool:
    """Whether the read-out's error reaches the layer's input directly."""
    return isinstance(layer.feedback, DirectFeedbackAlignment)


def _in_turn(recorded: Trace) -> dict[tuple[str, str], NDArray[Any]]:
    """A batch's samples one after the other, ``[B · T, 1, N]``; the read-out has membranes only."""
    readout = list(recorded.arrays)[-1][0]
    arrays = {key: values for key, values in recorded.arrays.items() if key != (readout, "spk")}
    return {key: np.swapaxes(values, 0, 1).reshape(-1, 1, values.shape[2]) for key, values in arrays.items()}


def _weights(net: Any) -> dict[tuple[str, str], Tensor]:
    forward, pathways = list(net[::2]), list(net[2::2])
    found: dict[tuple[str, str], Tensor] = {}
    for number, layer in enumerate(forward, start=1):
        found |= {(f"synapses_{number}", "w"): layer.weight, (f"layer_{number}", "bias"): layer.bias}
    names = [f"feedback_{number}" for number in range(1, len(forward))] if direct(pathways[0]) else ["feedback"]
    return found | {(name, "b"): b_of(layer) for name, layer in zip(names, pathways, strict=True)}
