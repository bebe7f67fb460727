"""Optimisers: what makes updates of gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn, optim

from spikefa.options import within

Parameters = Iterable[nn.Parameter]


def adamw(parameters: Parameters, lr: float, weight_decay: float) -> optim.Optimizer:
    """Adam, with a weight decay that stands apart from the gradient: it takes lr · λ of a weight away.

    Reference:
        Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019. https://arxiv.org/abs/1711.05101
    """
    return optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)


def sgd(parameters: Parameters, lr: float, weight_decay: float, *, momentum: float = 0.0) -> optim.Optimizer:
    """Stochastic gradient descent with momentum; the decay λ W is part of the gradient.

    Args:
        parameters: of the network; ``lr``: learning rate; ``weight_decay``: λ.
        momentum: part of the last step that the next one begins with.

    Raises:
        ValueError: momentum is not from 0 to 1.

    Reference:
        Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", ICML
        2013. https://proceedings.mlr.press/v28/sutskever13.html

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> sgd(layer.parameters(), 0.1, 0.0, momentum=0.9).defaults["momentum"]
        0.9
    """
    within(0, 1, momentum=momentum)
    return optim.SGD(parameters, lr=lr, weight_decay=weight_decay, momentum=momentum)


OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {"adamw": adamw, "sgd": sgd}
"""Each takes ``(parameters, lr, weight_decay, **its own options)``."""
