"""Noise phases of spike-based alignment learning, held so that what happens in them and what is drawn can be seen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefa.noise.pair import CHUNK
from spikefa.noise.stdp import mirrored_window
from spikefa.recording import array
from spikefa.rules import SpikeAlignment


def made(sizes: tuple[int, int], gain: float, seed: int, **options: object) -> tuple[Tensor, SpikeAlignment]:
    """W and B₀ ``[L, K]`` ~ N(0, gain² / K) in float64 and B₀'s pathway, one replica and a phase at every update.

    Args:
        sizes: (K, L).
        gain: of W and B₀; ``seed``: of W, B₀ and the noise.
        options: of :class:`~spikefa.rules.sal.SpikeAlignment`.

    Example:
        >>> weight, pathway = made((3, 2), gain=1.0, seed=0, steps=100)
        >>> weight.shape, pathway.weight.dtype, pathway.steps
        (torch.Size([2, 3]), torch.float64, 100)
    """
    lower, upper = sizes
    generator = torch.Generator().manual_seed(seed)
    weight, feedback = torch.randn(2, upper, lower, generator=generator, dtype=torch.float64) * gain / lower**0.5
    settings: dict[str, Any] = {"every": 1, "replicas": 1, **options}
    pathway = SpikeAlignment(torch.randn(2, 2, generator=generator), generator, **settings)
    pathway.weight = feedback  # the rule draws it with the spread of W, which the W of two neurons has not
    return weight, pathway


def noise(pathway: SpikeAlignment, update: int) -> torch.Generator:
    """The generator of the phase that follows an update, as :meth:`~spikefa.noise.phase.NoisePhase.phase` makes it."""
    return torch.Generator().manual_seed(int(pathway.seed) + update)


class Phase(NamedTuple):
    """What happened in a phase: spikes ``[T, 1, N]`` of both populations, the window and the new B, ``[L, K]``."""

    lower: Tensor
    upper: Tensor
    window: Tensor
    b: Tensor


def held(pathway: SpikeAlignment, weight: Tensor, count: int) -> Phase:
    """Hold phases by ``step``, and stack what happened in them: ``[phases, ...]``.

    A phase's spikes are simulated once more to be seen, as ``step`` keeps none.
    """
    found = []
    for _ in range(count):
        generator = noise(pathway, int(pathway.count) + 1)
        recording = pathway.simulate(weight, pathway.weight.clone(), generator)
        pieces = [(low.double(), up.double()) for low, up in recording]
        window = mirrored_window(pieces, pathway.refractory)
        pathway.step(weight)
        lower, upper = (torch.cat(spks) > 0 for spks in zip(*pieces, strict=True))
        found.append(Phase(lower, upper, window, pathway.weight.clone()))
    return Phase(*map(torch.stack, zip(*found, strict=True)))


def chances(pathway: SpikeAlignment, neurons: int, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The random numbers of the first phases, drawn once more as :func:`~spikefa.noise.pair.pair` draws them.

    Args:
        pathway: of one replica, with a phase at every update.
        neurons: K + L; ``count``: phases.

    Returns:
        Steps from each neuron's last spike to the start of each phase, ``[phases, K + L]``, and at each step of all
        phases, ``[T, K + L]``, a uniform number, or with LIF neurons a standard normal one, in float64.

    Example:
        >>> since, drawn = chances(made((3, 2), gain=1.0, seed=0, steps=100)[1], neurons=5, count=4)
        >>> since.shape, drawn.shape
        ((4, 5), (400, 5))
    """
    longest, since, drawn = pathway.refractory, [], []
    for update in range(1, count + 1):
        generator = noise(pathway, update)
        left = torch.randint(-longest, longest + 1, (1, neurons), generator=generator)
        since.append(array(longest + 1 - left))
        piece = torch.empty(min(CHUNK, pathway.steps), 1, neurons, dtype=torch.float64)
        for start in range(0, pathway.steps, CHUNK):
            now = piece[: pathway.steps - start]
            now.normal_(generator=generator) if pathway.neuron == "lif" else now.uniform_(generator=generator)
            drawn.append(array(now[:, 0]))
    return np.concatenate(since), np.concatenate(drawn)
