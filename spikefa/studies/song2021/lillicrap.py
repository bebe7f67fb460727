"""A background row: the linear 30-20-10 network of Lillicrap et al., and what learning conserves in it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from spikefa.streams import stream
from spikefa.studies.song2021.network import TwoLayer, step


def conserved(seed: int, lr: float, steps: int, batch: int) -> Mapping[str, float]:
    """Learn y = T x online, and follow C = B W + (B W)ᵀ − A Aᵀ, which is constant in continuous time.

    A is the hidden layer ``[20, 30]``, W the read-out ``[10, 20]``, B ``[20, 10]`` its feedback:
    dA = η B e xᵀ and dW = η e (A x)ᵀ, so that B dW + (B dW)ᵀ = dA Aᵀ + A dAᵀ, all but the η² term dA dAᵀ.

    Reference:
        Lillicrap, Cownden, Tweed, Akerman, "Random synaptic feedback weights support error backpropagation for deep
        learning", Nature Communications 7, 13276, 2016. https://doi.org/10.1038/ncomms13276

    Args:
        seed: of weights and examples; ``lr``: η; ``steps``: updates; ``batch``: examples of each, from N(0, 1).

    Returns:
        ``drift``: ‖C(t) − C(0)‖ / ‖A Aᵀ(t) − A Aᵀ(0)‖; ``loss``: the last error's share of the first; ``cosine`` of Wᵀ
        and B.
    """
    generator = stream(seed, "lillicrap2016")

    def uniform(limit: float, *shape: int) -> torch.Tensor:
        return limit * (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1)

    target = uniform(1.0, 10, 30)
    net = TwoLayer(nn.Identity(), uniform(0.01, 20, 30), uniform(0.01, 10, 20), uniform(0.5, 10, 20))
    optimizer = net.optimiser(lr)
    start, losses = _parts(net), []
    for _ in range(steps):
        x = torch.randn(batch, 30, generator=generator, dtype=torch.float64)
        loss = (net(x) - x @ target.T).square().sum(1).mean() / 2
        losses.append(loss.item())
        step(optimizer, loss)
    (c, own), (c_start, own_start) = _parts(net), start
    drift = float((c - c_start).norm() / (own - own_start).norm())
    return {"drift": drift, "loss": losses[-1] / losses[0], "cosine": net.cosine()}


@torch.no_grad()
def _parts(net: TwoLayer) -> tuple[torch.Tensor, torch.Tensor]:
    """C and A Aᵀ."""
    product, own = net.feedback.T @ net.out.weight, net.fc.weight @ net.fc.weight.T
    return product + product.T - own, own
