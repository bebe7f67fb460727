"""What is simulated on both sides, whatever they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

Simulator = Callable[[], AbstractContextManager[Any]]
"""Makes the context of one simulation in Brian2."""


class Case(ABC):
    """A rule in torch beside its Brian2 reference model."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the case; it begins with the rule's: ``sal``, ``sal-lif`` or ``sal-statistics``."""

    @property
    @abstractmethod
    def compared(self) -> str:
        """What is simulated, in words, with its sizes."""
