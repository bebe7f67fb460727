"""A fully connected spiking network of any depth and width."""

from __future__ import annotations

import math
from collections.abc import Callable

import snntorch as snn
import torch
from torch import nn

from spikefa.networks.hidden import hidden
from spikefa.networks.mismatch import mismatched
from spikefa.networks.start import start
from spikefa.options import positive, whole, within


def mlp(
    shape: tuple[int, ...],
    classes: int,
    readout: Callable[[float], snn.Leaky],
    generator: torch.Generator,
    *,
    depth: int = 2,
    width: int = 128,
    beta: float = 0.9,
    gain: float = 2.0,
    alpha: float = 2.0,
    mismatch: float = 0.0,
    reset: str = "subtract",
    neuron: str = "lif",
) -> nn.Sequential:
    """Fully connected LIF layers: flatten, then ``depth`` times (affine, LIF) of ``width``, then the read-out.

    Reference:
        Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proc. IEEE 111, 2023.
        https://arxiv.org/abs/2109.12894

    Args:
        shape: of one example, without time and batch.
        classes: number of output neurons.
        readout: makes the last neuron from its beta, for example ``READOUTS["membrane"].neuron``.
        generator: draws the weights.
        depth: number of hidden layers; ``width``: neurons in each.
        beta: decay of the membrane per step, of every neuron.
        gain: scale of the initial weights, see :func:`~spikefa.networks.start.start`.
        alpha: steepness of the arctan surrogate gradient.
        reset: of the hidden neurons: ``subtract`` the threshold, or to ``zero``, which NIR can hold.
        mismatch: spread of thresholds and time constants, see :func:`~spikefa.networks.mismatch.mismatched`.
        neuron: ``lif``, ``single`` for neurons that fire once, or ``relu`` for a network of rates, see
            :func:`~spikefa.networks.hidden.hidden`.

    Returns:
        A ``nn.Sequential`` of ``init_hidden`` neurons, for :func:`spikefa.sequence.run` or a loop over time.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> from spikefa.readout import READOUTS
        >>> net = mlp((1, 8, 8), 10, READOUTS["membrane"].neuron, torch.Generator().manual_seed(0), depth=1)
        >>> [name for name, _ in net.named_children()]
        ['flatten', 'fc1', 'lif1', 'out', 'readout']
    """
    whole(depth=depth, width=width, classes=classes)
    within(0, 1, beta=beta)
    positive(gain=gain, alpha=alpha)
    make, net = hidden(neuron, reset), nn.Sequential()
    net.add_module("flatten", nn.Flatten())
    size = math.prod(shape)
    for layer in range(1, depth + 1):
        net.add_module(f"fc{layer}", start(nn.Linear, size, width, gain=gain, generator=generator))
        net.add_module(f"{neuron}{layer}", make(beta, alpha))
        size = width
    net.add_module("out", start(nn.Linear, size, classes, gain=1.0, generator=generator))
    net.add_module("readout", readout(beta))
    return mismatched(net, mismatch, generator)
