"""Dale's law in Brian2: stochastic neurons of either sign, wired in any way, and SAL on excitatory synapses.

    u_n = b_n + Σ_m W_nm z_m,   P = 1 / (1 + T_ref exp(-u)) per step

z is 1 for T_ref after a spike, and the neuron is refractory. Every spike leaves a trace of 1, which decays with T_ref
and is seen from the next step on. A synapse that learns, from m to n, changes at once, and stays at zero or above:

    a spike of m: W_nm + eta x_n      a spike of n: W_nm - eta x_m      (both at once: the second first, then cut at 0)

In the paper two excitatory neurons excite each other, and inhibit each other through an interneuron of their own.

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

DT = 1 * b2.ms

EQUATIONS = """
u : 1                                                            # sum of the potentials
bias : 1 (constant)
z = int(timestep(t - spiked, dt) <= timestep(T_ref, dt)) : 1     # the potential; while it lasts, no spike
spiked : second                                                  # when it last did
dx/dt = -x / T_ref : 1                                           # trace
"""
THRESHOLD = "z == 0 and noise(t, i) < 1 / (1 + T_ref / dt * exp(-(bias + u)))"
RESET = "spiked = t; x += 1"
SYNAPSE = "w : 1\nlearns : 1 (constant)\nu_post = w * z_pre : 1 (summed)"
ON_PRE = "w += learns * eta * x_post"
ON_POST = "w = w * (1 - learns) + learns * clip(w - eta * x_pre, 0, inf)"


@dataclass(frozen=True, eq=False)
class Wired:
    """What is simulated.

    Args:
        weights: W, onto a row's neuron from a column's, `[N, N]`; there is a synapse where one is not 0, or learns.
        bias: b, `[N]`; `learns`: which synapses do, `[N, N]`.
        noise: uniform numbers in [0, 1), `[T, N]`; `eta`; `refractory`: T_ref in steps.

    Raises:
        ValueError: for sizes that do not fit.

    Example:
        >>> Wired(np.eye(2), np.zeros(2), np.eye(2) > 0, np.ones((5, 2))).eta
        0.01
    """

    weights: NDArray[np.floating]
    bias: NDArray[np.floating]
    learns: NDArray[np.bool_]
    noise: NDArray[np.floating]
    eta: float = 0.01
    refractory: int = 25

    def __post_init__(self) -> None:
        count = len(self.bias)
        shapes = np.shape(self.weights), np.shape(self.learns), np.shape(self.noise)[1:]
        if shapes != ((count, count), (count, count), (count,)):
            raise ValueError(f"weights and learns must be [N, N], noise [T, N] for bias [{count}], got {shapes}")


def pair(
    direct: tuple[float, float],
    onto: tuple[float, float],
    off: tuple[float, float],
    bias: tuple[float, float, float, float],
    noise: NDArray[np.floating],
    eta: float,
    refractory: int,
) -> Wired:
    """The paper's four neurons: two excitatory ones, 0 and 1, and the interneuron of each, 2 and 3.

    Args:
        direct: weights 0 → 1 and 1 → 0, both of which learn.
        onto: 0 → 2 and 1 → 3; `off`: 2 → 1 and 3 → 0, so that each inhibits the other one through its own.
        bias, noise, eta, refractory: as `Wired` has them.

    Example:
        >>> pair((1, 2), (3, 4), (-5, -6), (0, 0, 0, 0), np.ones((5, 4)), 0.1, 8).weights.astype(int).tolist()
        [[0, 2, 0, -6], [1, 0, -5, 0], [3, 0, 0, 0], [0, 4, 0, 0]]
    """
    weights, learns = np.zeros((4, 4)), np.zeros((4, 4), dtype=bool)
    weights[[1, 0], [0, 1]], learns[[1, 0], [0, 1]] = direct, True  # onto the first of the indices
    weights[[2, 3], [0, 1]] = onto
    weights[[1, 0], [2, 3]] = off
    return Wired(weights, np.array(bias, float), learns, noise, eta, refractory)


def build(wired: Wired, dt: b2.Quantity = DT) -> b2.Network:
    """The neurons, silent for long, their synapses, and monitors of spikes and of weights."""
    noise = b2.TimedArray(wired.noise, dt=dt, name="dale_noise")
    names = {"T_ref": wired.refractory * dt, "eta": wired.eta, "noise": noise}
    group = b2.NeuronGroup(
        len(wired.bias),
        EQUATIONS,
        threshold=THRESHOLD,
        reset=RESET,
        method="exact",
        namespace=names,
        dt=dt,
        name="neurons",
    )
    group.bias, group.spiked = wired.bias, -(wired.refractory + 1) * dt
    post, pre = np.nonzero((wired.weights != 0) | wired.learns)
    synapses = b2.Synapses(
        group, group, SYNAPSE, on_pre=ON_PRE, on_post=ON_POST, namespace=names, dt=dt, name="synapses"
    )
    synapses.connect(i=pre, j=post)
    synapses.w, synapses.learns = wired.weights[post, pre], wired.learns[post, pre].astype(float)
    synapses.post.order = -1  # what a spike of the neuron that it leads to takes off comes first
    weights = b2.StateMonitor(synapses, "w", record=True, when="end", name="weights")
    return b2.Network(group, synapses, weights, b2.SpikeMonitor(group, name="spk"))


def run(wired: Wired, dt: b2.Quantity = DT) -> Trace:
    """Simulates as many steps as there is noise for.

    Returns:
        "spk" of "neurons", `[T, 1, N]`, and "w" of "synapses", those that there are, by row and column, `[T, 1, S]`.

    Example:
        >>> b2.prefs.codegen.target = "numpy"
        >>> sure = np.array([[0.0, 1], [1, 1], [1, 0], [1, 1]])  # the first fires, two steps later the second
        >>> learns = np.array([[False, True], [True, False]])
        >>> trace = run(Wired(0.5 * learns, np.zeros(2), learns, sure, eta=0.1, refractory=2))
        >>> trace["synapses", "w"][-1].round(4).tolist()  # 0.1 / e either way
        [[0.5368, 0.4632]]
    """
    network = build(wired, dt)
    run_whole(network, len(wired.noise) * dt)
    spikes, spk = network["spk"], np.zeros((len(wired.noise), 1, len(wired.bias)), dtype=bool)
    spk[np.rint(np.asarray(spikes.t / dt)).astype(int), 0, spikes.i] = True
    arrays = {("neurons", "spk"): spk, ("synapses", "w"): np.array(network["weights"].w).T[:, None]}
    return Trace(arrays, {"spk": "1", "w": "1"}, float(dt / b2.ms))
