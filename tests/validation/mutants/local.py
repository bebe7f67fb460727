"""Ways to get the local form of learning wrong."""

import torch

from spikefa import eligibility, local
from spikefa.eligibility import Eligible


def patched(name, change):
    """A method of the traces, changed."""

    def patch(monkeypatch):
        own = getattr(Eligible, name)
        monkeypatch.setattr(Eligible, name, lambda self, *args: change(self, own, *args))

    return patch


def delayed(self, own, pre, decay):
    """The presynaptic trace by a step."""
    before = self.__dict__.setdefault("before", torch.zeros_like(pre))
    self.before = pre
    own(self, before, decay)


def steep(self, own, mem):
    """The pseudo-derivative by a millionth."""
    spk = own(self, mem)
    self.psi = self.psi * (1 + 1e-6)
    return spk


def filtered(change):
    """F, changed."""

    def patch(monkeypatch):
        right = local.filters
        monkeypatch.setattr(local, "filters", lambda *args: [tuple(map(change, chain)) for chain in right(*args)])

    return patch


def back(change):
    """B on the error's way, changed."""

    def patch(monkeypatch):
        right = local._back
        monkeypatch.setattr(local, "_back", lambda layer: change(layer, right(layer)))

    return patch


def no_reset(monkeypatch):
    monkeypatch.setattr(eligibility, "integrate", lambda neuron, beta, mem, cur: beta * mem + cur)


CHANGES = {
    "sign": patched("gradient", lambda self, own, signal: -own(self, signal)),
    "delay": patched("_trace", delayed),
    "decay": patched("_trace", lambda self, own, pre, decay: own(self, pre, decay * (1 + 1e-6))),
    "filter": filtered(lambda decay: decay * (1 + 1e-6)),
    "reset": no_reset,
    "transpose": back(lambda layer, b: b.T),
    "W for B": back(lambda layer, b: layer.weight),
    "surrogate": patched("_fire", steep),
}


def of(case):
    """The table of a case."""
    return {f"local: {name}": (case, change) for name, change in CHANGES.items()}
