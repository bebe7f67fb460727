"""Feedback alignment in deep convolutional networks: are signs enough, in a network of rates and in one of spikes?

:mod:`~spikefa.studies.moskovitz2018.arms` is what is trained, :mod:`~spikefa.studies.moskovitz2018.start` what follows
from the start alone, :mod:`~spikefa.studies.moskovitz2018.claims` what is claimed of the trained networks,
:mod:`~spikefa.studies.moskovitz2018.figures` what is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from spikefa.studies.claim import Claim
from spikefa.studies.moskovitz2018 import arms, claims, figures, start
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@final
class Moskovitz2018(Study):
    """Feedback in deep convolutional networks: random, sign-symmetric, scaled or not, kernels or dense matrices.

    One architecture as a network of rates and as a spiking network: which feedback trains it how well, how far from the
    true gradient it is, locally and end to end, and whether representations become those of backpropagation.

    Reference:
        Moskovitz, Litwin-Kumar, Abbott, "Feedback alignment in deep convolutional networks", 2018.
        https://arxiv.org/abs/1812.06488
        Lance, Kieu, "Biological plausibility and representational alignment of feedback alignment in convolutional
        networks", 2026. https://arxiv.org/abs/2605.08564
    """

    seeds: ClassVar[Mapping[Size, int]] = {"quick": 3, "long": 3, "paper": 5}

    def cases(self, size: Size) -> list[Case]:
        """What follows from the start, and every arm as a network of either kind."""
        return [*start.cases(), *arms.cases(size)]

    def claims(self, results: Results) -> Sequence[Claim]:
        """Those about the start, and of each kind of network rankings, similarities, angles and norms."""
        return [*start.claims(results), *claims.claims(results)] if results.rows else []

    def figures(self, results: Results) -> Mapping[str, Figure]:
        """Accuracy, the three angles, similarity to backpropagation, and the error's norms."""
        return figures.figures(results) if results.rows else {}
