"""Leaky integrate-and-fire layers in Brian2 that spike exactly as snnTorch's `Leaky` does.

The neuron with snnTorch's default reset, per time step t, where `reset[t]` is 1 if it fired in the step before:

    mem[t] = beta mem[t-1] + cur[t] - reset[t] threshold,    a spike where mem[t] > threshold (strictly)

The dictionary between the two packages' words:

    snnTorch                                       Brian2
    beta                                           tau_mem = -dt / ln(beta), so that exp(-dt / tau_mem) is beta
    mem                                            v, as it is at the end of a step
    reset_mechanism="subtract", reset_delay=True   v -= threshold / beta; the leak then makes it exactly threshold
    reset_mechanism="zero", reset_delay=True       v = 0
    reset_mechanism="none"                         no reset
    reset_delay=False                              no plain statement: refused
    a layer sees the spikes of this very step      a schedule with slots of each layer's own

NIR's export of snnTorch reads tau = dt / (1 - beta), an Euler step of the same equation; with the exact step used here
that is another neuron. snnTorch keeps beta and threshold as float32: give `float(leaky.beta)`, not the literal 0.9.

References:
    J. K. Eshraghian, M. Ward, E. O. Neftci, X. Wang, G. Lenz, G. Dwivedi, M. Bennamoun, D. S. Jeong, W. D. Lu,
    "Training Spiking Neural Networks Using Lessons From Deep Learning", Proceedings of the IEEE 111(9), 2023,
    https://doi.org/10.1109/JPROC.2023.3308088
    M. Stimberg, R. Brette, D. F. M. Goodman, "Brian 2, an intuitive and efficient neural simulator", eLife 8:e47314,
    2019, https://doi.org/10.7554/eLife.47314
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .trace import Trace

DT = 1 * b2.ms

EQUATIONS = """
dv/dt = -v / tau_mem : 1
bias : 1 (constant)
x = 1 : 1                # what a spike carries
"""
THRESHOLD = "v > threshold"
RESETS = {"subtract": "v -= threshold / beta", "zero": "v = 0", "none": ""}

INPUT_EQUATIONS = "x : 1     # a graded spike wherever the stimulus is not zero"
INPUT_THRESHOLD = "x != 0"

SYNAPSES = "w : 1"
ON_PRE = "v_post += w * x_pre"


@dataclass(frozen=True, eq=False)
class Layer:
    """A dense layer and its neurons, in snnTorch's words: `Linear`, then `Leaky`.

    Args:
        weight: W `[out, in]`, dimensionless.
        bias: `[out]`, added at each step; None for none.
        beta: the membrane's factor per step, 0 < beta < 1.
        threshold: a neuron fires where v exceeds it; finite, 0 or more.
        reset_mechanism: "subtract", "zero" or "none".
        reset_delay: snnTorch's option; only True, its default, has a Brian2 statement (unless there is no reset).

    Raises:
        ValueError: for a setting that Brian2 cannot match, with the way out.

    Example:
        >>> Layer(np.eye(2), beta=0.5).reset
        'v -= threshold / beta'
    """

    weight: NDArray[np.floating]
    bias: NDArray[np.floating] | None = None
    beta: float = 0.9
    threshold: float = 1.0
    reset_mechanism: str = "subtract"
    reset_delay: bool = True

    def __post_init__(self) -> None:
        if np.ndim(self.weight) != 2 or not np.isfinite(self.weight).all():
            raise ValueError(f"weight must be finite and [out, in], got shape {np.shape(self.weight)}")
        if self.bias is not None and np.shape(self.bias) != np.shape(self.weight)[:1]:
            raise ValueError(f"bias must be [{len(self.weight)}], one per neuron, got shape {np.shape(self.bias)}")
        if self.bias is not None and not np.isfinite(self.bias).all():
            raise ValueError(f"bias must be finite, got {self.bias}")
        if not 0 < self.beta < 1:
            raise ValueError(f"beta must be between 0 and 1, both excluded, got {self.beta}: no tau_mem gives it")
        if not 0 <= self.threshold < np.inf:
            raise ValueError(f"threshold must be finite, 0 or more, got {self.threshold}: else snnTorch resets at rest")
        if self.reset_mechanism not in RESETS:
            raise ValueError(f"reset_mechanism must be one of {list(RESETS)}, got {self.reset_mechanism!r}")
        if not self.reset_delay and self.reset_mechanism != "none":
            raise ValueError(
                f"reset_delay=False with reset_mechanism={self.reset_mechanism!r} has no plain Brian2 statement: "
                "snnTorch then returns the membrane after the reset, and skips the reset where the last step left it "
                "above threshold; use reset_delay=True (snnTorch's default) on both sides"
            )

    @property
    def reset(self) -> str:
        """Brian2's reset statement, empty for none."""
        return RESETS[self.reset_mechanism]

    def tau_mem(self, dt: b2.Quantity = DT) -> b2.Quantity:
        """The membrane time constant with which a step of `dt` multiplies v by beta.

        Example:
            >>> Layer(np.eye(2), beta=np.exp(-1 / 20)).tau_mem(1 * b2.ms)
            20. * msecond
        """
        return -dt / np.log(self.beta)


def schedule(layers: int) -> list[str]:
    """The order of a time step: resets of the last step's spikes, leak, then each layer's synapses and threshold.

    Brian2's own order tests thresholds before synapses deliver, so that a spike would take one step per layer. Its slot
    names all stay, as it asks; the input fires in its `thresholds`. Resets come first, not last, because snnTorch's
    delayed reset does, and so whatever runs or records at `end` sees v as snnTorch returns mem.

    Args:
        layers: the number of layers above the input.

    Example:
        >>> schedule(1)
        ['start', 'resets', 'groups', 'thresholds', 'synapses', 'synapses_1', 'thresholds_1', 'end']
    """
    slots = [f"{slot}_{number}" for number in range(1, layers + 1) for slot in ("synapses", "thresholds")]
    return ["start", "resets", "groups", "thresholds", "synapses", *slots, "end"]


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
        batch * len(layer.weight),
        EQUATIONS,
        threshold=THRESHOLD,
        reset=layer.reset,
        method="exact",
        namespace={"tau_mem": layer.tau_mem(clock.dt), "threshold": layer.threshold, "beta": layer.beta},
        clock=clock,
        name=f"layer_{number}",
    )
    group.set_event_schedule("spike", when=f"thresholds_{number}")
    if layer.bias is not None:
        group.bias = np.tile(layer.bias, batch)
        group.run_regularly("v += bias", when="groups", order=1)  # after the leak
    return group


def connect(pre: b2.NeuronGroup, post: b2.NeuronGroup, layer: Layer, number: int, batch: int) -> b2.Synapses:
    """The synapses into the `number`-th layer: W `[out, in]` row by row, once for each of the `batch` samples."""
    synapses = b2.Synapses(pre, post, SYNAPSES, on_pre=ON_PRE, clock=post.clock, name=f"synapses_{number}")
    n_post, n_pre = layer.weight.shape
    rows, columns = np.indices((n_post, n_pre)).reshape(2, -1)
    samples = np.arange(batch)[:, None]
    synapses.connect(i=(samples * n_pre + columns).ravel(), j=(samples * n_post + rows).ravel())
    synapses.w = np.tile(layer.weight.ravel(), batch)
    synapses.pre.when = f"synapses_{number}"
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
        above = population(layer, number, batch, clock)
        network.add(above, connect(below, above, layer, number, batch))
        network.add(b2.StateMonitor(above, "v", record=True, when="end", clock=clock, name=f"layer_{number}_v"))
        network.add(b2.SpikeMonitor(above, when="end", name=f"layer_{number}_spk"))
        below = above
    network.schedule = schedule(len(layers))
    return network


def simulate(network: b2.Network, steps: int, batch: int) -> Trace:
    """Runs a network that `build` made and returns v and spikes of its layers, each `[steps, batch, N]`."""
    dt = network["input"].clock.dt
    network.run(steps * dt, namespace={})
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
    sizes = [stimulus.shape[2], *(len(layer.weight) for layer in layers)]
    takes = [layer.weight.shape[1] for layer in layers]
    if sizes[:-1] != takes:
        raise ValueError(f"layers take {takes} inputs but get {sizes[:-1]}: weights are [out, in], from the bottom up")
