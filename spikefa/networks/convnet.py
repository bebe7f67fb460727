"""A small convolutional spiking network."""

from __future__ import annotations

import math
from collections.abc import Callable

import snntorch as snn
import torch
from torch import nn

from spikefa.networks.hidden import hidden
from spikefa.networks.start import start
from spikefa.options import flag, positive, whole, within


def convnet(
    shape: tuple[int, ...],
    classes: int,
    readout: Callable[[float], snn.Leaky],
    generator: torch.Generator,
    *,
    blocks: int = 2,
    channels: int = 16,
    kernel: int = 3,
    growth: int = 2,
    padded: bool = True,
    width: int = 128,
    dense: int = 1,
    beta: float = 0.9,
    gain: float = 2.0,
    alpha: float = 2.0,
    neuron: str = "lif",
) -> nn.Sequential:
    """Convolutional LIF layers: ``blocks`` times (convolution, pooling, LIF), dense LIF layers, the read-out.

    Channels double from block to block, pooling halves height and width. The network of Guerguiev et al. (2020), on
    which SAL was tried, is ``convnet:channels=64,kernel=5,growth=1,padded=false,width=384,dense=2``; that of Moskovitz
    et al. (2018) is the same with padding, on images of 24×24. As in snnTorch's tutorials the currents are pooled, not
    the spikes, so that every layer receives spikes.

    Reference:
        Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proc. IEEE 111, 2023.
        https://arxiv.org/abs/2109.12894

    Args:
        shape: of one image, ``(channels, height, width)``.
        classes: number of output neurons.
        readout: makes the last neuron from its beta.
        generator: draws the weights.
        blocks: convolutional layers; ``channels``: output channels of the first; ``kernel``: their odd width.
        growth: by which the channels are multiplied from block to block.
        padded: whether images keep their size in a convolution, or lose ``kernel − 1`` on a side.
        width: neurons of the first dense layer; ``dense``: how many there are, each half as wide as the one before.
        beta: decay of the membrane per step.
        gain: scale of the initial weights; ``alpha``: steepness of the arctan surrogate gradient.
        neuron: ``lif``, ``single`` for neurons that fire once, or ``relu`` for a network of rates, see
            :func:`~spikefa.networks.hidden.hidden`.

    Raises:
        ValueError: ``shape`` is not an image, or too small for so many blocks, or the kernel is even, or there is no
            such neuron.

    Example:
        >>> from spikefa.readout import READOUTS
        >>> net = convnet((1, 8, 8), 10, READOUTS["membrane"].neuron, torch.Generator().manual_seed(0), blocks=1)
        >>> [name for name, _ in net.named_children()]
        ['conv1', 'pool1', 'lif1', 'flatten', 'fc', 'lif2', 'out', 'readout']
    """
    whole(blocks=blocks, channels=channels, kernel=kernel, growth=growth, width=width, dense=dense, classes=classes)
    flag(padded=padded)
    within(0, 1, beta=beta)
    positive(gain=gain, alpha=alpha)
    if kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, so that images keep their size, not {kernel}")
    lost = 0 if padded else kernel - 1
    least = 2**blocks + lost * (2**blocks - 1)
    if len(shape) != 3 or min(shape[1:]) < least:
        raise ValueError(f"convnet with blocks={blocks} needs images of at least {least}×{least}, not {shape}")

    make, net, (size, *sides) = hidden(neuron), nn.Sequential(), shape
    for block in range(1, blocks + 1):
        out, padding = channels * growth ** (block - 1), kernel // 2 if padded else 0
        conv = start(nn.Conv2d, size, out, kernel, padding=padding, gain=gain, generator=generator)
        net.add_module(f"conv{block}", conv)
        net.add_module(f"pool{block}", nn.MaxPool2d(2))
        net.add_module(f"{neuron}{block}", make(beta, alpha))
        size, sides = out, [(side - lost) // 2 for side in sides]
    net.add_module("flatten", nn.Flatten())
    size *= math.prod(sides)
    for layer in range(1, dense + 1):
        out = max(1, width // 2 ** (layer - 1))
        fc = start(nn.Linear, size, out, gain=gain, generator=generator)
        net.add_module("fc" if dense == 1 else f"fc{layer}", fc)
        net.add_module(f"{neuron}{blocks + layer}", make(beta, alpha))
        size = out
    net.add_module("out", start(nn.Linear, size, classes, gain=1.0, generator=generator))
    net.add_module("readout", readout(beta))
    return net
