"""A network of one hidden layer that learns: what the cases of fa, kp and fbp have in common."""

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
from spikefa.recording import array, record
from spikefa.sequence import run
from spikefa.testing.networks import SURROGATES
from spikefa.validation.exact import Exact

if TYPE_CHECKING:
    from models.lesson import Learner, Lesson
    from models.trace import Trace

INPUTS, NEURONS, T, SAMPLES = 5, 6, 15, 32
"""As many hidden neurons as classes, so that B has a transpose to be mistaken for."""


class Course(NamedTuple):
    """A network with its pathways, and what it is to learn: input ``[T, samples, inputs]`` and labels ``[samples]``."""

    net: Any  # a Sequential of Linear, Leaky, Linear, Leaky
    x: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Learning(Exact, ABC):
    """A network of LIF neurons and a leaky read-out that learns from one sample, or batch, after the other.

    Args:
        batch: samples an update.
        eta: the learning rate; ``decay``: of the weights, as :class:`torch.optim.SGD` takes it.
        currents: whether the input is random currents, and not spikes.
    """

    told: ClassVar[str]
    batch: int = 1
    eta: float = 0.003
    decay: float = 0.0
    currents: bool = False

    @property
    @abstractmethod
    def rule(self) -> str:
        """With its options, as :func:`~spikefa.attach` takes it."""

    @property
    def compared(self) -> str:
        """What is simulated."""
        drive = "currents" if self.currents else "spikes"
        sizes = f"{INPUTS} → {NEURONS} LIF → {NEURONS} leaky neurons"
        return f"{sizes}, {self.rule}, random {drive}, {SAMPLES} samples of {T} steps, batches of {self.batch}"

    def twin(self) -> Trace:
        """Routed gradients through time, SGD, and a step of the pathways, update by update."""
        from spikefa.models import trace

        net, x, labels = self.course()
        optimizer = torch.optim.SGD(net.parameters(), lr=self.eta, weight_decay=self.decay)
        updates = []
        for now, target in zip(x.split(self.batch, 1), labels.split(self.batch), strict=True):
            states = _in_turn(record(net, now))
            _, mem = run(net, now)
            optimizer.zero_grad()
            F.cross_entropy(mem.flatten(0, 1), target.repeat(len(x)), reduction="sum").div(self.batch).backward()
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
        first, out = (nn.Linear(size, NEURONS).double() for size in (INPUTS, NEURONS))
        for values in (first.weight, first.bias, out.weight, out.bias):
            values.data = 0.3 * torch.randn(values.shape, generator=noise, dtype=torch.float64)
        out.weight.data *= 0.3
        first.weight.data += 0.2  # so that all neurons fire, and none at each step
        readout = snn.Leaky(beta=0.8, reset_mechanism="none", output=True)
        lif = snn.Leaky(beta=0.9, spike_grad=SURROGATES["atan"])  # snnTorch's own would round errors to float32
        net = nn.Sequential(first, lif, out, readout).double()
        labels = torch.randint(NEURONS, (SAMPLES,), generator=noise)
        rates = torch.rand(NEURONS, INPUTS, generator=noise, dtype=torch.float64)[labels]
        x = torch.rand(T, SAMPLES, INPUTS, generator=noise, dtype=torch.float64)
        return Course(attach(net, self.rule), 2 * rates * x if self.currents else (x < rates).double(), labels)

    def lesson(self) -> tuple[Learner, Lesson, NDArray[Any]]:
        """For a reference model: the network, the samples, and B at the start."""
        from spikefa.models import lesson, lif

        net, x, labels = self.course()
        layers = [
            lif.Layer(array(affine.weight), array(affine.bias), float(neuron.beta), reset_mechanism=mechanism)
            for affine, neuron, mechanism in ((*net[:2], "subtract"), (*net[2:], "none"))
        ]
        learner = lesson.Learner(*layers, eta=self.eta, decay=self.decay, batch=self.batch)
        return learner, lesson.Lesson(array(x), array(labels)), array(net[2].feedback.weight)


def _in_turn(recorded: Trace) -> dict[tuple[str, str], NDArray[Any]]:
    """A batch's samples one after the other, ``[B · T, 1, N]``; the read-out has membranes only."""
    arrays = {key: values for key, values in recorded.arrays.items() if key != ("layer_2", "spk")}
    return {key: np.swapaxes(values, 0, 1).reshape(-1, 1, values.shape[2]) for key, values in arrays.items()}


def _weights(net: Any) -> dict[tuple[str, str], Tensor]:
    return {
        ("synapses_1", "w"): net[0].weight,
        ("layer_1", "bias"): net[0].bias,
        ("synapses_2", "w"): net[2].weight,
        ("layer_2", "bias"): net[2].bias,
        ("feedback", "b"): net[2].feedback.weight,
    }
