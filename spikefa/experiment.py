"""An experiment: everything that decides the numbers of one training run, frozen and validated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from torch import Tensor, nn

from spikefa.assignment import rules_by_pattern
from spikefa.attachment import attach
from spikefa.credit import CREDITS, Credit
from spikefa.datasets import DATASETS, Dataset
from spikefa.datasets.events import Examples
from spikefa.encoding import ENCODINGS
from spikefa.feedback import Feedback
from spikefa.names import nearest, resolve
from spikefa.networks import NETWORKS
from spikefa.optimizers import OPTIMIZERS
from spikefa.over_time import check_encoding, check_labels, nature
from spikefa.readout import READOUTS, Readout
from spikefa.remedies import remedy
from spikefa.results import ADDED
from spikefa.sequence import run
from spikefa.streams import stream


def _in(table: Mapping[str, Callable[..., Any]], kind: str) -> AfterValidator:
    """A validator that accepts what ``table`` has, and what can be imported."""

    def check(name: str) -> str:
        resolve(name, table, kind)
        return name

    return AfterValidator(check)


def _rule(name: str) -> str:
    """Accept a rule that makes a pathway for a small layer, so that wrong values of its options show here."""
    for make in rules_by_pattern(name).values():
        try:
            made = make(torch.arange(4.0).view(2, 2), stream(0, "check"))
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"it cannot be called with (weight, generator) and these options: {error}") from error
        if not isinstance(made, Feedback):
            raise ValueError(f"it makes a {type(made).__name__}, not a spikefa.Feedback")
    return name


def _remedy(name: str) -> str:
    """Accept remedies that exist, with options that they have; their values show when they meet a network."""
    remedy(name)
    return name


def _plain(name: Any) -> Any:
    """The same name however it is spaced, so that a comparison does not hold it twice."""
    return "".join(name.split()).rstrip(":,") if isinstance(name, str) else name


def _optimizer(name: str) -> str:
    """Accept an optimiser that takes its options."""
    resolve(name, OPTIMIZERS, "optimiser")([nn.Parameter(torch.zeros(1))], lr=1e-3, weight_decay=0.0)
    return name


def _known_credit(name: str) -> str:
    """Accept a way of credit assignment; these are few, and not to be imported."""
    if name not in CREDITS:
        raise ValueError(
            f"no way of credit assignment is called {name!r}{nearest(name, CREDITS)}: {', '.join(CREDITS)}"
        )
    return name


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not true or false")
    return value


Name = Annotated[str, BeforeValidator(_plain)]
Number = BeforeValidator(_number)


class Experiment(BaseModel):
    """One training run: its fields decide every number it gives, on one machine.

    Runs that differ in ``rule`` alone start from the same weights and see the same batches in the same order. For data
    that are spikes over time already, ``encoding``, ``steps`` and ``readout`` are, where they are not given, what
    :data:`~spikefa.over_time.NATURES` has.

    Attributes:
        rule: a name of :data:`~spikefa.rules.RULES`, with options, or ``package.module:Class``, for all but the first
            affine layer; or ``layer=rule/layer=rule``.
        remedy: names of :data:`~spikefa.remedies.REMEDIES`, joined by ``+``; or ``none``.
        dataset, network: names of :data:`~spikefa.datasets.DATASETS` and :data:`~spikefa.networks.NETWORKS`.
        encoding, readout: names of :data:`~spikefa.encoding.ENCODINGS` and :data:`~spikefa.readout.READOUTS`.
        credit: how gradients come about: ``bptt``, through time, or ``local``, forward in time by
            :class:`~spikefa.local.ThreeFactor`, which needs ``readout="every_step"`` or another with an error per step.
        seed: decides W₀, the order of the batches, B and all noise.
        epochs: passes over the training images.
        batch_size: images per update.
        optimizer: a name of :data:`~spikefa.optimizers.OPTIMIZERS`: ``adamw``, or ``sgd:momentum=0.9``.
        lr: its learning rate.
        weight_decay: its weight decay λ, of all parameters, B among them where it is one (``kp`` needs some): each
            update takes lr · λ of a weight away.
        steps: time steps per image or recording, T.
        precision: of the affine layers' products, ``float32`` or ``bfloat16``; sums, neurons, weights and their updates
            are float32 in both. ``bfloat16`` needs ``credit="bptt"``, and pays where the hardware multiplies in it.

    Raises:
        pydantic.ValidationError: (a ``ValueError``) a name that does not exist, or a number out of range.

    Example:
        >>> Experiment(rule="fbp:period=10", seed=1).key
        'a7edef8509'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Annotated[Name, AfterValidator(_rule)] = "bp"
    remedy: Annotated[Name, AfterValidator(_remedy)] = "none"
    dataset: Annotated[Name, _in(DATASETS, "data set")] = "digits"
    network: Annotated[Name, _in(NETWORKS, "network")] = "mlp"
    encoding: Annotated[Name, _in(ENCODINGS, "encoding")] = "current"
    readout: Annotated[Name, _in(READOUTS, "read-out")] = "membrane"
    credit: Annotated[Name, AfterValidator(_known_credit)] = "bptt"
    seed: Annotated[int, Number] = Field(0, ge=0)
    epochs: Annotated[int, Number] = Field(10, ge=1)
    batch_size: Annotated[int, Number] = Field(64, ge=1)
    optimizer: Annotated[Name, AfterValidator(_optimizer)] = "adamw"
    lr: Annotated[float, Number] = Field(1e-3, gt=0, allow_inf_nan=False)
    weight_decay: Annotated[float, Number] = Field(0.0, ge=0, allow_inf_nan=False)
    steps: Annotated[int, Number] = Field(10, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"

    @model_validator(mode="before")
    @classmethod
    def _is_run_as_its_data_are(cls, fields: Any) -> Any:
        """What is not given and goes with the data set."""
        named = fields.get("dataset") if isinstance(fields, dict) else None
        return nature(named) | fields if isinstance(named, str) else fields

    @model_validator(mode="after")
    def _encodes_what_its_data_are(self) -> Experiment:
        check_encoding(self.dataset, self.encoding)
        return self

    @model_validator(mode="after")
    def _has_an_error_at_every_step(self) -> Experiment:
        if self._credit.stepwise and not self._readout.stepwise:
            known = " or ".join(name for name, readout in READOUTS.items() if readout.stepwise)
            raise ValueError(
                f"credit={self.credit!r} needs an error at every step, which the read-out {self.readout!r} does not "
                f"have: give readout {known}, or credit bptt"
            )
        return self

    @model_validator(mode="after")
    def _multiplies_as_it_can(self) -> Experiment:
        if self.precision != "float32" and self.credit != "bptt":
            raise ValueError(f"precision={self.precision!r} goes with credit bptt, not {self.credit!r}: leave one out")
        return self

    @property
    def _credit(self) -> Credit:
        return CREDITS[self.credit]

    @property
    def _readout(self) -> Readout:
        found: Readout = resolve(self.readout, READOUTS, "read-out")
        return found

    @property
    def key(self) -> str:
        """Ten hexadecimal digits that stand for the fields; the same on every machine.

        Fields that came later count only where they are not what all runs had before.
        """
        fields = self.model_dump()
        fields = {name: value for name, value in fields.items() if name not in ADDED or value != ADDED[name]}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:10]

    def updates(self, net: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of all of the network's parameters."""
        made: torch.optim.Optimizer = resolve(self.optimizer, OPTIMIZERS, "optimiser")(
            net.parameters(), lr=self.lr, weight_decay=self.weight_decay
        )
        return made

    def build(self, data: Dataset) -> nn.Sequential:
        """The network with its pathways attached, at its start: W₀ and B depend on the fields alone."""
        check_labels(data, self._readout, self.readout, self.steps)
        make = resolve(self.network, NETWORKS, "network")
        net: nn.Sequential = make(data.shape, data.classes, self._readout.neuron, stream(self.seed, "weights"))
        self._credit.check(attach(net, self.rule, seed=self.seed))
        return net

    def encode(self, x: Examples, noise: torch.Generator) -> Tensor:
        """Images ``[B, ...]`` as input over time, ``[T, B, ...]``; random encodings draw from ``noise``."""
        encoded: Tensor = resolve(self.encoding, ENCODINGS, "encoding")(x, self.steps, noise)
        return encoded

    def scores(self, net: nn.Module, x: Examples, noise: torch.Generator) -> Tensor:
        """Class scores ``[B, classes]`` of images ``[B, ...]``: encoded over time, run, read out.

        With a framewise read-out ``[B, classes, T]``.
        """
        with self.multiplying(x.device):
            spk, mem = run(net, self.encode(x, noise))
            return self._readout(spk, mem)

    def loss(self, net: nn.Module, x: Examples, y: Tensor, noise: torch.Generator) -> Tensor:
        """The training loss of images ``[B, ...]`` with labels ``[B]``, a scalar with its graph."""
        return self._readout.loss(self.scores(net, x, noise), y)

    def backward(self, net: nn.Module, x: Examples, y: Tensor, noise: torch.Generator) -> Tensor:
        """The same, a plain number; its gradients, as ``credit`` has them, are added to ``.grad``."""
        with self.multiplying(x.device):
            return self._credit.backward(net, self.encode(x, noise), y, self._readout)

    def multiplying(self, device: torch.device) -> torch.autocast:
        """Within, a network that is run multiplies in the experiment's ``precision``."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16")
