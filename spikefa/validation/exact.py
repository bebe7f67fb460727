"""Two simulations of one experiment that share all random numbers, and must agree number by number."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from spikefa.validation.case import Case, Simulator

if TYPE_CHECKING:
    from models.trace import Difference, Trace

WEIGHTS = ("w", "b", "bias")
"""The variables that are weights: forward, feedback, and those of the bias."""


class Exact(Case, ABC):
    """A rule in torch beside its Brian2 reference model, on the same inputs, initial weights and random numbers.

    Both sides make what they share from the case alone, so that each can be run without the other.

    Attributes:
        tolerance: the largest difference that counts as none, relative to the largest magnitude of the variable.
    """

    tolerance: ClassVar[float] = 1e-9

    @abstractmethod
    def reference(self) -> Trace:
        """What the Brian2 model does."""

    @abstractmethod
    def twin(self) -> Trace:
        """What torch does, by the code that trains networks; in float64."""

    def run(self, simulator: Simulator = nullcontext) -> Agreement:
        """Simulate both and compare them.

        Args:
            simulator: makes the context in which Brian2 runs, such as :func:`~spikefa.validation.target.target`.
        """
        begun = time.perf_counter()
        with simulator():
            reference = self.reference()
        between = time.perf_counter()
        twin = self.twin()
        seconds = between - begun, time.perf_counter() - between
        return agreement(self, reference, twin, seconds)


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far two traces of one case agree.

    Attributes:
        case: its name; ``compared``: what was simulated, in words.
        spikes: in the reference; ``mismatched``: steps at which a neuron spikes in one of the two only.
        states, weights: the largest difference of a variable, relative to its largest magnitude; None if there is none.
        tolerance: what that may be.
        parted: the first place where the two part, None if they agree.
        seconds: that Brian2 and torch took.
        traces: the reference and the twin.
    """

    case: str
    compared: str
    spikes: int
    mismatched: int
    states: float | None
    weights: float | None
    tolerance: float
    parted: Difference | None
    seconds: tuple[float, float]
    traces: tuple[Trace, Trace]

    @property
    def agrees(self) -> bool:
        """Whether the two are the same, spike by spike and within the tolerance."""
        return self.parted is None


def agreement(case: Exact, reference: Trace, twin: Trace, seconds: tuple[float, float] = (0.0, 0.0)) -> Agreement:
    """Compare the two traces of a case.

    Raises:
        ValueError: they hold different variables, shapes or units.
    """
    from spikefa.models import trace

    parted = trace.difference(reference, twin, case.tolerance, relative=True)
    spikes = [key for key, values in reference.arrays.items() if values.dtype == bool]
    weights = [key for key in reference.arrays if key[1] in WEIGHTS]
    states = [key for key in reference.arrays if key not in [*spikes, *weights]]
    return Agreement(
        case=case.name,
        compared=case.compared,
        spikes=sum(int(reference[key].sum()) for key in spikes),
        mismatched=sum(int((reference[key] != twin[key]).sum()) for key in spikes),
        states=_largest(reference, twin, states),
        weights=_largest(reference, twin, weights),
        tolerance=case.tolerance,
        parted=parted,
        seconds=seconds,
        traces=(reference, twin),
    )


def _largest(a: Trace, b: Trace, keys: list[tuple[str, str]]) -> float | None:
    """The largest difference of some variables, each relative to its own size."""
    from spikefa.models import trace

    with np.errstate(invalid="ignore"):
        off = [(np.abs(a[key] - b[key]).max(), trace.size(a[key])) for key in keys]
    return max((float(largest / scale) if scale else float(largest) for largest, scale in off), default=None)
