"""Ways to get the weight mirror wrong."""

import torch

from spikefa.rules import WeightMirror
from tests.validation.mutants.noise import NEURONS


def recorded(change):
    """The activities that B learns from, changed: change(pre, post), each a list of a tensor per stimulus."""

    def patch(monkeypatch):
        learn = WeightMirror.learn

        def wrong(self, feedback, recording):
            return learn(self, feedback, zip(*change(*map(list, zip(*recording, strict=True))), strict=True))

        monkeypatch.setattr(WeightMirror, "learn", wrong)

    return patch


def sign(pre, post):
    return pre, [-n for n in post]


def delay(pre, post):
    return [0 * pre[0], *pre[:-1]], post


def last_lost(pre, post):
    return pre[:-1], post[:-1]


def decay(monkeypatch):
    """λ is not what it should be."""
    learn = WeightMirror.learn

    def wrong(self, feedback, recording):
        return learn(self, feedback, recording) + 1e-6 * self.eta * self.decay * feedback

    monkeypatch.setattr(WeightMirror, "learn", wrong)


def transpose(monkeypatch):
    learn = WeightMirror.learn
    monkeypatch.setattr(WeightMirror, "learn", lambda self, feedback, recording: learn(self, feedback, recording).T)


def means(monkeypatch):
    """Counts are multiplied as they are, without their means."""

    def wrong(self, feedback, recording):
        pre, post = (torch.cat(part) for part in zip(*recording, strict=True))
        return feedback + self.eta * (post.T @ pre / len(pre) - self.decay * feedback)

    monkeypatch.setattr(WeightMirror, "learn", wrong)


LEARNING = {
    **{change.__name__: recorded(change) for change in (sign, delay, last_lost)},
    **{change.__name__: change for change in (decay, transpose)},
}
MUTANTS = {
    **{name: ("mirror", change) for name, change in (NEURONS | LEARNING).items()},
    **{f"{name}-linear": ("mirror-linear", change) for name, change in LEARNING.items()},
    "means": ("mirror", means),
}
