"""The cortical microcircuit in Brian2: an apical dendrite that holds the error, and feedback that finds its weight.

One input (0), one hidden (1) and one output neuron (2), and an interneuron (I) beside the hidden one. All are
stochastic: z is 1 for T_ref after a spike, a rectangular potential, and the neuron is refractory; else it fires with

    P = phi(u) = 1 / (1 + T_ref exp(-u)) per step          (here T_ref counts steps)
    u_1 = b + v_1 + l B12 z_2 - l_I B12 z_I,   v_1 = W10 z_0,   u_I = b + v_2
    u_2 = b + v_2 + nudging (target - b - <v_2>),   v_2 = W21 z_1

<.> is the mean over a window of steps before this one. A pattern is a drive of the input neuron and a target, and is
shown for one of two ends. In learning l = l_I is small, and after a lag, at the spikes of the lower neuron,

    dW10 = eta_1 [phi(<u_1>) - phi(b + <v_1>)],   dW21 = eta_2 [phi(<u_2>) - phi(b + <v_2>)]

In aligning l is 1 and l_I is 0, and B12 learns from spikes: at those of the output neuron it gains eta times the trace
of the hidden one, at those of the hidden neuron it loses eta times that of the output neuron. Every spike leaves a
trace of 1, which decays with T_ref and is seen from the next step on.

As there is one neuron of each kind, a weight is a variable of the neuron that it leads to, which is how the
interneuron shares W21 and the hidden neuron's two apical synapses share B12: the self-predicting state, which is set.
The window is a ring of neurons, each of which keeps the values of one step.

Reference:
    T. Gierlich, A. Baumbach, A. F. Kungl, K. Max, M. A. Petrovici, "Weight transport through spike timing for robust
    local gradients", Nature Communications 17, 8699, 2026, https://arxiv.org/abs/2503.02642
"""

from dataclasses import dataclass
from typing import Any

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .simulation import run_whole
from .trace import Trace

DT = 1 * b2.ms
NAMES = ("input", "hidden", "inter", "output")

SPIKING = """
z = int(timestep(t - spiked, dt) <= timestep(T_ref, dt)) : 1     # the potential; while it lasts, no spike
spiked : second                                                  # when it last did
"""
INPUT = SPIKING + "u = drive(t) : 1"
HIDDEN = (
    SPIKING
    + """
u = bias + v + api(t) * top + lateral(t) * side : 1
v : 1                          # basal potential
top : 1                        # what comes back from the output neuron
side : 1                       # and what the interneuron takes off it
u_mean : 1
v_mean : 1
dx/dt = -x / T_ref : 1         # trace
w : 1                          # W10
b : 1                          # B12
w_above : 1 (linked)           # W21
"""
)
INTER = SPIKING + "u = bias_above + v : 1\nv : 1\nw : 1 (linked)"
OUTPUT = (
    SPIKING
    + """
u = bias_above + v + nudged(t) * nudging * (target(t) - bias_above - v_mean) : 1
v : 1
u_mean : 1
v_mean : 1
dx/dt = -x / T_ref : 1
w : 1                          # W21
"""
)
THRESHOLD = "z == 0 and noise(t, {n}) < 1 / (1 + T_ref / dt * exp(-u))"
KEPT = "u_now : 1 (linked)\nv_now : 1 (linked)\nu_kept : 1\nv_kept : 1"
KEEP = """
u_kept = u_kept + int(i == timestep(t, dt) % window) * (u_now - u_kept)
v_kept = v_kept + int(i == timestep(t, dt) % window) * (v_now - v_kept)
"""
MEAN = "u_mean_post = u_kept_pre / window : 1 (summed)\nv_mean_post = v_kept_pre / window : 1 (summed)"
PHI = "1 / (1 + T_ref / dt * exp(-({})))"
LEARN = "w_post += learn(t) * {eta} * (" + PHI.format("u_mean_post") + " - " + PHI.format("{bias} + v_mean_post") + ")"
ON_UPPER = "b_post += align(t) * eta_back * x_post"  # traces grow in Brian2's last slot, `resets`
ON_LOWER = "b_post -= align(t) * eta_back * x_pre"


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is simulated.

    Args:
        noise: uniform numbers in [0, 1), for input, hidden, inter and output neuron, `[T, 4]`.
        drive: of the input neuron in each pattern, `[P]`; `target`: of the output neuron's drive; P divides T.
        aligning: of each pattern, whether it is shown for the feedback; `taught`: whether there is a target.
        weights: W10, W21 and B12 at the start.
        refractory: T_ref; `window`: of the means; `lag`: before W learns: all in steps.
        apical: l in learning; `nudging`; `eta`: of W10, W21 and B12.
        bias: of the hidden and of the output neuron.
        copied: whether B12 is W21 at every step, in place of learning.

    Raises:
        ValueError: for sizes that do not fit.

    Example:
        >>> one = np.ones(2)
        >>> Lesson(np.ones((20, 4)), one, one, one == 0, one == 1, (1, 1, 1), window=5, lag=0).steps
        10
    """

    noise: NDArray[np.floating]
    drive: NDArray[np.floating]
    target: NDArray[np.floating]
    aligning: NDArray[np.bool_]
    taught: NDArray[np.bool_]
    weights: tuple[float, float, float]
    refractory: int = 10
    window: int = 2000
    lag: int = 2000
    apical: float = 0.02
    nudging: float = 0.6
    eta: tuple[float, float, float] = (0.2, 0.003, 0.001)
    bias: tuple[float, float] = (-1.0, -1.0)
    copied: bool = False

    def __post_init__(self) -> None:
        shapes = {np.shape(each) for each in (self.drive, self.target, self.aligning, self.taught)}
        if len(shapes) != 1 or np.ndim(self.noise) != 2 or len(self.noise) % len(self.drive):
            raise ValueError(f"noise must be [T, 4], the rest [P], where P divides T, got {self.noise.shape}, {shapes}")

    @property
    def steps(self) -> int:
        """Of a pattern."""
        return len(self.noise) // len(self.drive)


def namespace(lesson: Lesson, dt: b2.Quantity) -> dict[str, Any]:
    """All constants, and what changes from pattern to pattern, as functions of time."""
    late = np.tile(np.arange(lesson.steps) >= lesson.lag, len(lesson.drive))
    learn = late & np.repeat(lesson.taught & ~lesson.aligning, lesson.steps)
    patterns = {
        "drive": lesson.drive,
        "target": lesson.target,
        "nudged": lesson.taught,
        "api": np.where(lesson.aligning, 1.0, lesson.apical),
        "lateral": np.where(lesson.aligning, 0.0, lesson.apical),
        "align": lesson.aligning & (not lesson.copied),
    }
    held = {n: b2.TimedArray(v.astype(float), dt=lesson.steps * dt, name=f"mc_{n}") for n, v in patterns.items()}
    own = {"learn": learn.astype(float), "noise": lesson.noise}
    each = {n: b2.TimedArray(v, dt=dt, name=f"mc_{n}") for n, v in own.items()}
    names = ("eta", "eta_above", "eta_back", "bias", "bias_above")
    constants = dict(zip(names, (*lesson.eta, *lesson.bias), strict=True))
    more = {"T_ref": lesson.refractory * dt, "nudging": lesson.nudging, "window": lesson.window}
    return {**held, **each, **constants, **more}


def neurons(lesson: Lesson, names: dict[str, Any], dt: b2.Quantity) -> dict[str, b2.NeuronGroup]:
    """The four neurons, silent for long."""
    found = {}
    for number, (name, equations) in enumerate(zip(NAMES, (INPUT, HIDDEN, INTER, OUTPUT), strict=True)):
        reset = "spiked = t; x += 1" if "dx/dt" in equations else "spiked = t"
        options: dict[str, Any] = {"method": "exact"} if "dx/dt" in equations else {}
        threshold = THRESHOLD.format(n=number)
        group = b2.NeuronGroup(
            1, equations, threshold=threshold, reset=reset, namespace=names, dt=dt, name=name, **options
        )
        group.spiked = -(lesson.refractory + 1) * dt
        found[name] = group
    found["hidden"].w, found["output"].w, found["hidden"].b = lesson.weights
    found["hidden"].w_above = b2.linked_var(found["output"], "w")
    found["inter"].w = b2.linked_var(found["output"], "w")
    if lesson.copied:
        found["hidden"].run_regularly("b = w_above", when="start")
    return found


def connect(group: dict[str, b2.NeuronGroup], names: dict[str, Any], dt: b2.Quantity) -> list[b2.Synapses]:
    """All synapses; those that learn do so at the spikes of both ends."""
    wires: list[tuple[str, str, str, dict[str, Any]]] = [
        ("input", "hidden", "v_post = w_post * z_pre : 1 (summed)", {"on_pre": LEARN.format(eta="eta", bias="bias")}),
        ("hidden", "inter", "v_post = w_post * z_pre : 1 (summed)", {}),
        (
            "hidden",
            "output",
            "v_post = w_post * z_pre : 1 (summed)",
            {"on_pre": LEARN.format(eta="eta_above", bias="bias_above")},
        ),
        ("output", "hidden", "top_post = b_post * z_pre : 1 (summed)", {"on_pre": ON_UPPER, "on_post": ON_LOWER}),
        ("inter", "hidden", "side_post = -b_post * z_pre : 1 (summed)", {}),
    ]
    made = []
    for pre, post, equations, learning in wires:
        synapse = b2.Synapses(
            group[pre], group[post], equations, namespace=names, dt=dt, name=f"{pre}_{post}", **learning
        )
        synapse.connect()
        made.append(synapse)
    return made


def build(lesson: Lesson, dt: b2.Quantity = DT) -> b2.Network:
    """The circuit with its memories, and monitors of spikes, drives and weights."""
    names = namespace(lesson, dt)
    group = neurons(lesson, names, dt)
    parts: list[Any] = [*group.values(), *connect(group, names, dt)]
    for name in ("hidden", "output"):
        ring = b2.NeuronGroup(lesson.window, KEPT, namespace=names, dt=dt, name=f"{name}_ring")
        ring.u_now, ring.v_now = (b2.linked_var(group[name], each, index=np.zeros(lesson.window, int)) for each in "uv")
        ring.run_regularly(KEEP, when="before_thresholds")
        mean = b2.Synapses(ring, group[name], MEAN, namespace=names, dt=dt, name=f"{name}_mean")
        mean.connect()
        watched = ("w", "b") if name == "hidden" else ("w",)
        parts += [ring, mean, b2.StateMonitor(group[name], watched, record=True, when="end", name=f"{name}_weights")]
        parts += [b2.StateMonitor(group[name], "u", record=True, when="before_thresholds", name=f"{name}_u")]
    return b2.Network(*parts, *(b2.SpikeMonitor(each, name=f"{name}_spk") for name, each in group.items()))


def run(lesson: Lesson, dt: b2.Quantity = DT) -> Trace:
    """Simulates all patterns, one after the other.

    Returns:
        At each step "spk" `[T, 1, 1]` of the four neurons; "v", the whole drive u, of "hidden" and "output"; and
        weights, `[T, 1, 1]`: "w" of both and "b" of "hidden".

    Example:
        >>> b2.prefs.codegen.target = "numpy"
        >>> sure = np.zeros((6, 4))  # every neuron fires whenever it may
        >>> one, no = np.ones(1), np.zeros(1, bool)
        >>> trace = run(Lesson(sure, one, one, no, no, (1, 1, 1), refractory=2, window=3, lag=0))
        >>> trace["hidden", "spk"].ravel().tolist()
        [True, False, False, True, False, False]
    """
    network, arrays = build(lesson, dt), {}
    run_whole(network, len(lesson.noise) * dt)
    for name in NAMES:
        spikes, spk = network[f"{name}_spk"], np.zeros((len(lesson.noise), 1, 1), dtype=bool)
        spk[np.rint(np.asarray(spikes.t / dt)).astype(int)] = True
        arrays[name, "spk"] = spk
    for name in ("hidden", "output"):
        arrays[name, "v"] = np.array(network[f"{name}_u"].u).T[:, None]
        arrays[name, "w"] = np.array(network[f"{name}_weights"].w).T[:, None]
    arrays["hidden", "b"] = np.array(network["hidden_weights"].b).T[:, None]
    return Trace(arrays, dict.fromkeys(("spk", "v", "w", "b"), "1"), float(dt / b2.ms))
