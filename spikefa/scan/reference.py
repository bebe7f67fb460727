"""The scan in plain torch: slow, for any device and precision, and what torch.compile and torch.func see through."""

from __future__ import annotations

import snntorch as snn
import torch
from torch import Tensor

from spikefa.single_spike import SingleSpike

STATES: dict[type[snn.SpikingNeuron], tuple[str, ...]] = {
    snn.Leaky: ("mem",),
    SingleSpike: ("spent", "mem"),
    snn.Lapicque: ("mem",),
    snn.Synaptic: ("syn", "mem"),
    snn.Alpha: ("syn_exc", "syn_inh", "mem"),
    snn.RLeaky: ("spk", "mem"),
    snn.RSynaptic: ("spk", "syn", "mem"),
}
"""The neurons that can be run over a sequence, each with the states that it keeps between two steps."""
KERNELS = snn.Leaky, snn.Synaptic, SingleSpike
"""Those of which the kernels have the membranes, and the spikes; of the last one as if it could fire again."""


def scan(neuron: snn.SpikingNeuron, cur: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes and membranes; see :func:`spikefa.neurons.scan`.

    Where its spikes are no function of the recorded membranes alone (``reset_delay=False``, ``inhibition``,
    ``state_quant``), and for other kinds than :data:`KERNELS`, the neuron itself is stepped.

    Args:
        neuron: of a kind in :data:`STATES`.
        cur: currents, ``[T, B, ...]``.

    Returns:
        ``spk, mem``, both of ``cur``'s shape and dtype.
    """
    plain = type(neuron) in KERNELS and not neuron.inhibition and not neuron.state_quant
    if not plain or not neuron.reset_delay or not matches(neuron):
        return stepped(neuron, cur)
    step = _synaptic if type(neuron) is snn.Synaptic else _leaky
    mem, syn, mems = torch.zeros_like(cur[0]), torch.zeros_like(cur[0]), []
    for now in cur.unbind():
        syn, mem = step(neuron, now, syn, mem)
        mems.append(mem)
    stacked = torch.stack(mems)
    return neuron.fire(stacked).to(cur.dtype), stacked


def matches(neuron: snn.SpikingNeuron) -> bool:
    """Whether a neuron still resets as it says: snnTorch takes no notice of a ``reset_mechanism`` set later on."""
    name = {"subtract": "_base_sub", "zero": "_base_zero", "none": "_base_int"}[neuron.reset_mechanism]
    return bool(neuron.state_function.__name__ == name)


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
    if neuron.reset_mechanism == "none":
        return beta * mem + cur
    reset = _reset(neuron, mem, cur)
    if neuron.reset_mechanism == "zero":
        return beta * ((1 - reset) * mem) + cur
    after: Tensor = (beta * mem + cur) - reset * neuron.threshold
    return after


def _leaky(neuron: snn.Leaky, cur: Tensor, syn: Tensor, mem: Tensor) -> tuple[Tensor, Tensor]:
    return syn, integrate(neuron, neuron.beta.clamp(0, 1), mem, cur)


def _synaptic(neuron: snn.Synaptic, cur: Tensor, syn: Tensor, mem: Tensor) -> tuple[Tensor, Tensor]:
    syn = neuron.alpha.clamp(0, 1) * syn + cur
    base = neuron.beta.clamp(0, 1) * mem + syn
    if neuron.reset_mechanism == "none":
        return syn, base
    lost = neuron.threshold if neuron.reset_mechanism == "subtract" else base
    return syn, base - _reset(neuron, mem, cur) * lost


@torch.no_grad()
def _reset(neuron: snn.SpikingNeuron, mem: Tensor, cur: Tensor) -> Tensor:
    """1 where the neuron fired, in the current's precision."""
    reset: Tensor = neuron.mem_reset(mem).to(cur.dtype)
    return reset


def stepped(neuron: snn.SpikingNeuron, cur: Tensor) -> tuple[Tensor, Tensor]:
    """Step the neuron itself, as snnTorch does, from rest; its own states are put back."""
    recurrent = "spk" in STATES[type(neuron)]
    spks, mems = [], []
    kept = {name: getattr(neuron, name) for name in STATES[type(neuron)]}
    try:  # by hand: torch 2.6 does not compile a context manager of ours
        for name in kept:
            setattr(neuron, name, torch.zeros_like(cur[0]))
        for now in cur.unbind():
            result = neuron(now)
            spk = (result[0] if isinstance(result, tuple) else result).to(cur.dtype)
            if recurrent:  # float32 spikes would not go through float64 weights
                neuron.spk = spk
            spks.append(spk)
            mems.append(neuron.mem.to(cur.dtype))
    finally:
        for name, state in kept.items():
            setattr(neuron, name, state)
    return torch.stack(spks), torch.stack(mems)
