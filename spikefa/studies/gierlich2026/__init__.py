"""Spike-based alignment learning: one part a file, joined into one study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, final

from spikefa.studies.claim import Claim
from spikefa.studies.gierlich2026 import dale, deep, microcircuit, sampling, spike_rules, timing, two_neurons
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Part(Protocol):
    """A module that measures one of the paper's experiments; its names do not occur in another part."""

    def cases(self, size: Size) -> Sequence[Case]:
        """As of :class:`~spikefa.studies.study.Study`."""

    def claims(self, results: Results) -> Sequence[Claim]:
        """The claims that these cases decide."""

    def figures(self, results: Results) -> Mapping[str, Figure]:
        """Their figures; none of what was not measured."""


PARTS: tuple[Part, ...] = (
    two_neurons,
    timing,
    sampling,
    microcircuit,
    spike_rules,
    dale,
    deep,
)
"""In the paper's order."""


@final
class Gierlich2026(Study):
    """Weights that find each other by the times of spikes: from two neurons to deep networks.

    Long is the published protocols with three seeds, but that networks with plasticity noise learn ten times as fast in
    a tenth of the cycles, and the deep network is smaller.

    Reference:
        Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike timing for robust local gradients",
        Nature Communications 17, 8699, 2026; arXiv 2503.02642. https://arxiv.org/abs/2503.02642
    """

    seeds: ClassVar[Mapping[Size, int]] = {"quick": 3, "long": 3, "paper": 10}

    def cases(self, size: Size) -> Sequence[Case]:
        """All cases, part by part."""
        return [case for part in PARTS for case in part.cases(size)]

    def claims(self, results: Results) -> Sequence[Claim]:
        """All claims, part by part."""
        return [claim for part in PARTS for claim in part.claims(results)]

    def figures(self, results: Results) -> Mapping[str, Figure]:
        """All figures, part by part."""
        return {name: figure for part in PARTS for name, figure in part.figures(results).items()}
