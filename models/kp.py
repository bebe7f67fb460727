"""Kolen-Pollack learning in Brian2: the feedback synapses learn as their forward partners do, and both decay.

    L_i[t]  = sum_k B_ki delta_k[t]
    e_ki[t] = kappa e_ki[t-1] + s_i[t]      of the feedback synapse from error neuron k to hidden neuron i
    g_ki   += delta_k[t] e_ki[t]
    B_ki   <- B_ki - eta (g_ki / batch + decay B_ki)

The synapse sees the spikes s_i of its own postsynaptic neuron and the activity delta_k of its presynaptic one: the same
two factors as its partner in the read-out, W_ki, which sees them from the other side. So both change alike, and their
difference shrinks by 1 - eta decay at every update. No weight is carried from one to the other.

The rest is in `three_factor.py`. In Brian2's numpy target 480 steps of 6 hidden neurons take half a second.

References:
    J. F. Kolen, J. B. Pollack, "Backpropagation without weight transport", IEEE International Conference on Neural
    Networks, 1994, https://doi.org/10.1109/ICNN.1994.374486
    M. Akrout, C. Wilson, P. C. Humphreys, T. Lillicrap, D. Tweed, "Deep learning without weight transport", NeurIPS
    2019, https://arxiv.org/abs/1904.05391
"""

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .layer import DT
from .lesson import Learner, Lesson
from .recording import simulate
from .three_factor import connect, forward, learns, summed
from .trace import Trace

FEEDBACK = """
b : 1
deligibility/dt = -eligibility / tau_readout : 1 (clock-driven)
gradient : 1
learning_signal_post = b * delta_pre : 1 (summed)
"""
ON_POST = "eligibility += 1"
LEARN = "gradient += delta_pre * eligibility"


def build(learner: Learner, lesson: Lesson, feedback: NDArray[np.floating]) -> b2.Network:
    """The network with its feedback synapses, which learn.

    Args:
        learner: the network before it learns; with decay, without which B never aligns.
        lesson: the samples.
        feedback: B `[classes, hidden]` at the start, dimensionless.

    Raises:
        ValueError: where shapes do not fit, or there is no decay.
    """
    if learner.decay == 0:
        raise ValueError("Kolen-Pollack learning needs decay above 0: without it W - B stays as it is for ever")
    network = forward(learner, lesson)
    error, hidden = network["error"], network["layer_1"]
    synapses = b2.Synapses(
        error, hidden, FEEDBACK, on_post=ON_POST, method="exact", namespace=hidden.namespace, dt=DT, name="feedback"
    )
    connect(synapses, "b", feedback, back=True)
    summed(synapses, "learning_signal_post", "feedback")
    synapses.post.when = "synapses_2"  # after the hidden neurons' spikes, as the read-out's synapses
    learns(synapses, "b", LEARN)
    network.add(synapses)
    return network


def run(learner: Learner, lesson: Lesson, feedback: NDArray[np.floating]) -> Trace:
    """Presents the lesson once, and returns what `recording.simulate` does.

    Example:
        >>> from .layer import Layer
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> readout = Layer(np.zeros((2, 1)), beta=0.5, reset_mechanism="none")
        >>> learner = Learner(Layer(np.array([[2.0]]), beta=0.5), readout, eta=0.1, decay=5.0)
        >>> lesson = Lesson(np.ones((1, 2, 1)), labels=np.array([0, 0]))  # two samples of one step
        >>> trace = run(learner, lesson, feedback=np.array([[0.5], [-0.5]]))
        >>> (trace["feedback", "b"] - trace["synapses_2", "w"])[:, 0].ravel().tolist()  # from 0.5, halved by each
        [0.25, 0.125]
    """
    return simulate(build(learner, lesson, feedback), learner, lesson)
