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


def simulate(network: b2.Network, learner: Learner, lesson: Lesson) -> Trace:
    """Runs a network over a lesson: membranes and spikes are recorded at each step, weights at each update.

    Returns:
        Over the T · S steps of the lesson v `[T · S, 1, N]` of all layers and spikes `spk` of the hidden ones; after
        each update the weights `w` `[updates, out, in]` of `synapses_1`, `synapses_2` and so on, the `bias`
        `[updates, out]` of all layers, and `b` of `feedback`, or of `feedback_1` and so on where there are several.
    """
    steps, samples = lesson.stimulus.shape[:2]
    layers = [f"layer_{number}" for number in range(1, len(learner.layers) + 1)]
    weights = _weights(network, len(layers))
    for keys, every in (([(name, "v") for name in layers], DT), (weights, learner.batch * lesson.sample)):
        for name, variable in keys:
            monitor = f"{name}_{variable}_over_time"
            network.add(b2.StateMonitor(network[name], variable, record=True, when="end", dt=every, name=monitor))
    for name in layers[:-1]:
        network.add(b2.SpikeMonitor(network[name], when="end", name=f"{name}_spk"))
    run_whole(network, lesson.duration)
    total, arrays = samples * steps, {}
    for name in layers[:-1]:
        spikes, spk = network[f"{name}_spk"], np.zeros((total + 1, 1, len(network[name])), dtype=bool)
        spk[np.rint(np.asarray(spikes.t / DT)).astype(int), 0, spikes.i] = True
        arrays[name, "spk"] = spk[:total]
    for name in layers:
        arrays[name, "v"] = _over_time(network, name, "v")[:total, None]
    for name, variable in weights:
        values = _over_time(network, name, variable)[1:]  # without those before any update
        arrays[name, variable] = values.reshape(len(values), *_shape(network[name]))
    every = dict.fromkeys(("w", "b", "bias"), steps * learner.batch)
    return Trace(arrays, units=dict.fromkeys(("v", "spk", "w", "b", "bias"), "1"), dt=float(DT / b2.ms), every=every)


def _weights(network: b2.Network, layers: int) -> list[tuple[str, str]]:
    """What learns, and what carries the error, by the names of its group and variable."""
    numbers = range(1, layers + 1)
    feedback = [name for name in ("feedback", *(f"feedback_{number}" for number in numbers)) if name in network]
    forward = [key for number in numbers for key in ((f"synapses_{number}", "w"), (f"layer_{number}", "bias"))]
    return [*forward, *((name, "b") for name in feedback)]


def _over_time(network: b2.Network, name: str, variable: str) -> NDArray[Any]:
    return np.array(getattr(network[f"{name}_{variable}_over_time"], variable)).T


def _shape(group: Any) -> tuple[int, ...]:
    """Of what a group has one of for each neuron or synapse; the read-out's side is the first of a feedback weight."""
    if not isinstance(group, b2.Synapses):
        return (len(group),)
    back = group.source.name == "error"
    return (len(group.source), len(group.target)) if back else (len(group.target), len(group.source))


def learned(network: b2.Network, learner: Learner) -> Learner:
    """The network as it is after a run."""
    layers = []
    for number, layer in enumerate(learner.layers, start=1):
        weight = np.array(network[f"synapses_{number}"].w).reshape(np.shape(layer.weight))
        bias = None if layer.bias is None else np.array(network[f"layer_{number}"].bias)
        layers.append(replace(layer, weight=weight, bias=bias))
    *below, hidden, readout = layers
    return replace(learner, below=tuple(below), hidden=hidden, readout=readout)


def accuracy(learner: Learner, lesson: Lesson) -> float:
    """The part of the samples of which the read-out's mean membrane is largest for their class."""
    trace = run(learner.layers, lesson.stimulus)
    return float((trace[f"layer_{len(learner.layers)}", "v"].mean(0).argmax(-1) == lesson.labels).mean())
