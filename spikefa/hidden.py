"""The weights that learn below the read-out, and what is found of each, by layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from spikefa.assignment import recurrent_weights
from spikefa.attachment import routed

PARAMETRIZED = re.compile(r"(^|\.)parametrizations\.weight\..+")
"""Of the names of the tensors that a weight is computed from, such as length and direction by ``weight_norm``."""


def hidden_weights(net: nn.Module, readout: str | None) -> dict[str, list[Tensor]]:
    """The weights that learn below the read-out, by the layer's name; several tensors where they are parametrized.

    Args:
        net: the network; the parameters of its pathways do not count.
        readout: name of the read-out layer; the one declared last, outside neurons, if absent.

    Raises:
        ValueError: there is no such read-out, or nothing below it that learns.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1))
        >>> _ = nn.utils.parametrizations.weight_norm(net[1])
        >>> {name: [tuple(piece.shape) for piece in pieces] for name, pieces in hidden_weights(net, None).items()}
        {'0': [(2, 2)], '1': [(2, 1), (2, 2)]}
    """
    feedback = {id(p) for layer in routed(net).values() for p in layer.feedback.parameters()}
    hidden: dict[str, list[Tensor]] = {}
    for name, p in net.named_parameters():
        if p.requires_grad and id(p) not in feedback and (p.dim() > 1 or PARAMETRIZED.search(name)):
            hidden.setdefault(PARAMETRIZED.sub("", name).removesuffix("weight").rstrip("."), []).append(p)
    outside = [name for name in hidden if name not in recurrent_weights(net)]
    last = readout if readout is not None else next(reversed(outside), "")
    if hidden.pop(last, None) is None or not hidden:
        raise ValueError(f"no weights that learn below a read-out {last!r}: there are {', '.join(hidden) or 'none'}")
    return hidden


def by_layer(
    hidden: Mapping[str, Sequence[Tensor]], found: Sequence[Tensor], true: Sequence[Tensor]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Gradients (routed, true) of each layer, of the shape of its weight; of several tensors one vector.

    Args:
        hidden: as :func:`hidden_weights` gives them; ``found``, ``true``: of all its tensors, one after the other.

    Example:
        >>> a, b = torch.ones(1, 2), torch.zeros(1)
        >>> [found.tolist() for found, _ in by_layer({"0": [a], "1": [a, b]}, [a, a, b], [a, a, b]).values()]
        [[[1.0, 1.0]], [1.0, 1.0, 0.0]]
    """
    sides = iter(found), iter(true)
    return {name: (_joined(sides[0], len(pieces)), _joined(sides[1], len(pieces))) for name, pieces in hidden.items()}


def _joined(gradients: Iterator[Tensor], count: int) -> Tensor:
    """The next ones, as one."""
    pieces = [next(gradients) for _ in range(count)]
    return pieces[0] if count == 1 else torch.cat([piece.flatten() for piece in pieces])
