"""Frozen backpropagation: torch's copies of W beside the feedback network of ``models/fbp.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from spikefa.rules.fbp import FrozenBackprop
from spikefa.transport import quota
from spikefa.validation.exact import Exact
from spikefa.validation.learning import Learning

if TYPE_CHECKING:
    from models.trace import Trace


@final
@dataclass(frozen=True)
class Fbp(Learning):
    """Feedback that is a copy, made now and then.

    Args:
        period: updates from one copy to the next.
        transport: a scheme, with its options as on the command line.
    """

    period: int = 5
    transport: str = "full"

    @property
    def name(self) -> str:
        """``fbp``, and the transport if it is not a full one."""
        scheme = self.transport.partition(",")[0]
        return "fbp" if scheme == "full" else f"fbp-{scheme}"

    @property
    def rule(self) -> str:
        """With its options."""
        return f"fbp:period={self.period},transport={self.transport}"

    def reference(self) -> Trace:
        """Brian2's two networks."""
        from spikefa.models import fbp

        learner, lesson, _ = self.lesson()
        feedback: FrozenBackprop = self.course().net[2].feedback
        chosen = feedback.transport
        size = None if chosen.fraction is None else quota(feedback.weight, chosen.fraction)
        trace: Trace = fbp.run(
            learner, lesson, fbp.Transport(self.period, chosen.scheme, size=size, threshold=chosen.threshold)
        )
        return trace


def cases() -> Sequence[Exact]:
    """Every transport that has a reference."""
    parts = ("cyclic,fraction=0.4", "threshold,threshold=0.3", "topk,fraction=0.2")
    return [Fbp(), *(Fbp(period=2, transport=part) for part in parts)]
