"""Kolen–Pollack learning: B takes part in every update of W, and weight decay lets their difference fade."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn, optim

from spikefa.feedback import Feedback, Quantity, random_like
from spikefa.options import Range


class NoDecay(UserWarning):
    """Kolen–Pollack feedback that cannot align: it is not in the optimiser, or not with the decay that W has."""


ADAPTIVE = (optim.Adadelta, optim.Adagrad, optim.Adam, optim.Adamax, optim.NAdam, optim.RAdam, optim.RMSprop)
"""Optimisers that divide a gradient by its size, and with it a decay that they add to the gradient."""


@final
class KolenPollack(Feedback):
    """Kolen–Pollack learning: B gets the same updates as W, and both decay.

    ΔW = −η (δ xᵀ + λ W),  ΔB = −η (δ xᵀ + λ B),  so W − B shrinks by 1 − η λ per update.

    B starts random and is a parameter, whose gradient is that of W, bit for bit: the optimiser that moves W moves B.
    Build it *after* ``attach``, or it does not know of B, and give it weight decay, without which W − B stays as it is
    for ever. Decay has to be the same for W and B; with an adaptive optimiser it has
    to be decoupled (``AdamW``, not ``Adam``), since only then do W and B get equal steps.
    :func:`check_decay` warns of all of these. Clipping by the norm of all
    gradients counts B's too, which changes the step but not that W and B share it.

    **Uses:** the error and the input that W's own update uses, both at hand at a reciprocal synapse: local.

    Reference:
        Kolen, Pollack, "Backpropagation without weight transport", IEEE International Conference on Neural Networks,
        1994. https://doi.org/10.1109/ICNN.1994.374486
        Akrout, Wilson, Humphreys, Lillicrap, Tweed, "Deep learning without weight transport", NeurIPS 2019.
        https://arxiv.org/abs/1904.05391

    Args:
        weight: W₀, ``[out, in, ...]``; only its shape and standard deviation are used.
        generator: draws B₀.

    Raises:
        ValueError: the standard deviation of W₀ is zero or not finite.

    Example:
        >>> from spikefa import attach
        >>> layer = attach(nn.Linear(3, 2), "kp", first=True)
        >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, weight_decay=0.1)
        >>> before = layer.weight - layer.feedback.weight
        >>> layer(torch.ones(3)).sum().backward()
        >>> optimizer.step()
        >>> torch.allclose(layer.weight - layer.feedback.weight, (1 - 0.1 * 0.1) * before)
        True
    """

    reads = frozenset({Quantity.ERROR, Quantity.INPUT})
    search: ClassVar[Mapping[str, Range]] = {"weight_decay": Range(0.01, 10.0, log=True)}
    weight: nn.Parameter

    def __init__(self, weight: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(random_like(weight, generator))

    def forward(self, weight: Tensor) -> Tensor:
        """B as learned so far."""
        return self.weight


def check_decay(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Warn, once for a network, if an optimiser leaves Kolen–Pollack feedback without the decay that aligns it.

    Args:
        net: the network, attached; layers with other rules are not looked at.
        optimizer: the one that trains it.

    Warns:
        NoDecay: a layer's W or B is not among the optimiser's parameters, has no weight decay there, has another rate
            or decay than its other half, or one that an adaptive optimiser does not decouple from the gradient.

    Example:
        >>> from spikefa import attach
        >>> net = attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "kp")
        >>> check_decay(net, torch.optim.AdamW(net.parameters(), weight_decay=0.01))
    """
    group = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    faults: dict[str, list[str]] = {}
    for name, layer in net.named_modules():
        if isinstance(pathway := getattr(layer, "feedback", None), KolenPollack):
            pair = [group.get(id(p)) for p in (layer.weight, pathway.weight)]
            faults.setdefault(_fault(optimizer, *pair), []).append(name)
    faults.pop("", None)
    if faults:
        found = "; ".join(f"{fault} (layers {', '.join(names)})" for fault, names in faults.items())
        warnings.warn(f"Kolen–Pollack feedback will not align: {found}", NoDecay, stacklevel=2)


def _fault(optimizer: optim.Optimizer, forward: dict[str, Any] | None, feedback: dict[str, Any] | None) -> str:
    """What the parameter groups of W and B lack in an optimiser; empty if nothing."""
    if feedback is None:
        return "the optimiser does not hold B, build it after attach()"
    if forward is None:
        return "the optimiser does not hold W"
    if not (forward.get("weight_decay") and feedback.get("weight_decay")):
        return "the optimiser has no weight decay, give it weight_decay=... for W and B alike"
    for name in ("lr", "weight_decay"):
        if forward[name] != feedback[name]:
            return f"{name} is {forward[name]} for W and {feedback[name]} for B, give both the same"
    if isinstance(optimizer, optim.Adafactor):
        return "Adafactor's steps depend on the size of W and of B, take AdamW or SGD"
    decoupled = isinstance(optimizer, optim.AdamW) or forward.get("decoupled_weight_decay")
    if isinstance(optimizer, ADAPTIVE) and not decoupled:
        return f"{type(optimizer).__name__} divides the decay of W and of B by different sizes, take AdamW or SGD"
    return ""
