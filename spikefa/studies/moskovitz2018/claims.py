"""What is claimed of the trained networks, of either kind: ranking, representations, angles, signs and norms.

Published figures are of a network of rates after 50 epochs. None was found for sign-symmetric feedback in spiking
networks that are trained with surrogate gradients: there the ranges are those of rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from spikefa.studies.claim import Claim
from spikefa.studies.moskovitz2018.arms import HIDDEN, KINDS
from spikefa.studies.rows import Results, at

CLOSE = 5.0
"""Points of accuracy within which two arms count as equal: one image in twenty."""
SIGN = "its sign"
PUBLISHED = {"bp": 75.80, "fa, dense": 35.77, "fa": 40.07, "frsf": 74.30, "usf_sn": 75.67}
"""Test accuracy in percent, rates, 50 epochs [P]."""


def claims(results: Results) -> Iterator[Claim]:
    """All of them, of each kind of network that was measured."""
    for kind in KINDS:
        if results.tried(f"{kind}: bp"):
            yield from _published(results, kind)
            yield from _rankings(results, kind)
            yield from _similarities(results, kind)
            yield from _angles(results, kind)
            yield from _signs(results, kind)
            yield from _norms(results, kind)


def _published(results: Results, kind: str) -> Iterator[Claim]:
    """The published accuracies, where the network is the published one."""
    if kind == "rate" and any(r.parameters["epochs"] == 50 for r in results.rows if r.case == "rate: bp"):
        for arm, percent in PUBLISHED.items():
            values = results.values(f"rate: {arm}", "test")
            why = "three points: spread, crops and learning rate are not told"
            yield Claim(f"rate: accuracy of {arm}, %", f"{percent} [P]", values, percent - 3, percent + 3, why)


def _rankings(results: Results, kind: str) -> Iterator[Claim]:
    def minus(arm: str, other: str) -> list[float]:
        return results.differences(f"{kind}: {arm}", f"{kind}: {other}", "test")

    for arm, other, published in (
        ("bp", "fa", "35.7 [P]"),
        ("usf_sn", "fa", "35.6 [P]"),
        ("frsf", "fa", "34.2 [P]"),
        ("fa", "fa, dense", "4.3 [P]"),
        ("fa, norm limit", "fa", "above [P], no figures"),
        ("frsf, norm limit", "frsf", "above [P], no figures"),
    ):
        yield Claim(f"{kind}: {arm} above {other}, points", published, minus(arm, other), 0.0, math.inf, SIGN, ".2f")
    why = f"ours: {CLOSE:g} points, one image in twenty"
    for arm, other, published in (
        ("usf_sn", "bp", "−0.1 [P]"),
        ("frsf", "bp", "−1.5 [P]"),
        ("usf, unscaled", "usf", "0 [D]"),
    ):
        reason = why if arm != "usf, unscaled" else f"{why}; Adam's steps do not depend on a layer's scale"
        says = f"{kind}: {arm} as good as {other}, difference in points"
        yield Claim(says, published, minus(arm, other), -CLOSE, CLOSE, reason, ".2f")
    for arm, published in (("usf_sn", "−8.8 [P]"), ("frsf", "−7.4 [P]")):
        bp, own, fa = (results.by_seed(f"{kind}: {name}", lambda row: at(row, "test")) for name in ("bp", arm, "fa"))
        losses = [bp[seed] - own[seed] - (bp[seed] - fa[seed]) / 4 for seed in bp if seed in own and seed in fa]
        says = f"{kind}: {arm} loses less than a quarter of what fa loses, difference in points"
        yield Claim(says, published, losses, -math.inf, 0.0, SIGN, ".2f")


def _similarities(results: Results, kind: str) -> Iterator[Claim]:
    for arm, other, published in (
        ("usf_sn", "fa", "0.48 [P]"),
        ("frsf", "fa", "0.49 [P]"),
        ("fa", "fa, dense", "0.10 [P]"),
    ):
        values = results.differences(f"{kind}: {arm}", f"{kind}: {other}", "cka", "mean")
        says = f"{kind}: CKA to bp, {arm} above {other}, mean of hidden layers"
        yield Claim(says, published, values, 0.0, math.inf, SIGN)
    falls = results.each(f"{kind}: fa", lambda row: at(row, "cka", HIDDEN[0]) - at(row, "cka", HIDDEN[-1]))
    says = f"{kind}: CKA of fa to bp falls with depth, conv1 minus fc2"
    yield Claim(says, "0.43 [P]", falls, 0.0, math.inf, SIGN)


def _angles(results: Results, kind: str) -> Iterator[Claim]:
    """The local angle and that end to end; the third, of weights, follows at the start from their distribution."""

    def angles(arm: str, which: str, layer: str, epoch: int = -1) -> list[float]:
        return _at(results, f"{kind}: {arm}", which, layer, epoch)

    for arm, angle in (("usf_sn", 37.1), ("frsf", 46.3)):
        why = "the weights' angle; ours: 3 degrees, since errors span few directions"
        says = f"{kind}: local angle of {arm} at the start, conv2, degrees"
        yield Claim(says, f"{angle} [D]", angles(arm, "local_angle", "conv2", 0), angle - 3, angle + 3, why)
    first, last = (np.array(angles("usf_sn", "local_angle", "conv2", epoch)) for epoch in (0, -1))
    says = f"{kind}: local angle of usf_sn rises, conv2, end minus start, degrees"
    yield Claim(says, "8, 30 to 38 [P]", (last - first).tolist(), 0.0, math.inf, SIGN)
    ends = (
        ("fa", "85 [P]", 82.5, 87.5, "ours: half the way from the published end to the start, on either side"),
        ("fa, dense", "90 [D]", 89.0, 91.0, "W shares its weights and cannot align; ours: 1 degree of scatter"),
    )
    for arm, published, low, high, why in ends:
        says = f"{kind}: local angle of {arm} in the end, conv2, degrees"
        yield Claim(says, published, angles(arm, "local_angle", "conv2"), low, high, why)
    values = results.differences(f"{kind}: fa", f"{kind}: usf_sn", "angle")
    yield Claim(f"{kind}: end to end, fa is farther from bp than usf_sn, degrees", "–", values, 0.0, math.inf, SIGN)
    lower, upper = (np.array(angles("usf_sn", "end_to_end_angle", layer)) for layer in ("conv1", "fc2"))
    says = f"{kind}: end to end, usf_sn's angle grows downwards, conv1 minus fc2, degrees"
    why = "every B between adds its own error"
    yield Claim(says, "above 0 [D]", (lower - upper).tolist(), 0.0, math.inf, why)


def _signs(results: Results, kind: str) -> Iterator[Claim]:
    layers = [_at(results, f"{kind}: fa", "sign_agreement", layer) for layer in HIDDEN[1:]]
    says = f"{kind}: sign concordance of fa in the end, mean of hidden layers"
    yield Claim(says, ".5 ± .02 [P]", np.mean(layers, 0).tolist() if layers[0] else [], 0.48, 0.52, "published")
    values = _at(results, f"{kind}: fa", "sign_agreement", "out")
    yield Claim(f"{kind}: sign concordance of fa in the end, read-out", "below .5 [P]", values, -math.inf, 0.5, SIGN)


def _norms(results: Results, kind: str) -> Iterator[Claim]:
    def ratios(arm: str, layer: str) -> list[float]:
        return [math.log10(ratio) for ratio in _at(results, f"{kind}: {arm}", "error_ratio", layer)]

    says = f"{kind}: error at conv1 in the end, usf_sn over bp, log10"
    yield Claim(
        says, "0 [D]", ratios("usf_sn", "conv1"), -0.301, 0.301, "ours: within a factor of two: B has the norm of W"
    )
    grown = np.subtract(ratios("usf, unscaled", "conv1"), ratios("usf, unscaled", "fc2")).tolist()
    says = f"{kind}: error of unscaled signs over bp's grows from fc2 to conv1, log10"
    yield Claim(says, "above 0 [P]", grown, 0.0, math.inf, SIGN)


def _at(results: Results, case: str, measure: str, layer: str, epoch: int = -1) -> list[float]:
    """A layer's measure at an epoch, of each seed."""
    return results.each(case, lambda row: np.array(at(row, measure, layer), dtype=float)[epoch])
