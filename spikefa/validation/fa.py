"""Feedback alignment: torch's routed gradients beside the three-factor rule of ``models/fa.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, final

from spikefa.validation.exact import Exact
from spikefa.validation.learning import Learning

if TYPE_CHECKING:
    from models.trace import Trace


@final
@dataclass(frozen=True)
class Fa(Learning):
    """Fixed random feedback."""

    @property
    def rule(self) -> str:
        """``fa``."""
        return "fa"

    def reference(self) -> Trace:
        """Brian2's network with the same weights, forward and feedback."""
        from spikefa.models import fa

        trace: Trace = fa.run(*self.lesson())
        return trace


def cases() -> Sequence[Exact]:
    """Spikes, sample by sample; currents in batches, with decay; and the same by the local form, in other batches."""
    batches = partial(Fa, eta=0.02, decay=1.0, currents=True)
    return [Fa(), batches(batch=4), batches(batch=2, credit="local")]
