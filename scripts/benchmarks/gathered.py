"""A linear layer that skips zeros: forward product and weights' gradient as sums of rows, the error's product dense.

A trial of what sparsity brings to training as a whole; it is right for inputs of zeros and ones alone.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .contenders import Scores, sequence


@final
class Gathered(torch.autograd.Function):
    """y = x Wᵀ for spikes x ``[R, K]``: each row of y is the sum of the columns of W whose neurons spiked."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """The sum, and the spikes listed by neuron for the backward pass."""
        by_row, by_neuron = x.to_sparse_csr(), x.to_sparse_csc()
        ctx.save_for_backward(by_neuron.row_indices(), by_neuron.ccol_indices(), weight)
        return _sums(weight.T.contiguous(), by_row.col_indices(), by_row.crow_indices())

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor | None, Tensor]:
        """The error through W; for each neuron the sum of the errors where it spiked."""
        rows, starts, weight = ctx.saved_tensors
        return error @ weight if ctx.needs_input_grad[0] else None, _sums(error, rows, starts).T.contiguous()


@final
class GatheredLinear(nn.Linear):
    """``nn.Linear`` without bias, for spikes."""

    def forward(self, x: Tensor) -> Tensor:
        """Of ``[R, K]`` zeros and ones, ``[R, L]``."""
        found: Tensor = Gathered.apply(x, self.weight)
        return found


def gathered(net: nn.Sequential) -> tuple[nn.Module, Scores]:
    """spikefa's run with such layers."""
    net, scores = sequence(net)
    for layer in net:
        if type(layer) is nn.Linear:
            layer.__class__ = GatheredLinear
    return net, scores


def _sums(rows: Tensor, index: Tensor, starts: Tensor) -> Tensor:
    return F.embedding_bag(index, rows, starts, mode="sum", include_last_offset=True)
