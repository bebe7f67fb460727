"""Separate feedback pathways for spiking networks: learning without weight transport, as a plugin for snnTorch.

Symbols used throughout: T time steps, B batch, N neurons; W the forward weights of a layer, ``weight``; B the feedback
weights, ``feedback.weight``; δ the error at a layer's output, ``error``. Recordings are time first, ``[T, B, N]``.
"""

from spikefa.alignment import weight_alignment
from spikefa.attachment import adapt, attach, detach, exact, routed
from spikefa.description import describe
from spikefa.feedback import Feedback, Quantity, Rule, random_like, route
from spikefa.gradients import error_angle, gradient_angle, learning_alignment
from spikefa.local import ThreeFactor, learn
from spikefa.remedies import REMEDIES, Remedy, remedy
from spikefa.rules import RULES
from spikefa.rules.kp import check_decay
from spikefa.sequence import reset, run

__all__ = [
    "REMEDIES",
    "RULES",
    "Feedback",
    "Quantity",
    "Remedy",
    "Rule",
    "ThreeFactor",
    "adapt",
    "attach",
    "check_decay",
    "describe",
    "detach",
    "error_angle",
    "exact",
    "gradient_angle",
    "learn",
    "learning_alignment",
    "random_like",
    "remedy",
    "reset",
    "route",
    "routed",
    "run",
    "weight_alignment",
]

__version__ = "0.1.0"
