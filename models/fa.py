"""Feedback alignment in Brian2: fixed random synapses carry the error back, and the forward weights learn through it.

    L_i[t] = sum_k B_ki delta_k[t]

The error neurons k reach the hidden neurons i through synapses B, which are drawn at random and never change. The rest
is in `three_factor.py`: the neurons, and how their weights learn online from L.

In Brian2's numpy target 480 steps of 6 hidden neurons take half a second, and 5,000 samples of 10 steps with 40 of
them 16 s; after these a network knows the class of 87 % of other points of Yin-Yang, 38 % before. The cython target
takes half of that and compiles for a minute or two the first time, the C++ one for a minute at every run.

Reference:
    T. P. Lillicrap, D. Cownden, D. B. Tweed, C. J. Akerman, "Random synaptic feedback weights support error
    backpropagation for deep learning", Nature Communications 7:13276, 2016, https://doi.org/10.1038/ncomms13276
"""

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .layer import DT
from .lesson import Learner, Lesson
from .recording import learned, simulate
from .simulation import run_whole
from .three_factor import connect, forward, summed
from .trace import Trace

FEEDBACK = """
b : 1 (constant)
learning_signal_post = b * delta_pre : 1 (summed)
"""


def build(learner: Learner, lesson: Lesson, feedback: NDArray[np.floating]) -> b2.Network:
    """The network with its feedback synapses.

    Args:
        learner: the network before it learns.
        lesson: the samples.
        feedback: B `[classes, hidden]`, in the shape of the read-out's weights, dimensionless.

    Raises:
        ValueError: where shapes do not fit.
    """
    network = forward(learner, lesson)
    network.add(pathway(network["error"], network["layer_1"], feedback, "feedback"))
    return network


def pathway(error: b2.NeuronGroup, hidden: b2.NeuronGroup, feedback: NDArray[np.floating], name: str) -> b2.Synapses:
    """Fixed synapses from the error neurons to a hidden layer, B `[classes, hidden]`."""
    synapses = b2.Synapses(error, hidden, FEEDBACK, dt=DT, name=name)
    connect(synapses, "b", feedback, back=True)
    summed(synapses, "learning_signal_post", "feedback")
    return synapses


def run(learner: Learner, lesson: Lesson, feedback: NDArray[np.floating]) -> Trace:
    """Presents the lesson once, and returns what `recording.simulate` does.

    Example:
        >>> from .layer import Layer
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> readout = Layer(np.zeros((2, 1)), beta=0.5, reset_mechanism="none")
        >>> learner = Learner(Layer(np.array([[2.0]]), beta=0.5), readout, eta=0.1)
        >>> lesson = Lesson(np.ones((1, 2, 1)), labels=np.array([0, 0]))  # two samples of one step: a spike each
        >>> trace = run(learner, lesson, feedback=np.array([[1.0], [-1.0]]))
        >>> trace["synapses_2", "w"][0].ravel().tolist()  # eta (target - softmax), which was one half
        [0.05, -0.05]
    """
    return simulate(build(learner, lesson, feedback), learner, lesson)


def learn(learner: Learner, lesson: Lesson, feedback: NDArray[np.floating]) -> Learner:
    """The network after the lesson, of which nothing is recorded; `recording.accuracy` says how good it is."""
    network = build(learner, lesson, feedback)
    run_whole(network, lesson.duration)
    return learned(network, learner)
