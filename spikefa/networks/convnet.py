"""A small convolutional spiking network."""

from __future__ import annotations

from collections.abc import Callable

import snntorch as snn
import torch
from snntorch import surrogate
from torch import nn

from spikefa.networks.start import start
from spikefa.options import positive, whole, within


def convnet(
    shape: tuple[int, ...],
    classes: int,
    readout: Callable[[float], snn.Leaky],
    generator: torch.Generator,
    *,
    blocks: int = 2,
    channels: int = 16,
    kernel: int = 3,
    width: int = 128,
    beta: float = 0.9,
    gain: float = 2.0,
    alpha: float = 2.0,
) -> nn.Sequential:
    """Convolutional LIF layers: ``blocks`` times (convolution, pooling, LIF), a dense LIF layer, the read-out.

    Channels double from block to block, pooling halves height and width. As in snnTorch's tutorials the currents are
    pooled, not the spikes, so that every layer receives spikes.

    Reference:
        Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proc. IEEE 111, 2023.
        https://arxiv.org/abs/2109.12894

    Args:
        shape: of one image, ``(channels, height, width)``.
        classes: number of output neurons.
        readout: makes the last neuron from its beta.
        generator: draws the weights.
        blocks: convolutional layers; ``channels``: output channels of the first; ``kernel``: their odd width.
        width: neurons of the dense layer.
        beta: decay of the membrane per step.
        gain: scale of the initial weights; ``alpha``: steepness of the arctan surrogate gradient.

    Raises:
        ValueError: ``shape`` is not an image, or too small for so many blocks, or the kernel is even.

    Example:
        >>> from spikefa.readout import READOUTS
        >>> net = convnet((1, 8, 8), 10, READOUTS["membrane"].neuron, torch.Generator().manual_seed(0), blocks=1)
        >>> [name for name, _ in net.named_children()]
        ['conv1', 'pool1', 'lif1', 'flatten', 'fc', 'lif2', 'out', 'readout']
    """
    whole(blocks=blocks, channels=channels, kernel=kernel, width=width, classes=classes)
    within(0, 1, beta=beta)
    positive(gain=gain, alpha=alpha)
    if kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, so that images keep their size, not {kernel}")
    if len(shape) != 3 or min(shape[1:]) < 2**blocks:
        raise ValueError(f"convnet with blocks={blocks} needs images of at least {2**blocks}×{2**blocks}, not {shape}")

    def lif() -> snn.Leaky:
        return snn.Leaky(beta=beta, spike_grad=surrogate.atan(alpha), init_hidden=True)

    net, size = nn.Sequential(), shape
    for block in range(1, blocks + 1):
        out = channels * 2 ** (block - 1)
        conv = start(nn.Conv2d, size[0], out, kernel, padding=kernel // 2, gain=gain, generator=generator)
        net.add_module(f"conv{block}", conv)
        net.add_module(f"pool{block}", nn.MaxPool2d(2))
        net.add_module(f"lif{block}", lif())
        size = (out, size[1] // 2, size[2] // 2)
    net.add_module("flatten", nn.Flatten())
    net.add_module("fc", start(nn.Linear, size[0] * size[1] * size[2], width, gain=gain, generator=generator))
    net.add_module(f"lif{blocks + 1}", lif())
    net.add_module("out", start(nn.Linear, width, classes, gain=1.0, generator=generator))
    net.add_module("readout", readout(beta))
    return net
