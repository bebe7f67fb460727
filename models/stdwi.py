"""Spike-timing-dependent weight inference in Brian2: B follows the spikes below that precede a spike above.

    x_f' = -x_f / tau_f + S_pre,    x_s' = -x_s / tau_s + a_s S_pre
    on each spike of the upper neuron i:    b_ij += eta ((x_f,j - x_s,j) - decay b_ij)

The two traces have equal areas, counted in steps, so that their difference is zero on average whatever the rate:
a_s = (e^(dt/tau_s) - 1) / (e^(dt/tau_f) - 1), which is tau_f / tau_s for short steps. They begin at their means. A
spike below at the very step of one above is not in the trace yet.

Poisson neurons below drive LIF neurons above through W (`models/noise.py`); b carries nothing. One synapse holds both,
w for the way up and b for the way down.

On one core 400 steps of 10 → 10 neurons take 0.3 s in Brian2's numpy target, 2,000 of 50 → 50 take 0.7 s. To compile
takes a minute with Cython, the first time only, and half a minute with C++ standalone.

Reference:
    N. Ahmad, L. Ambrogioni, M. A. J. van Gerven, "Overcoming the weight transport problem via spike-timing-dependent
    weight inference", 2020, https://arxiv.org/abs/2003.03988
"""

from typing import Any

import brian2.only as b2
import numpy as np

from . import noise
from .noise import Array
from .simulation import run_whole
from .trace import Trace

DT = 1 * b2.ms
TAU_FAST, TAU_SLOW = 20 * b2.ms, 200 * b2.ms
ETA, DECAY = 0.005, 0.1

EQUATIONS = """
dx_fast/dt = -x_fast / tau_fast : 1
dx_slow/dt = -x_slow / tau_slow : 1
x = x_fast - x_slow : 1
"""
SPIKE = "x_fast += 1; x_slow += a_slow"
BEGIN = "x_fast = start; x_slow = start"

SYNAPSES = """
w : 1 (constant)
b : 1
"""
ON_POST = "b += eta * (x_pre - decay * b)"


def build(
    weight: Array,
    feedback: Array,
    drive: Array,
    *,
    phase: int,
    held: int = 1,
    dt: b2.Quantity = DT,
    eta: float = ETA,
    centred: bool = True,
) -> b2.Network:
    """The two populations and their synapses, with monitors.

    Args:
        weight: W `[L, K]`, K neurons below and L above; scaled here.
        feedback: B before the first phase, `[L, K]`.
        drive: probabilities of a spike of the lower neurons per step, `[n, K]`, 1 and 0 for known spikes.
        phase: steps after which neurons and traces begin anew.
        held: steps that each row of the drive is held.
        dt: the time step.
        eta: learning rate, of a spike.
        centred: whether the drive of the upper neurons is centred.

    Raises:
        ValueError: where shapes do not fit, or the drive is not one.
    """
    noise.check(weight, feedback, drive, held, phase)
    clock, up = b2.Clock(dt), noise.scaled(weight)
    area = np.expm1(float(dt / TAU_FAST))
    constants: dict[str, Any] = {"tau_fast": TAU_FAST, "tau_slow": TAU_SLOW}
    constants |= {"a_slow": np.expm1(float(dt / TAU_SLOW)) / area, "start": noise.mean_rate(up.shape[1], dt) / area}
    below = noise.lower(drive, held, clock, EQUATIONS, SPIKE, **constants)
    below.run_regularly(BEGIN, dt=phase * dt, when="groups", order=1)
    above = noise.upper(up, phase, clock, centred)
    synapses = noise.connect(
        below,
        above,
        SYNAPSES,
        {"w": up, "b": feedback},
        on_pre=noise.ON_PRE,
        on_post=ON_POST,
        namespace={"eta": eta, "decay": DECAY},
    )
    return b2.Network(
        [below, above, synapses],
        b2.SpikeMonitor(below, name="lower_spk"),
        b2.SpikeMonitor(above, name="upper_spk"),
        b2.StateMonitor(below, "x", record=True, when="thresholds", clock=clock, name="lower_x"),
        b2.StateMonitor(above, "v", record=True, when="thresholds", clock=clock, name="upper_v"),
        b2.StateMonitor(synapses, "b", record=True, dt=phase * dt, name="synapses_b"),
    )


def run(weight: Array, feedback: Array, drive: Array, *, held: int = 1, **options: Any) -> Trace:
    """Builds the network, as `build` takes it, and simulates the whole drive in one run.

    Poisson spikes come from Brian2's own random numbers: call `b2.seed` before.

    Returns:
        Of the population "lower" x and spk, of "upper" v, as it meets the threshold, and spk, `[steps, 1, N]`, and of
        "synapses" b after each phase, `[phases, L, K]`.

    Example:
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> b2.seed(0)
        >>> rng = np.random.default_rng(0)
        >>> weight, drive = rng.normal(size=(10, 20)), noise.groups(20, 40, rng)
        >>> trace = run(weight, np.zeros((10, 20)), drive, held=25, phase=1000)
        >>> bool(np.corrcoef(trace["synapses", "b"][-1].ravel(), weight.ravel())[0, 1] > 0.4)
        True
    """
    network, steps = build(weight, feedback, drive, held=held, **options), len(drive) * held
    clock, synapses = network["upper"].clock, network["synapses"]
    run_whole(network, steps * clock.dt)
    before, shape = np.array(network["synapses_b"].b).T, (-1, len(network["upper"]), len(network["lower"]))
    arrays = {
        ("lower", "x"): noise.states(network["lower_x"], "x"),
        ("lower", "spk"): noise.raster(network["lower_spk"], steps, clock.dt),
        ("upper", "v"): noise.states(network["upper_v"], "v"),
        ("upper", "spk"): noise.raster(network["upper_spk"], steps, clock.dt),
        ("synapses", "b"): np.concatenate([before[1:], np.array(synapses.b)[None]]).reshape(shape),
    }
    units = {"x": "1", "v": "1", "spk": "1", "b": "1"}
    return Trace(arrays, units, dt=float(clock.dt / b2.ms), every={"b": steps // len(before)})
