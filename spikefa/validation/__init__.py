"""Validation: every local rule in torch beside its Brian2 reference model, one file each, named as the rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spikefa.names import resolve
from spikefa.validation import dale, dfa, fa, fbp, kp, lif, microcircuit, mirror, rdd, sal, sampling, stdwi
from spikefa.validation.exact import Agreement, Exact
from spikefa.validation.statistical import Consistency, Statistical

__all__ = ["VALIDATIONS", "Agreement", "Consistency", "Exact", "Statistical", "cases"]

Cases = Callable[[], Sequence[Exact | Statistical]]
"""Makes the cases of a rule: what is simulated on both sides."""

VALIDATIONS: dict[str, Cases] = {
    "lif": lif.cases,
    "fa": fa.cases,
    "dfa": dfa.cases,
    "fbp": fbp.cases,
    "kp": kp.cases,
    "mirror": mirror.cases,
    "stdwi": stdwi.cases,
    "rdd": rdd.cases,
    "sal": sal.cases,
    "sampling": sampling.cases,
    "microcircuit": microcircuit.cases,
    "dale": dale.cases,
}


def cases(name: str) -> Sequence[Exact | Statistical]:
    """The cases of a rule: an entry of :data:`VALIDATIONS`, or ``package.module:function`` for one's own.

    Raises:
        ValueError: no such name; the message suggests the nearest.
        TypeError: what it names gives no cases.

    Example:
        >>> [case.name for case in cases("lif")][0]
        'lif'
    """
    found: Sequence[Exact | Statistical] = resolve(name, VALIDATIONS, "validation")()
    if not isinstance(found, list | tuple) or not found or not all(isinstance(c, Exact | Statistical) for c in found):
        raise TypeError(f"{name} must be a function that returns a list of Exact or Statistical cases, got {found!r}")
    return found
