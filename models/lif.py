"""Networks of leaky integrate-and-fire layers in Brian2 that spike exactly as snnTorch's do.

`Leaky`, `Synaptic` (current-based), `RLeaky` and `RSynaptic` (recurrent), and `SingleSpike`, which fires once, each
neuron with beta and threshold of its own if need be; models/layer.py has their equations in both packages' words. A
layer sees the spikes of the layer below in the very step in which they occur, and its own ones a step later, so that a
step has a schedule of its own.

Two hundred neurons, 50 steps of four samples take about 0.3 s in the numpy target, most of it for building.

References:
    J. K. Eshraghian, M. Ward, E. O. Neftci, X. Wang, G. Lenz, G. Dwivedi, M. Bennamoun, D. S. Jeong, W. D. Lu,
    "Training Spiking Neural Networks Using Lessons From Deep Learning", Proceedings of the IEEE 111(9), 2023,
    https://doi.org/10.1109/JPROC.2023.3308088
    M. Stimberg, R. Brette, D. F. M. Goodman, "Brian 2, an intuitive and efficient neural simulator", eLife 8:e47314,
    2019, https://doi.org/10.7554/eLife.47314
"""

from collections.abc import Sequence
from itertools import count, takewhile
from typing import Any

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .layer import DT, Layer
from .simulation import run_whole
from .trace import Trace

EQUATIONS = """
dv/dt = -v / tau_mem : 1
kept : 1                 # 0 in the step after a spike where that clears the membrane
bias : 1 (constant)
beta : 1 (constant)
threshold : 1 (constant)
tau_mem : second (constant)
x = 1 : 1                # what a spike carries
"""
CURRENT = """
dsyn/dt = -syn / tau_syn : 1
tau_syn : second (constant)
"""
INTEGRATE = {"v": "v = kept * v; kept = 1", "syn": "v = kept * (v + syn); kept = 1"}
THRESHOLD = "v > threshold"

INPUT_EQUATIONS = "x : 1     # a graded spike wherever the stimulus is not zero"
INPUT_THRESHOLD = "x != 0"

SYNAPSES = "w : 1"
ON_PRE = {"v": "v_post += w * x_pre", "syn": "syn_post += w * x_pre"}


def schedule(layers: int) -> list[str]:
    """The order of a time step: resets of the last step's spikes, leak, then each layer's synapses and threshold.

    Brian2's own order tests thresholds before synapses deliver, so that a spike would take one step per layer. Its slot
    names all stay, as it asks; the input fires in its `thresholds`. Resets come first, not last, because snnTorch's
    delayed reset does, and so whatever runs or records at `end` sees v as snnTorch returns mem. Recurrent synapses come
    before anything fires: what they find are the spikes of the step before.

    Args:
        layers: the number of layers above the input.

    Example:
        >>> schedule(1)[3:]
        ['recurrent', 'thresholds', 'synapses', 'synapses_1', 'integrate_1', 'thresholds_1', 'end']
    """
    slots = [f"{slot}_{number}" for number in range(1, layers + 1) for slot in ("synapses", "integrate", "thresholds")]
    return ["start", "resets", "groups", "recurrent", "thresholds", "synapses", *slots, "end"]


def source(stimulus: NDArray[np.floating], clock: b2.Clock) -> b2.NeuronGroup:
    """The input `[T, B, N]`, currents or spikes: B × N neurons that send x (dimensionless) wherever it is not zero."""
    steps, batch, size = stimulus.shape
    values = b2.TimedArray(stimulus.reshape(steps, -1).astype(np.float64), dt=clock.dt)
    group = b2.NeuronGroup(
        batch * size,
        INPUT_EQUATIONS,
        threshold=INPUT_THRESHOLD,
        reset="",
        namespace={"stimulus": values},
        clock=clock,
        name="input",
    )
    group.run_regularly("x = stimulus(t, i)", when="start")
    return group


def population(layer: Layer, number: int, batch: int, clock: b2.Clock) -> b2.NeuronGroup:
    """The neurons of the `number`-th layer, the samples side by side: neuron n of sample b is number b·N + n."""
    group = b2.NeuronGroup(
        batch * layer.size,
        EQUATIONS + (CURRENT if receives(layer) == "syn" else ""),
        threshold=THRESHOLD,
        reset=layer.reset,
        refractory="True" if layer.once else False,
        method="exact",
        clock=clock,
        name=f"layer_{number}",
    )
    group.set_event_schedule("spike", when=f"thresholds_{number}")
    group.kept = 1
    for name, values in layer.parameters(clock.dt).items():
        setattr(group, name, np.tile(values, batch))
    if layer.bias is not None:
        group.run_regularly(f"{receives(layer)} += bias", when="groups", order=1)  # after the leak
    group.run_regularly(INTEGRATE[receives(layer)], when=f"integrate_{number}")
    return group


def receives(layer: Layer) -> str:
    """The variable that currents reach: syn, or v where there is none."""
    return "v" if layer.alpha is None else "syn"


def connect(
    pre: b2.NeuronGroup, post: b2.NeuronGroup, weight: NDArray[np.floating], to: str, name: str, when: str
) -> b2.Synapses:
    """Synapses from `pre` to the variable `to` of `post`: a weight `[out, in]` row by row, once for each sample."""
    n_post, n_pre = weight.shape
    rows, columns = np.indices((n_post, n_pre)).reshape(2, -1)
    samples = np.arange(len(post) // n_post)[:, None]
    synapses = b2.Synapses(pre, post, SYNAPSES, on_pre=ON_PRE[to], clock=post.clock, name=name)
    synapses.connect(i=(samples * n_pre + columns).ravel(), j=(samples * n_post + rows).ravel())
    synapses.w = np.tile(weight.ravel(), len(samples))
    synapses.pre.when = when
    return synapses


def build(layers: Sequence[Layer], stimulus: NDArray[np.floating], dt: b2.Quantity = DT) -> b2.Network:
    """The whole network, with monitors of every layer's v and spikes.

    Args:
        layers: from the bottom up.
        stimulus: `[T, B, N]`, currents or spikes, dimensionless; B samples are simulated side by side.
        dt: the time step; what the network does in a step does not depend on it.

    Raises:
        ValueError: where shapes do not fit, or the stimulus is not finite.
    """
    _check(layers, stimulus)
    batch, clock = stimulus.shape[1], b2.Clock(dt)
    below = source(stimulus, clock)
    network = b2.Network(below)
    for number, layer in enumerate(layers, start=1):
        above, to = population(layer, number, batch, clock), receives(layer)
        network.add(above, connect(below, above, layer.weight, to, f"synapses_{number}", f"synapses_{number}"))
        if layer.recurrent is not None:
            network.add(connect(above, above, layer.recurrent, to, f"recurrent_{number}", "recurrent"))
        network.add(b2.StateMonitor(above, "v", record=True, when="end", clock=clock, name=f"layer_{number}_v"))
        network.add(b2.SpikeMonitor(above, when="end", name=f"layer_{number}_spk"))
        below = above
    network.schedule = schedule(len(layers))
    return network


def simulate(network: b2.Network, steps: int, batch: int) -> Trace:
    """Runs a network that `build` made and returns v and spikes of its layers, each `[steps, batch, N]`."""
    dt = network["input"].clock.dt
    run_whole(network, steps * dt)
    arrays: dict[tuple[str, str], NDArray[Any]] = {}
    for name in takewhile(network.__contains__, (f"layer_{number}" for number in count(1))):
        v, spikes = network[f"{name}_v"].v, network[f"{name}_spk"]
        spk = np.zeros((steps, len(v)), dtype=bool)
        spk[np.rint(np.asarray(spikes.t / dt)).astype(int), spikes.i] = True
        arrays[name, "v"] = np.array(v).T.reshape(steps, batch, -1)
        arrays[name, "spk"] = spk.reshape(steps, batch, -1)
    return Trace(arrays, units={"v": "1", "spk": "1"}, dt=float(dt / b2.ms))


def run(layers: Sequence[Layer], stimulus: NDArray[np.floating], dt: b2.Quantity = DT) -> Trace:
    """Builds the network, simulates the stimulus's T steps once, and returns what `simulate` does.

    Example:
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> trace = run([Layer(np.array([[0.75]]), beta=0.5)], stimulus=np.ones((4, 1, 1)))
        >>> trace["layer_1", "v"].ravel().tolist()
        [0.75, 1.125, 0.3125, 0.90625]
        >>> trace["layer_1", "spk"].ravel().tolist()
        [False, True, False, False]
    """
    return simulate(build(layers, stimulus, dt), *stimulus.shape[:2])


def _check(layers: Sequence[Layer], stimulus: NDArray[np.floating]) -> None:
    if np.ndim(stimulus) != 3 or 0 in np.shape(stimulus) or not np.isfinite(stimulus).all():
        raise ValueError(f"stimulus must be finite and [T, B, N], none of them 0, got shape {np.shape(stimulus)}")
    if not layers:
        raise ValueError("a network needs at least one layer, got none")
    sizes = [stimulus.shape[2], *(layer.size for layer in layers)]
    takes = [layer.weight.shape[1] for layer in layers]
    if sizes[:-1] != takes:
        raise ValueError(f"layers take {takes} inputs but get {sizes[:-1]}: weights are [out, in], from the bottom up")
