"""The remedies: what is done to forward weights after every update; one file each, to combine with any rule."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import final

from torch import nn

from spikefa.names import resolve
from spikefa.remedies.norm_limit import NormLimit
from spikefa.remedies.readout_decay import ReadoutDecay
from spikefa.remedies.remedy import Remedy
from spikefa.remedies.weight_noise import WeightNoise
from spikefa.remedies.weight_norm import WeightNorm

__all__ = [
    "REMEDIES",
    "NormLimit",
    "ReadoutDecay",
    "Remedies",
    "Remedy",
    "Undone",
    "WeightNoise",
    "WeightNorm",
    "remedy",
]

REMEDIES: dict[str, type[Remedy]] = {
    "weight_norm": WeightNorm,
    "norm_limit": NormLimit,
    "readout_decay": ReadoutDecay,
    "weight_noise": WeightNoise,
}


class Undone(UserWarning):
    """Two remedies of which one undoes the other."""


@final
class Remedies(Remedy):
    """Several remedies of one network, or none, which act one after the other.

    Args:
        net: the network, attached, at its start.
        makes: what makes each of them.

    Raises:
        TypeError: one of them makes something else than a remedy.

    Warns:
        Undone: ``weight_norm`` holds the norm of a read-out that is to decay.
    """

    def __init__(self, net: nn.Module, makes: Sequence[Callable[[nn.Module], Remedy]] = ()) -> None:
        parts = [_made(make, net) for make in makes]
        super().__init__({name: layer for part in parts for name, layer in part.layers.items()})
        self.parts = nn.ModuleList(parts)
        held = {name for part in parts if isinstance(part, WeightNorm) for name in part.layers}
        decaying = {name for part in parts if isinstance(part, ReadoutDecay) for name in part.layers}
        if both := sorted(held & decaying):
            warnings.warn(
                f"weight_norm holds the norm of {both[0]!r}, so that readout_decay cannot add up: leave that layer "
                f"out of weight_norm, for example by weight_norm:layers=fc*",
                Undone,
                stacklevel=2,
            )

    def step(self) -> None:
        """Let each act once."""
        for part in self.parts:
            part.step()  # type: ignore[operator]

    def extra_repr(self) -> str:
        """Nothing: each says for itself what it does."""
        return ""


def _made(make: Callable[[nn.Module], Remedy], net: nn.Module) -> Remedy:
    part = make(net)
    if not isinstance(part, Remedy):
        raise TypeError(
            f"the remedy {make!r} made a {type(part).__name__}, not a spikefa.Remedy: derive from that, and return one"
        )
    return part


def remedy(name: str, seed: int = 0) -> Callable[[nn.Module], Remedy]:
    """What makes the remedies that ``name`` stands for, for a network.

    Args:
        name: entries of :data:`REMEDIES`, with options, or ``package.module:Class``, joined by ``+``; or ``none``.
        seed: for those that draw from one, unless ``name`` gives them their own.

    Raises:
        ValueError: no such remedy or option; the message suggests the nearest name. Or two would draw the same numbers.

    Example:
        >>> from spikefa import attach
        >>> net = attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "fa")
        >>> after_each_update = remedy("weight_norm")(net)
        >>> # loss.backward(); optimizer.step()
        >>> after_each_update.step()
        >>> # adapt(net)
    """
    words = [word.strip() for word in re.split(r"\+(?=\s*[a-zA-Z_])", name)]  # but not in 1e+3
    if words == ["none"]:
        return Remedies
    if "none" in words:
        raise ValueError(f"{name!r} asks for none and for others: write none alone, or leave it out")
    makes = [resolve(word, REMEDIES, "remedy") for word in words]
    drawing = [getattr(make, "func", make) for make in makes if _lacks_seed(make)]
    if len(set(drawing)) < len(drawing):
        raise ValueError(f"in {name!r} two would draw the same noise: all but one need a seed of their own, as seed=1")
    return lambda net: Remedies(net, [partial(make, seed=seed) if _lacks_seed(make) else make for make in makes])


def _lacks_seed(make: Callable[..., Remedy]) -> bool:
    """Whether it takes a seed and was given none."""
    return "seed" in inspect.signature(make).parameters and "seed" not in getattr(make, "keywords", {})
