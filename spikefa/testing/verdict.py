"""What a check says: a fault, with what was found and what was expected, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from spikefa.packing import pack


class Fault(AssertionError):
    """A law that does not hold; :func:`~spikefa.testing.check_rule` adds where."""


class BrokenRule(AssertionError):
    """A rule that breaks a law: the message names the check, the layer, the style, what was found and the way out."""


def require(holds: bool, message: str) -> None:
    """Raise a :class:`Fault` if a law does not hold.

    Example:
        >>> require(1 + 1 == 2, "sums are wrong")
    """
    if not holds:
        raise Fault(message)


def same(what: str, found: Tensor | None, expected: Tensor | None) -> None:
    """Require equality bit for bit, in dtype and shape too.

    Example:
        >>> import torch
        >>> same("B", torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]))
        Traceback (most recent call last):
        spikefa.testing.verdict.Fault: B: 1 of 2 numbers differ, at (1,) found 2.0, expected 3.0
    """
    found, expected = _alike(what, found, expected)
    _compare(what, found, expected, (found != expected) & ~(found.isnan() & expected.isnan()))


def near(what: str, found: Tensor | None, expected: Tensor | None, rtol: float) -> None:
    """Require equality up to ``rtol`` of the largest number expected.

    Example:
        >>> import torch
        >>> near("B", torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0001]), 1e-3)
    """
    found, expected = _alike(what, found, expected)
    if expected.numel():
        _compare(what, found, expected, ~((found - expected).abs() <= rtol * expected.abs().max()))


def all_same(what: str, found: Sequence[Tensor], expected: Sequence[Tensor], names: Sequence[str]) -> None:
    """:func:`same` for several tensors."""
    for name, one, other in zip(names, found, expected, strict=True):
        same(f"{what} of {name}", one, other)


def same_state(what: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """:func:`same` for two state dicts; what is no tensor in them must be equal, too."""
    require(found.keys() == expected.keys(), f"{what}: keys {sorted(found.keys() ^ expected.keys())} on one side only")
    (plain, ours), (other, theirs) = pack(found), pack(expected)
    all_same(what, list(ours.values()), list(theirs.values()), list(ours))
    require(plain == other, f"{what} beside its tensors is {plain}, expected {other}")


def _alike(what: str, found: Tensor | None, expected: Tensor | None) -> tuple[Tensor, Tensor]:
    if found is None or expected is None:
        raise Fault(f"{what}: there is {'no tensor' if found is None else 'one'}, unlike what is expected")
    for property_ in ("shape", "dtype"):
        one, other = getattr(found, property_), getattr(expected, property_)
        require(one == other, f"{what} has {property_} {one}, expected {other}")
    return found.detach(), expected.detach()


def _compare(what: str, found: Tensor, expected: Tensor, wrong: Tensor) -> None:
    if bool(wrong.any()):
        at = tuple(wrong.nonzero()[0].tolist())
        raise Fault(
            f"{what}: {int(wrong.sum())} of {wrong.numel()} numbers differ, at {at} found {found[at].item()}, "
            f"expected {expected[at].item()}"
        )
