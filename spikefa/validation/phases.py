"""Phases of noise as training holds them, recorded, and what they come to, for the rules that learn from spikes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefa.agreement import alignment
from spikefa.noise.driven import FRACTION, RATE, Drive
from spikefa.noise.phase import NoisePhase
from spikefa.noise.poisson import poisson_groups
from spikefa.recording import array


def layer(count: int, seed: int = 0) -> Tensor:
    """Random weights between as many neurons below as above, ``[count, count]``, float64.

    Example:
        >>> layer(3).shape
        torch.Size([3, 3])
    """
    noise = torch.Generator().manual_seed(seed)
    weight: Tensor = torch.randn(count, count, generator=noise, dtype=torch.float64) / count**0.5
    return weight


def noises(rule: NoisePhase, phases: int) -> Iterator[torch.Generator]:
    """The generators of a rule's next phases, as :meth:`~spikefa.noise.phase.NoisePhase.phase` seeds them."""
    for number in range(1, phases + 1):
        yield torch.Generator().manual_seed(int(rule.seed) + int(rule.count) + number)


def recorded(rule: NoisePhase, weight: Tensor, phases: int) -> Iterator[tuple[list[Any], Tensor]]:
    """Phases as training holds them, one an update: all that the simulation yielded, and B after it.

    Args:
        rule: holds a phase at every update.
        weight: W, which stays.
        phases: how many.
    """
    simulate = rule.simulate
    for _ in range(phases):
        pieces: list[Any] = []

        def heard(*given: Any, pieces: list[Any] = pieces) -> Iterator[Any]:
            for piece in simulate(*given):
                pieces.append(piece)
                yield piece

        rule.simulate = heard  # type: ignore[assignment, method-assign]
        rule.step(weight)
        rule.simulate = simulate  # type: ignore[method-assign]
        yield pieces, rule.weight.clone()


def spikes(drive: Drive, count: int, noise: torch.Generator) -> NDArray[Any]:
    """The lower spikes of a phase of one replica, ``[T, K]``: as the drive draws them, one group after the other.

    Args:
        drive: as the rule has it; ``count``: lower neurons.
        noise: the phase's own generator.
    """
    steps = drive.duration // drive.hold * drive.steps
    options: dict[str, Any] = {"steps": steps, "replicas": 1, "hold": drive.steps, "rate": RATE * drive.dt}
    return array(poisson_groups(count, noise, fraction=FRACTION, **options))[:, 0]


def statistics(
    lower: NDArray[np.bool_], upper: NDArray[np.bool_], dt: float, feedback: NDArray[Any], weight: NDArray[Any]
) -> dict[str, float]:
    """What a simulation that began at B = 0 came to.

    Args:
        lower: spikes below, ``[T, ..., K]``; ``upper``: above, ``[T, ..., L]``.
        dt: length of a step, ms.
        feedback: the last B, ``[L, K]``; ``weight``: W.

    Returns:
        Mean rates in Hz, the norm of B, by which it has drifted, and its cosine to W.

    Example:
        >>> spk, weight = np.ones((5, 1, 2), bool), np.eye(2)
        >>> statistics(spk, ~spk, 1.0, weight, weight)["rate below"]
        1000.0
    """
    return {
        "rate below": 1000 / dt * float(lower.mean()),
        "rate above": 1000 / dt * float(upper.mean()),
        "drift of B": float(np.linalg.norm(feedback)),
        "cosine of B and W": alignment(torch.as_tensor(feedback), torch.as_tensor(weight)),
    }
