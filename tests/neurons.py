"""Every kind of neuron that a network may have, and the loops over time in which its users step it."""

import snntorch as snn
import torch
from torch import nn

from spikefa.single_spike import SingleSpike
from spikefa.testing.networks import SURROGATES

N = 5
KINDS = {
    "Leaky": (snn.Leaky, {"beta": 0.8, "threshold": 0.6}),
    "SingleSpike": (SingleSpike, {"beta": 0.8, "threshold": 0.6}),
    "Lapicque": (snn.Lapicque, {"beta": 0.8, "threshold": 0.2}),
    "Synaptic": (snn.Synaptic, {"alpha": 0.7, "beta": 0.8, "threshold": 1.5}),
    "Alpha": (snn.Alpha, {"alpha": 0.9, "beta": 0.7, "threshold": 0.5}),
    "RLeaky": (snn.RLeaky, {"beta": 0.8, "threshold": 0.6, "linear_features": N}),
    "RSynaptic": (snn.RSynaptic, {"alpha": 0.7, "beta": 0.8, "threshold": 1.5, "linear_features": N}),
}
"""A class of snnTorch or of ours, and settings with which it spikes now and then."""

RECURRENT = ["RLeaky", "RSynaptic"]


def neuron(kind, **options):
    make, settings = KINDS[kind]
    return make(**{"spike_grad": SURROGATES["atan"], "output": True} | settings | options)


def network(kind, init_hidden, **options):
    """Two hidden layers of a kind and a leaky read-out, in float64."""
    hidden = {"init_hidden": init_hidden} | options
    net = nn.Sequential()
    net.add_module("fc1", nn.Linear(N, N))
    net.add_module("lif1", neuron(kind, **hidden))
    net.add_module("fc2", nn.Linear(N, N))
    net.add_module("lif2", neuron(kind, **hidden))
    net.add_module("out", nn.Linear(N, 3))
    net.add_module("readout", snn.Leaky(beta=0.8, reset_mechanism="none", init_hidden=init_hidden, output=True))
    nn.init.normal_(net.fc2.weight, std=0.8)
    return net.double()


def step(module, now, states):
    """One step of a neuron, handed the states that its last step returned: ``(spk, mem), states``."""
    if module.init_hidden:
        result = module(now)
        return (result[0] if isinstance(result, tuple) else result, module.mem), None
    taken = len(states) if isinstance(states, tuple) else 1
    result = module(now, *(states if isinstance(states, tuple) else (states,)))
    return (result[0], result[-1]), result[-taken:]


def loop(net, x):
    """(spk, mem) over time of every neuron of a sequential network, in the loop that snnTorch's tutorials write."""
    modules = list(net) if isinstance(net, nn.Sequential) else [net]
    states = {module: module.reset_mem() for module in modules if isinstance(module, snn.SpikingNeuron)}
    steps = []
    for now in x:
        for module in modules:
            if module in states:
                (now, mem), states[module] = step(module, now, states[module])
                steps.append((now, mem))
            else:
                now = module(now)
    recorded = [steps[at :: len(states)] for at in range(len(states))]
    return [tuple(map(torch.stack, zip(*record, strict=True))) for record in recorded]
