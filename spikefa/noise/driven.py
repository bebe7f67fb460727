"""A population of LIF neurons driven through W by groups of Poisson neurons, as STDWI and the weight mirror use it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from spikefa.noise.choice import AT_SPIKE, compiles, plain
from spikefa.noise.draw import uniform
from spikefa.noise.exponential import synapse
from spikefa.noise.lif import lif
from spikefa.noise.poisson import groups, scattered
from spikefa.noise.transmission import transmitted
from spikefa.options import flag, positive, whole
from spikefa.threads import share

RATE = 0.2
"""Spikes per ms of a lower neuron that is driven: 200 Hz."""
FRACTION = 0.2
"""Of the lower neurons that is driven at a time."""
TAU_MEM, RISE, FALL = 20.0, 3.0, 10.0
"""Of the membrane, and of the synaptic current, in ms."""
THRESHOLD, RESET = 1.0, -1.0
STRENGTH = 3.0
"""Root mean square over the upper neurons of the norm of their incoming weights, in the copy that is simulated."""


@final
@dataclass(frozen=True)
class Drive:
    """Poisson groups below, LIF neurons above, for a phase of noise.

    v' = −v/τ_m + Σ_j c W_ij (κ ∗ (s_j − s̄))(t),  κ(t) = (e^(−t/10 ms) − e^(−t/3 ms)) / 7 ms

    Neuron, synapse and Poisson groups are those of Ahmad et al.: τ_m 20 ms, threshold 1, reset −1, no refractory
    period; a fifth of the lower neurons at 200 Hz, then another fifth.

    Ours: *c* scales the layer's weights so that the root mean square of the upper neurons' weight norms is 3, which
    makes them fire at about 30 Hz whatever the fan-in. s̄ is the mean of s_j, so that a neuron's drive is zero on
    average: a constant current of minus the sum of the neuron's own weights. Without it (``centred=False``) neurons
    whose weights are negative on the whole never fire, and nothing is learned of them.

    Reference:
        Ahmad, Ambrogioni, van Gerven, "Overcoming the weight transport problem via spike-timing-dependent weight
        inference", 2020. https://arxiv.org/abs/2003.03988

    Args:
        duration: of a phase, ms; a multiple of ``hold``.
        hold: ms that a group is driven.
        dt: length of a time step, ms.
        replicas: independent copies side by side.
        centred: whether the drive is centred.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> drive, noise = Drive(duration=500, hold=25, dt=1.0, replicas=16), torch.Generator().manual_seed(0)
        >>> pieces = list(drive(torch.randn(60, 40, generator=noise), noise))
        >>> len(pieces), pieces[0][0].shape, pieces[0][1].shape  # groups, and the spikes below and above
        (20, torch.Size([25, 16, 40]), torch.Size([25, 16, 60]))
        >>> 20 < 1000 * torch.cat([upper for _, upper in pieces]).float().mean() < 40  # Hz
        tensor(True)
    """

    duration: int
    hold: int
    dt: float
    replicas: int
    centred: bool = True

    def __post_init__(self) -> None:
        """Check the options."""
        whole(duration=self.duration, hold=self.hold, replicas=self.replicas)
        positive(dt=self.dt)
        if self.duration % self.hold:
            raise ValueError(f"duration must be a multiple of hold={self.hold} ms, not {self.duration!r} ms")
        if self.dt * RATE > 1 or abs(self.hold / self.dt - self.steps) > 1e-9 * self.steps:
            raise ValueError(f"dt must divide hold={self.hold} ms, and be at most {1 / RATE:g} ms, not {self.dt!r} ms")
        flag(centred=self.centred)

    @property
    def steps(self) -> int:
        """Time steps that a group is driven."""
        return round(self.hold / self.dt)

    def rate(self, count: int) -> float:
        """Mean spikes per step of each of ``count`` lower neurons, s̄."""
        return RATE * self.dt * max(1, round(FRACTION * count)) / count

    def __call__(self, weight: Tensor, noise: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One phase.

        Args:
            weight: W, ``[L, K]``.
            noise: the source of the noise, on the weight's device.

        Yields:
            Spikes ``[T, B, K]`` below and ``[T, B, L]`` above, bool, for one group after the other.
        """
        for lower, upper, _ in self.populations(weight, noise, membranes=False):
            yield lower, upper

    def populations(
        self, weight: Tensor, noise: torch.Generator, *, membranes: bool = True
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """One phase, as above, with the membranes above besides, ``[T, B, L]``, as they meet the threshold.

        Args:
            weight, noise: as above.
            membranes: whether they are wanted; where not, there may be none, ``[0, B, L]``.
        """
        scaled = weight * (STRENGTH / weight.square().sum(1).mean().sqrt().clamp(min=torch.finfo(weight.dtype).tiny))
        number = self.duration // self.hold
        driven = groups(weight.shape[1], noise, replicas=self.replicas, number=number, fraction=FRACTION)
        drawn = ((group, uniform(self.steps, *group.shape, generator=noise)) for group in driven)
        mean = self.rate(weight.shape[1]) if self.centred else 0.0
        if compiles(weight):
            yield from self._compiled(scaled, mean, drawn, membranes)
            return
        current_of, current, v = synapse(FALL, RISE, self.dt), None, None
        for group, chance in drawn:
            lower = scattered(group.expand(chance.shape), chance < RATE * self.dt, weight.shape[1])
            cur, current = current_of(transmitted(lower.to(weight), scaled, mean), current)
            decay = math.exp(-self.dt / TAU_MEM)
            upper, vs = lif(cur, decay=decay, gain=self.dt, threshold=THRESHOLD, reset=RESET, start=v)
            v = torch.where(upper[-1] > 0, RESET, vs[-1])
            yield lower, upper > 0, vs

    def _compiled(
        self, scaled: Tensor, mean: float, drawn: Iterator[tuple[Tensor, Tensor]], membranes: bool
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The same, a replica at a time: what arrives is added up at spikes, in another order."""
        from spikefa.noise import kernels

        current_of, rows, base = synapse(FALL, RISE, self.dt), plain(scaled.T), plain(-mean * scaled.sum(1))
        decays = (math.exp(-1 / tau) for tau in current_of.taus)
        settings = current_of.amplitudes[0] * self.dt, *decays, math.exp(-self.dt / TAU_MEM), THRESHOLD, RESET
        fixed = rows, base, np.array(settings, rows.dtype)
        currents, v = (np.zeros((*extra, self.replicas, len(base)), rows.dtype) for extra in ((2,), ()))
        for group, chance in drawn:
            lower = torch.zeros(self.steps, self.replicas, len(rows), dtype=torch.bool)
            upper = torch.empty(self.steps, self.replicas, len(base), dtype=torch.bool)
            seen = scaled.new_empty(self.steps if membranes else 0, self.replicas, len(base))
            told = (plain(part.view(torch.uint8)) for part in (lower, upper))
            given = plain(chance), np.float32(RATE * self.dt), plain(group), *fixed
            share(kernels.driven, self.replicas, AT_SPIKE * upper.numel(), *given, currents, v, *told, plain(seen))
            yield lower, upper, seen
