"""Noise in Brian2: Poisson neurons, a fifth of them driven at a time, and LIF neurons which they drive through W.

    v' = -v / tau_m + sum_j c W_ij (kappa * (s_j - mean(s_j)))(t),    kappa(t) = (e^(-t/10 ms) - e^(-t/3 ms)) / 7 ms

A spike where v > 1, after which v = -1; no refractory period. The membrane leaks exactly, and a step of the current is
added to it as a jump: v(t) = e^(-dt/tau_m) v(t - dt) + dt cur(t), the current being that of the spikes before t. So the
drive has a gain of dt whatever the membrane's time constant.

Two things are spikefa's, not the paper's: c scales W so that the root mean square of the neurons' weight norms is 3,
and a constant current centres the drive of each neuron, of minus the sum of its own weights.

A lower neuron spikes where `rand() < drive(t, i)`. A drive of 1 and 0 therefore gives spikes that are known before,
and a drive of probabilities Poisson spikes of Brian2's own: one network does both.

All runs in Brian2's default schedule. In a step exponentials decay (`groups`), spikes are found (`thresholds`),
synapses deliver and learn (`synapses`), and neurons that spike are reset (`resets`): what a spike leaves is seen from
the next step on. A phase begins anew, at rest, whenever its time has passed, within one run.

Reference:
    N. Ahmad, L. Ambrogioni, M. A. J. van Gerven, "Overcoming the weight transport problem via spike-timing-dependent
    weight inference", 2020, https://arxiv.org/abs/2003.03988
"""

from typing import Any

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

RATE = 200 * b2.Hz  # of a neuron that is driven
FRACTION = 0.2  # of the lower neurons, driven at a time

TAU_MEM = 20 * b2.ms
TAU_RISE, TAU_FALL = 3 * b2.ms, 10 * b2.ms
STRENGTH = 3.0  # root mean square of the norms of the weights into a neuron

POISSON = "rand() < drive(t, i)"

EQUATIONS = """
dv/dt = -v / tau_mem : 1
dfall/dt = -fall / tau_fall : 1
drise/dt = -rise / tau_rise : 1
cur = (fall - rise) / (tau_fall - tau_rise) : Hz
centre : 1 (constant)                   # mean of what the synapses deliver in a step
"""
FILTERS = """
dfall/dt = -fall / tau_fall : 1
drise/dt = -rise / tau_rise : 1
x : 1
x_before : 1                            # x one step ago
"""
FILTERED = "x_before = x; x = (fall - rise) / (tau_fall - tau_rise) * ms"

THRESHOLD, RESET = "v > 1", "v = -1"
CENTRE = "fall -= centre; rise -= centre"
SILENCE = "v = 0; fall = 0; rise = 0"
ON_PRE = "fall_post += w; rise_post += w"
RELAY = "fall_post += weight; rise_post += weight"


def groups(count: int, number: int, rng: np.random.Generator, dt: b2.Quantity = 1 * b2.ms) -> Array:
    """Drives of random fifths of the lower neurons, one fifth after the other.

    Args:
        count: lower neurons, K.
        number: fifths, one after the other.
        rng: says who is driven; the spikes are Brian2's.
        dt: the time step.

    Returns:
        Probabilities of a spike per step, `[number, K]`.

    Example:
        >>> drive = groups(10, 3, np.random.default_rng(0))
        >>> drive.shape, drive.sum(1).round(12).tolist()  # two of ten, each at 0.2 per step
        ((3, 10), [0.4, 0.4, 0.4])
    """
    order = rng.random((number, count)).argsort(1)
    return float(RATE * dt) * (order < max(1, round(FRACTION * count)))


def lower(
    drive: Array,
    held: int,
    clock: b2.Clock,
    equations: str = "",
    reset: str = "",
    name: str = "lower",
    **constants: Any,
) -> b2.NeuronGroup:
    """The Poisson neurons; their `reset` may keep traces or counts of their spikes.

    Args:
        drive: probabilities of a spike per step, `[n, K]`; each row is held for `held` steps.
        held: steps.
        clock: of the neurons.
        equations: of what they keep, integrated exactly; `reset`: what a spike does to it; `constants` of both.
        name: of the group.
    """
    values = b2.TimedArray(drive, dt=held * clock.dt)
    return b2.NeuronGroup(
        drive.shape[1],
        equations,
        threshold=POISSON,
        reset=reset,
        method="exact",
        namespace={"drive": values, **constants},
        clock=clock,
        name=name,
    )


def upper(weight: Array, phase: int, clock: b2.Clock, centred: bool, equations: str = "", reset: str = "") -> Any:
    """The LIF neurons.

    Args:
        weight: W `[L, K]`, as scaled for the simulation.
        phase: steps after which all begins anew.
        clock: of the neurons.
        centred: whether the drive is centred.
        equations: of what they keep besides; `reset`: what a spike does to that.
    """
    group = b2.NeuronGroup(
        len(weight),
        EQUATIONS + equations,
        threshold=THRESHOLD,
        reset=f"{RESET}\n{reset}",
        method="exact",
        namespace={"tau_mem": TAU_MEM, "tau_fall": TAU_FALL, "tau_rise": TAU_RISE},
        clock=clock,
        name="upper",
    )
    group.run_regularly(SILENCE, dt=phase * clock.dt, when="groups", order=1)
    group.run_regularly("v += cur * dt", when="groups", order=2)
    if centred:
        group.centre = weight.sum(1) * mean_rate(weight.shape[1], clock.dt)
        group.run_regularly(CENTRE, when="synapses")
    return group


def filters(count: int, phase: int, clock: b2.Clock, name: str) -> b2.NeuronGroup:
    """Spikes filtered by the synapse, x, for `count` neurons: integrated before all others in a step."""
    constants = {"tau_fall": TAU_FALL, "tau_rise": TAU_RISE}
    group = b2.NeuronGroup(count, FILTERS, method="exact", namespace=constants, clock=clock, order=-2, name=name)
    group.run_regularly(FILTERED, when="groups", order=-1)
    group.run_regularly("fall = 0; rise = 0", dt=phase * clock.dt)
    return group


def mean_rate(count: int, dt: b2.Quantity) -> float:
    """Mean spikes per step of each of `count` lower neurons.

    Example:
        >>> mean_rate(10, 1 * b2.ms)
        0.04
    """
    return float(RATE * dt) * max(1, round(FRACTION * count)) / count


def scaled(weight: Array) -> Array:
    """W as it is simulated.

    Example:
        >>> scaled(np.array([[3.0, 4.0], [0.0, 5.0]])).round(9).tolist()  # both neurons' norms are 5
        [[1.8, 2.4], [0.0, 3.0]]
    """
    norms: Array = np.linalg.norm(weight, axis=1)
    return weight * (STRENGTH / np.sqrt(np.mean(norms**2)))


def connect(
    pre: Any, post: Any, equations: str, initial: dict[str, Array], name: str = "synapses", **written: Any
) -> b2.Synapses:
    """Synapses from all to all, row by row of `[L, K]`, with their variables as given.

    Args:
        pre: lower neurons; `post`: upper ones.
        equations: of a synapse; `initial`: values of its variables, each `[L, K]`; `name`: of all of them.
        written: what Brian2's Synapses takes besides.
    """
    synapses = b2.Synapses(pre, post, equations, clock=post.clock, name=name, **written)
    rows, columns = np.indices((len(post), len(pre))).reshape(2, -1)
    synapses.connect(i=columns, j=rows)
    for name, values in initial.items():
        setattr(synapses, name, values.ravel())
    return synapses


def relay(pre: b2.NeuronGroup, post: b2.NeuronGroup, weight: float) -> b2.Synapses:
    """Synapses from each neuron to the one of the same number, all of one weight."""
    synapses = b2.Synapses(pre, post, on_pre=RELAY, namespace={"weight": weight}, clock=post.clock)
    synapses.connect(j="i")
    return synapses


def raster(monitor: b2.SpikeMonitor, steps: int, dt: b2.Quantity) -> NDArray[np.bool_]:
    """Spikes as `[steps, 1, N]`."""
    spk = np.zeros((steps, 1, len(monitor.source)), dtype=bool)
    when = np.rint(np.asarray(monitor.t / dt)).astype(int)
    spk[when[when < steps], 0, np.asarray(monitor.i)[when < steps]] = True
    return spk


def states(monitor: b2.StateMonitor, variable: str) -> Array:
    """A variable of neurons as `[T, 1, N]`."""
    return np.array(getattr(monitor, variable)).T[:, None]


def check(weight: Array, feedback: Array, drive: Array, held: int, phase: int) -> None:
    """Refuses what does not fit together.

    Raises:
        ValueError: for shapes that do not fit, a drive that is no probability, or a time that is no whole phases.
    """
    if np.ndim(weight) != 2 or np.shape(weight) != np.shape(feedback):
        raise ValueError(f"weight and feedback must both be [out, in], got {np.shape(weight)} and {np.shape(feedback)}")
    if np.ndim(drive) != 2 or np.shape(drive)[1] != weight.shape[1] or not ((drive >= 0) & (drive <= 1)).all():
        raise ValueError(f"drive must be probabilities [n, {weight.shape[1]}], got shape {np.shape(drive)}")
    if held < 1 or phase < 1 or not len(drive) or len(drive) * held % phase:
        raise ValueError(f"a drive of {len(drive)} × {held} steps is no whole number of phases of {phase} steps")
