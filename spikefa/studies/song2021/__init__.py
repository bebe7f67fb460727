"""Song, Xu, Lafferty 2021: when the weights of a two-layer network align with random feedback, and when they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results
from spikefa.studies.song2021 import cases, claims
from spikefa.studies.study import Case, Size, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@final
class Song2021(Study):
    """Feedback alignment in two-layer networks: error to zero without decay, alignment only with it, at any width.

    The synthetic tasks (n = 50, d = 150) are the published ones at both sizes: quick has fewer seeds, no ReLU network
    of width 12800, and MNIST with 8000 images for 4000 updates. The published figures of the table are of 50 seeds. The
    LIF layer's protocol is ours, with the paper's η λ T.

    Reference:
        Song, Xu, Lafferty, "Convergence and alignment of gradient descent with random backpropagation weights",
        NeurIPS 2021. https://arxiv.org/abs/2106.06044
    """

    seeds: ClassVar[Mapping[Size, int]] = {"quick": 3, "paper": 50}

    def cases(self, size: Size) -> Sequence[Case]:
        """Linear, ReLU and LIF networks by width and λ, the schedules, the derivation, Lillicrap's law, MNIST."""
        return cases.cases(size)

    def claims(self, results: Results) -> Sequence[Claim]:
        """Convergence, the table over widths, the derivation; by kind of network widths, λ, schedule; MNIST."""
        return claims.claims(results)

    def figures(self, results: Results) -> Mapping[str, Figure]:
        """``alignment``, ``loss``, ``schedule``."""
        from spikefa.studies.song2021.figures import figures

        return figures(results)
