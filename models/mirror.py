"""The weight mirror in Brian2: B follows the covariance of what noise does below and above, and decays.

    after a phase of n stimuli:    b_ij += eta (mean((n_i - mean(n_i)) (n_j - mean(n_j))) - decay b_ij)

n_j, n_i are the spikes of a lower and an upper neuron during a stimulus of 100 ms, in which Poisson neurons below, a
fifth of them, drive LIF neurons above through W (`models/noise.py`). A synapse adds up n_i n_j stimulus by stimulus and
each neuron its own n, which is all that the covariance needs when the phase is over.

The linear form has no spikes. In a step, a stimulus x of variance 1 is below and y = W x above, and

    after a phase of n stimuli:    b_ij += eta (mean(y_i x_j) - decay b_ij)

What ends with a step is added up at the beginning of the next one, so that a run has one step more than its stimuli.

On one core 800 steps of 8 → 8 neurons take 0.4 s in Brian2's numpy target, 2,000 of 50 → 50 take 0.9 s. To compile
takes a minute with Cython, the first time only, and half a minute with C++ standalone.

References:
    M. Akrout, C. Wilson, P. C. Humphreys, T. Lillicrap, D. Tweed, "Deep learning without weight transport", NeurIPS
    2019, https://arxiv.org/abs/1904.05391
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
STIMULUS = 100 * b2.ms
ETA, DECAY = 0.3, 1.0

COUNTS = """
count : 1       # spikes in this stimulus
total : 1       # in those before, of this phase
"""
SPIKE = "count += 1"

SYNAPSES = """
w : 1 (constant)
b : 1
product : 1     # sum of what both ends did together, over the stimuli of this phase
"""
TOGETHER = "product += count_post * count_pre"
NEXT_STIMULUS = "total += count; count = 0"
LEARN = """
b += int(t > 0 * ms) * eta * ((product - total_post * total_pre / stimuli) / stimuli - decay * b)
product = 0
"""
NEXT_PHASE = "total = 0"

LINEAR = SYNAPSES + "y_post = w * x_pre : 1 (summed)"
TOGETHER_LINEAR = "product += y_post * x_pre"
LEARN_LINEAR = """
b += int(t > 0 * ms) * eta * (product / stimuli - decay * b)
product = 0
"""


def build(
    weight: Array, feedback: Array, drive: Array, *, stimuli: int, held: int = 1, eta: float = ETA, decay: float = DECAY
) -> b2.Network:
    """The two populations and their synapses, with monitors.

    Args:
        weight: W `[L, K]`, K neurons below and L above; scaled here.
        feedback: B before the first phase, `[L, K]`.
        drive: probabilities of a spike of the lower neurons per step, `[n, K]`, 1 and 0 for known spikes.
        stimuli: in a phase, after which neurons begin anew.
        held: steps that each row of the drive is held.
        eta: learning rate, of a phase; `decay` of B.

    Raises:
        ValueError: where shapes do not fit, or the drive is not one.
    """
    phase = stimuli * round(STIMULUS / DT)
    noise.check(weight, feedback, drive, held, phase)
    clock, up = b2.Clock(DT), noise.scaled(weight)
    below = noise.lower(drive, held, clock, COUNTS, SPIKE)
    above = noise.upper(up, phase, clock, True, COUNTS, SPIKE)
    synapses = noise.connect(
        below,
        above,
        SYNAPSES,
        {"w": up, "b": feedback},
        on_pre=noise.ON_PRE,
        namespace={"eta": eta, "decay": decay, "stimuli": stimuli},
    )
    synapses.run_regularly(TOGETHER, dt=STIMULUS)
    synapses.run_regularly(LEARN, dt=phase * DT, order=2)
    for group in (below, above):
        group.run_regularly(NEXT_STIMULUS, dt=STIMULUS, order=1)
        group.run_regularly(NEXT_PHASE, dt=phase * DT, order=3)
    return b2.Network(
        [below, above, synapses],
        b2.SpikeMonitor(below, name="lower_spk"),
        b2.SpikeMonitor(above, name="upper_spk"),
        b2.StateMonitor(above, "v", record=True, when="thresholds", clock=clock, name="upper_v"),
        b2.StateMonitor(below, "count", record=True, dt=STIMULUS, order=-1, name="lower_n"),
        b2.StateMonitor(above, "count", record=True, dt=STIMULUS, order=-1, name="upper_n"),
        b2.StateMonitor(synapses, "b", record=True, dt=phase * DT, order=4, name="synapses_b"),
    )


def run(weight: Array, feedback: Array, drive: Array, *, held: int = 1, **options: Any) -> Trace:
    """Builds the network, as `build` takes it, and simulates the whole drive in one run.

    Poisson spikes come from Brian2's own random numbers: call `b2.seed` before.

    Returns:
        Of the populations "lower" and "upper" spk, and of "upper" v, as it meets the threshold, `[steps, 1, N]`; of
        both the counts n of each stimulus, `[stimuli, 1, N]`; of "synapses" b after each phase, `[phases, L, K]`.

    Example:
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> b2.seed(0)
        >>> rng = np.random.default_rng(0)
        >>> weight, drive = rng.normal(size=(10, 20)), noise.groups(20, 20, rng)
        >>> trace = run(weight, np.zeros((10, 20)), drive, held=100, stimuli=20)
        >>> bool(np.corrcoef(trace["synapses", "b"][-1].ravel(), weight.ravel())[0, 1] > 0.4)
        True
    """
    network, steps = build(weight, feedback, drive, held=held, **options), len(drive) * held
    run_whole(network, (steps + 1) * DT)
    b = np.array(network["synapses_b"].b).T[1:].reshape(-1, len(network["upper"]), len(network["lower"]))
    arrays = {
        ("lower", "spk"): noise.raster(network["lower_spk"], steps, DT),
        ("upper", "v"): noise.states(network["upper_v"], "v")[:steps],
        ("upper", "spk"): noise.raster(network["upper_spk"], steps, DT),
        ("lower", "n"): noise.states(network["lower_n"], "count")[1:],
        ("upper", "n"): noise.states(network["upper_n"], "count")[1:],
        ("synapses", "b"): b,
    }
    every = {"n": round(STIMULUS / DT), "b": steps // len(b)}
    return Trace(arrays, {"v": "1", "spk": "1", "n": "1", "b": "1"}, dt=float(DT / b2.ms), every=every)


def run_linear(
    weight: Array, feedback: Array, stimulus: Array, *, stimuli: int, eta: float = ETA, decay: float = DECAY
) -> Trace:
    """The linear form, simulated in one run of a step per stimulus.

    Args:
        weight: W `[L, K]`; not scaled.
        feedback: B before the first phase, `[L, K]`.
        stimulus: x, `[n, K]`.
        stimuli: in a phase.
        eta: learning rate, of a phase; `decay` of B.

    Returns:
        Of "lower" x and of "upper" y, `[n, 1, N]`, and of "synapses" b after each phase, `[phases, L, K]`.

    Raises:
        ValueError: where shapes do not fit.

    Example:
        >>> trace = run_linear(np.array([[3.0]]), np.zeros((1, 1)), np.array([[1.0], [-1.0]]), stimuli=2, eta=0.5)
        >>> trace["upper", "y"].ravel().tolist(), trace["synapses", "b"].ravel().tolist()  # half of the way to W
        ([3.0, -3.0], [1.5])
    """
    noise.check(weight, feedback, np.zeros_like(stimulus), 1, stimuli)
    clock, phase = b2.Clock(STIMULUS), stimuli * STIMULUS
    values = b2.TimedArray(stimulus, dt=STIMULUS)
    below = b2.NeuronGroup(stimulus.shape[1], "x : 1", namespace={"stimulus": values}, clock=clock)
    below.run_regularly("x = stimulus(t, i)", when="start")
    above = b2.NeuronGroup(len(weight), "y : 1", clock=clock)
    constants = {"eta": eta, "decay": decay, "stimuli": stimuli}
    synapses = noise.connect(below, above, LINEAR, {"w": weight, "b": feedback}, namespace=constants)
    synapses.run_regularly(TOGETHER_LINEAR, when="synapses")
    synapses.run_regularly(LEARN_LINEAR, dt=phase)
    states = [b2.StateMonitor(*of, record=True, when="end", clock=clock) for of in ((below, "x"), (above, "y"))]
    learned = b2.StateMonitor(synapses, "b", record=True, dt=phase, order=1)
    run_whole(b2.Network(below, above, synapses, states, learned), (len(stimulus) + 1) * STIMULUS)
    arrays = {
        ("lower", "x"): noise.states(states[0], "x")[:-1],
        ("upper", "y"): noise.states(states[1], "y")[:-1],
        ("synapses", "b"): np.array(learned.b).T[1:].reshape(-1, *weight.shape),
    }
    return Trace(arrays, {"x": "1", "y": "1", "b": "1"}, dt=float(STIMULUS / b2.ms), every={"b": stimuli})
