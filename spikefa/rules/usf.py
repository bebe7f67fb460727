"""Uniform sign-concordant feedback: the signs of W, all of one magnitude."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from spikefa.feedback import Feedback, Quantity, spread
from spikefa.options import positive


@final
class UniformSignFeedback(Feedback):
    """Sign-concordant feedback of one magnitude: B = sign(W) · s.

    s is the standard deviation of W₀, so that B is as large as W at the start and errors keep their size. It never
    changes, while W may grow; ``usf_sn`` follows it. ``scale=1`` is the sign alone, the papers' s: errors then
    grow with every layer, by 1 / std(W₀) more than with the true weights.

    **Uses:** sign(W), one bit a weight at every update. Not local, but far less than W.

    Reference:
        Liao, Leibo, Poggio, "How important is weight symmetry in backpropagation?", AAAI 2016.
        https://arxiv.org/abs/1510.05067
        Xiao, Chen, Liao, Poggio, "Biologically-plausible learning algorithms can scale to large datasets", 2018.
        https://arxiv.org/abs/1811.03567
        Moskovitz, Litwin-Kumar, Abbott, "Feedback alignment in deep convolutional networks", 2018.
        https://arxiv.org/abs/1812.06488

    Args:
        weight: W₀, ``[out, in, ...]``; its standard deviation gives s, unless ``scale`` does.
        generator: not drawn from; every rule is given one.
        scale: s.

    Raises:
        ValueError: there is no ``scale`` and the standard deviation of W₀ is zero or not finite, or ``scale`` is not
            positive.

    Example:
        >>> weight = torch.tensor([[2.0, -2.0, 2.0, -2.0]])
        >>> UniformSignFeedback(weight, torch.Generator())(torch.tensor([[-7.0, 0.0, 0.1, 9.0]]))
        tensor([[-2.,  0.,  2.,  2.]])
    """

    reads = frozenset({Quantity.SIGN})
    scale: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator, *, scale: float | None = None) -> None:
        super().__init__()
        if scale is not None:
            positive(scale=scale)
        self.register_buffer("scale", spread(weight).to(weight) if scale is None else weight.new_tensor(scale))

    def forward(self, weight: Tensor) -> Tensor:
        """sign(W) · s."""
        return weight.sign() * self.scale

    def step(self, weight: Tensor) -> None:
        """Count the transport: the sign of every weight, at every update."""
        self.send(weight, bits=weight.numel())
