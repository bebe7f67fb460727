"""VGG7, the deep convolutional network of frozen backpropagation's paper."""

from __future__ import annotations

from collections.abc import Callable

import snntorch as snn
import torch
from torch import nn

from spikefa.networks.hidden import hidden
from spikefa.networks.start import start
from spikefa.options import positive, whole, within

PLAN = ((1, 2), (4, 4), (8, 8))
"""Output channels of the convolutions, in multiples of the first's; a block ends with pooling."""


def vgg(
    shape: tuple[int, ...],
    classes: int,
    readout: Callable[[float], snn.Leaky],
    generator: torch.Generator,
    *,
    channels: int = 64,
    beta: float = 0.9,
    gain: float = 2.0,
    alpha: float = 2.0,
    neuron: str = "lif",
) -> nn.Sequential:
    """64C3-128C3-P2-256C3-256C3-P2-512C3-512C3-P2-FC: six convolutional LIF layers and the read-out, without biases.

    Of colour images of 32×32 it has 4.58 million weights. Each block ends with convolution, pooling, LIF: as in
    :func:`~spikefa.networks.convnet.convnet` the currents are pooled, so that every layer receives spikes. The paper's
    neurons fire once at most, as those of ``neuron=single`` do.

    Reference:
        Goupy, Tirilly, Bilasco, "Frozen backpropagation: relaxing weight symmetry in temporally-coded deep spiking
        neural networks", 2025. https://arxiv.org/abs/2505.13741

    Args:
        shape: of one image, ``(channels, height, width)``.
        classes: number of output neurons.
        readout: makes the last neuron from its beta.
        generator: draws the weights.
        channels: output channels of the first convolution, which all others are multiples of.
        beta: decay of the membrane per step.
        gain: scale of the initial weights; ``alpha``: steepness of the arctan surrogate gradient.
        neuron: ``lif``, ``single`` for neurons that fire once, or ``relu`` for a network of rates, see
            :func:`~spikefa.networks.hidden.hidden`.

    Raises:
        ValueError: ``shape`` is not an image of at least 8×8, or an option is out of its range, or there is no such
            neuron.

    Example:
        >>> from spikefa.readout import READOUTS
        >>> net = vgg((3, 32, 32), 10, READOUTS["membrane"].neuron, torch.Generator().manual_seed(0))
        >>> sum(weight.numel() for weight in net.parameters())
        4581056
    """
    whole(channels=channels, classes=classes)
    within(0, 1, beta=beta)
    positive(gain=gain, alpha=alpha)
    if len(shape) != 3 or min(shape[1:]) < 2 ** len(PLAN):
        raise ValueError(f"vgg pools three times, and needs images of at least 8×8, not {shape}")
    make, net, size = hidden(neuron), nn.Sequential(), shape[0]
    for block, multiples in enumerate(PLAN, start=1):
        for place, multiple in enumerate(multiples, start=1):
            name, out = f"{block}{'ab'[place - 1]}", channels * multiple
            net.add_module(f"conv{name}", start(nn.Conv2d, size, out, 3, padding=1, gain=gain, generator=generator))
            if place == len(multiples):
                net.add_module(f"pool{block}", nn.MaxPool2d(2))
            net.add_module(f"{neuron}{name}", make(beta, alpha))
            size = out
    net.add_module("flatten", nn.Flatten())
    pixels = (shape[1] // 8) * (shape[2] // 8)
    net.add_module("out", start(nn.Linear, size * pixels, classes, gain=1.0, generator=generator))
    net.add_module("readout", readout(beta))
    return net
