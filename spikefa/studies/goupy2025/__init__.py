"""Frozen backpropagation: how little of W can be sent to B before accuracy falls.

:mod:`~spikefa.studies.goupy2025.arms` is what is trained, :mod:`~spikefa.studies.goupy2025.figures` what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from spikefa.studies.claim import Claim
from spikefa.studies.goupy2025 import copies
from spikefa.studies.goupy2025.arms import LATE, SETTINGS, arms, transported, transports
from spikefa.studies.goupy2025.figures import accuracy_against, at_every_copy, drift, hidden, mean_drift
from spikefa.studies.rows import Results, Row, minus
from spikefa.studies.study import Case, Size, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED = 0.5
"""Points that a thousandth of the transport costs on CIFAR-10 [P]."""
APART = 5.0
"""Points that fa must lose for a network to tell rules apart: the least of the three seeds of docs/all_rules."""
SIGN = "its sign"
SPENT = f"the {PUBLISHED} points published for 1,000×"
REACHED = "Adam moves a weight by about lr at most, and rms W grows"
LEAST = "of all parts of a size topk leaves the least change"


@final
class Goupy2025(Study):
    """Frozen backpropagation: accuracy against the weight transport that is left, in words and in bits.

    Of each network: every scheme of transport at reductions of 10 to 10,000, between backpropagation above and, below,
    fixed random feedback, signs alone and a copy that is never renewed. Schemes are ours, after the paper's idea.

    Reference:
        Goupy, Tirilly, Bilasco, "Frozen backpropagation: relaxing weight symmetry in temporally-coded deep spiking
        neural networks", 2025. https://arxiv.org/abs/2505.13741
    """

    seeds: ClassVar[Mapping[Size, int]] = {"quick": 3, "long": 3, "paper": 5}

    def cases(self, size: Size) -> list[Case]:
        """Every arm of every setting; those of a setting differ in the rule alone, and so are paired."""
        trained = [
            Case(f"{setting}: {arm}", transported, {**fields, "rule": rule})
            for setting, fields in SETTINGS[size].items()
            for arm, rule in arms(size, setting).items()
        ]
        return trained + [
            Case(copies.case(setting, arm), copies.followed, {**fields, "rule": transports()[arm]})
            for setting, fields in SETTINGS[size].items()
            for arm in copies.FOLLOWED
            if arm not in LATE[size]
        ]

    def claims(self, results: Results) -> Sequence[Claim]:
        """The paper's, of every setting measured, as paired differences in points of test accuracy."""
        settings = dict.fromkeys(setting for size in SETTINGS for setting in SETTINGS[size])
        return [
            claim
            for setting in settings
            if results.tried(f"{setting}: bp")
            for claim in (*_losses(results, setting), *_rankings(results, setting), *_drifts(results, setting))
        ]

    def figures(self, results: Results) -> Mapping[str, Figure]:
        """Accuracy against words and against bits, the drift, and its course over the copies."""
        if not results.rows:
            return {}
        drawn = {
            "accuracy_against_words": accuracy_against(results, "words"),
            "accuracy_against_bits": accuracy_against(results, "bits"),
            "drift": drift(results),
        }
        followed = any(copies.is_case(row.case) for row in results.rows if not row.error)
        return drawn | ({"drift_at_every_copy": at_every_copy(results)} if followed else {})


def _minus(results: Results, setting: str, arm: str, other: str) -> list[float]:
    return results.differences(f"{setting}: {arm}", f"{setting}: {other}", "test")


def _losses(results: Results, setting: str) -> Iterator[Claim]:
    """What transport costs against backpropagation."""

    def claim(says: str, published: str, arm: str, low: float, high: float, why: str) -> Claim:
        return Claim(f"{setting}: {says}", published, _minus(results, setting, arm, "bp"), low, high, why, ".2f")

    deep = "the network is deep enough to tell rules apart: fa minus bp, points"
    yield claim(
        deep,
        "−6.8, docs/all_rules [ours]",
        "fa",
        -math.inf,
        -APART,
        "ours: least loss of fa among docs/all_rules' seeds",
    )
    yield claim("full copies every 10 updates, minus bp", "0 [P]", "full, 10×", -PUBLISHED, math.inf, SPENT)
    yield claim("full copies every 100 updates, minus bp", "0 [P]", "full, 100×", -PUBLISHED, math.inf, SPENT)
    yield claim("topk, 1,000×, minus bp", "−0.5 [P]", "topk, 1,000×", -PUBLISHED, math.inf, SPENT)
    if results.tried(f"{setting}: full, 1,000×"):
        yield claim("full copies every 1,000, minus bp", "–", "full, 1,000×", -PUBLISHED, math.inf, SPENT)


def _rankings(results: Results, setting: str) -> Iterator[Claim]:
    """Which of two is better, by the sign of the difference."""
    for arm, other, source in (
        ("topk, 1,000×", "fa", "above [P]"),
        ("topk, 1,000×", "usf", "above [P]"),
        ("topk, 1,000×", "frsf", "above [P]"),
        ("topk, 10,000×", "fa", "above: a moderate loss [P]"),
        ("topk, 1,000×", "topk, 10,000×", "above: a moderate loss [P]"),
        ("topk, 1,000×", "never copied", "above [D]"),
        ("topk, 1,000×", "cyclic, 1,000×", "above [D]"),
    ):
        values = _minus(results, setting, arm, other)
        yield Claim(f"{setting}: {arm}, minus {other}", source, values, 0.0, math.inf, SIGN, ".2f")


def _drifts(results: Results, setting: str) -> Iterator[Claim]:
    """How far B was from W just before a copy, as far as theory speaks: the last copy, and where followed, all."""
    full, topk, cyclic = (f"{setting}: {arm}" for arm in ("full, 10×", "topk, 1,000×", "cyclic, 1,000×"))
    says = f"{setting}: drift before a full copy every 10 updates, over 10 lr / rms W₀, largest of the hidden layers"
    yield Claim(says, "≤ 1 [D]", results.each(full, _last_reached), 0.0, 1.0, REACHED)
    says = f"{setting}: drift at 1,000×, topk minus cyclic"
    means = (results.by_seed(name, mean_drift) for name in (topk, cyclic))
    yield Claim(says, "below 0 [D]", minus(*means), -math.inf, 0.0, LEAST)
    full, topk, cyclic = (name + copies.EVERY for name in (full, topk, cyclic))
    if results.tried(full):
        says = f"{setting}: drift before each full copy every 10 updates, over 10 lr / rms W₀, largest of all copies"
        yield Claim(says, "≤ 1 [D]", results.each(full, _most_reached), 0.0, 1.0, REACHED)
        says = f"{setting}: drift at 1,000×, topk minus cyclic, mean over all copies"
        means = (results.by_seed(name, copies.mean_over_copies) for name in (topk, cyclic))
        yield Claim(says, "below 0 [D]", minus(*means), -math.inf, 0.0, LEAST)


def _last_reached(row: Row) -> float:
    return copies.against_reach({layer: drifts[-1] for layer, drifts in hidden(row)}, row, updates=10)


def _most_reached(row: Row) -> float:
    return copies.against_reach(row.values["largest"], row, row.values["period"])
