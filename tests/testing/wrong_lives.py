"""Rules broken in how they are drawn, copied, saved, moved and taken off."""

import random

import numpy as np
import torch

from spikefa import Feedback
from tests.testing.sound import Diary, Fixed


class ForgetsItsCount(Fixed):
    """B shrinks at every third update, of which a checkpoint holds no count."""

    updates = 0

    def step(self, weight):
        self.updates += 1
        if self.updates % 3 == 0:
            self.weight *= 0.5


class MovesTheGlobalGenerator(Fixed):
    def __init__(self, weight, generator):
        super().__init__(weight, generator)
        torch.rand(1)


class DrawsFromNumpy(Fixed):
    def step(self, weight):
        self.weight *= 1 + 0.1 * np.random.rand()  # noqa: NPY002


class DrawsFromRandom(Fixed):
    def step(self, weight):
        self.weight *= 1 + 0.1 * random.random()


class KnowsTheGlobalSeed(Fixed):
    """Reads the global generator's seed without moving it."""

    def __init__(self, weight, generator):
        super().__init__(weight, torch.Generator().manual_seed(torch.initial_seed()))


class RemembersItself(Fixed):
    """Keeps a function that is bound to the original when it is copied."""

    def __init__(self, weight, generator):
        super().__init__(weight, generator)
        self.now = lambda: self.weight

    def forward(self, weight):
        return self.now()

    def step(self, weight):
        self.weight *= 0.9


class DecaysW(Fixed):
    def step(self, weight):
        weight *= 0.99


class WipesTheGradient(Fixed):
    def step(self, weight):
        if weight.grad is not None:
            weight.grad.zero_()


class HasNoBits(Fixed):
    def __init__(self, weight, generator):
        super().__init__(weight, generator)
        del self.bits


class LeavesAHook(Fixed):
    """Has W's gradient watched, and halved, from the first update on, whatever becomes of the pathway."""

    def step(self, weight):
        if not weight._backward_hooks:
            weight.register_hook(lambda gradient: gradient / 2)


class StaysInItsDtype(Feedback):
    """B is neither buffer nor parameter, so net.to() passes it by."""

    reads = frozenset()

    def __init__(self, weight, generator):
        super().__init__()
        self.b = weight.detach().clone()

    def forward(self, weight):
        return self.b


class DecidesByANumber(Fixed):
    """A branch of Python on what a tensor holds, at which compilation stops."""

    def forward(self, weight):
        return self.weight if self.weight.sum().item() > 0 else 1 * self.weight


class SavesAnObject(Diary):
    """Has its generator itself saved, which only unpickling could bring back."""

    def get_extra_state(self):
        return {"count": self.count, "own": self.own}


class ForgetsItsGenerator(Diary):
    """Saves its count, and not where its generator is."""

    def set_extra_state(self, state):
        self.count = state["count"]
