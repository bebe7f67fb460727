"""Ways to get learning wrong that any rule with a pathway shares."""

from functools import partial

import snntorch as snn
import torch
from torch import nn

from spikefa import routing, sequence
from spikefa.testing import networks


def sign(monkeypatch):
    """Of the learning signal."""
    monkeypatch.setattr(routing.Linear, "adjoint", lambda self, error, weight, *_: -(error @ weight))


def transpose(monkeypatch):
    """The feedback."""
    monkeypatch.setattr(routing.Linear, "adjoint", lambda self, error, weight, *_: error @ weight.T)


def delay(monkeypatch):
    """The presynaptic traces of the hidden layer by a step, in learning only."""
    monkeypatch.setattr(nn.Linear, "forward", late(nn.Linear.forward))


def delay_readout(monkeypatch):
    """The traces of the hidden spikes by a step, in learning only."""
    affine = routing.Linear.affine

    def wrong(self, x, weight):
        return late(lambda _, x: affine(self, x, weight))(self, x)

    monkeypatch.setattr(routing.Linear, "affine", wrong)


def late(forward):
    """Values of now, gradients with the input of a step ago; of one sample, ``[T, in]``."""

    def wrong(self, x):
        shifted = forward(self, torch.cat([torch.zeros_like(x[:1]), x[:-1]]))
        return shifted + (forward(self, x) - shifted).detach()

    return wrong


def decay(monkeypatch):
    """Of the eligibility: a low-pass whose constant is off by a millionth, in learning only."""
    forget(monkeypatch, mechanism="none")


def decay_trace(monkeypatch):
    """Of the presynaptic trace, likewise."""
    forget(monkeypatch, mechanism="subtract")


def forget(monkeypatch, mechanism):
    scan = sequence.scan

    def wrong(neuron, cur):
        right = scan(neuron, cur)
        if neuron.reset_mechanism != mechanism:
            return right
        beta = neuron.beta
        neuron.beta = beta * (1 + 1e-6)
        false = scan(neuron, cur)
        neuron.beta = beta
        return tuple(b + (a - b).detach() for a, b in zip(right, false, strict=True))

    monkeypatch.setattr(sequence, "scan", wrong)


def reset(monkeypatch):
    """Of the hidden neurons, forgotten."""
    scan = sequence.scan

    def wrong(neuron, cur):
        kept = {"beta": neuron.beta, "threshold": neuron.threshold, "spike_grad": neuron.spike_grad}
        return scan(snn.Leaky(**kept, reset_mechanism="none"), cur)

    monkeypatch.setattr(sequence, "scan", wrong)


def surrogate(monkeypatch):
    """The pseudo-derivative is too steep by a millionth."""
    monkeypatch.setitem(networks.SURROGATES, "atan", lambda mem: networks._Atan64.apply(mem, 2 * (1 + 1e-6)))


def momentum(monkeypatch):
    """The gradient of the last update still counts a little."""
    monkeypatch.setattr(torch.optim, "SGD", partial(torch.optim.SGD, momentum=1e-6))


def unfinished(monkeypatch):
    """An error that is no longer sent at the last step of a sample."""
    adjoint = routing.Linear.adjoint

    def wrong(self, error, *others):
        silent = torch.cat([error[:-1], torch.zeros_like(error[:1])])
        return adjoint(self, silent, *others)

    monkeypatch.setattr(routing.Linear, "adjoint", wrong)


CHANGES = (sign, transpose, delay, delay_readout, decay, decay_trace, reset, surrogate, momentum, unfinished)


def of(case):
    """The table of a case."""
    return {change.__name__: (case, change) for change in CHANGES}
