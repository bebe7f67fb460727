"""What follows from the start alone: the angle of B and W, and how the error's norm grows from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from spikefa.agreement import degrees
from spikefa.alignment import weight_alignment
from spikefa.attachment import attach
from spikefa.comparison import load
from spikefa.error_norms import error_norms
from spikefa.experiment import Experiment
from spikefa.measurement import PROBE, probe_loss
from spikefa.streams import stream
from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results
from spikefa.studies.study import Case

SHAPE = (400, 500)
"""Of the weights whose angle is measured, ``(out, in)``: the cosine scatters by 1/√200,000."""
ANGLES = {
    ("usf", "gaussian"): 37.1,
    ("frsf", "gaussian"): 46.3,
    ("usf", "uniform"): 30.0,
    ("frsf", "uniform"): 41.4,
}
"""Derived in docs/initial_angle.md, degrees."""
DRAWS: Mapping[str, Callable[[torch.Tensor, torch.Generator], Any]] = {
    "gaussian": lambda weight, draws: nn.init.normal_(weight, generator=draws),
    "uniform": lambda weight, draws: nn.init.uniform_(weight, -1, 1, generator=draws),
}
DEPTH, WIDTH = 8, 100
GAINS = {"rate": math.sqrt(2), "spiking": 2.0}
KINDS = {"rate": (f",neuron=relu,gain={GAINS['rate']:.6f}", 1), "spiking": (f",gain={GAINS['spiking']:g}", 4)}
RULES = {"bp": "bp", "fa": "fa", "usf": "usf", "usf_sn": "usf_sn", "usf, unscaled": "usf:scale=1"}


def cases() -> list[Case]:
    """The same at both sizes: nothing is trained."""
    fields = {"dataset": "cifar10:train=4500,validation=500,test=1000,crop=24", "encoding": "standardized"}
    made = [Case("initial angles", initial_angles, {})]
    for kind, (neurons, steps) in KINDS.items():
        network = f"mlp:depth={DEPTH},width={WIDTH}{neurons}"
        made.append(Case(f"depth, {kind}", growth, {**fields, "network": network, "steps": steps}))
    return made


def initial_angles(seed: int) -> dict[str, Any]:
    """The angle of B and W₀ in degrees, by rule and by the distribution of W₀, of one wide layer."""
    found: dict[str, Any] = {}
    for rule, draw in ANGLES:
        layer = nn.utils.skip_init(nn.Linear, *reversed(SHAPE), bias=False)
        DRAWS[draw](layer.weight, stream(seed, draw))
        cosine = weight_alignment(attach(nn.Sequential(nn.Identity(), layer), rule, seed=seed, first=True))["1"][
            "cosine"
        ]
        found.setdefault(rule, {})[draw] = degrees(cosine)
    return found


def growth(seed: int, device: str = "cpu", **fields: Any) -> dict[str, Any]:
    """The error's norm at each hidden layer of an untrained network, from the top down, under every rule.

    Returns:
        By rule: ``norms``, the root mean square of the error at each hidden layer's currents, the uppermost first;
        ``factor``, by which it grows from one layer to the next below, by a straight line through the logarithms;
        ``r2``, the part of their variance that the line explains.
    """
    found: dict[str, Any] = {"norms": {}, "factor": {}, "r2": {}}
    for name, rule in RULES.items():
        experiment = Experiment(seed=seed, rule=rule, **fields)
        data = load(experiment.dataset)
        net, x, y = experiment.build(data).to(device), data.train.x[:PROBE].to(device), data.train.y[:PROBE].to(device)
        norms = list(error_norms(net, partial(probe_loss, experiment, net, x, y)).values())[-2::-1]
        found["norms"][name] = norms
        found["factor"][name], found["r2"][name] = geometric(norms)
    return found


def geometric(norms: list[float]) -> tuple[float, float]:
    """The factor from each number to the next by a line through the logarithms, and R² of that line.

    Example:
        >>> factor, r2 = geometric([1.0, 3.0, 9.0])
        >>> round(factor, 6), round(r2, 6)
        (3.0, 1.0)
    """
    at, logs = np.arange(len(norms)), np.log(norms)
    slope, start = np.polyfit(at, logs, 1)
    left, whole = np.square(logs - slope * at - start).sum(), np.square(logs - logs.mean()).sum()
    return float(np.exp(slope)), float(1 - left / whole) if whole else math.nan


def claims(results: Results) -> Iterator[Claim]:
    """Initial angles, and the growth of the error's norm."""
    for (rule, draw), angle in ANGLES.items():
        says = f"initial angle of {rule}, {draw} weights, degrees"
        values = results.values("initial angles", rule, draw)
        why = "derived in docs/initial_angle.md; a standard deviation of 0.2"
        yield Claim(says, f"{angle} [D]", values, angle - 0.5, angle + 0.5, why, law=True)
    for kind, gain in GAINS.items():
        yield from _growth_claims(results, kind, math.sqrt(WIDTH) / gain)


def _growth_claims(results: Results, kind: str, factor: float) -> Iterator[Claim]:
    """What B, whose entries are as good as independent of the errors, does to these: s √(fan-out) against W's g."""
    case = f"depth, {kind}"
    rows = [
        ("usf, unscaled", factor, "√width / gain: s = 1 in place of the standard deviation of W₀"),
        ("usf_sn", 1.0, "the norm of W"),
        ("fa", 1.0, "the standard deviation of W₀"),
    ]
    for rule, expected, why in rows:
        own, bp = (results.values(case, "factor", name) for name in (rule, "bp"))
        values = [factor / reference for factor, reference in zip(own, bp, strict=True)]  # of the same rows
        low, high = 0.85 * expected, 1.15 * expected
        says = f"depth, {kind}: growth of the error's norm per layer, {rule} over bp"
        yield Claim(says, f"{expected:.3g} [D]", values, low, high, f"{why}; 15 % for layers of {WIDTH}", law=True)
    r2 = results.values(case, "r2", "usf, unscaled")
    says = f"depth, {kind}: unscaled signs, growth is geometric, R² of the logarithms on depth"
    yield Claim(says, "1 [P]", r2, 0.99, math.inf, "a line through eight layers leaves a hundredth")
