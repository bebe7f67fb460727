"""A study: the cases that it measures, the claims that these decide, the figures that show them."""

from __future__ import annotations

import inspect
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Size = Literal["quick", "long", "paper"]
"""How large a study is: minutes on two cores, hours on two cores, or as published. Not every study has them all."""
SIZES: tuple[Size, ...] = get_args(Size)


@dataclass(frozen=True)
class Case:
    """One thing to measure, once for each seed.

    Args:
        name: unique in its study, such as ``"linear, λ 0.3, width 800"``.
        measure: called as ``measure(seed=…, **parameters)``; gives numbers, lists of numbers, or dicts of these, by
            name. One that takes ``device`` is given it. It draws from generators of its own, made from the seed.
        parameters: what can be written as JSON; a case whose parameters have changed is measured again.

    Example:
        >>> Case("double", lambda seed, by: {"twice": by * seed}, {"by": 2}).run(3).values
        {'twice': 6}
    """

    name: str
    measure: Callable[..., Mapping[str, Any]]
    parameters: Mapping[str, Any]

    def run(self, seed: int, device: str = "cpu", environment: str = "") -> Row:
        """Measure it with a seed. What is raised is recorded, with its place, and the study goes on."""
        start = time.perf_counter()
        given = dict(self.parameters)
        if "device" in inspect.signature(self.measure).parameters:
            given["device"] = device
        try:
            values, error = self.measure(seed=seed, **given), ""
        except Exception as raised:
            place = traceback.extract_tb(raised.__traceback__)[-1]
            values, error = {}, f"{type(raised).__name__}: {raised} ({place.name}, line {place.lineno})"
        seconds = time.perf_counter() - start
        return Row(self.name, dict(self.parameters), seed, values, seconds, environment, error)


class Study(ABC):
    """A paper's claims as code. A subclass's docstring says what it is about, with its ``Reference:`` and a link.

    A study never adjusts itself to pass: protocol and ranges are the paper's, or stated as ours, before anything is
    measured. What does not hold is discussed beside the results.

    Attributes:
        seeds: the sizes that there are, each with its number of seeds.
    """

    seeds: ClassVar[Mapping[Size, int]]

    @abstractmethod
    def cases(self, size: Size) -> Sequence[Case]:
        """All that is measured at a size, in this order; by default parameters the published protocol."""

    @abstractmethod
    def claims(self, results: Results) -> Sequence[Claim]:
        """The claims with what was measured; a case that is missing gives no values: "not measured"."""

    @abstractmethod
    def figures(self, results: Results) -> Mapping[str, Figure]:
        """The figures by name, in the paper's manner; none of what was not measured."""
