"""Spike-based alignment learning in Brian2: two populations in noise, and feedback synapses that find the forward ones.

K lower and L upper neurons drive each other, upwards through W `[L, K]`, downwards through B `[L, K]`:

    u_l = Σ_k W_lk (z_k − c),   u_k = Σ_l B_lk (z_l − c)

z is 1 for T_ref after a spike, a rectangular potential, and 0 otherwise; c is 1/2 where the drive is centred, else 0.
While its z is 1 a neuron is refractory. When it is not, it fires with a probability per step (the paper's neuron), or
where a membrane in noise exceeds a threshold (a leaky integrate-and-fire neuron that fires as often):

    stochastic    P = 1 / (1 + T_ref exp(−(b + u)))
    lif           τ dv/dt = −v + b + u + √(2τ) ξ,   a spike where v > 0.372, then v = 0 while refractory;   τ = T_ref

In the first line T_ref counts steps. Every spike leaves a trace x_n, which decays with τ = T_ref. The window of a
feedback synapse, from upper neuron l to lower neuron k, is the mirror image of the Hebbian one. A spike sees the traces
of spikes before it, not of those in the same step, and B changes at the end of a phase:

    window_lk = Σ_t S_l(t) x_k(t) − S_k(t) x_l(t),   ΔB_lk = η / (2 T_ref) · window_lk

Several phases follow each other in one run. At the start of each the neurons start anew: the time since the last spike
is 1 to 2 T_ref + 1 steps, so that about half are refractory, and traces, windows and membranes are 0. There is one copy
of the network: to average over more spikes, hold longer phases.
A step takes 0.2 to 0.4 ms in Brian2's numpy target for layers of up to 100 neurons; to compile takes about a minute.

Reference:
    T. Gierlich, A. Baumbach, A. F. Kungl, K. Max, M. A. Petrovici, "Weight transport through spike timing for robust
    local gradients", Nature Communications 17, 8699, 2026, https://arxiv.org/abs/2503.02642
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .simulation import run_whole
from .trace import Trace

DT = 1 * b2.ms

EQUATIONS = """
u : 1                                                            # sum of the potentials
bias : 1 (constant)
z = int(timestep(t - spiked, dt) <= timestep(T_ref, dt)) : 1     # the potential; while it lasts, no spike
spiked : second                                                  # when it last did
dx/dt = -x / T_ref : 1                                           # trace
noise : 1
"""
LIF_EQUATIONS = EQUATIONS + "dv/dt = (bias + u - v) / T_ref : 1"
LIF_NOISE = "v = (v + sqrt(1 - exp(-2 * dt / T_ref)) * noise) * (1 - z)"  # of a standard deviation of 1 in v
RESET = """
spiked = t
x += 1
"""
RESTART = "x = 0; spiked = t - dt * {since}"
PHASE_ENDS = "timestep(t, dt) % phase_steps == phase_steps - 1"

FORWARD = """
w : 1 (constant)
u_post = w * (z_pre - centre) : 1 (summed)
"""
FEEDBACK = """
w : 1
u_post = w * (z_pre - centre) : 1 (summed)
window : 1
"""
ON_PRE = "window += x_post"  # traces grow in Brian2's last slot, `resets`: none holds a spike of this step
ON_POST = "window -= x_pre"
LEARN = "w += eta / (2 * T_ref / dt) * window"


class Neuron(NamedTuple):
    """A kind of neuron: its equations and threshold, what it draws at each step, what follows the equations."""

    equations: str
    threshold: str
    draw: str
    after: str = ""


NEURONS = {
    "stochastic": Neuron(EQUATIONS, "z == 0 and noise < 1 / (1 + T_ref / dt * exp(-(bias + u)))", "rand()"),
    "lif": Neuron(LIF_EQUATIONS, "v > 0.372", "randn()", LIF_NOISE),
}


@dataclass(frozen=True, eq=False)
class Chance:
    """Random numbers that another simulator drew, for K lower and then L upper neurons.

    Args:
        since: steps from a neuron's last spike to the start of each phase, 1 or more, `[phases, K + L]`.
        noise: at each step of all phases, `[T, K + L]`: uniform in [0, 1) for stochastic, standard normal for lif.
    """

    since: NDArray[np.integer]
    noise: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Pair:
    """What is simulated.

    Args:
        weight: W `[L, K]`, dimensionless; `feedback`: B at the start, `[L, K]`.
        phases: how many there are; `steps`: of the length dt, in each.
        eta: η; `refractory`: T_ref, in steps.
        neuron: "stochastic" or "lif".
        centred: whether c is 1/2.
        bias: b of the lower and of the upper population.
        chance: None to let Brian2 draw.

    Raises:
        ValueError: for sizes that do not fit, or an unknown neuron.

    Example:
        >>> Pair(np.ones((2, 3)), np.zeros((2, 3)), phases=4, steps=100).sizes
        (3, 2)
    """

    weight: NDArray[np.floating]
    feedback: NDArray[np.floating]
    phases: int
    steps: int
    eta: float = 0.2
    refractory: int = 10
    neuron: str = "stochastic"
    centred: bool = True
    bias: tuple[float, float] = (0.0, 0.0)
    chance: Chance | None = None

    def __post_init__(self) -> None:
        if np.ndim(self.weight) != 2 or np.shape(self.weight) != np.shape(self.feedback):
            shapes = np.shape(self.weight), np.shape(self.feedback)
            raise ValueError(f"weight and feedback must both be [L, K], got shapes {shapes[0]} and {shapes[1]}")
        if not np.isfinite([self.weight, self.feedback]).all():
            raise ValueError("weight and feedback must be finite")
        if self.neuron not in NEURONS:
            raise ValueError(f"neuron must be one of {list(NEURONS)}, got {self.neuron!r}")
        if wrong := {n: v for n in ("phases", "steps", "refractory") if (v := getattr(self, n)) < 1}:
            raise ValueError(f"a run needs 1 or more of each, got {wrong}")
        wanted = (self.phases, sum(self.sizes)), (self.phases * self.steps, sum(self.sizes))
        if (given := self.chance) and (shapes := (np.shape(given.since), np.shape(given.noise))) != wanted:
            raise ValueError(f"chance must have since and noise of shapes {wanted}, got {shapes}")

    @property
    def sizes(self) -> tuple[int, int]:
        """(K, L)."""
        upper, lower = self.weight.shape
        return lower, upper


def population(pair: Pair, number: int, dt: b2.Quantity) -> b2.NeuronGroup:
    """The lower (0) or the upper (1) neurons, which draw and start anew as a phase begins and tell of its end."""
    kind, lower, name = NEURONS[pair.neuron], pair.sizes[0], ("lower", "upper")[number]
    since, draw = "(1 + int(rand() * (2 * T_ref / dt + 1)))", kind.draw
    namespace: dict[str, Any] = {"T_ref": pair.refractory * dt, "phase_steps": pair.steps}
    if pair.chance is not None:
        since, draw, own = "since(t, i)", "drawn(t, i)", slice(lower, None) if number else slice(lower)
        ages, noise = pair.chance.since[:, own].astype(float), pair.chance.noise[:, own]
        namespace["since"] = b2.TimedArray(ages, dt=pair.steps * dt, name=f"{name}_since")
        namespace["drawn"] = b2.TimedArray(noise, dt=dt, name=f"{name}_drawn")  # named: found again if compiled
    group = b2.NeuronGroup(
        pair.sizes[number],
        kind.equations,
        threshold=kind.threshold,
        reset=RESET,
        events={"phase_ends": PHASE_ENDS},
        method="exact",
        namespace=namespace,
        dt=dt,
        name=name,
    )
    group.bias = pair.bias[number]
    restart = RESTART.format(since=since) + ("; v = 0" if "v" in group.variables else "")
    group.run_regularly(restart, dt=pair.steps * dt, when="start")
    group.run_regularly(f"noise = {draw}", when="start")
    if kind.after:
        group.run_regularly(kind.after, when="groups", order=1)
    return group


def connect(pair: Pair, lower: b2.NeuronGroup, upper: b2.NeuronGroup) -> tuple[b2.Synapses, b2.Synapses]:
    """The forward synapses, W, and the feedback synapses, B, which learn; both in the order of `[L, K]`, row by row."""
    dt, (rows, columns) = lower.clock.dt, np.indices(pair.weight.shape).reshape(2, -1)
    namespace = {"centre": 0.5 if pair.centred else 0.0, "eta": pair.eta, "T_ref": pair.refractory * dt}
    forward = b2.Synapses(lower, upper, FORWARD, namespace=namespace, dt=dt, name="forward")
    forward.connect(i=columns, j=rows)
    forward.w = pair.weight.ravel()
    feedback = b2.Synapses(
        upper,
        lower,
        FEEDBACK,
        on_pre={"pre": ON_PRE, "learn": LEARN},
        on_post=ON_POST,
        on_event={"pre": "spike", "post": "spike", "learn": "phase_ends"},
        namespace=namespace,
        dt=dt,
        name="feedback",
    )
    feedback.connect(i=rows, j=columns)
    feedback.w = pair.feedback.ravel()
    feedback.learn.when = "after_synapses"  # the last spikes count
    feedback.run_regularly("window = 0", dt=pair.steps * dt, when="start", order=1)  # after the monitor
    return forward, feedback


def build(pair: Pair, dt: b2.Quantity = DT) -> b2.Network:
    """The whole network, with monitors of the spikes, and of B and the windows at the start of each phase."""
    lower, upper = (population(pair, number, dt) for number in (0, 1))
    forward, feedback = connect(pair, lower, upper)
    monitors = [b2.SpikeMonitor(group, name=f"{group.name}_spk") for group in (lower, upper)]
    often = {"dt": pair.steps * dt, "when": "start", "name": "feedback_phases"}
    phases = b2.StateMonitor(feedback, ("w", "window"), record=True, **often)
    return b2.Network(lower, upper, forward, feedback, *monitors, phases)


def run(pair: Pair, dt: b2.Quantity = DT) -> Trace:
    """Builds the network, simulates all phases in one run, and returns spikes, and B and windows after each phase.

    Args:
        pair: what is simulated; where it has no `chance`, call `b2.seed` before.
        dt: the time step; what the network does in a step does not depend on it.

    Returns:
        "spk" of "lower" and "upper", `[T, 1, N]`, and "b" and "window" of "feedback", `[phases, L, K]`.

    Example:
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> chance = Chance(since=np.full((1, 2), 99), noise=np.array([[0.0, 1], [1, 1], [1, 0], [1, 1]]))
        >>> one = np.ones((1, 1))
        >>> trace = run(Pair(one, 0 * one, phases=1, steps=4, eta=0.4, refractory=2, chance=chance))
        >>> trace["lower", "spk"].ravel().tolist(), trace["upper", "spk"].ravel().tolist()
        ([True, False, False, False], [False, False, True, False])
        >>> round(trace["feedback", "window"].item(), 6), round(trace["feedback", "b"].item(), 6)  # 1/e, 0.4 / 4 of it
        (0.367879, 0.036788)
    """
    network, steps, arrays = build(pair, dt), pair.phases * pair.steps, {}
    run_whole(network, steps * dt)
    for name, size in zip(("lower", "upper"), pair.sizes, strict=True):
        spikes, spk = network[f"{name}_spk"], np.zeros((steps, 1, size), dtype=bool)
        spk[np.rint(np.asarray(spikes.t / dt)).astype(int), 0, spikes.i] = True
        arrays[name, "spk"] = spk
    feedback, phases = network["feedback"], network["feedback_phases"]
    for variable, name in (("window", "window"), ("w", "b")):
        after = np.column_stack([getattr(phases, variable)[:, 1:], getattr(feedback, variable)[:]])
        arrays["feedback", name] = after.T.reshape(pair.phases, *pair.weight.shape)
    units, every = dict.fromkeys(("spk", "window", "b"), "1"), dict.fromkeys(("window", "b"), pair.steps)
    return Trace(arrays, units, float(dt / b2.ms), every)
