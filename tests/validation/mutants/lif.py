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


MUTANTS = {change.__name__: ("lif", scanned(change)) for change in (sign, delay, decay, reset)}
