"""The paper's claims and the ranges that decide them: the published spread, theory, or a sign."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results, at
from spikefa.studies.song2021 import cases as c

PUBLISHED = {
    ("linear", 0.0): ((0.206, 0.068), (0.059, 0.033), (0.012, 0.018), (0.004, 0.009)),
    ("linear", 0.3): ((0.867, 0.019), (0.854, 0.020), (0.818, 0.021), (0.770, 0.049)),
    ("relu", 0.0): ((0.220, 0.051), (0.073, 0.027), (0.022, 0.019), (0.006, 0.008)),
    ("relu", 0.05): ((0.682, 0.048), (0.687, 0.034), (0.719, 0.026), (0.721, 0.028)),
}
"""cos(b, β) at the end, mean and standard deviation of 50 runs, at :data:`~spikefa.studies.song2021.cases.WIDTHS`."""
SLOPES = {"linear": "−.97 [A]", "relu": "−.87 [A]", "lif": "–"}
"""Of the published means."""
MNIST_PUBLISHED = {0.0: (0.885, 0.070), 0.1: (0.916, 0.550), 0.3: (0.906, 0.659)}
"""Accuracy, and the mean cosine of hidden errors."""


def claims(results: Results) -> list[Claim]:
    """All claims."""
    found = [*_converges(results), *_table(results), *_derived(results)]
    for psi in c.RATES:
        found += [*_widths(results, psi), *_schedule(results, psi)]
    return [*found, *_mnist(results)]


def _converges(results: Results) -> Iterator[Claim]:
    for psi in ("linear", "relu"):
        case = c.trained(psi, 3200, 0.0)
        fallen = _logs(results, case, "first", "loss")
        yield Claim(
            f"{psi}: λ = 0 takes the error to zero, decades of the loss",
            "→ 0 [P]",
            fallen,
            3,
            math.inf,
            "ours: 3 decades",
        )
        line, why = results.values(case, "straight"), "R² of a line over three decades; a fall by t⁻² has .87"
        yield Claim(
            f"{psi}: and exponentially, log-loss is a line", "exponential [P]", line, 0.98, math.inf, why, ".4f"
        )
    case = c.trained("lif", c.MIDDLE["lif"], 0.0)
    yield Claim(
        "lif: λ = 0, decades of the loss", "–", _logs(results, case, "first", "loss"), 3, math.inf, "ours: 3 decades"
    )


def _table(results: Results) -> Iterator[Claim]:
    for (psi, decay), row in PUBLISHED.items():
        for p, (mean, sd) in zip(c.WIDTHS, row, strict=True):
            case = c.trained(psi, p, decay)
            if p in c.widths(psi, "quick") or results.tried(case):
                published = f"{mean:.3f} ({sd:.3f}) [A]"
                values = results.values(case, "cosine")
                yield Claim(f"cos(b, β), {case}", published, values, mean - sd, mean + sd, "one sd of 50 runs", ".3f")


def _derived(results: Results) -> Iterator[Claim]:
    for says, case in (
        ("plain linear network, width 200", c.DERIVATION),
        ("linear, width 12800", c.trained("linear", 12800, 0.0)),
    ):
        values = results.values(case, "coefficient")
        yield Claim(
            f"{says}: coefficient of b in β over |s|²/2p", "1 [D]", values, 0.97, 1.03, "ours: 3 %", ".4f", law=True
        )
    drift, why = results.values(c.LILLICRAP, "drift"), "ours: 1 % at small η"
    says = "Lillicrap 2016, 30-20-10: drift of BW + WᵀBᵀ − AAᵀ over change of AAᵀ"
    yield Claim(says, "0 [D]", drift, 0.0, 0.01, why, law=True)


def _widths(results: Results, psi: str) -> Iterator[Claim]:
    table = c.widths(psi, "quick")
    low, high = table[0], table[2]
    with_decay = [c.trained(psi, p, c.DECAY[psi]) for p in (low, high)]
    ratio = [wide / narrow for narrow, wide in _together(results, with_decay, "cosine")]
    yield Claim(
        f"{psi}: λ = 0, slope of log alignment gained against log width",
        SLOPES[psi],
        _slopes(results, psi),
        -1.2,
        -0.8,
        "1/p; ours: the published means within .2 of −1",
    )
    says = f"{psi}: λ {c.DECAY[psi]:g}, cos at width {high} over that at {low}"
    published = PUBLISHED.get((psi, c.DECAY[psi]))
    figure = f"{published[2][0] / published[0][0]:.2f} [A]" if published else "–"
    yield Claim(says, figure, ratio, 0.75, 1.25, "nearly independent; ours: 25 % where 1/p has 16-fold")
    least = _least_rise(results, psi)
    yield Claim(f"{psi}: cos increases in λ, least rise from one λ to the next", "> 0 [P]", least, 0, math.inf, "sign")


def _schedule(results: Results, psi: str) -> Iterator[Claim]:
    late, early = (c.scheduled(psi, when) for when in c.UNITS)
    kept = [end / cut for end, cut in zip(results.values(late, "cosine"), results.values(late, "at_cut"), strict=True)]
    yield Claim(
        f"{psi}: λ cut after 5 units keeps its cos, end over cut", "kept [P]", kept, 0.9, math.inf, "ours: nine tenths"
    )
    if psi == "lif":
        constant = c.trained(psi, c.MIDDLE[psi], c.DECAYS[psi][-1])
        gain = [math.log10(held / cut) for held, cut in _together(results, [constant, late], "loss")]
        yield Claim("lif: and a lower error than constant λ, decades", "–", gain, 0, math.inf, "sign")
    else:
        fallen = _logs(results, late, "first", "loss")
        yield Claim(
            f"{psi}: and reaches zero error, decades of the loss", "→ 0 [P]", fallen, 6, math.inf, "ours: twice claim 1"
        )
    gain = results.differences(late, early, "cosine")
    yield Claim(f"{psi}: a cut after half a unit aligns less, late − early", "> 0 [D]", gain, 0, math.inf, "sign")


def _mnist(results: Results) -> Iterator[Claim]:
    small = results.tried(c.classified("quick", 0.0))
    none, some, more = (c.classified("quick" if small else "paper", decay) for decay in c.MNIST_DECAYS)
    for low, high in ((none, some), (some, more)):
        says = f"{high}: cosine of hidden errors to BP's, above that of{low.rpartition(',')[2]}"
        yield Claim(says, "> 0 [A]", results.differences(high, low, "errors"), 0, math.inf, "sign")
    gain = results.differences(some, none, "accuracy")
    yield Claim(f"{some}: accuracy above that of λ 0", "+.031 [A]", gain, 0, math.inf, "sign")
    for case, decay in zip((none, some, more), c.MNIST_DECAYS if not small else (), strict=False):
        accuracy, errors = MNIST_PUBLISHED[decay]
        why = "one published run, no spread: ± .01 is ours"
        values = results.values(case, "accuracy")
        yield Claim(f"{case}: accuracy", f"{accuracy} [A]", values, accuracy - 0.01, accuracy + 0.01, why, ".3f")
        why = "one published run, no spread: ± .05 is ours"
        values = results.values(case, "errors")
        yield Claim(
            f"{case}: cosine of hidden errors", f"{errors} [A]", values, errors - 0.05, errors + 0.05, why, ".3f"
        )


def _logs(results: Results, case: str, start: str, end: str) -> list[float]:
    pairs = zip(results.values(case, start), results.values(case, end), strict=True)
    return [math.log10(first / max(last, 1e-300)) for first, last in pairs]


def _together(results: Results, names: Sequence[str], way: str) -> list[tuple[float, ...]]:
    """A number of several cases, of each seed that all of them have."""
    found = [results.by_seed(name, lambda row: at(row, way)) for name in names]
    return [tuple(case[seed] for case in found) for seed in sorted(set.intersection(*map(set, found)))]


def _slopes(results: Results, psi: str) -> list[float]:
    """For each seed, of what training added to the cosine: the start's, of spread p^(−1/2), would drown it."""
    names = {p: c.trained(psi, p, 0.0) for p in c.widths(psi, "paper")}
    names = {p: name for p, name in names.items() if results.tried(name)}
    if len(names) < 2:
        return []
    ends, starts = (np.array(_together(results, [*names.values()], way)) for way in ("cosine", "start"))
    gained = np.log(np.where(ends > starts, ends - starts, math.nan))
    return [float(np.polyfit(np.log([*names]), seed, 1)[0]) for seed in gained]


def _least_rise(results: Results, psi: str) -> list[float]:
    names = [c.trained(psi, c.MIDDLE[psi], decay) for decay in c.DECAYS[psi]]
    return [float(np.diff(cosines).min()) for cosines in _together(results, names, "cosine")]
