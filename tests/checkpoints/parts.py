"""What a user brings: a recurrent network, an optimiser."""

import snntorch as snn
import torch
from torch import nn


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
