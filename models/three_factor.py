"""A spiking network in Brian2 that learns online by a three-factor rule, without the way of its error to the neurons.

Input, hidden layers of LIF neurons (those of `lif.py`), a leaky read-out that does not fire, and error neurons. What
brings the error to the hidden neurons as their learning signal L is the rule, in a file of its own. Per time step:

    eps_j[t] = beta eps_j[t-1] + x_j[t]                trace of the presynaptic neuron, at the synapse
    psi_i[t] = 1 / (1 + (pi (v_i[t] - threshold))^2)   pseudo-derivative of the postsynaptic one: arctan, alpha = 2
    e_ij[t]  = kappa e_ij[t-1] + psi_i[t] eps_j[t]     eligibility; of a read-out synapse kappa e_ki[t-1] + s_i[t]
    delta_k[t] = softmax(y[t])_k - target_k            error neuron k: gradient of the cross-entropy of y[t]
    g_ij    += L_i[t] e_ij[t]                          of a read-out synapse delta_k[t] e_ki[t]

and after every batch of samples, of which the synapse keeps the sum g and nothing else,

    w_ij <- w_ij - eta (g_ij / batch + decay w_ij),    g_ij <- 0

beta is the decay of the postsynaptic membranes, kappa that of the read-out y. A bias is the weight of a neuron that
sends 1 at each step. With one hidden layer, or where the error goes to each of several directly, g is exactly the
gradient of the cross-entropy summed over time, with B in the place of the weights above and psi for the derivative of a
spike. The exponentials of the softmax overflow where y > 709.

All samples go through one run, one after the other. At a border between two, states return to zero and, after each
batch, weights change; the last batch's change thus takes a step more.

References:
    T. P. Lillicrap, D. Cownden, D. B. Tweed, C. J. Akerman, "Random synaptic feedback weights support error
    backpropagation for deep learning", Nature Communications 7:13276, 2016, https://doi.org/10.1038/ncomms13276
    G. Bellec, F. Scherr, A. Subramoney, E. Hajek, D. Salaj, R. Legenstein, W. Maass, "A solution to the learning
    dilemma for recurrent networks of spiking neurons", Nature Communications 11:3625, 2020,
    https://doi.org/10.1038/s41467-020-17236-y: e-prop, the three factors
"""

from typing import Any

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .layer import DT, Layer
from .lesson import Learner, Lesson
from .lif import INPUT_THRESHOLD, THRESHOLD

BEFORE = ["start", "resets", "borders", "transport", "groups", "thresholds", "synapses"]
AFTER = ["softmax", "errors", "feedback", "partners", "plasticity", "end"]

INPUT = """
x : 1                            # a current, or 1 for a spike
"""
HIDDEN = """
dv/dt = -v / tau_mem : 1
psi = 1 / (1 + (pi * (v - threshold))**2) : 1
x = 1 : 1                        # what a spike carries
learning_signal : 1
bias : 1
dbias_eps/dt = -bias_eps / tau_mem : 1
dbias_eligibility/dt = -bias_eligibility / tau_readout : 1
bias_gradient : 1
"""
READOUT = """
dv/dt = -v / tau_readout : 1
learning_signal : 1 (linked)     # delta of its error neuron
bias : 1
dbias_eligibility/dt = -bias_eligibility / tau_readout : 1
bias_gradient : 1
"""
ERROR = """
y : 1 (linked)                   # v of its read-out neuron
total : 1
delta : 1
"""
SOFTMAX = "total_post = exp(y_pre) : 1 (summed)"
DELTA = "delta = exp(y) / total - target(t, i)"

PLASTIC = """
w : 1
deligibility/dt = -eligibility / tau_readout : 1 (clock-driven)
gradient : 1
"""
TRACE = "deps/dt = -eps / tau_mem : 1 (clock-driven)"
ON_PRE_HIDDEN = "v_post += w * x_pre; eps += x_pre"
ON_PRE_READOUT = "v_post += w; eligibility += 1"
LEARN = "gradient += learning_signal_post * eligibility"
LEARN_HIDDEN = f"eligibility += psi_post * eps; {LEARN}"
LEARN_BIAS = "bias_gradient += learning_signal * bias_eligibility"
LEARN_HIDDEN_BIAS = f"bias_eligibility += psi * bias_eps; {LEARN_BIAS}"
UPDATE = "{weight} -= int(t > 0*second) * eta * ({gradient} / batch + decay * {weight}); {gradient} = 0"


def schedule(hidden: int) -> list[str]:
    """The order of a time step: resets of the last one's spikes, borders between samples, layer by layer, learning.

    At borders weights change and states return to zero; `transport` is of weights, where a rule has it.

    Args:
        hidden: the number of hidden layers.

    Example:
        >>> schedule(1)[7:11]
        ['synapses_1', 'thresholds_1', 'synapses_2', 'softmax']
    """
    layers = [f"{slot}_{number}" for number in range(1, hidden + 1) for slot in ("synapses", "thresholds")]
    return [*BEFORE, *layers, f"synapses_{hidden + 1}", *AFTER]


def forward(learner: Learner, lesson: Lesson, direct: bool = False) -> b2.Network:
    """The network without the way of the error from the error neurons `error` to the hidden ones, `layer_1` and so on.

    Args:
        learner: the network before it learns.
        lesson: the samples.
        direct: whether the error goes to each hidden layer directly, so that there may be several.

    Raises:
        ValueError: the lesson does not fit the network, or its last batch is not full; more hidden layers than one
            whose error does not go to each directly.
    """
    lesson.check(learner)
    if learner.below and not direct:
        raise ValueError(
            f"this rule has one hidden layer, got {1 + len(learner.below)}: through several, the three-factor rule is "
            f"not the gradient; models/dfa.py sends its error to each directly"
        )
    known = {
        "tau_readout": learner.readout.tau_mem()[0],
        **learner.rates,
        **lesson.series(len(learner.readout.weight)),
    }
    below = source(np.shape(learner.layers[0].weight)[1], known)
    network = b2.Network(below)
    for number, layer in enumerate(learner.layers[:-1], start=1):
        above = lif_neurons(layer, number, known)
        network.add(above, plastic(below, above, layer, PLASTIC + TRACE, ON_PRE_HIDDEN, LEARN_HIDDEN))
        at_borders(network[f"synapses_{number}"], "eps = 0")
        below = above
    readout = leaky_neurons(learner.readout, len(learner.layers), known)
    network.add(readout, *errors(readout, known))  # before its synapses, which look for what is linked
    network.add(plastic(below, readout, learner.readout, PLASTIC, ON_PRE_READOUT, LEARN))
    network.schedule = schedule(len(learner.layers) - 1)
    return network


def errors(readout: b2.NeuronGroup, known: dict[str, Any]) -> tuple[b2.NeuronGroup, b2.Synapses]:
    """The error neurons, one for each of the read-out, and the synapses between them by which a softmax is."""
    error = b2.NeuronGroup(len(readout), ERROR, namespace=known, dt=DT, name="error")
    error.run_regularly(DELTA, when="errors")
    error.y, readout.learning_signal = b2.linked_var(readout, "v"), b2.linked_var(error, "delta")
    softmax = b2.Synapses(error, error, SOFTMAX, dt=DT, name="softmax")
    softmax.connect()
    summed(softmax, "total_post", "softmax")
    return error, softmax


def source(size: int, known: dict[str, Any]) -> b2.NeuronGroup:
    """The input neurons: each sends x wherever it is not zero."""
    events = {"threshold": INPUT_THRESHOLD, "reset": ""}
    group = b2.NeuronGroup(size, INPUT, **events, namespace=known, dt=DT, name="input")
    group.run_regularly("x = stimulus(t, i)", when="groups", order=1)
    return group


def lif_neurons(layer: Layer, number: int, known: dict[str, Any]) -> b2.NeuronGroup:
    """The neurons of the `number`-th layer, a hidden one, with its own constants beside those of all."""
    own = {"tau_mem": layer.tau_mem()[0], "threshold": float(layer.threshold), "beta": float(layer.beta)}
    group = b2.NeuronGroup(
        len(layer.weight),
        HIDDEN,
        threshold=THRESHOLD,
        reset=layer.reset,
        method="exact",
        namespace=known | own,
        dt=DT,
        name=f"layer_{number}",
    )
    group.set_event_schedule("spike", when=f"thresholds_{number}")
    group.run_regularly("v += bias; bias_eps += 1", when="groups", order=1)
    group.run_regularly(LEARN_HIDDEN_BIAS, when="plasticity")
    at_borders(group, "v = 0; bias_eps = 0; bias_eligibility = 0")
    with_bias(group, layer)
    return group


def leaky_neurons(layer: Layer, number: int, known: dict[str, Any]) -> b2.NeuronGroup:
    """The read-out neurons."""
    group = b2.NeuronGroup(len(layer.weight), READOUT, method="exact", namespace=known, dt=DT, name=f"layer_{number}")
    group.run_regularly("v += bias; bias_eligibility += 1", when="groups", order=1)
    group.run_regularly(LEARN_BIAS, when="plasticity")
    at_borders(group, "v = 0; bias_eligibility = 0")
    with_bias(group, layer)
    return group


def with_bias(group: b2.NeuronGroup, layer: Layer) -> None:
    """Gives a layer's neurons their biases, which learn; without any they are 0 and do not."""
    if layer.bias is not None:
        group.bias = layer.bias
        updated(group, "bias", "bias_gradient")


def plastic(
    pre: b2.NeuronGroup, post: b2.NeuronGroup, layer: Layer, equations: str, on_pre: str, learn: str
) -> b2.Synapses:
    """The synapses from a layer to the next, W, which learn."""
    number, known = post.name.removeprefix("layer_"), post.namespace
    name = f"synapses_{number}"
    group = b2.Synapses(pre, post, equations, on_pre=on_pre, method="exact", namespace=known, dt=DT, name=name)
    connect(group, "w", layer.weight)
    group.pre.when = name
    learns(group, "w", learn)
    return group


def connect(group: b2.Synapses, variable: str, weight: NDArray[np.floating], back: bool = False) -> None:
    """Connects all pairs, in the order of a weight `[out, in]` row by row; `back`: from out to in.

    Raises:
        ValueError: the weight has not a row for each neuron above and a column for each one below.
    """
    out, into = (group.source, group.target) if back else (group.target, group.source)
    if np.shape(weight) != (len(out), len(into)):
        raise ValueError(f"{group.name} needs a weight of shape {(len(out), len(into))}, got {np.shape(weight)}")
    rows, columns = np.indices(np.shape(weight)).reshape(2, -1)
    pre, post = (rows, columns) if back else (columns, rows)
    group.connect(i=pre, j=post)
    setattr(group, variable, np.ravel(weight))


def summed(group: b2.Synapses, variable: str, when: str, order: int = -1) -> None:
    """Says when in a step a variable becomes the sum over these synapses."""
    updater = group.summed_updaters[variable]
    updater.when, updater.order = when, order


def learns(group: b2.Synapses, weight: str, learn: str) -> None:
    """Lets a synaptic weight gather its gradient, and change by it after every batch."""
    group.run_regularly(learn, when="plasticity")
    at_borders(group, "eligibility = 0")
    updated(group, weight, "gradient")


def at_borders(group: b2.Group, code: str) -> None:
    """Runs code between two samples."""
    group.run_regularly(code, dt=group.namespace["sample"], when="borders")


def updated(group: b2.Group, weight: str, gradient: str) -> None:
    """Changes a weight, or a bias, by what its g has gathered over a batch."""
    every = group.namespace["batch"] * group.namespace["sample"]
    group.run_regularly(UPDATE.format(weight=weight, gradient=gradient), dt=every, when="borders")
