"""What a phase of noise costs in events: the price of feedback that is learned from spikes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from spikefa.attachment import routed
from spikefa.rules.sal import SpikeAlignment


class Cost(NamedTuple):
    """Events of phases, summed over layers and replicas.

    Attributes:
        spikes: of both ends of every layer.
        events: synaptic events, a spike times the synapses that it goes to: above through W, below through B.
        steps: simulated time, of all layers one after the other, replicas side by side.
    """

    spikes: float
    events: float
    steps: int


def phase_cost(pathway: SpikeAlignment, weight: Tensor) -> Cost:
    """Count the events of the phase that a pathway would hold now; nothing in it changes.

    Example:
        >>> weight = torch.zeros(5, 3)  # 8 neurons of T_ref 10, each of which fires once in 21 steps without a drive
        >>> pathway = SpikeAlignment(torch.randn(5, 3), torch.Generator().manual_seed(0), steps=2100, replicas=4)
        >>> spikes, events, steps = phase_cost(pathway, weight)
        >>> round(spikes / (2100 * 4 * 8 / 21), 1), 3 < events / spikes < 5, steps
        (1.0, True, 2100)
    """
    noise = torch.Generator(weight.device).manual_seed(int(pathway.seed))
    spikes = events = 0.0
    with torch.no_grad():
        for below, above in pathway.simulate(weight.flatten(1), pathway.weight.flatten(1), noise):
            spikes += float(below.sum() + above.sum())
            events += float(below.sum() * above.shape[-1] + above.sum() * below.shape[-1])
    return Cost(spikes, events, pathway.steps)


def phases_cost(net: nn.Module, updates: int) -> Cost:
    """Events of all phases within as many updates, each taken to cost what one costs with the present W and B.

    Layers whose pathway is no ``sal`` cost nothing.

    Raises:
        ValueError: phases follow epochs.
    """
    spikes = events = 0.0
    steps = 0
    for layer in routed(net).values():
        if isinstance(layer.feedback, SpikeAlignment):
            if layer.feedback.per != "update":
                raise ValueError(f"phases are counted by updates here, not per {layer.feedback.per}: give per=update")
            one, phases = phase_cost(layer.feedback, layer.weight.detach()), updates // layer.feedback.every
            spikes, events, steps = (
                spikes + phases * one.spikes,
                events + phases * one.events,
                steps + phases * one.steps,
            )
    return Cost(spikes, events, steps)
