"""The exact theory of spike times: zero drift at equal weights, the phase plane, and what shifts the fixed point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.noise.pair import pair
from spikefa.noise.stochastic import StochasticNeuron
from spikefa.potentials import alpha, exponential
from spikefa.streams import stream
from spikefa.studies.claim import Claim
from spikefa.studies.gierlich2026.simulated import leaky
from spikefa.studies.gierlich2026.timing_figures import figures
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size
from spikefa.timing import TwoNeurons

__all__ = ["cases", "claims", "figures"]

Array = NDArray[np.float64]

EQUAL, SPIKES, PLANE = "equal weights", "theory and spikes", "phase plane"
LIF, SIMULATED = "fixed point, LIF", "fixed point, simulated"
ROUNDING = "rounding: the chain is its own mirror image in time"
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "rectangular": {"shape": "rectangular"},
    "α, τ = T_ref/3": {"shape": "alpha", "tau": 0.33},
    "α, τ = T_ref/2": {"shape": "alpha", "tau": 0.5},
    "exponential, τ = T_ref/2": {"shape": "exponential", "tau": 0.5},
    "rectangular, delay T_ref/10": {"shape": "rectangular", "delay": 0.1},
}
"""The paper's potentials, and two more; times are in T_ref."""


def drawn(seed: int, purpose: str, count: int) -> tuple[Array, Array]:
    """Weights in (−1.5, 1.5), ``[count]``, and biases in (−1, 1), ``[count, 2]``: the paper's ranges."""
    noise = stream(seed, purpose)
    weights = torch.rand(count, generator=noise, dtype=torch.float64).mul(3).sub(1.5)
    return weights.numpy(), torch.rand(count, 2, generator=noise, dtype=torch.float64).mul(2).sub(1).numpy()


def equal(seed: int, count: int, refractory: int) -> dict[str, Any]:
    """Pairs of equal weights with any biases: the largest drift, and how far the differences are from symmetric.

    Both relative to what a weight twice as large on one side makes of them, on average.
    """
    drifts, skews, scale = [], [], []
    for w, b in zip(*drawn(seed, "equal", count), strict=True):
        even = TwoNeurons((w, w), (b[0], b[1]), refractory)
        odd = _doubled(even)
        drifts.append(abs(even.drift(refractory)))
        scale.append((abs(odd.drift(refractory)), _skew(odd, refractory)))
        skews.append(_skew(even, refractory))
    drift, skew = np.mean(scale, 0)
    return {"drift": max(drifts) / drift, "skew": max(skews) / skew}


def _doubled(pair: TwoNeurons) -> TwoNeurons:
    """The pair with w_1 twice as large: a scale for what equal weights make zero."""
    return replace(pair, weights=(2 * pair.weights[0], pair.weights[1]))


def _skew(pair: TwoNeurons, refractory: int) -> float:
    found = pair.differences(2 * refractory)
    return float(np.abs(found - found[::-1]).max())


def compare(
    seed: int, weights: Sequence[float], bias: Sequence[float], refractory: int, replicas: int, steps: int
) -> dict[str, Any]:
    """The differences of simulated spike times beside the exact ones, up to 2 T_ref.

    Returns:
        ``error``, the mean over the differences of the squared deviation in standard errors (1 if there is none), and
        per T_ref the rates of all differences, ``found`` and ``theory``, also of ``nearest`` spikes, and for the
        ``mean`` of both weights.
    """
    lags = 2 * refractory
    down, up = (torch.full((1, 1), value, dtype=torch.float64) for value in weights)
    neuron, noise = StochasticNeuron(refractory), stream(seed, "spikes")
    pieces = pair(up, down, noise, neuron, steps=steps, replicas=replicas, bias=(bias[0], bias[1]))
    first, second = (torch.cat(spks)[10 * refractory :, :, 0].numpy() for spks in zip(*pieces, strict=True))
    found = _correlated(first, second, lags)
    exact = TwoNeurons((weights[0], weights[1]), (bias[0], bias[1]), refractory)
    even = float(np.mean(weights))
    theory, error = exact.differences(lags), found.std(0, ddof=1) / replicas**0.5
    return {
        "error": float((((found.mean(0) - theory) / error) ** 2).mean()),
        "found": found.mean(0) * refractory**2,
        "theory": theory * refractory**2,
        "nearest": exact.differences(lags, nearest=True) * refractory**2,
        "mean": TwoNeurons((even, even), (bias[0], bias[1]), refractory).differences(lags) * refractory**2,
    }


def _correlated(first: NDArray[np.bool_], second: NDArray[np.bool_], lags: int) -> Array:
    """How often the second spikes a number of steps after the first, per step, ``[replicas, 2 lags + 1]``."""
    kept, steps = slice(lags, len(first) - lags), len(first) - 2 * lags
    parts = [(first[kept] & second[lags + lag : lags + lag + steps]).mean(0) for lag in range(-lags, lags + 1)]
    return np.stack(parts, 1)


def plane(seed: int, bias: Sequence[float], refractory: int, reach: float, points: int) -> dict[str, Any]:
    """The drift of w_1 over the plane of both weights, per T_ref; that of w_2 is its negative. Nothing is random."""
    grid = np.linspace(-reach, reach, points)
    drift = [[TwoNeurons((w, v), (bias[0], bias[1]), refractory).drift(refractory) for w in grid] for v in grid]
    towards = np.array(drift) * (grid[:, None] - grid[None, :])
    return {"grid": grid, "drift": np.array(drift) * refractory, "away": float((towards < -1e-15).mean())}


def shift(seed: int, shape: str, count: int, refractory: int, tau: float = 0.0, delay: float = 0.0) -> dict[str, Any]:
    """Where SAL moves a weight from W, minus W, for random W and biases.

    Returns:
        ``shift``: root mean square over the pairs that have a fixed point; ``lost``: the part that has none within 6;
        ``bias`` and ``off`` of each pair; and where both biases are the first: ``drift``, the largest at W, relative to
        that at a weight twice as large, on average, and ``even``, the largest shift.
    """
    kinds = {"alpha": alpha, "exponential": exponential}
    potential = kinds[shape](refractory, tau * refractory) if shape in kinds else None
    off: list[float] = []
    even: list[float] = []
    drifts: list[float] = []
    scale: list[float] = []
    weights, bias = drawn(seed, "shift", count)
    for w, b in zip(weights, bias, strict=True):
        other = TwoNeurons((w, w), (b[0], b[1]), refractory, potential, round(delay * refractory))
        alike = replace(other, bias=(b[0], b[0]))
        off.append(other.balance(refractory) - w)
        even.append(alike.balance(refractory) - w)
        drifts.append(abs(alike.drift(refractory)))
        scale.append(abs(_doubled(alike).drift(refractory)))
    kept = np.array(off)[np.isfinite(off)]
    return {
        "shift": float(np.sqrt((kept**2).mean())),
        "lost": 1 - len(kept) / count,
        "drift": max(drifts) / float(np.mean(scale)),
        "even": float(np.abs(np.array(even)[np.isfinite(even)]).max()),
        "off": np.where(np.isfinite(off), off, np.nan),
        "bias": bias,
    }


def cases(size: Size) -> Sequence[Case]:
    """The theory, which costs seconds at any size; at quick size fewer pairs and fewer spikes."""
    many = 1 if size == "quick" else 10
    neurons = {"bias": [-0.5, -0.2], "refractory": 25}
    found = [
        Case(EQUAL, equal, {"count": 20 * many, "refractory": 25}),
        Case(SPIKES, compare, {"weights": [0.8, 0.4], **neurons, "replicas": 100, "steps": 20_000 * many}),
        Case(PLANE, plane, {**neurons, "reach": 2.0, "points": 13}),
    ]
    for name, potential in SHAPES.items():
        found.append(Case(f"fixed point, {name}", shift, {"count": 20 * many, "refractory": 10, **potential}))
    simulated = {"weight": 1.0, "refractory": 10, "replicas": 500, "steps": 4000 * many}
    for neuron, name in (("lif", LIF), ("stochastic", SIMULATED)):
        for bias in ([0.0, 0.0], [-1.0, 1.0], [1.0, -1.0]):
            given = {**simulated, "bias": bias, "neuron": neuron}
            found.append(Case(f"{name}, biases {bias[0]:g}, {bias[1]:g}", leaky, given))
    return found


def claims(results: Results) -> Sequence[Claim]:
    """Where the drift vanishes, and where it does not."""
    return [*_theory(results), *_shifts(results)]


def _theory(results: Results) -> list[Claim]:
    exact = "0 [P], proof [D]"
    spread = "1 ± 4 standard errors over 101 lags and 3 seeds; one standard error off at every lag gives 2"
    return [
        Claim(
            "equal weights, any biases: drift",
            exact,
            results.values(EQUAL, "drift"),
            -inf,
            1e-9,
            ROUNDING,
            ".2g",
            law=True,
        ),
        Claim(
            "equal weights, any biases: asymmetry of the spike-timing differences",
            exact,
            results.values(EQUAL, "skew"),
            -inf,
            1e-9,
            ROUNDING,
            ".2g",
            law=True,
        ),
        Claim(
            "spike-timing differences: squared error of theory, in standard errors",
            "1 [D]",
            results.values(SPIKES, "error"),
            0.6,
            1.5,
            spread,
        ),
        Claim(
            "phase plane: part in which the drift leads away from equal weights",
            "0 [P]",
            results.values(PLANE, "away"),
            0,
            0,
            "as published: all of the plane is attracted; nothing is random, so that seeds are alike",
        ),
    ]


def _shifts(results: Results) -> list[Claim]:
    found = []
    for name in SHAPES:
        case, exact, even = f"fixed point, {name}", name == "rectangular", f"{name}, equal biases:"
        zero, other = ("0 [P]" if exact else "–"), f"{name}, other biases: shift"
        at, settled, shifts = (results.values(case, value) for value in ("drift", "even", "shift"))
        why = "by exchange of the neurons"
        found.append(Claim(f"{even} drift at equal weights", "0 [D]", at, -inf, 1e-9, why, ".2g", law=True))
        why = "the drift is zero at W, which must also attract"
        found.append(Claim(f"{even} shift", zero, settled, -inf, 1e-6, why, ".2g", law=exact))
        published, low, high = ("0 [P]", -inf, 1e-6) if exact else ("some [P]", 0.01, inf)
        why = ROUNDING if exact else "ours: more than nothing: no mirror symmetry is left"
        found.append(Claim(other, published, shifts, low, high, why, ".2g", law=exact))
    nothing = "ours: a sixth of what LIF neurons have"
    beside = "above zero; a layer's is in the table of spikefa.rules.sal"
    for name, low, high, why in ((LIF, 0.0, inf, beside), (SIMULATED, -0.02, 0.02, nothing)):
        values = results.differences(f"{name}, biases -1, 1", f"{name}, biases 1, -1", "shift")
        published = "some [P]" if name == LIF else "0 [P]"
        half = [value / 2 for value in values]
        found.append(Claim(f"{name}, biases −1, 1: shift of W = 1", published, half, low, high, why))
    return found
