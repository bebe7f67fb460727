"""Separate feedback pathways for spiking networks: learning without weight transport, as a plugin for snnTorch."""

from spikefa.attachment import adapt, attach, describe, detach, exact, routed
from spikefa.feedback import Feedback, Rule, random_like
from spikefa.routing import route
from spikefa.rules import RULES

__all__ = [
    "RULES",
    "Feedback",
    "Rule",
    "adapt",
    "attach",
    "describe",
    "detach",
    "exact",
    "random_like",
    "route",
    "routed",
]

__version__ = "0.1.0"
