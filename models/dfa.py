"""Direct feedback alignment in Brian2: the error neurons reach every hidden layer at once, through fixed synapses.

    L_i[t] = sum_k D_ki delta_k[t]          neuron i of any hidden layer, D of that layer

No error goes from layer to layer, so that the error of a spike comes back at one step only, and what the three factors
of a synapse add up to is the gradient exactly, however many hidden layers there are. The rest is in `three_factor.py`.
Here each step sends its own error (spikefa's `error=step`); a sum over later ones is not here.

In Brian2's numpy target 480 steps of two layers of 6 hidden neurons take about a second.

Reference:
    A. Nøkland, "Direct feedback alignment provides learning in deep neural networks", NeurIPS 2016,
    https://arxiv.org/abs/1609.01596
"""

from collections.abc import Sequence

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from . import fa
from .lesson import Learner, Lesson
from .recording import simulate
from .three_factor import forward
from .trace import Trace


def build(learner: Learner, lesson: Lesson, feedback: Sequence[NDArray[np.floating]]) -> b2.Network:
    """The network with its feedback synapses, `feedback_1` and so on.

    Args:
        learner: the network before it learns.
        lesson: the samples.
        feedback: D `[classes, N]` of each hidden layer, from the bottom up, dimensionless.

    Raises:
        ValueError: where shapes do not fit, or a hidden layer has no D.
    """
    hidden = len(learner.layers) - 1
    if len(feedback) != hidden:
        raise ValueError(f"each hidden layer needs a D of its own: {hidden} layers, got {len(feedback)}")
    network = forward(learner, lesson, direct=True)
    for number, matrix in enumerate(feedback, start=1):
        network.add(fa.pathway(network["error"], network[f"layer_{number}"], matrix, f"feedback_{number}"))
    return network


def run(learner: Learner, lesson: Lesson, feedback: Sequence[NDArray[np.floating]]) -> Trace:
    """Presents the lesson once, and returns what `recording.simulate` does.

    Example:
        >>> from .layer import Layer
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> hidden = Layer(np.array([[2.0]]), beta=0.5)
        >>> readout = Layer(np.zeros((2, 1)), beta=0.5, reset_mechanism="none")
        >>> learner = Learner(hidden, readout, eta=0.1, below=(hidden,))
        >>> lesson = Lesson(np.ones((1, 1, 1)), labels=np.array([0]))  # a sample of one step: a spike in each layer
        >>> trace = run(learner, lesson, [np.array([[1.0], [-1.0]]), np.zeros((2, 1))])
        >>> [bool((trace[f"synapses_{number}", "w"][0] == 2).all()) for number in (1, 2)]  # only the first has a signal
        [False, True]
    """
    return simulate(build(learner, lesson, feedback), learner, lesson)
