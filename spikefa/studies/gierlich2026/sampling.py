"""Sampling networks whose synapses differ, in their weights at the start or in their plasticity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from spikefa.sampling import RULES, WakeSleep
from spikefa.studies.claim import Claim
from spikefa.studies.gierlich2026.sampling_figures import figures
from spikefa.studies.rows import Results, at
from spikefa.studies.study import Case, Size

__all__ = ["cases", "claims", "figures", "learn"]

SYNAPTIC, SLEEP, BOTH = "synaptic noise", "plasticity noise", "plasticity noise in both phases"
COUNTED = "simultaneous spikes counted, noise"
PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    SYNAPTIC: {"cycles": 20_001, "rate": 0.01, "aligning": 0.01, "decay": 2e-4, "asymmetry": 0.0},
    SLEEP: {"cycles": 150_001, "rate": 0.001, "aligning": 0.002, "decay": 2e-5, "asymmetry": 0.2},
}
"""The authors' protocols. The decay is ours: what makes asymmetry fall to e^(−8) of its start in 20,001 cycles."""
FASTER: Mapping[Size, Mapping[str, int]] = {
    "quick": {SYNAPTIC: 10, SLEEP: 50},
    "long": {SYNAPTIC: 1, SLEEP: 10},
    "paper": {SYNAPTIC: 1, SLEEP: 1},
}
"""There are fewer cycles by these factors, of rates that are higher by the same."""
ALL: Mapping[str, Sequence[float]] = {SYNAPTIC: (0.2, 0.4, 0.6, 0.8), SLEEP: (0.01, 0.03, 0.05), BOTH: (0.2, 0.4, 0.8)}
LEVELS: Mapping[Size, Mapping[str, Sequence[float]]] = {
    "quick": {SYNAPTIC: (0.4, 0.8), SLEEP: (0.05,), BOTH: (0.8,)},
    "long": ALL,
    "paper": ALL,
}
HIGHEST = {SYNAPTIC: 0.8, SLEEP: 0.05, BOTH: 0.8}


def learn(seed: int, **protocol: Any) -> dict[str, Any]:
    """One network, by :class:`~spikefa.sampling.WakeSleep`.

    Returns:
        ``dkl`` and ``asymmetry`` at the end, ``left``, the part of the asymmetry that is left of the start's, and
        ``curves``, ``cycles``, ``dkl`` and ``asymmetry`` at each test.
    """
    course = WakeSleep(**protocol).run(seed)
    return {
        "dkl": course.divergence[-1],
        "asymmetry": course.asymmetry[-1],
        "left": course.asymmetry[-1] / course.asymmetry[0] if course.asymmetry[0] else 0.0,
        "curves": {"cycles": course.cycles, "dkl": course.divergence, "asymmetry": course.asymmetry},
    }


def protocol(size: Size, kind: str) -> dict[str, Any]:
    """The options of a kind of noise at a size, without the noise.

    Args:
        size: which; ``kind``: a key of :data:`LEVELS`' values.
    """
    kind = SYNAPTIC if kind == SYNAPTIC else SLEEP
    found, faster = dict(PUBLISHED[kind]), FASTER[size][kind]
    for name in ("rate", "aligning", "decay"):
        found[name] *= faster
    found["cycles"] = (found["cycles"] - 1) // faster + 1
    return found | ({"sample": 200_000, "tests": 4} if size == "quick" else {"sample": 1_000_000})


def cases(size: Size) -> Sequence[Case]:
    """Each kind of noise at each level with each rule, and both protocols without noise."""
    return list(_cases(size))


def _cases(size: Size) -> Iterator[Case]:
    for kind in (SYNAPTIC, SLEEP):
        for rule in RULES:
            yield Case(f"{kind} 0, {rule}", learn, {"rule": rule, **protocol(size, kind)})
    for kind, levels in LEVELS[size].items():
        for level in levels:
            noise = {"asymmetry": level} if kind == SYNAPTIC else {"scatter": level, "both": kind == BOTH}
            for rule in RULES:
                yield Case(f"{kind} {level}, {rule}", learn, {"rule": rule, **protocol(size, kind), **noise})

    for level, rule in ((0.0, "none"), (0.8, "none"), (0.8, "sal")):
        options = {"rule": rule, **protocol(size, SYNAPTIC), "asymmetry": level, "simultaneous": True}
        yield Case(f"{COUNTED} {level:g}, {rule}", learn, options)


def claims(results: Results) -> Sequence[Claim]:
    """What each kind of noise does, and what SAL and Kolen–Pollack make of it."""
    return [
        *_synaptic(results),
        *_asymmetry(results),
        *_plastic(results, SLEEP),
        *_plastic(results, BOTH),
        *_counted(results),
    ]


def _synaptic(results: Results) -> Iterator[Claim]:
    base, none, sal = f"{SYNAPTIC} 0, none", *(f"{SYNAPTIC} 0.8, {rule}" for rule in RULES[:2])
    near = "ours: on a scale of factors nearer to 1 than to the 2 at which plain learning begins: √2 either way"
    yield Claim(
        "synaptic noise 0.8 without SAL: DKL, relative to no noise",
        "2 to 3 [P]",
        _ratios(results, none, base),
        2,
        3,
        "as published",
    )
    yield Claim(
        "synaptic noise 0.8 with SAL: DKL, relative to no noise",
        "1 [P]",
        _ratios(results, sal, base),
        0.5**0.5,
        2**0.5,
        near,
    )
    yield _less(results, "dkl", sal, none, "synaptic noise 0.8: DKL is lower with SAL than without", "it is [P]")
    yield Claim(
        "no noise: DKL with SAL, relative to without",
        "1 [P]",
        _ratios(results, f"{SYNAPTIC} 0, sal", base),
        0.5**0.5,
        2**0.5,
        "nothing is to be aligned: as above",
    )


def _asymmetry(results: Results) -> Iterator[Claim]:
    none, sal, kp = (f"{SYNAPTIC} 0.8, {rule}" for rule in RULES)
    yield Claim(
        "synaptic noise 0.8 with SAL: asymmetry",
        "about 1e-3 [A]",
        results.values(sal, "asymmetry"),
        10**-3.5,
        10**-2.5,
        "ours: half a decade about the published figure",
    )
    yield Claim(
        "synaptic noise 0.8 without SAL: part of the asymmetry that is left",
        "1 [D]",
        results.values(none, "left"),
        0.8,
        1.0 + 1e-6,
        "both synapses of a pair change alike, but for those at the bounds",
    )
    yield Claim(
        "synaptic noise 0.8, Kolen–Pollack: part of the asymmetry that is left",
        "3.3e-4 [D]",
        results.values(kp, "left"),
        2.5e-4,
        4.2e-4,
        "(1 − λ)^(2 cycles) = e^(−8), and, ours, a quarter for weights at the bounds",
        law=True,
    )
    yield _less(
        results, "dkl", sal, kp, "synaptic noise 0.8: DKL is lower with SAL than with Kolen–Pollack", "– [D: it decays]"
    )


def _plastic(results: Results, kind: str) -> Iterator[Claim]:
    level = HIGHEST[kind]
    base, none, sal, kp = f"{SLEEP} 0, none", *(f"{kind} {level}, {rule}" for rule in RULES)
    name = f"{kind} {level}"
    yield _less(results, "dkl", base, none, f"{name}: DKL is higher than without noise", "it is [P]")
    yield _less(results, "dkl", sal, none, f"{name}: DKL is lower with SAL than without", "it is [P]")
    yield _less(results, "asymmetry", sal, none, f"{name}: asymmetry is lower with SAL than without", "it is [P]")
    yield _less(results, "dkl", sal, kp, f"{name}: DKL is lower with SAL than with Kolen–Pollack", "–")


def _counted(results: Results) -> Iterator[Claim]:
    base, none, sal = f"{COUNTED} 0, none", f"{COUNTED} 0.8, none", f"{COUNTED} 0.8, sal"
    exact = "a window that misses no pair has the target as its fixed point"
    says = "simultaneous spikes counted: DKL"
    yield _less(results, "dkl", base, f"{SYNAPTIC} 0, none", f"{says} without noise is lower", f"it is [D]: {exact}")
    yield _less(results, "dkl", sal, none, f"{says} at synaptic noise 0.8 is lower with SAL than without", "it is [D]")


def _less(results: Results, what: str, low: str, high: str, says: str, published: str) -> Claim:
    return Claim(says, published, results.differences(high, low, what), 0, inf, "its sign", ".2g")


def _ratios(results: Results, one: str, other: str) -> list[float]:
    """How many times as large the divergence of one case is, seed by seed."""
    above, below = (results.by_seed(case, lambda row: at(row, "dkl")) for case in (one, other))
    return [value / below[seed] for seed, value in above.items() if seed in below]
