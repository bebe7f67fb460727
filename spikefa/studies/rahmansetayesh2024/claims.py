"""The paper's claims, and the prediction for time, as ranges stated before measuring."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from spikefa.studies.claim import Claim
from spikefa.studies.rahmansetayesh2024 import closed_loop, open_loop, steps
from spikefa.studies.rows import Results, at

FLUCTUATION = 5.8
"""Degrees: cos of B with M B for a random M of 20 × 20 has mean 0 and standard deviation 1/20; twice that."""
NONE = f"90° ± {FLUCTUATION}°, two sd of a random M"
SOME = f"below 90° by more than {FLUCTUATION}°, two sd of a random M"
SIGN = "the sign that is claimed"
FINITE = 4.0
"""Degrees: the angle of B and M B for the M of conditions a and c fluctuates by 1.8 ± 0.1° from drawing to drawing,
by simulating M alone; twice that, and rounding of the published figure."""


def opened(results: Results) -> Iterator[Claim]:
    """Of the open loop."""

    def angles(unit: str, condition: str) -> list[float]:
        return results.values(open_loop.name(unit, condition), "angle")

    held, redrawn, both, independent = list(open_loop.CONDITIONS)[:4]
    for condition, published in ((held, 52), (both, 49)):
        why = f"published ± {FINITE:g}°, twice what drawing M anew changes"
        said = f"ReLU, {condition}: angle of W₁ and B₁"
        yield Claim(said, f"{published}° [R]", angles("relu", condition), published - FINITE, published + FINITE, why)
    yield _none("ReLU, d: no alignment, though updates are as many", "89° [R]", angles("relu", independent))
    yield _some("ReLU, b: alignment", "claimed, no figure [R]", angles("relu", redrawn))
    for condition, letter in ((held, "a"), (redrawn, "b"), (both, "c")):
        yield _some(f"LIF, {letter}: alignment", "–", angles("lif", condition))
    yield _none("LIF, d: no alignment", "–", angles("lif", independent))
    grown = results.each(open_loop.name("relu", independent), lambda row: at(row, "grown")[1])
    yield Claim("ReLU, d: yet W₁ grows, relative norm", "–", grown, 1, math.inf, SIGN)
    for unit, name in (("relu", "ReLU"), ("lif", "LIF")):
        yield _some(f"{name}, AR(1) with ρ = 0.9 on both: alignment", "–", angles(unit, "AR 0.9, both"))
        more = results.differences(open_loop.name(unit, "AR 0.99, both"), open_loop.name(unit, "AR 0.9, both"), "angle")
        yield Claim(f"{name}: ρ = 0.99 on both lowers the angle further, by", "–", more, -math.inf, 0, SIGN)
    yield _none(
        "linear, error alone, ρ = 0.99: none, since the input's M has mean 0",
        "90° [D]",
        angles("linear", "AR 0.99, error alone"),
    )
    for unit, name in (("relu", "ReLU"), ("lif", "LIF")):
        why = "sign: activities above 0 are a constant input to W₁"
        yield Claim(
            f"{name}, error alone, ρ = 0.99: some alignment",
            "< 90° [D]",
            angles(unit, "AR 0.99, error alone"),
            -math.inf,
            90,
            why,
        )
    yield from _decomposed(results)


def _decomposed(results: Results) -> Iterator[Claim]:
    """Of the terms by lag."""
    held, _, both, _ = list(open_loop.CONDITIONS)[:4]
    for condition in (held, both):
        share = results.values(open_loop.name("relu", condition), "explained")
        said = f"ReLU, {condition[0]}: share of ⟨ΔW₁, B₁⟩ that start and lags account for"
        yield Claim(said, "1 [D]", share, 0.999, 1.001, "an identity, in float32", ".5f", law=True)
    for rho in (0.9, 0.99):
        case = open_loop.name("linear", f"AR {rho:g}, both")
        found = results.each(case, lambda row: at(row, "autocorrelation")[open_loop.MARKS.index(10)])
        derived = rho**20
        said = f"linear, ρ = {rho:g} on both: term of lag 10 relative to lag 0"
        yield Claim(said, f"ρ²⁰ = {derived:.3f} [D]", found, derived - 0.03, derived + 0.03, "± 3 standard errors")
    turning = open_loop.name("linear", "input held, error turns")
    yield _none("linear, error turns: M is skew-symmetric, no alignment", "90° [D]", results.values(turning, "angle"))
    share = results.each(turning, lambda row: at(row, "linear", "by_skew") / at(row, "linear", "by_symmetric"))
    yield Claim(
        "… what its skew part adds, relative to the symmetric",
        "0 [D]",
        share,
        -1e-3,
        1e-3,
        "exact, in float32",
        law=True,
    )


def timed(results: Results) -> Iterator[Claim]:
    """Of updates at each step."""
    for unit, label in (("linear", "linear"), ("relu", "ReLU"), ("lif", "LIF")):
        sample, step = (steps.name(unit, steps.INDEPENDENT, per) for per in ("sample", "step"))
        yield _none(
            f"{label}, independent samples, an update a sample: none", "90° [D]", results.values(sample, "angle")
        )
        gain = results.differences(step, sample, "angle")
        yield Claim(f"{label}, the same: an update a step lowers the angle, by", "< 0 [D]", gain, -math.inf, 0, SIGN)
        step, sample = (steps.name(unit, steps.HELD, per) for per in ("step", "sample"))
        why = "two sd of a random M: nearly all pairs of updates are the same"
        found = results.differences(step, sample, "angle")
        yield Claim(f"{label}, one sample held: it changes little", "0° [D]", found, -FLUCTUATION, FLUCTUATION, why)
    limit = math.degrees(math.atan(math.sqrt(2) * steps.STEPS / (steps.STEPS - 1)))
    found = results.values(steps.name("linear", steps.INDEPENDENT, "step"), "angle")
    why = f"limit of many samples ± {FLUCTUATION}°, two sd of a random M"
    yield Claim(
        "linear, independent samples, an update a step",
        f"{limit:.1f}° [D]",
        found,
        limit - FLUCTUATION,
        limit + FLUCTUATION,
        why,
    )
    step, sample = (steps.name("lif", steps.LEARNED, per) for per in ("step", "sample"))
    faster = results.differences(step, sample, "cosine")
    yield Claim(
        "LIF learns MNIST: cosine, mean over training, an update a step minus a sample",
        "> 0 [D]",
        faster,
        0,
        math.inf,
        SIGN,
    )


def closed(results: Results) -> Iterator[Claim]:
    """Of the closed loop."""
    whole = Results([row for row in results.rows if row.parameters.get("updates") == closed_loop.UPDATES])
    for arm, published in (("FA", (79.7, 78.2, 75.5, 72.5)), ("FA, normalised", (70.7, 72.4, 72.1, 72.1))):
        for number, angle in enumerate(published, start=1):
            found = whole.values(closed_loop.name("rate", arm), "last", str(number))
            said = f"rate, {arm}: angle of W_{number} and B_{number} after all updates"
            yield Claim(said, f"{angle}° [R]", found, angle - FINITE, angle + FINITE, "ours: 4°, as in the open loop")
    for unit in ("rate", "lif"):
        yield from _normalised(results, unit)
        yield from _labelled(results, unit)


def _normalised(results: Results, unit: str) -> Iterator[Claim]:
    def figure(text: str) -> str:
        return f"{text} [R]" if unit == "rate" else "–, as for rates"

    name, less, more = _named(unit), closed_loop.name(unit, "FA"), closed_loop.name(unit, "FA, normalised")
    for layer, published in (("1", "−9.0°"), ("2", "−5.8°")):
        lower = results.differences(more, less, "last", layer)
        yield Claim(
            f"{name}: normalisation lowers the angle of W_{layer}, by", figure(published), lower, -math.inf, 0, SIGN
        )
    better = results.differences(more, less, "test")
    yield Claim(f"{name}: it raises the accuracy of FA, points", figure("claimed"), better, 0, math.inf, SIGN)
    most = results.each(less, lambda row: at(row, "grown", "4") - max(at(row, "grown", str(n)) for n in range(4)))
    said = f"{name}: without it the norm grows most in the last layer, by"
    yield Claim(said, figure("3.9 to 1.75"), most, 0, math.inf, SIGN)
    nearer = results.each(less, lambda row: at(row, "gradient", "0") - at(row, "gradient", "3"))
    said = f"{name}: the gradient is nearer to the true one above than below, l = 0 minus l = 3"
    yield Claim(said, figure("64° − 38°"), nearer, 0, math.inf, SIGN)


def _labelled(results: Results, unit: str) -> Iterator[Claim]:
    name, source = _named(unit), "claimed [R]" if unit == "rate" else "–, as for rates"
    for labels in ("shuffled", "reshuffled"):
        arm = closed_loop.name(unit, f"FA, labels {labels}")
        risen = results.each(arm, lambda row: _rise(at(row, "angles")))
        said = f"{name}, labels {labels}: rise of the cosine, mean of layers, from the first mark to the last"
        yield Claim(said, source, risen, 0, math.inf, SIGN)
        later = results.differences(closed_loop.name(unit, "FA"), arm, "cosine")
        said = f"{name}, labels {labels}: cosine over training is lower than with true ones, by"
        yield Claim(said, source, later, 0, math.inf, SIGN)


def _rise(angles: Sequence[Sequence[float]]) -> float:
    """Of the cosine, mean of the layers, from the first mark to the last."""
    first, last = (fmean(math.cos(math.radians(angle)) for angle in own) for own in (angles[0], angles[-1]))
    return last - first


def _named(unit: str) -> str:
    return "LIF" if unit == "lif" else unit


def _none(says: str, published: str, values: list[float]) -> Claim:
    return Claim(says, published, values, 90 - FLUCTUATION, 90 + FLUCTUATION, NONE)


def _some(says: str, published: str, values: list[float]) -> Claim:
    return Claim(says, published, values, -math.inf, 90 - FLUCTUATION, SOME)
