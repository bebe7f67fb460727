"""Three rules that obey every law, and little more: the broken ones are made from them."""

import torch

from spikefa import Feedback, random_like
from spikefa.noise.phase import NoisePhase


class Fixed(Feedback):
    """Feedback alignment, sound: what the mutants below start from."""

    reads = frozenset()

    def __init__(self, weight, generator):
        super().__init__()
        self.register_buffer("weight", random_like(weight, generator))

    def forward(self, weight):
        return self.weight


class Phase(NoisePhase):
    """Learns from random numbers that stand for spikes, sound."""

    def __init__(self, weight, generator):
        super().__init__(weight, generator, every=1, per="update")

    def simulate(self, weight, feedback, noise):
        yield torch.rand(4, *weight.shape, generator=noise) + weight.nan_to_num().tanh()

    def learn(self, feedback, recording):
        return feedback + 0.01 * sum(piece.mean(0) for piece in recording)


class Diary(Fixed):
    """Redraws B at every third update, from a generator of its own; that and a plain count are its extra state."""

    def __init__(self, weight, generator):
        super().__init__(weight, generator)
        self.own, self.count = torch.Generator().manual_seed(int(torch.randint(99, (), generator=generator))), 0

    def step(self, weight):
        self.count += 1
        if self.count % 3 == 0:
            self.weight.copy_(torch.randn(weight.shape, generator=self.own))

    def get_extra_state(self):
        return {"count": self.count, "own": self.own.get_state()}

    def set_extra_state(self, state):
        self.count = state["count"]
        self.own.set_state(state["own"])
