"""fBP or SAL? Accuracy against cost, alignment, and what each bears: noise, mismatch, transports that fail.

:mod:`~spikefa.studies.fbp_vs_sal.arms` is what is trained, :mod:`~spikefa.studies.fbp_vs_sal.claims` what is asked, and
:mod:`~spikefa.studies.fbp_vs_sal.figures` what is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from spikefa.studies.claim import Claim
from spikefa.studies.fbp_vs_sal.arms import FIELDS, HARMS, RULES, measured
from spikefa.studies.fbp_vs_sal.claims import aligned, between, harmed
from spikefa.studies.fbp_vs_sal.figures import alignment, cost, harm
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@final
class FbpVsSal(Study):
    """fBP or SAL: what each costs, how well B follows W, and what happens when something goes wrong.

    The same deep LIF network, images and batches for all; fBP pays in weights and bits sent, SAL in spikes, synaptic
    events and time. Then noise in the weights, neurons that are not alike, and transports that are lost or late.

    Reference:
        Ours, of the rules of Goupy et al. 2025, https://arxiv.org/abs/2505.13741, and Gierlich et al. 2026,
        https://arxiv.org/abs/2503.02642
    """

    seeds: ClassVar[Mapping[Size, int]] = {"quick": 3, "long": 3}

    def cases(self, size: Size) -> list[Case]:
        """Every rule unharmed, and of each harm those that it concerns."""
        fields = FIELDS[size]
        faults = {"weight noise 0.003": {"remedy": "weight_noise:std=0.003"}}
        faults["mismatch 0.2"] = {"network": f"{fields['network']},mismatch=0.2"}
        cases = [Case(name, measured, {**fields, "rule": rule}) for name, rule in RULES.items()]
        return cases + [
            Case(f"{kind}: {name}", measured, {**fields, **faults.get(kind, {}), "rule": rule})
            for kind, rules in HARMS.items()
            for name, rule in rules.items()
        ]

    def claims(self, results: Results) -> Sequence[Claim]:
        """Which is better, by the sign of paired differences in points; what harm costs; and how well B follows W."""
        return [*between(results), *harmed(results), *aligned(results)] if results.rows else []

    def figures(self, results: Results) -> Mapping[str, Figure]:
        """Accuracy by cost, alignment, and accuracy by harm."""
        drawn = {"cost": cost, "alignment": alignment, "harm": harm}
        return {name: draw(results) for name, draw in drawn.items()} if results.rows else {}
