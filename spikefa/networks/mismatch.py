"""Neurons that are not all alike, as on analog hardware."""

from __future__ import annotations

import snntorch as snn
import torch
from torch import nn

from spikefa.options import within


def mismatched(net: nn.Sequential, spread: float, generator: torch.Generator) -> nn.Sequential:
    """Give every neuron a threshold and a time constant of its own; the network itself.

    θ ← θ exp(s ξ), τ ← τ exp(s ξ'), ξ, ξ' ~ N(0, 1), with β = exp(−Δt / τ): so β ← β^exp(−s ξ').

    Args:
        net: whose weights have been drawn, so that they are the same with and without mismatch; a neuron's layer has as
            many neurons as the affine layer before it has outputs.
        spread: s, standard deviation of the logarithms; 0 leaves everything as it is.
        generator: draws them.

    Raises:
        ValueError: ``spread`` is negative or no number.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 2), snn.Leaky(beta=0.9))
        >>> mismatched(net, 0.2, torch.Generator().manual_seed(0))[1].threshold.shape
        torch.Size([2])
    """
    within(0, float("inf"), mismatch=spread)
    neurons = 0
    for layer in net if spread else ():
        neurons = getattr(layer, "out_features", neurons)
        if isinstance(layer, snn.Leaky):
            one, other = (torch.exp(spread * torch.randn(neurons, generator=generator)) for _ in range(2))
            layer.threshold, layer.beta = layer.threshold * one, layer.beta ** (1 / other)
    return net
