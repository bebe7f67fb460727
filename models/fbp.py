"""Frozen backpropagation in Brian2: a feedback network of its own carries the error, with weights copied now and then.

    a_i[t]  = sum_k B_ki delta_k[t]         feedback neuron i, through synapses B of its own
    L_i[t]  = a_i[t]                        from each feedback neuron to its partner among the hidden neurons
    B_ki   <- W_ki                          for the weights that the transport chooses, after every period-th update

The feedback population stands beside the hidden one and is driven by the error neurons alone. Its synapses B start as
a copy of the read-out's W and stand still in between. The transport is a line from each synapse W_ki to its partner
B_ki: in Brian2, synapses between synapses. It offers W_ki at each step; at a copy these take what is offered:

    full        all
    cyclic      the blocks of `size` consecutive weights in turn
    threshold   those with |W_ki - B_ki| > threshold sqrt(mean W^2)
    topk        the `size` ones of largest |W_ki - B_ki|: each counts the others whose change is larger

Not here are a choice at random, whose draws are another simulator's, and the rescaling of rows after a copy. The rest
is in `three_factor.py`. In Brian2's numpy target 480 steps of 6 hidden neurons take half a second.

Reference:
    G. Goupy, P. Tirilly, I. M. Bilasco, "Frozen backpropagation: relaxing weight symmetry in temporally-coded deep
    spiking neural networks", 2025, https://arxiv.org/abs/2505.13741. The partial schemes are ours, after its idea.
"""

from dataclasses import dataclass

import brian2.only as b2
import numpy as np

from .layer import DT
from .lesson import Learner, Lesson
from .recording import simulate
from .three_factor import connect, forward, summed
from .trace import Trace

NEURONS = "a : 1"
FEEDBACK = """
b : 1
offered : 1              # W of its partner, on the line between them
heard : 1                # of the other synapses
change = abs(offered - b) : 1
a_post = b * delta_pre : 1 (summed)
"""
PARTNERS = "learning_signal_post = a_pre : 1 (summed)"
LINES = "offered_post = w_pre : 1 (summed)"
COPY = "b = int(chosen) * offered + int(not chosen) * b"
CHOSEN = {
    "full": "True",
    "cyclic": "(i * N_post + j) // size == (timestep(t, every) - 1) % blocks",
    "threshold": "change > threshold * sqrt(heard)",
    "topk": "heard < size",
}
HEARD = {
    "threshold": "heard_post = offered_pre**2 / weights : 1 (summed)",
    "topk": "heard_post = int(change_pre > change_post) + int(change_pre == change_post and i < j) : 1 (summed)",
}


@dataclass(frozen=True)
class Transport:
    """When weights are copied, and which.

    Args:
        period: updates from one copy to the next.
        scheme: "full", "cyclic", "threshold" or "topk".
        size: weights in a copy, for "cyclic" and "topk".
        threshold: of a change, in units of the root mean square of W, for "threshold".

    Raises:
        ValueError: no such scheme, or an option that it lacks or does not use.

    Example:
        >>> Transport(period=3, scheme="topk", size=5)
        Transport(period=3, scheme='topk', size=5, threshold=None)
    """

    period: int
    scheme: str = "full"
    size: int | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.scheme not in CHOSEN or self.period < 1:
            raise ValueError(f"period must be 1 or more and scheme one of {list(CHOSEN)}, got {self}")
        takes = {"size": self.scheme in ("cyclic", "topk"), "threshold": self.scheme == "threshold"}
        for option, taken in takes.items():
            value = getattr(self, option)
            if taken is not (value is not None) or (taken and not value > 0):
                raise ValueError(f"{self.scheme} {'needs a positive' if taken else 'takes no'} {option}, got {value}")

    def constants(self, weights: int, update: b2.Quantity) -> dict[str, object]:
        """Of the equations, for so many weights and this time between two updates."""
        known = {"every": self.period * update, "weights": weights, "threshold": self.threshold, "size": self.size}
        if self.size is not None:
            known["blocks"] = -(-weights // self.size)
        return {name: value for name, value in known.items() if value is not None}


def build(learner: Learner, lesson: Lesson, transport: Transport) -> b2.Network:
    """The network and its feedback network, whose weights start as a copy of the read-out's.

    Raises:
        ValueError: where shapes do not fit.
    """
    network = forward(learner, lesson)
    error, hidden, weight = network["error"], network["layer_1"], learner.readout.weight
    known = transport.constants(np.size(weight), learner.batch * lesson.sample)
    neurons = b2.NeuronGroup(len(hidden), NEURONS, dt=DT, name="feedback_layer_1")
    synapses = b2.Synapses(error, neurons, FEEDBACK, namespace=known, dt=DT, name="feedback")
    connect(synapses, "b", weight, back=True)
    synapses.run_regularly(f"chosen = {CHOSEN[transport.scheme]}; {COPY}", dt=known["every"], when="transport", order=1)
    summed(synapses, "a_post", "feedback")
    partners = b2.Synapses(neurons, hidden, PARTNERS, dt=DT, name="partners")
    partners.connect(j="i")
    summed(partners, "learning_signal_post", "partners")
    places = np.arange(np.size(weight))  # by number: expressions between synapses fail in Brian2's cython target
    lines = b2.Synapses(network["synapses_2"], synapses, LINES, dt=DT, name="lines")
    lines.connect(i=places, j=places)
    summed(lines, "offered_post", "transport")
    network.add(neurons, synapses, partners, lines)
    if transport.scheme in HEARD:
        others = b2.Synapses(synapses, synapses, HEARD[transport.scheme], namespace=known, dt=DT, name="others")
        others.connect(i=np.repeat(places, len(places)), j=np.tile(places, len(places)))
        summed(others, "heard_post", "transport", order=0)  # after the lines, before the copy
        network.add(others)
    return network


def run(learner: Learner, lesson: Lesson, transport: Transport) -> Trace:
    """Presents the lesson once, and returns what `recording.simulate` does.

    Example:
        >>> from .layer import Layer
        >>> b2.prefs.codegen.target = "numpy"  # a script's choice; needs no compiler
        >>> readout = Layer(np.zeros((2, 1)), beta=0.5, reset_mechanism="none")
        >>> learner = Learner(Layer(np.array([[2.0]]), beta=0.5), readout, eta=0.1)
        >>> lesson = Lesson(np.ones((1, 3, 1)), labels=np.array([0, 0, 0]))  # three samples of one step
        >>> trace = run(learner, lesson, Transport(period=2))
        >>> b, w = trace["feedback", "b"], trace["synapses_2", "w"]
        >>> [bool(same.all()) for same in (b[0] == 0, b[1] == w[1], b[2] == w[1], b[2] == w[2])]
        [True, True, True, False]
    """
    return simulate(build(learner, lesson, transport), learner, lesson)
