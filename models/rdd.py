"""Regression discontinuity in Brian2: B is the jump that the neurons above show at a neuron's threshold.

    dv/dt = -g_L v + g_D (cur - v), by Euler's method;  a spike where v > 1, then v = -1 and 3 whole steps at rest
    cur, x: spikes, those into and those of a neuron, filtered by (e^(-t/10 ms) - e^(-t/3 ms)) / 7 ms

A window of 30 ms opens for a lower neuron i where |theta - v_i| <= alpha, if none is open. In it u_i goes on from v_i
without reset. When it closes, with u_max the largest u_i and R_ij the mean of x_j over it minus x_j just before it,
the line for windows with a spike of i, or without, takes one step down the gradient of its squared error:

    R_ij = c2 u_max + c0 with a spike,  R_ij = c3 u_max + c1 without
    beta_ij = (c2 theta + c0) - (c3 theta + c1),  B_ij = beta_ij std(B0) / std(beta) after each phase

Windows open and close by events of Brian2's. The order of a step: exponentials decay and membranes move (`groups`),
spikes are found (`thresholds`), windows open, run and close (`openings`, `inside`, `closings`), spikes are delivered
(`synapses`) and neurons reset (`resets`). So v is seen as it meets the threshold, and what a spike leaves is seen from
the next step on. No window opens that would outlast its phase, or in its first step, when membranes are at rest.
Currents live in groups of their own, which are integrated exactly, before the membranes.

Poisson neurons drive a fifth of the lower neurons, one each, by weight 4; these drive the upper ones through W, scaled
to a standard deviation of 20, spikefa's choice (the paper: 0.2 times the fan-in). On one core 3,000 steps of 8 → 8
neurons take 2 s in Brian2's numpy target; to compile takes one to three minutes.

Reference:
    J. Guerguiev, K. P. Kording, B. A. Richards, "Spike-based causal inference for weight alignment", ICLR 2020,
    https://arxiv.org/abs/1910.01689
"""

from typing import Any

import brian2.only as b2
import numpy as np

from . import noise
from .noise import Array
from .simulation import run_whole
from .trace import Trace

DT = 1 * b2.ms
G_L, G_D = 100 * b2.Hz, 600 * b2.Hz
THETA, REFRACTORY = 1.0, 3 * b2.ms
INPUT, SCALE = 4.0, 20.0  # weight of an input spike; standard deviation of the weights
WINDOW, ALPHA, ETA = 30, 0.1, 1e-3  # steps; half the width of the band in which one opens; of a window

SCHEDULE = ["start", "groups", "thresholds", "openings", "inside", "closings", "synapses", "resets", "end"]

MEMBRANE = """
dv/dt = -g_L * v + g_D * (cur - v) : 1 (unless refractory)
cur : 1 (linked)
"""
REFRESH = "lastspike = -1e4 * second; not_refractory = True"
WINDOWS = """
du/dt = -g_L * u + g_D * (cur - u) : 1  # the drive: v without reset
left : integer                          # steps of the open window that remain, this one included
peak : 1
spiked : 1
with_spike : 1                          # windows so far
without : 1
now = t_in_timesteps % phase : integer
"""
EVENTS = {
    "opening": "left == 0 and abs(theta - v) <= alpha and now <= phase - window",
    "closing": "left == 1",
}
OPEN = "u = v; peak = v; spiked = 0; left = window"
INSIDE = "peak = clip(u, peak, inf); spiked = clip(spiked + int(v > theta), 0, 1)"
CLOSE = "with_spike += spiked; without += 1 - spiked"
PASS = "left = clip(left - 1, 0, window)"

LINE = ("c0", "c1", "c2", "c3")
LINES = """
c0 : 1
c1 : 1
c2 : 1
c3 : 1
before : 1                              # x of the upper neuron just before the window
area : 1                                # its sum over the window
"""
ON_OPENING = "before = x_before_post; area = 0"
SUM = "area += x_post"
ON_CLOSING = """
response = area / window - before
error_with = spiked_pre * (c2 * peak_pre + c0 - response)
error_without = (1 - spiked_pre) * (c3 * peak_pre + c1 - response)
c2 -= eta * error_with * peak_pre
c0 -= eta * error_with
c3 -= eta * error_without * peak_pre
c1 -= eta * error_without
"""


def neurons(cur: b2.NeuronGroup, phase: int, name: str, equations: str = "", **options: Any) -> b2.NeuronGroup:
    """LIF neurons that get the currents of a group of filters; `equations` and Brian2's `options` besides."""
    constants = {"g_L": G_L, "g_D": G_D, "theta": THETA, "alpha": ALPHA, "window": WINDOW, "phase": phase}
    group = b2.NeuronGroup(
        len(cur),
        MEMBRANE + equations,
        threshold="v > theta",
        reset="v = -1",
        refractory=REFRACTORY + DT,  # the step of the spike, and three more
        method="euler",
        namespace=constants,
        clock=cur.clock,
        name=name,
        **options,
    )
    group.cur = b2.linked_var(cur, "x")
    group.run_regularly(REFRESH, dt=phase * cur.clock.dt)
    group.run_regularly("v = 0", dt=phase * cur.clock.dt, order=1)  # which Brian2 leaves undone for refractory neurons
    return group


def watch(lower: b2.NeuronGroup) -> None:
    """Has the lower neurons keep their windows."""
    for event, slot, code in (("opening", "openings", OPEN), ("closing", "closings", CLOSE)):
        lower.set_event_schedule(event, when=slot)
        lower.run_on_event(event, code, when=slot, order=2)
    lower.run_regularly(INSIDE, when="inside")
    lower.run_regularly(PASS, when="closings", order=3)


def lines(lower: b2.NeuronGroup, x: b2.NeuronGroup, eta: float) -> b2.Synapses:
    """The fitted lines, one pair from each lower neuron to the filtered spikes of each upper one."""
    synapses = noise.connect(
        lower,
        x,
        LINES,
        {},
        name="lines",
        on_pre={"opening": ON_OPENING, "closing": ON_CLOSING},
        on_event={"opening": "opening", "closing": "closing"},
        namespace={"eta": eta, "window": WINDOW},
    )
    synapses.opening.when, synapses.opening.order = "openings", 1
    synapses.closing.when, synapses.closing.order = "closings", 1
    synapses.run_regularly(SUM, when="inside")
    return synapses


def build(weight: Array, drive: Array, *, phase: int, held: int = 1, eta: float = ETA) -> b2.Network:
    """Inputs, the two populations, and the lines, with monitors.

    Args:
        weight: W `[L, K]`, K neurons below and L above; scaled here.
        drive: probabilities of an input spike per step, `[n, K]`, 1 and 0 for known spikes.
        phase: steps after which neurons begin anew.
        held: steps that each row of the drive is held.
        eta: step down the gradient, of a window.

    Raises:
        ValueError: where shapes do not fit, the drive is not one, or a phase has no room for a window.
    """
    noise.check(weight, weight, drive, held, phase)
    if phase <= WINDOW:
        raise ValueError(f"a phase of {phase} steps has no room for a window of {WINDOW} steps")
    clock, (above, below) = b2.Clock(DT), weight.shape
    given = noise.lower(drive, held, clock, name="input")
    into_lower, into_upper, x = (
        noise.filters(count, phase, clock, name) for count, name in ((below, "below"), (above, "above"), (above, "x"))
    )
    lower = neurons(into_lower, phase, "lower", WINDOWS, events=dict(EVENTS))  # which gains a "spike"
    upper = neurons(into_upper, phase, "upper")
    watch(lower)
    up = weight * (SCALE / weight.std())
    forward = noise.connect(lower, into_upper, "w : 1 (constant)", {"w": up}, on_pre=noise.ON_PRE)
    learned = lines(lower, x, eta)
    every: dict[str, Any] = {"record": True, "dt": phase * DT, "order": -1}
    network = b2.Network(
        [given, into_lower, into_upper, x, lower, upper, forward, learned],
        [noise.relay(given, into_lower, INPUT), noise.relay(upper, x, 1.0)],
        b2.SpikeMonitor(lower, name="lower_spk"),
        b2.StateMonitor(lower, ("v", "cur"), record=True, when="openings", order=-1, clock=clock, name="lower_v"),
        b2.StateMonitor(x, "x", record=True, when="openings", clock=clock, name="upper_x"),
        b2.StateMonitor(learned, LINE, name="phases", **every),
        b2.StateMonitor(lower, ("with_spike", "without"), name="windows", **every),
    )
    network.schedule = SCHEDULE
    return network


def simulate(network: b2.Network, steps: int) -> dict[tuple[str, str], Array]:
    """Runs a network that `build` made.

    Returns:
        Of the population "lower" cur, v, as it meets the threshold, and spk, and of "upper" x, `[steps, 1, N]`; after
        each phase the windows without and with a spike of "lower", "windows" `[phases, 2, K]`, and of "lines" c0 to c3,
        `[phases, L, K]`.
    """
    run_whole(network, steps * DT)
    below, above = len(network["lower"]), len(network["x"])
    kinds = [_after(network["windows"], network["lower"], kind) for kind in ("without", "with_spike")]
    arrays = {
        ("lower", "cur"): noise.states(network["lower_v"], "cur"),
        ("lower", "v"): noise.states(network["lower_v"], "v"),
        ("lower", "spk"): noise.raster(network["lower_spk"], steps, DT),
        ("upper", "x"): noise.states(network["upper_x"], "x"),
        ("lower", "windows"): np.stack(kinds, 1),
    }
    for name in LINE:
        found = _after(network["phases"], network["lines"], name)
        arrays["lines", name] = found.reshape(-1, above, below)
    return arrays


def _after(monitor: b2.StateMonitor, group: Any, variable: str) -> Array:
    """A variable after each phase: before each but the first, and at the end."""
    return np.stack([*np.array(getattr(monitor, variable)).T[1:], np.array(getattr(group, variable))])


def effects(arrays: dict[tuple[str, str], Array]) -> Array:
    """beta after each phase, `[phases, L, K]`."""
    c0, c1, c2, c3 = (arrays["lines", name] for name in LINE)
    return (c2 * THETA + c0) - (c3 * THETA + c1)


def scaled(feedback: Array, beta: Array, windows: Array) -> Array:
    """B after each phase: of the size of B0 where there have been windows of both kinds, elsewhere as it was."""
    b, size = [feedback], feedback.std()
    for now, counts in zip(beta, windows, strict=True):
        known = (counts > 0).all(0)
        std = now[:, known].std() if known.any() else 0.0
        b.append(np.where(known, now * (size / std), b[-1]) if std > 0 else b[-1])
    return np.stack(b[1:])


def run(weight: Array, feedback: Array, drive: Array, *, phase: int, held: int = 1, eta: float = ETA) -> Trace:
    """Builds the network, as `build` takes it, and simulates the whole drive in one run.

    Poisson spikes come from Brian2's own random numbers: call `b2.seed` before.

    Args:
        feedback: B before the first phase, `[L, K]`.

    Returns:
        What `simulate` does, and of "synapses" b after each phase, `[phases, L, K]`.

    Example:
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> b2.seed(0)
        >>> rng = np.random.default_rng(0)
        >>> weight, drive = rng.normal(size=(10, 20)), noise.groups(20, 15, rng)
        >>> b = run(weight, rng.normal(size=(10, 20)), drive, held=100, phase=1500)["synapses", "b"]
        >>> bool(np.corrcoef(b[-1].ravel(), weight.ravel())[0, 1] > 0.2)
        True
    """
    noise.check(weight, feedback, drive, held, phase)
    arrays = simulate(build(weight, drive, phase=phase, held=held, eta=eta), len(drive) * held)
    arrays["synapses", "b"] = scaled(feedback, effects(arrays), arrays["lower", "windows"])
    after = ("windows", *LINE, "b")
    units = dict.fromkeys(("cur", "v", "spk", "x", *after), "1")
    return Trace(arrays, units, dt=float(DT / b2.ms), every=dict.fromkeys(after, phase))
