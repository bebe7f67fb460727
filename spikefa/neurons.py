"""snnTorch's neurons over a whole sequence of currents, from rest, their kept states left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import snntorch as snn
import torch
from torch import Tensor

STATES: dict[type[snn.SpikingNeuron], tuple[str, ...]] = {
    snn.Leaky: ("mem",),
    snn.Lapicque: ("mem",),
    snn.Synaptic: ("syn", "mem"),
    snn.Alpha: ("syn_exc", "syn_inh", "mem"),
    snn.RLeaky: ("spk", "mem"),
    snn.RSynaptic: ("spk", "syn", "mem"),
}
"""The neurons that can be run over a sequence, each with the states that it keeps between two steps."""


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
    return ""


def scan(neuron: snn.SpikingNeuron, cur: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes and membranes of a layer of neurons for a sequence of currents, from rest.

    For LIF neurons, mem[t] = beta·mem[t−1] + cur[t] − reset[t], spike if mem[t] > threshold; reset[t] is the neuron's
    own reset for mem[t−1], outside the graph. Where its spikes are no function of the recorded membranes alone
    (``reset_delay=False``, ``inhibition``, ``state_quant``), and for every other kind, the neuron itself is stepped.

    Args:
        neuron: of a kind in :data:`STATES`; its settings and parameters are used, its state is left alone.
        cur: currents, ``[T, B, ...]``.

    Returns:
        ``spk, mem``, both of ``cur``'s shape and dtype.

    Example:
        >>> spk, mem = scan(snn.Synaptic(alpha=0.5, beta=1.0, threshold=2.0), torch.ones(3, 1, 1))
        >>> spk.flatten(), mem.flatten()
        (tensor([0., 1., 1.]), tensor([1.0000, 2.5000, 2.2500]))
    """
    if type(neuron) is not snn.Leaky or neuron.inhibition or neuron.state_quant or not neuron.reset_delay:
        return _stepped(neuron, cur)
    beta = neuron.beta.clamp(0, 1)
    mem, mems = torch.zeros_like(cur[0]), []
    for now in cur.unbind():
        mem = integrate(neuron, beta, mem, now)
        mems.append(mem)
    stacked = torch.stack(mems)
    return neuron.fire(stacked).to(cur.dtype), stacked


def integrate(neuron: snn.Leaky, beta: Tensor, mem: Tensor, cur: Tensor) -> Tensor:
    """The membrane after a step: beta·mem + cur − reset, the reset for ``mem`` being outside the graph.

    Args:
        neuron: its threshold and reset are used.
        beta: its decay, between 0 and 1.
        mem: the membrane before, ``cur``: the current of the step.

    Example:
        >>> integrate(snn.Leaky(beta=0.5), torch.tensor(0.5), torch.tensor([2.0]), torch.tensor([1.0]))
        tensor([1.])
    """
    with torch.no_grad():
        reset = 0 if neuron.reset_mechanism == "none" else neuron.mem_reset(mem).to(cur.dtype)
    kept = (1 - reset) * mem if neuron.reset_mechanism == "zero" else mem
    after: Tensor = beta * kept + cur
    return after - reset * neuron.threshold if neuron.reset_mechanism == "subtract" else after


def _stepped(neuron: snn.SpikingNeuron, cur: Tensor) -> tuple[Tensor, Tensor]:
    recurrent = "spk" in STATES[type(neuron)]
    spks, mems = [], []
    with _at_rest(neuron, cur[0]):
        for now in cur.unbind():
            result = neuron(now)
            spk = (result[0] if isinstance(result, tuple) else result).to(cur.dtype)
            if recurrent:  # float32 spikes would not go through float64 weights
                neuron.spk = spk
            spks.append(spk)
            mems.append(neuron.mem.to(cur.dtype))
    return torch.stack(spks), torch.stack(mems)


@contextmanager
def _at_rest(neuron: snn.SpikingNeuron, like: Tensor) -> Iterator[None]:
    """Within, the neuron's states start at zero; afterwards they are what they were."""
    kept = {name: getattr(neuron, name) for name in STATES[type(neuron)]}
    try:
        for name in kept:
            setattr(neuron, name, torch.zeros_like(like))
        yield
    finally:
        for name, state in kept.items():
            setattr(neuron, name, state)
