"""Ways to get the neuron wrong."""

import snntorch as snn
import torch

from spikefa import sequence


def scanned(change):
    """The scan of a layer with its neuron, or its currents, changed."""

    def patch(monkeypatch):
        scan = sequence.scan
        monkeypatch.setattr(sequence, "scan", lambda neuron, cur: scan(*change(neuron, cur)))

    return patch


def sign(neuron, cur):
    return neuron, -cur


def delay(neuron, cur):
    return neuron, torch.cat([torch.zeros_like(cur[:1]), cur[:-1]])


def decay(neuron, cur):
    neuron.beta *= 1 + 1e-6
    return neuron, cur


def reset(neuron, cur):
    return snn.Leaky(beta=neuron.beta, threshold=neuron.threshold, reset_mechanism="none"), cur


def threshold(neuron, cur):
    neuron.threshold *= 1 + 1e-6
    return neuron, cur


def decay_current(neuron, cur):
    neuron.alpha *= 1 + 1e-6
    return neuron, cur


def exchanged(neuron, cur):
    """The two time constants of a current-based neuron."""
    neuron.alpha, neuron.beta = neuron.beta, neuron.alpha
    return neuron, cur


def transpose(neuron, cur):
    """The recurrent weights."""
    neuron.recurrent.weight.data = neuron.recurrent.weight.data.T.contiguous()
    return neuron, cur


def by_hand(step, fires=torch.gt):
    """A layer of Leaky neurons of which each step is ``step``: from mem, the last two spikes and the current to mem."""

    def scan(neuron, cur):
        mem, mems = torch.zeros_like(cur[0]), []
        spks = [mem, mem]
        for now in cur:
            mem = step(neuron, mem, spks[-2:], now)
            mems.append(mem)
            spks.append(fires(mem, neuron.threshold).to(cur))
        return torch.stack(spks[2:]), torch.stack(mems)

    return lambda monkeypatch: monkeypatch.setattr(sequence, "scan", scan)


def subtracts(neuron, mem, spks, cur):
    return neuron.beta * mem + cur - neuron.threshold * spks[1]


def subtracts_late(neuron, mem, spks, cur):
    """A step late."""
    return neuron.beta * mem + cur - neuron.threshold * spks[0]


def subtracts_before_the_leak(neuron, mem, spks, cur):
    return neuron.beta * (mem - neuron.threshold * spks[1]) + cur


def clears(neuron, mem, spks, cur):
    return neuron.beta * mem * (1 - spks[1]) + cur


def clears_late(neuron, mem, spks, cur):
    """A step late."""
    return neuron.beta * mem * (1 - spks[0]) + cur


RIGHT = {"lif": by_hand(subtracts), "lif-zero": by_hand(clears), "lif-tie": by_hand(clears)}
"""What the neurons by hand are where they are not wrong."""

MUTANTS = {change.__name__: ("lif", scanned(change)) for change in (sign, delay, decay, reset, threshold)} | {
    "current's decay": ("lif-synaptic", scanned(decay_current)),
    "exchanged": ("lif-synaptic", scanned(exchanged)),
    "transpose": ("lif-recurrent", scanned(transpose)),
    "fires again": ("lif-single", scanned(reset)),
    "late": ("lif", by_hand(subtracts_late)),
    "late to zero": ("lif-zero", by_hand(clears_late)),
    "before the leak": ("lif", by_hand(subtracts_before_the_leak)),
    "at the threshold": ("lif-tie", by_hand(clears, fires=torch.ge)),
}
