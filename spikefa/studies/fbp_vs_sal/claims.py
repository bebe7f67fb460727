"""Which is better, by the sign of paired differences, and what harm costs against the same rule unharmed."""

from __future__ import annotations

import math
from collections.abc import Iterator

from spikefa.studies.claim import Claim
from spikefa.studies.fbp_vs_sal.arms import HARMS, UNHARMED
from spikefa.studies.rows import Results

POINT = "ours: less than a point, the scatter of seeds in docs/all_rules"


def between(results: Results) -> Iterator[Claim]:
    """Of two rules unharmed, which has the higher test accuracy; and whether either is as good as bp."""
    for says, case, other in (
        ("fBP at 1,000× is above fa", "fbp, topk, 1,000×", "fa"),
        ("SAL is above fa", "sal every 40", "fa"),
        ("fBP at 1,000× is above SAL", "fbp, topk, 1,000×", "sal every 40"),
        ("fBP at 1,000× is above a copy never renewed", "fbp, topk, 1,000×", "never copied"),
        ("SAL is above a copy never renewed", "sal every 40", "never copied"),
        ("more phases are better: every 40, minus every 150", "sal every 40", "sal every 150"),
        ("with weight noise SAL is above fBP", "weight noise 0.003: sal", "weight noise 0.003: fbp"),
    ):
        yield Claim(says, "–", results.differences(case, other, "test"), 0.0, math.inf, "its sign", ".2f")
    for name, rule in (("fBP at 1,000×", "fbp"), ("SAL", "sal")):
        values = results.differences(UNHARMED[rule], "bp", "test")
        yield Claim(f"{name} is as good as bp, points", "–", values, -1.0, math.inf, POINT, ".2f")


def harmed(results: Results) -> Iterator[Claim]:
    """Whether a rule keeps its accuracy, to a point."""
    for kind, name, case, whole in _pairs():
        values = results.differences(case, whole, "test")
        yield Claim(f"{name} bears {kind}", "–", values, -1.0, math.inf, POINT, ".2f")


def aligned(results: Results) -> Iterator[Claim]:
    """How near B is to W, and the gradient to bp's, after the last update; and what harm does to the gradient."""
    fbp, sal = (UNHARMED[rule] for rule in ("fbp", "sal"))
    nearer = results.differences(fbp, sal, "cosine")
    yield Claim("B of fBP at 1,000× is nearer to W than SAL's, cosine", "–", nearer, 0.0, math.inf, "its sign", ".4f")
    for name, rule in (("fBP at 1,000×", fbp), ("SAL", sal)):
        turned = results.differences(rule, "never copied", "angle")
        says = f"{name} has its gradient nearer to bp's than a copy never renewed, degrees"
        yield Claim(says, "–", turned, -math.inf, 0.0, "its sign", ".2f")
    for kind, name, case, whole in _pairs():
        turned = results.differences(case, whole, "angle")
        yield Claim(f"{kind} turns the gradient of {name}, degrees", "–", turned, 0.0, math.inf, "its sign", ".2f")


def _pairs() -> Iterator[tuple[str, str, str, str]]:
    """Every harm that fBP or SAL is put to: its name, the rule's, its case, and the case without it."""
    for kind, rules in HARMS.items():
        for name in rules:
            if name in ("fbp", "sal", "fbp, full, 100×"):
                yield kind, name, f"{kind}: {name}", UNHARMED.get(name, name)
