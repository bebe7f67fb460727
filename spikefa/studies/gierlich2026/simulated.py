"""Where SAL moves a weight between two simulated neurons, LIF ones or, as a control, the theory's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.noise.leaky import LeakyNeuron
from spikefa.noise.pair import Neuron, pair
from spikefa.noise.stdp import mirrored_window
from spikefa.noise.stochastic import StochasticNeuron
from spikefa.streams import stream


def leaky(
    seed: int, weight: float, bias: Sequence[float], refractory: int, replicas: int, steps: int, neuron: str
) -> dict[str, Any]:
    """Where SAL moves w_1, minus W, beside a frozen w_2 = W: the zero of its window, from five w_1 around W.

    Returns:
        ``shift``: the zero, minus W; ``offs`` and ``windows``: w_1 − W, and the window per step there.
    """
    kinds: dict[str, type[Neuron]] = {"lif": LeakyNeuron, "stochastic": StochasticNeuron}
    offs, windows = np.linspace(-0.5, 0.5, 5), []
    for number, off in enumerate(offs):
        up, down = (torch.full((1, 1), weight + by, dtype=torch.float64) for by in (0.0, off))
        noise = stream(seed, f"leaky {number}")
        spikes = pair(
            up, down, noise, kinds[neuron](refractory), steps=steps, replicas=replicas, bias=(bias[0], bias[1])
        )
        windows.append(mirrored_window(((a.double(), b.double()) for a, b in spikes), refractory).item() / steps)
    return {"shift": zero(offs, windows), "offs": offs, "windows": windows}


def zero(offs: Sequence[float] | NDArray[np.float64], windows: Sequence[float] | NDArray[np.float64]) -> float:
    """Where the parabola through the windows is 0, nearest to 0; nan if nowhere. A line would be off: the drift bends.

    Example:
        >>> round(zero([-0.5, 0.0, 0.5, 1.0], [-0.4, 0.1, 0.4, 0.5]), 6)
        -0.118034
    """
    roots = np.roots(np.polyfit(offs, windows, 2))
    real = roots[np.isreal(roots)].real
    return float(min(real, key=abs, default=np.nan))
