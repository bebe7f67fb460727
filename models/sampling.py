"""A sampling network in Brian2, which learns a distribution as it sleeps, symmetric by the order of spikes.

N stochastic neurons drive each other through W `[N, N]`, onto the first from the second index:

    P(spike of i | z_i = 0) = 1 / (1 + T_ref exp(-(b_i + sum_j W_ij z_j)))

z is 1 for T_ref after a spike, while the neuron is refractory; in this line T_ref counts steps. A synapse from j to i
keeps two windows of the triangular kind, of each spike of one end with the last one of the other. They are `causal`,
where that of i is the later, and `opposite`, where that of j is; spikes of the same step are left out:

    on a spike of i:  causal   += max(0, 1 - (t - t_j) / T_ref)
    on a spike of j:  opposite += max(0, 1 - (t - t_i) / T_ref)

At the end of a cycle, with both windows and the number of spikes divided by the cycle's length in T_ref,

    dW_ij = eta (c*_ij - a_ij (causal + opposite)) + eta_s a'_ij (opposite - causal) - decay W_ij
    db_i  = eta (c*_ii - spikes_i),    and both are kept within +-bound

c* are the moments of the target, a and a' the amplitudes of each synapse's windows of coincidence and of order. Where
the amplitudes act on both phases, a_ij c*_ij stands for c*_ij in dW_ij. Then all neurons start anew, from silence, with
empty windows. SAL has decay = 0, Kolen-Pollack eta_s = 0, plain wake-sleep both.

Reference:
    T. Gierlich, A. Baumbach, A. F. Kungl, K. Max, M. A. Petrovici, "Weight transport through spike timing for robust
    local gradients", Nature Communications 17, 8699, 2026, https://arxiv.org/abs/2503.02642
"""

from dataclasses import dataclass

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .simulation import run_whole
from .trace import Trace

Array = NDArray[np.floating]

DT = 1 * b2.ms

EQUATIONS = """
u : 1                                                            # sum of the potentials
bias : 1
z = int(timestep(t - spiked, dt) <= timestep(T_ref, dt)) : 1     # the potential; while it lasts, no spike
spiked : second                                                  # when it last did
count : 1                                                        # of this cycle
rate : 1                                                         # of the target
"""
FIRE = "z == 0 and drawn(t, i) < 1 / (1 + T_ref / dt * exp(-(bias + u)))"
RESET = """
spiked = t
count += 1
"""
RESTART = "spiked = t - 10 * T_ref; count = 0"
LEARN_BIAS = "bias = clip(bias + eta * (rate - count / duration), -bound, bound)"

SYNAPSES = """
w : 1
u_post = w * z_pre : 1 (summed)
causal : 1
opposite : 1
together : 1 (constant)                                          # of the target, as the synapse feels it
a : 1 (constant)                                                 # amplitudes: of coincidence,
a_order : 1 (constant)                                           # and of order
"""
ON_POST = "causal += clip(1 - (t - spiked_pre) / T_ref, 0, 1)"
ON_PRE = "opposite += clip(1 - (t - spiked_post) / T_ref, 0, 1)"
LEARN = """
coincidence = a * (causal + opposite) / duration
order = a_order * (opposite - causal) / duration
w = clip(w + eta * (together - coincidence) + eta_s * order - decay * w, -bound, bound)
"""
CYCLE_ENDS = "timestep(t, dt) % cycle_steps == cycle_steps - 1"


@dataclass(frozen=True, eq=False)
class Sampler:
    """What is simulated.

    Args:
        weight: W at the start, `[N, N]`, nothing on its diagonal; `bias`: b, `[N]`.
        together: moments c* of the target, `[N, N]`; on the diagonal those of neurons.
        amplitudes: a and a', `[2, N, N]`.
        noise: uniform in [0, 1), `[cycles * steps, N]`.
        cycles: how many; `steps`: of the length dt, in each.
        refractory: T_ref, in steps.
        eta, eta_s, decay, bound: of the rule.
        both: whether amplitudes act on the target's moments too, as on windows of a wake phase.

    Raises:
        ValueError: for sizes that do not fit.
    """

    weight: Array
    bias: Array
    together: Array
    amplitudes: Array
    noise: Array
    cycles: int
    steps: int
    refractory: int
    eta: float
    eta_s: float = 0.0
    decay: float = 0.0
    bound: float = 2.0
    both: bool = False

    def __post_init__(self) -> None:
        square, count = np.shape(self.weight), len(self.bias)
        wanted = (count, count), (2, count, count), (self.cycles * self.steps, count)
        if (given := (square, np.shape(self.amplitudes), np.shape(self.noise))) != wanted:
            raise ValueError(f"weight, amplitudes and noise must have the shapes {wanted}, got {given}")


def neurons(sampler: Sampler, dt: b2.Quantity) -> b2.NeuronGroup:
    """The neurons, which start anew with every cycle."""
    namespace = {
        "T_ref": sampler.refractory * dt,
        "drawn": b2.TimedArray(sampler.noise, dt=dt, name="drawn"),
        "eta": sampler.eta,
        "bound": sampler.bound,
        "duration": sampler.steps / sampler.refractory,
        "cycle_steps": sampler.steps,
    }
    group = b2.NeuronGroup(
        len(sampler.bias),
        EQUATIONS,
        threshold=FIRE,
        reset=RESET,
        events={"cycle_ends": CYCLE_ENDS},
        namespace=namespace,
        dt=dt,
        name="units",
    )
    group.bias, group.rate = sampler.bias, np.diagonal(sampler.together)
    group.run_regularly(RESTART, dt=sampler.steps * dt, when="start", order=1)  # after the monitors
    group.run_on_event("cycle_ends", LEARN_BIAS, when="after_resets")  # the last spikes count
    return group


def synapses(sampler: Sampler, group: b2.NeuronGroup) -> b2.Synapses:
    """The synapses, from every neuron to every other one, in the order of `[N, N]`, row by row."""
    after, before = np.nonzero(~np.eye(len(sampler.bias), dtype=bool))
    names = ("eta", "eta_s", "decay", "bound")
    namespace = {name: getattr(sampler, name) for name in names} | {
        "T_ref": sampler.refractory * group.clock.dt,
        "duration": sampler.steps / sampler.refractory,
    }
    found = b2.Synapses(
        group,
        group,
        SYNAPSES,
        on_pre={"pre": ON_PRE, "learn": LEARN},
        on_post=ON_POST,
        on_event={"pre": "spike", "post": "spike", "learn": "cycle_ends"},
        namespace=namespace,
        dt=group.clock.dt,
        name="synapses",
    )
    found.connect(i=before, j=after)
    found.learn.when = "after_resets"
    felt = sampler.amplitudes[0] * sampler.together if sampler.both else sampler.together
    found.w, found.together = sampler.weight[after, before], felt[after, before]
    for name, amplitude in zip(("a", "a_order"), sampler.amplitudes, strict=True):
        setattr(found, name, amplitude[after, before])
    found.run_regularly("causal = 0; opposite = 0", dt=sampler.steps * group.clock.dt, when="start", order=1)
    return found


def run(sampler: Sampler, dt: b2.Quantity = DT) -> Trace:
    """Builds the network, simulates all cycles in one run, and returns what each of them came to.

    Args:
        sampler: what is simulated.
        dt: the time step; what the network does in a step does not depend on it.

    Returns:
        Of "units", "order" `[cycles, N, N]`, the window of spikes of the first index after those of the second, and
        "count" `[cycles, N]`, both per T_ref, and after the cycle "w" `[cycles, N, N]` and "bias" `[cycles, N]`.

    Example:
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> noise, zeros = np.array([[0.0, 1], [1, 0], [1, 1], [1, 1]]), np.zeros((2, 2))
        >>> ones = np.ones((2, 2, 2))
        >>> sampler = Sampler(zeros, np.zeros(2), zeros, ones, noise, 1, 4, refractory=2, eta=0.0, eta_s=1.0)
        >>> trace = run(sampler)  # the second neuron spikes a step after the first: half a T_ref
        >>> trace["units", "order"][0].tolist(), trace["units", "w"][0].tolist()
        ([[0.0, 0.0], [0.25, 0.0]], [[0.0, 0.25], [-0.25, 0.0]])
    """
    group = neurons(sampler, dt)
    links = synapses(sampler, group)
    often = {"dt": sampler.steps * dt, "when": "start", "order": 0}
    of_units = b2.StateMonitor(group, ("bias", "count"), record=True, name="of_units", **often)
    of_links = b2.StateMonitor(links, ("w", "causal"), record=True, name="of_links", **often)
    run_whole(b2.Network(group, links, of_units, of_links), sampler.cycles * sampler.steps * dt)

    def after(monitor: b2.StateMonitor, source: b2.Group, name: str) -> Array:
        values: Array = np.column_stack([getattr(monitor, name)[:, 1:], getattr(source, name)[:]]).T
        return values

    def square(values: Array) -> Array:
        count = len(sampler.bias)
        found = np.zeros((sampler.cycles, count, count))
        found[:, ~np.eye(count, dtype=bool)] = values
        return found

    duration = sampler.steps / sampler.refractory
    arrays = {
        ("units", "order"): square(after(of_links, links, "causal")) / duration,
        ("units", "count"): after(of_units, group, "count") / duration,
        ("units", "w"): square(after(of_links, links, "w")),
        ("units", "bias"): after(of_units, group, "bias"),
    }
    names = ("order", "count", "w", "bias")
    return Trace(arrays, dict.fromkeys(names, "1"), float(dt / b2.ms), dict.fromkeys(names, sampler.steps))
