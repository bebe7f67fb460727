"""snnTorch's neurons over a whole sequence of currents, from rest, their kept states left alone."""

from __future__ import annotations

import snntorch as snn
from torch import Tensor, nn

from spikefa.scan import choice
from spikefa.scan.reference import STATES
from spikefa.single_spike import SingleSpike, changed, once

__all__ = ["STATES", "fault", "fires", "scan"]


def fault(neuron: snn.SpikingNeuron) -> str:
    """Why a neuron cannot be run over a sequence, and the way out; empty if it can.

    Example:
        >>> fault(snn.Leaky(beta=0.9)), fault(snn.SLSTM(3, 3))[:10]
        ('', 'a SLSTM: r')
    """
    kind = type(neuron)
    if kind not in STATES:
        return f"a {kind.__name__}: run() knows {', '.join(known.__name__ for known in STATES)}"
    if kind is snn.RSynaptic and not neuron.reset_delay:
        return "an RSynaptic with reset_delay=False, which snnTorch does not carry out: leave reset_delay at True"
    if kind is SingleSpike and changed(neuron):
        return "a SingleSpike on which graded spikes, inhibition, state_quant or a reset was set later: it has none"
    return ""


def fires(neuron: nn.Module) -> bool:
    """Whether a module is a spiking neuron that fires, rather than integrates alone as one that reads out does.

    Example:
        >>> fires(snn.Leaky(beta=0.9)), fires(snn.Leaky(beta=0.9, reset_mechanism="none")), fires(SingleSpike(beta=0.9))
        (True, False, True)
    """
    return type(neuron) is SingleSpike or (isinstance(neuron, snn.SpikingNeuron) and neuron.reset_mechanism != "none")


def scan(neuron: snn.SpikingNeuron, cur: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes and membranes of a layer of neurons for a sequence of currents, from rest.

    For LIF neurons, mem[t] = beta·mem[t−1] + cur[t] − reset[t], spike if mem[t] > threshold; reset[t] is the neuron's
    own reset for mem[t−1], outside the graph. A ``Leaky``, ``Synaptic`` or ``SingleSpike`` goes through one fused
    kernel where there is one (:mod:`spikefa.scan`); every other kind, and what the kernels do not have, is stepped in
    torch.

    Args:
        neuron: of a kind in :data:`STATES`; its settings and parameters are used, its state is left alone.
        cur: currents, ``[T, B, ...]``.

    Returns:
        ``spk, mem``, both of ``cur``'s shape and dtype.

    Example:
        >>> import torch
        >>> spk, mem = scan(snn.Synaptic(alpha=0.5, beta=1.0, threshold=2.0), torch.ones(3, 1, 1))
        >>> spk.flatten(), mem.flatten()
        (tensor([0., 1., 1.]), tensor([1.0000, 2.5000, 2.2500]))
    """
    spk, mem = choice.scan(neuron, cur)
    return (once(spk), mem) if type(neuron) is SingleSpike else (spk, mem)
