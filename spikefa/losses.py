"""snnTorch's losses as read-outs: ``--readout spikefa.losses:ce_rate_loss``, named as in ``snntorch.functional``.

Outside an experiment they need nothing of ours: ``SF.ce_rate_loss()(spk, y)`` takes what :func:`~spikefa.run` gives.
With settings, ``Readout(spike_count, spiking=True, recorded=of_spikes(SF.ce_rate_loss(weight=w)))`` in a module of your
own, named as ``package.module:name``.

Reference:
    Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proc. IEEE 111, 2023.
    https://arxiv.org/abs/2109.12894
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from snntorch import functional as SF
from torch import Tensor

from spikefa.readout import Readout, first_spike, mean_membrane, spike_count

__all__ = [
    "ce_count_loss",
    "ce_max_membrane_loss",
    "ce_rate_loss",
    "ce_temporal_loss",
    "mse_count_loss",
    "mse_membrane_loss",
    "mse_temporal_loss",
    "of_membranes",
    "of_spikes",
]

Recorded = Callable[[Tensor, Tensor, Tensor], Tensor]


def of_spikes(loss: Callable[[Tensor, Tensor], Tensor]) -> Recorded:
    """A loss ``(spk [T, B, classes], labels [B])`` of snnTorch's, for :class:`~spikefa.readout.Readout`.

    Example:
        >>> import torch
        >>> of_spikes(SF.mse_count_loss())(torch.ones(4, 1, 2), torch.zeros(4, 1, 2), torch.tensor([0]))
        tensor(2.)
    """
    return lambda spk, mem, labels: loss(spk, labels)


def of_membranes(loss: Callable[[Tensor, Tensor], Tensor]) -> Recorded:
    """A loss ``(mem [T, B, classes], labels [B])`` of snnTorch's, for :class:`~spikefa.readout.Readout`."""
    return lambda spk, mem, labels: loss(mem, labels)


def max_membrane(spk: Tensor, mem: Tensor) -> Tensor:
    """The highest membrane of each output neuron over time."""
    return mem.amax(0)


ce_rate_loss: Final = Readout(spike_count, spiking=True, recorded=of_spikes(SF.ce_rate_loss()))
ce_count_loss: Final = Readout(spike_count, spiking=True, recorded=of_spikes(SF.ce_count_loss()))
mse_count_loss: Final = Readout(spike_count, spiking=True, recorded=of_spikes(SF.mse_count_loss()))
ce_temporal_loss: Final = Readout(first_spike, spiking=True, recorded=of_spikes(SF.ce_temporal_loss()))
mse_temporal_loss: Final = Readout(first_spike, spiking=True, recorded=of_spikes(SF.mse_temporal_loss()))
ce_max_membrane_loss: Final = Readout(max_membrane, spiking=False, recorded=of_membranes(SF.ce_max_membrane_loss()))
mse_membrane_loss: Final = Readout(mean_membrane, spiking=False, recorded=of_membranes(SF.mse_membrane_loss()))
