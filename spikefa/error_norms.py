"""How large the error is at each layer: what comes through the pathways, beside what the true weights would send."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from spikefa.assignment import affine_layers
from spikefa.attachment import exact


def error_norms(net: nn.Module, loss: Callable[[], Tensor]) -> dict[str, float]:
    """Root mean square of the error δ at the output of each affine layer, over a batch and all time steps.

    Feedback that is larger than W makes it grow from layer to layer: if the parts of δ are independent, Bᵀδ is
    s √(fan-out) times as large as δ, with s the root mean square of B. In layers of equal width n and gain g, that is
    g for B of W's scale, and √n for signs alone.

    Args:
        net: the network. Its parameters' ``.grad`` are not touched.
        loss: computes the loss of a batch as in training.

    Returns:
        By the layer's name, in the unit of the loss; layers that no error reaches are left out. Inside
        ``with exact(net)`` these are the true ones.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Linear(1, 1, bias=False))
        >>> _ = nn.init.constant_(net[1].weight, 3.0)
        >>> error_norms(net, lambda: net(torch.ones(5, 2)).sum())
        {'0': 3.0, '1': 1.0}
    """
    calls: list[tuple[str, Tensor]] = []

    def recorder(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def record(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if output.requires_grad:
                calls.append((name, output))

        return record

    hooks = [layer.register_forward_hook(recorder(name)) for name, layer in affine_layers(net).items()]
    try:
        found = loss()
    finally:
        for hook in hooks:
            hook.remove()
    errors = torch.autograd.grad(found, [y for _, y in calls], allow_unused=True) if calls else ()
    parts: dict[str, list[Tensor]] = {}
    for (name, _), error in zip(calls, errors, strict=True):
        if error is not None:
            parts.setdefault(name, []).append(error.detach().double())
    return {
        name: math.sqrt(float(torch.cat([e.flatten() for e in each]).square().mean())) for name, each in parts.items()
    }


def error_ratios(net: nn.Module, loss: Callable[[], Tensor]) -> dict[str, float]:
    """How many times as large the error at each layer's output is as the true one, on the same batch and state.

    ``loss`` is computed twice and must be the same at both calls. nan where the true error is zero.

    Example:
        >>> from spikefa import attach
        >>> net = attach(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), "bp")
        >>> error_ratios(net, lambda: net(torch.ones(5, 2)).sum())
        {'0': 1.0, '1': 1.0}
    """
    with exact(net):
        true = error_norms(net, loss)
    found = error_norms(net, loss)
    return {name: found.get(name, 0.0) / size if size else math.nan for name, size in true.items()}
