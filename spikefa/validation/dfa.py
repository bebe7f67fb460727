"""Direct feedback alignment: torch's error from the read-out to each layer beside the synapses of ``models/dfa.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from spikefa.recording import array
from spikefa.validation.exact import Exact
from spikefa.validation.learning import Learning, b_of

if TYPE_CHECKING:
    from models.trace import Trace


@final
@dataclass(frozen=True)
class Dfa(Learning):
    """Fixed random feedback from the read-out to two hidden layers."""

    depth: ClassVar[int] = 2

    @property
    def rule(self) -> str:
        """``dfa``."""
        return "dfa"

    def reference(self) -> Trace:
        """Brian2's network with the same weights, forward and feedback."""
        from spikefa.models import dfa

        learner, lesson, _ = self.lesson()
        trace: Trace = dfa.run(learner, lesson, [array(b_of(layer)) for layer in self.course().net[2::2]])
        return trace


def cases() -> Sequence[Exact]:
    """Sample by sample through time; and in batches forward in time, by the local form."""
    return [Dfa(), Dfa(batch=2, eta=0.01, decay=1.0, credit="local")]
