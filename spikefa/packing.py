"""Nested state as JSON and tensors, and back: what is written of a training, without pickle."""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping
from typing import Any

from torch import Tensor


def pack(state: Any, place: str = "") -> tuple[Any, dict[str, Tensor]]:
    """Nested state in two parts: a value that JSON can hold, and the tensors that it names.

    Lists stay lists. All else that JSON would change is written with its kind: ``{"tensor": place}``, ``{"tuple":
    [...]}``, ``{"dict": [[key, value], ...]}``, ``{"float": "nan"}``. Tensors come to the CPU, and are not copied else.

    Args:
        state: dicts with keys of text or whole numbers, lists, tuples, tensors, numbers, text, booleans, None.
        place: where it lies, the names before it joined by ``/``.

    Raises:
        TypeError: it holds something else, which only unpickling could bring back; with its place.

    Example:
        >>> import torch
        >>> pack({"step": 3, "betas": (0.9, 0.99), "moments": [torch.zeros(2)]}, "optimizer")[0]["dict"][1:]
        [['betas', {'tuple': [0.9, 0.99]}], ['moments', [{'tensor': 'optimizer/moments/0'}]]]
    """
    tensors: dict[str, Tensor] = {}
    return _packed(state, place, tensors), tensors


def _packed(state: Any, place: str, tensors: dict[str, Tensor]) -> Any:
    match state:
        case Tensor():
            if place in tensors:
                raise ValueError(f"two tensors of the state are called {place}: give one of them another name")
            tensors[place] = state.detach().cpu().contiguous()
            return {"tensor": place}
        case None | bool() | int() | str():
            return state
        case float():
            return state if math.isfinite(state) else {"float": repr(float(state))}
        case Mapping():
            return {
                "dict": [[_key(key, place), _packed(value, _at(place, key), tensors)] for key, value in state.items()]
            }
        case list() | tuple():
            items = [_packed(item, _at(place, at), tensors) for at, item in enumerate(state)]
            return items if isinstance(state, list) else {"tuple": items}
    raise TypeError(
        f"{place or 'the state'} is a {type(state).__qualname__}, which a checkpoint cannot hold: let it be tensors, "
        f"numbers, text, or lists and dicts of these (of a generator: get_state())"
    )


def _at(place: str, name: str | int) -> str:
    return f"{place}/{name}" if place else str(name)


def _key(key: Any, place: str) -> str | int:
    if type(key) not in (str, int):
        raise TypeError(f"{place} has the key {key!r}, which a checkpoint cannot hold: use text or whole numbers")
    found: str | int = key
    return found


def unpack(packed: Any, tensors: MutableMapping[str, Tensor], place: str = "") -> Any:
    """What :func:`pack` was given; each tensor is taken out of ``tensors``, so that none is used twice.

    Raises:
        ValueError: it does not come from there; with its place.

    Example:
        >>> unpack(*pack({1: (2.0, float("inf"))}))
        {1: (2.0, inf)}
    """
    match packed:
        case None | bool() | int() | float() | str():
            return packed
        case list():
            return [unpack(item, tensors, _at(place, at)) for at, item in enumerate(packed)]
        case {"tuple": [*items], **rest} if not rest:
            return tuple(unpack(item, tensors, _at(place, at)) for at, item in enumerate(items))
        case {"float": ("nan" | "inf" | "-inf") as word, **rest} if not rest:
            return float(word)
        case {"tensor": str(name), **rest} if not rest and name in tensors:
            return tensors.pop(name)
        case {"dict": [*pairs], **rest} if not rest and _are_items(pairs):
            return {key: unpack(value, tensors, _at(place, key)) for key, value in pairs}
    raise ValueError(f"{place or 'the state'} is no state that was saved: {str(packed)[:60]}")


def _are_items(pairs: list[Any]) -> bool:
    """Whether these are the items of a dict, every key once."""
    if not all(isinstance(pair, list) and len(pair) == 2 and type(pair[0]) in (str, int) for pair in pairs):
        return False
    return len({key for key, _ in pairs}) == len(pairs)


def copied(state: Any) -> Any:
    """The same state in memory of its own, on the CPU.

    Raises:
        TypeError: it holds what :func:`pack` cannot take.
    """
    plain, tensors = pack(state)
    return unpack(plain, {name: tensor.clone() for name, tensor in tensors.items()})
