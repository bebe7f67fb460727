"""Time of a noise phase: a plain loop over steps, the torch code and the compiled loops, interleaved in one run.

    python scripts/bench_phases.py [rounds] [threads]

384 → 192 neurons, float32, each rule's default options, ``mirror`` with LIF neurons; ``sal``, ``stdwi`` and ``mirror``
with 32 replicas, ``rdd`` with its 128. The plain loop does one step at a time what a reader of the paper would write
first: both matrix products, filters, neurons, traces, outer products. For ``rdd`` it simulates so; windows are found
afterwards, as in the torch code. Medians over the rounds, with the range.

Then what phases cost beside training: the network is the mlp 784-6×200-10, T 6, batch 128, with all its pathways.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from spikefa import attach, run
from spikefa.networks import NETWORKS
from spikefa.noise.phase import NoisePhase
from spikefa.readout import READOUTS
from spikefa.rules import RULES
from spikefa.rules.rdd import Recording
from spikefa.scan import using

RULE = {"sal": {}, "sal, lif": {"neuron": "lif"}, "stdwi": {}, "mirror, lif": {"neuron": "lif"}, "rdd": {}}
EPOCH = 469
"""Updates in an epoch of 60,000 images."""


def rule(name: str, weight: Tensor, **options: object) -> NoisePhase:
    """A pathway that holds a phase at once."""
    made = RULES[name.split(",")[0]](weight, torch.Generator().manual_seed(1), **RULE[name], **options)
    assert isinstance(made, NoisePhase)
    return made


def sal(weight: Tensor, made: NoisePhase) -> Tensor:
    """The plain loop of ``sal``."""
    noise, (upper, lower), replicas, length = torch.Generator().manual_seed(0), weight.shape, made.replicas, 10
    feedback = made.weight
    bias_lower, bias_upper = -feedback.sum(0) / 2, -weight.sum(1) / 2
    left_lower, left_upper = torch.zeros(replicas, lower), torch.zeros(replicas, upper)
    x_lower, x_upper, change = torch.zeros(replicas, lower), torch.zeros(replicas, upper), torch.zeros_like(weight)
    v_lower, v_upper, decay = torch.zeros(replicas, lower), torch.zeros(replicas, upper), math.exp(-1 / length)

    def fire(u: Tensor, left: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if made.neuron == "lif":
            chance = torch.randn(u.shape, generator=noise)
            v = torch.where(left > 0, 0, decay * v + (1 - decay) * u + math.sqrt(1 - decay**2) * chance)
            spk = ((v > 0.372) & (left == 0)).float()
        else:
            p = 1 / (1 + length * torch.exp(-u))
            spk = ((torch.rand(u.shape, generator=noise) < p) & (left == 0)).float()
        return spk, torch.where(spk > 0, length, (left - 1).clamp(min=0)), v

    for _ in range(made.steps):
        u_lower = bias_lower + (left_upper > 0).float() @ feedback
        u_upper = bias_upper + (left_lower > 0).float() @ weight.T
        spk_lower, left_lower, v_lower = fire(u_lower, left_lower, v_lower)
        spk_upper, left_upper, v_upper = fire(u_upper, left_upper, v_upper)
        change += spk_upper.T @ x_lower - x_upper.T @ spk_lower
        x_lower, x_upper = decay * (x_lower + spk_lower), decay * (x_upper + spk_upper)
    return feedback + made.eta * change / replicas / (2 * length)


@final
class Driven:
    """Poisson spikes below, LIF neurons above, a step at a time."""

    def __init__(self, weight: Tensor, replicas: int) -> None:
        self.noise = torch.Generator().manual_seed(0)
        self.weight = weight * 3 / weight.square().sum(1).mean().sqrt()
        self.fall, self.rise, self.v = torch.zeros(3, replicas, len(weight))
        self.driven = torch.zeros(replicas, weight.shape[1])

    def change(self) -> None:
        """Another fifth is driven."""
        count = self.driven.shape[1]
        order = torch.rand(self.driven.shape, generator=self.noise).argsort(1)
        self.driven = (order < round(0.2 * count)).float()

    def step(self) -> tuple[Tensor, Tensor]:
        """Spikes below and above."""
        lower = (torch.rand(self.driven.shape, generator=self.noise) < 0.2).float() * self.driven
        self.v = math.exp(-1 / 20) * self.v + (self.fall - self.rise) / 7
        upper = (self.v > 1).float()
        self.v = torch.where(self.v > 1, -1.0, self.v)
        arriving = (lower - 0.04) @ self.weight.T
        self.fall, self.rise = math.exp(-1 / 10) * (self.fall + arriving), math.exp(-1 / 3) * (self.rise + arriving)
        return lower, upper


def stdwi(weight: Tensor, made: NoisePhase) -> Tensor:
    """The plain loop of ``stdwi``; the spikes of a step move B together, not one after the other."""
    drive = Driven(weight, made.drive.replicas)
    fast, slow = torch.zeros(2, made.drive.replicas, weight.shape[1])
    feedback = made.weight.clone()
    for t in range(made.drive.duration):
        if t % made.drive.hold == 0:
            drive.change()
        lower, upper = drive.step()
        feedback += made.eta * (upper.T @ (fast - slow) - made.decay * upper.sum(0)[:, None] * feedback)
        fast, slow = math.exp(-1 / 20) * (fast + lower), math.exp(-1 / 200) * (slow + 0.1 * lower)
    return feedback


def mirror(weight: Tensor, made: NoisePhase) -> Tensor:
    """The plain loop of ``mirror:neuron=lif``."""
    drive, below, above = Driven(weight, made.replicas), [], []
    for _ in range(made.stimuli):
        drive.change()
        pre, post = torch.zeros(made.replicas, weight.shape[1]), torch.zeros(made.replicas, len(weight))
        for _ in range(100):
            lower, upper = drive.step()
            pre, post = pre + lower, post + upper
        below.append(pre)
        above.append(post)
    n_pre, n_post = torch.cat(below), torch.cat(above)
    n_pre, n_post = n_pre - n_pre.mean(0), n_post - n_post.mean(0)
    return made.weight + made.eta * (n_post.T @ n_pre / len(n_pre) - made.decay * made.weight)


def rdd(weight: Tensor, made: NoisePhase) -> Tensor:
    """The plain loop of ``rdd``; what is learned from a recording is torch's."""
    noise, (upper, lower), replicas = torch.Generator().manual_seed(0), weight.shape, made.replicas
    up = weight.T * made.scale / weight.std()
    fall, rise = math.exp(-1 / 10), math.exp(-1 / 3)
    filters = [torch.zeros(2, replicas, n) for n in (lower, lower, upper)]
    v = [torch.zeros(replicas, n) for n in (lower, upper)]
    left = [torch.zeros(replicas, n) for n in (lower, upper)]
    recorded: list[list[Tensor]] = [[], [], [], []]

    def arrive(which: int, spk: Tensor) -> Tensor:
        now = (filters[which][0] - filters[which][1]) / 7
        filters[which] = torch.stack([fall * (filters[which][0] + spk), rise * (filters[which][1] + spk)])
        return now

    def fire(which: int, cur: Tensor) -> tuple[Tensor, Tensor]:
        v[which] = seen = torch.where(left[which] > 0, v[which], 0.3 * v[which] + 0.6 * cur)
        spk = (seen > 1).float()
        left[which] = torch.where(spk > 0, 3, (left[which] - 1).clamp(min=0))
        v[which] = torch.where(spk > 0, -1.0, seen)
        return spk, seen

    for t in range(made.steps):
        if t % 100 == 0:
            driven = (torch.rand(replicas, lower, generator=noise).argsort(1) < round(0.2 * lower)).float()
        given = (torch.rand(replicas, lower, generator=noise) < 0.2).float() * driven
        cur = 4 * arrive(0, given)
        spk, seen = fire(0, cur)
        above, _ = fire(1, arrive(1, spk) @ up)
        for series, value in zip(recorded, (seen, cur, spk, arrive(2, above)), strict=True):
            series.append(value)
    with using("reference"):
        return made.learn(made.weight, iter([Recording(*map(torch.stack, recorded))]))


PLAIN: dict[str, Callable[[Tensor, NoisePhase], Tensor]] = {
    "sal": sal,
    "sal, lif": sal,
    "stdwi": stdwi,
    "mirror, lif": mirror,
    "rdd": rdd,
}


def seconds(function: Callable[[], object]) -> float:
    """Of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interleaved(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, sorted, of which the first round does not count."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for index in range(rounds + 1):
        for name, once in ways.items():
            taken = seconds(once)
            if index:
                found[name].append(taken)
    return {name: sorted(taken) for name, taken in found.items()}


def phases(rounds: int) -> None:
    """A line for each rule."""
    weight = torch.randn(192, 384, generator=torch.Generator().manual_seed(0)) / 384**0.5
    for name, plain in PLAIN.items():
        made = rule(name, weight)

        def torch_code(made: NoisePhase = made) -> None:
            with using("reference"):
                made.phase(weight)

        ways = {"plain": lambda made=made, plain=plain: plain(weight, made), "torch": torch_code}
        found = interleaved(ways | {"compiled": lambda made=made: made.phase(weight)}, rounds)
        mid = {way: median(taken) for way, taken in found.items()}
        spread = "  ".join(f"{way} {mid[way]:.3f} ({t[0]:.3f}-{t[-1]:.3f}) s" for way, t in found.items())
        print(f"{name:12} {spread}  plain / compiled {mid['plain'] / mid['compiled']:.1f}", flush=True)


def training(rounds: int) -> None:
    """What the phases of a network cost, per update at the default cadence, relative to an update with bp."""
    x, y = torch.rand(6, 128, 1, 28, 28), torch.randint(10, (128,))
    for name in ("mirror", *RULE):
        options = RULE.get(name, {})
        generator = torch.Generator().manual_seed(0)
        net = NETWORKS["mlp"]((1, 28, 28), 10, READOUTS["membrane"].neuron, generator, depth=6, width=200)
        attach(net, "bp")
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

        def update(net=net, optimizer=optimizer) -> None:
            optimizer.zero_grad()
            F.cross_entropy(run(net, x)[1].mean(0), y).backward()
            optimizer.step()

        weights = [p.detach() for p in net.parameters() if p.dim() == 2][1:]
        made = [RULES[name.split(",")[0]](w, torch.Generator().manual_seed(1), **options) for w in weights]
        hold = lambda made=made, weights=weights: [p.phase(w) for p, w in zip(made, weights, strict=True)]  # noqa: E731
        found = {way: median(t) for way, t in interleaved({"update": update, "phase": hold}, rounds).items()}
        every = made[0].every * (EPOCH if made[0].per == "epoch" else 1)
        print(
            f"{name:12} update {1000 * found['update']:.1f} ms, phases of all layers {found['phase']:.3f} s, "
            f"every {every} updates: {100 * found['phase'] / every / found['update']:.0f} %; 10 % at every "
            f"{math.ceil(found['phase'] / 0.1 / found['update'])}",
            flush=True,
        )


if __name__ == "__main__":
    given = [int(value) for value in sys.argv[1:]]
    torch.set_num_threads(given[1] if len(given) > 1 else 1)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    phases(given[0] if given else 5)
    training(given[0] if given else 5)
