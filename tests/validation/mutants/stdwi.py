"""Ways to get STDWI wrong."""

import importlib

import torch

from tests.validation.mutants.noise import NEURONS, gain

module = importlib.import_module("spikefa.rules.stdwi")
Rule = module.SpikeTimingWeightInference


def inferred(change):
    """What B learns from, changed: change(feedback, spk, x, eta, decay) gives the arguments."""

    def patch(monkeypatch):
        right = module.inferred
        monkeypatch.setattr(module, "inferred", lambda *given: right(*change(*given)))

    return patch


def sign(feedback, spk, x, eta, decay):
    return feedback, spk, -x, eta, decay


def delay(feedback, spk, x, eta, decay):
    return feedback, spk, torch.cat([x[:1], x[:-1]]), eta, decay


def coincident(feedback, spk, x, eta, decay):
    """The spikes below of the very step of one above count as well, nearly."""
    return feedback, spk, torch.cat([x[1:], x[-1:]]), eta, decay


def undecaying(feedback, spk, x, eta, decay):
    return feedback, spk, x, eta, 0.0


def decay(monkeypatch):
    traces = module.traces
    monkeypatch.setattr(module, "traces", lambda fast, slow: traces(fast * (1 + 1e-6), slow))


def integral(monkeypatch):
    """Areas are equal as integrals, not as sums over steps."""
    filters = module.Exponentials
    ratio = lambda fast, slow: filters((1.0, -fast / slow), (fast, slow))  # noqa: E731
    monkeypatch.setattr(module, "traces", ratio)


def start(monkeypatch):
    """Traces begin at zero."""
    monkeypatch.setattr(module.Exponentials, "mean", lambda self, rate, like: like.new_zeros(len(self.taus), 1, 1))


def transpose(monkeypatch):
    learn = Rule.learn
    monkeypatch.setattr(Rule, "learn", lambda self, feedback, recording: learn(self, feedback.T, recording))


CHANGES = (sign, delay, coincident, undecaying)
MUTANTS = {
    **{change.__name__: ("stdwi", inferred(change)) for change in CHANGES},
    **{change.__name__: ("stdwi", change) for change in (decay, integral, start, transpose)},
    **{name: ("stdwi", change) for name, change in NEURONS.items()},
    "gain": ("stdwi-paper", gain),
}
