"""The weight-alignment paper: what makes forward weights align with fixed feedback weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from spikefa.studies.claim import Claim
from spikefa.studies.rahmansetayesh2024 import claims, closed_loop, figures, open_loop, steps
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["RahmanSetayesh2024"]


@final
class RahmanSetayesh2024(Study):
    """Why weights align with random feedback: correlations of inputs and errors over updates, not learning.

    Open loop as published, for linear, ReLU and LIF neurons; closed loop on MNIST with and without weight
    normalisation, with labels shuffled and reshuffled, as a rate and as a LIF network; and what follows for time, where
    the steps of one sample are correlated.

    Ours, where the sources do not say: W₀ ~ N(0, 1 / fan-in) in open loop, rows of norm 1 in closed loop in all arms,
    no biases; gradients summed over the batch (with their mean, the published number of updates is too small for the
    published angles); tanh(ReLU) in the read-out too (with a linear one the published η diverges without
    normalisation); 50,000 images to learn from; pixels by averaging. The LIF networks have the same layers, T = 20
    steps of a constant current, and in closed loop batches of 200 and fewer updates.

    Reference:
        RahmanSetayesh, Ghazizadeh, Marvasti, "The underlying mechanisms of alignment in error backpropagation through
        arbitrary weights", Neurocomputing, 2024. Preprint: https://doi.org/10.1101/2021.06.12.447639
    """

    seeds: ClassVar[Mapping[Size, int]] = {"quick": 5, "paper": 3}

    def cases(self, size: Size) -> Sequence[Case]:
        """Open loop, then time, then closed loop."""
        return [*open_loop.cases(size), *steps.cases(size), *closed_loop.cases(size)]

    def claims(self, results: Results) -> Sequence[Claim]:
        """In the same order."""
        return [*claims.opened(results), *claims.timed(results), *claims.closed(results)]

    def figures(self, results: Results) -> Mapping[str, Figure]:
        """Of each experiment one or two."""
        drawn = {draw.__name__: draw(results) for draw in figures.FIGURES}
        return {title: figure for title, figure in drawn.items() if figure is not None}
