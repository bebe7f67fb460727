"""What a user brings of his own: a recurrent network, an optimiser, rules that remember more than tensors."""

import snntorch as snn
import torch
from torch import nn

from spikefa import Feedback, random_like


def recurrent(shape, classes, neuron, generator):
    """An ``RLeaky`` layer between two dense ones."""
    size = torch.Size(shape).numel()
    hidden = {"beta": 0.9, "linear_features": 8, "init_hidden": True}
    net = nn.Sequential(nn.Flatten(), nn.Linear(size, 8), snn.RLeaky(**hidden), nn.Linear(8, classes), neuron(0.9))
    for weight in net.parameters():
        if weight.requires_grad and weight.dim():
            nn.init.normal_(weight, std=0.4, generator=generator)
    return net


def rmsprop(parameters, lr, weight_decay):
    """An optimiser that spikefa does not have."""
    return torch.optim.RMSprop(parameters, lr=lr, weight_decay=weight_decay, momentum=0.5, centered=True)


class Diary(Feedback):
    """Redraws B at every third update, from a generator of its own, and counts in a plain number."""

    reads = frozenset()

    def __init__(self, weight, generator):
        super().__init__()
        self.own, self.count = torch.Generator().manual_seed(int(torch.randint(99, (), generator=generator))), 0
        self.register_buffer("weight", random_like(weight, generator))

    def forward(self, weight):
        return self.weight

    def step(self, weight):
        self.count += 1
        if self.count % 3 == 0:
            self.weight.copy_(random_like(self.weight, self.own))

    def get_extra_state(self):
        return {"count": self.count, "own": self.own.get_state()}

    def set_extra_state(self, state):
        self.count = state["count"]
        self.own.set_state(state["own"])
