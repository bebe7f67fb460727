"""Kolen–Pollack learning: torch's gradient of B beside the plastic feedback synapses of ``models/kp.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from spikefa.validation.exact import Exact
from spikefa.validation.learning import Learning

if TYPE_CHECKING:
    from models.trace import Trace


@final
@dataclass(frozen=True)
class Kp(Learning):
    """Feedback that learns as the forward weights do."""

    @property
    def rule(self) -> str:
        """``kp``."""
        return "kp"

    def reference(self) -> Trace:
        """Brian2's network with the same weights, forward and feedback, at the start."""
        from spikefa.models import kp

        trace: Trace = kp.run(*self.lesson())
        return trace


def cases() -> Sequence[Exact]:
    """Spikes, sample by sample, with decay by which W − B shrinks by a third; and in batches, by the local form."""
    return [Kp(decay=5.0), Kp(batch=2, decay=5.0, credit="local")]
