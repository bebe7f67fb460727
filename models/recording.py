"""What a network does over a lesson: spikes, membranes and weights as a trace, and the network that comes out."""

from dataclasses import replace
from typing import Any

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .lesson import Learner, Lesson
from .lif import DT, run
from .simulation import run_whole
from .trace import Trace

STATES = (("layer_1", "v"), ("layer_2", "v"))
WEIGHTS = (("synapses_1", "w"), ("layer_1", "bias"), ("synapses_2", "w"), ("layer_2", "bias"), ("feedback", "b"))


def watch(network: b2.Network) -> None:
    """Adds monitors: of membranes and spikes at each step, of weights at each update."""
    update = network["layer_1"].namespace["batch"] * network["layer_1"].namespace["sample"]
    for keys, every in ((STATES, DT), (WEIGHTS, update)):
        for name, variable in keys:
            monitor = f"{name}_{variable}"
            network.add(b2.StateMonitor(network[name], variable, record=True, when="end", dt=every, name=monitor))
    network.add(b2.SpikeMonitor(network["layer_1"], when="end", name="layer_1_spk"))


def simulate(network: b2.Network, learner: Learner, lesson: Lesson) -> Trace:
    """Runs a network that is watched over a lesson.

    Returns:
        Over the T · S steps of the lesson v `[T · S, 1, N]` of both layers and spikes `spk` of the hidden one; after
        each update the weights `w` `[updates, out, in]` of `synapses_1` and `synapses_2`, `b` of `feedback`, and the
        `bias` `[updates, out]` of both layers.
    """
    steps, samples = lesson.stimulus.shape[:2]
    run_whole(network, lesson.duration)
    hidden, total = len(network["layer_1"]), samples * steps
    spikes, spk = network["layer_1_spk"], np.zeros((total + 1, 1, hidden), dtype=bool)
    spk[np.rint(np.asarray(spikes.t / DT)).astype(int), 0, spikes.i] = True
    arrays: dict[tuple[str, str], NDArray[Any]] = {("layer_1", "spk"): spk[:total]}
    for name, variable in STATES:
        v = np.array(getattr(network[f"{name}_{variable}"], variable)).T
        arrays[name, variable] = v[:total, None]
    for name, variable in WEIGHTS:
        values = np.array(getattr(network[f"{name}_{variable}"], variable)).T[1:]  # without those before any update
        wide = {"layer_1": (), "layer_2": (), "synapses_1": (-1, network["input"].N)}.get(name, (-1, hidden))
        arrays[name, variable] = values.reshape(len(values), *wide) if wide else values
    every = dict.fromkeys(("w", "b", "bias"), steps * learner.batch)
    return Trace(arrays, units=dict.fromkeys(("v", "spk", "w", "b", "bias"), "1"), dt=float(DT / b2.ms), every=every)


def learned(network: b2.Network, learner: Learner) -> Learner:
    """The network as it is after a run."""
    layers = []
    for number, layer in ((1, learner.hidden), (2, learner.readout)):
        weight = np.array(network[f"synapses_{number}"].w).reshape(np.shape(layer.weight))
        bias = None if layer.bias is None else np.array(network[f"layer_{number}"].bias)
        layers.append(replace(layer, weight=weight, bias=bias))
    return replace(learner, hidden=layers[0], readout=layers[1])


def accuracy(learner: Learner, lesson: Lesson) -> float:
    """The part of the samples of which the read-out's mean membrane is largest for their class."""
    trace = run([learner.hidden, learner.readout], lesson.stimulus)
    return float((trace["layer_2", "v"].mean(0).argmax(-1) == lesson.labels).mean())
