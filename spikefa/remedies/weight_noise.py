"""Noise of the forward weights: no remedy but an ailment, to see which rules bear it."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from spikefa.options import positive
from spikefa.remedies.remedy import Remedy, with_pathway
from spikefa.streams import stream


@final
class WeightNoise(Remedy):
    """Noise at every update: W ← W + std · √⟨W₀²⟩ ξ, ξ ~ N(0, 1), as synapses drift by themselves.

    Over n updates it adds up to std √n of W's first scale. Feedback that was copied before does not know of it.

    **Uses:** nothing; it is no rule.

    Reference:
        The idea of synapses that are noisy: Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike
        timing for robust local gradients", Nature Communications 17, 8699, 2026; the form is ours.
        https://arxiv.org/abs/2503.02642

    Args:
        net: the network, attached.
        std: of the noise of one update, relative to the root mean square of W₀.
        layers: a name or shell pattern; all layers with a pathway if absent.
        seed: what the noise is drawn from.

    Raises:
        ValueError: ``std`` is not positive, or there is no such layer.

    Example:
        >>> from spikefa import attach
        >>> net = attach(nn.Sequential(nn.Linear(40, 30), nn.Linear(30, 20)), "fa")
        >>> remedy, start = WeightNoise(net, std=0.1), net[1].weight.detach().clone()
        >>> remedy.step()
        >>> round(float((net[1].weight.detach() - start).norm() / start.norm()), 1)
        0.1
    """

    updates: Tensor

    def __init__(self, net: nn.Module, *, std: float = 0.001, layers: str | None = None, seed: int = 0) -> None:
        positive(std=std)
        super().__init__(with_pathway(net, layers))
        self.std, self.seed = std, seed
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        for place, layer in enumerate(self.layers.values()):
            self.register_buffer(f"scale{place}", std * layer.weight.detach().square().mean().sqrt())  # type: ignore[operator]

    @torch.no_grad()
    def step(self) -> None:
        """Add the noise of one update."""
        for place, (name, layer) in enumerate(self.layers.items()):
            weight: Tensor = layer.weight  # type: ignore[assignment]
            noise = torch.randn(weight.shape, generator=stream(self.seed, f"{name}, update {int(self.updates)}"))
            weight += getattr(self, f"scale{place}") * noise.to(weight)
        self.updates += 1

    def extra_repr(self) -> str:
        """Its options, for printing."""
        return f"std={self.std}, {super().extra_repr()}"
