"""The two meanings of a decay per step in seconds, and NIR itself, which is optional."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MEANINGS = {"euler": "tau = dt/(1 − beta)", "exponential": "tau = −dt/ln(beta)"}
"""What beta may mean, each with the time constant that is written."""


def library() -> Any:
    """The package ``nir``.

    Raises:
        ImportError: it is not installed, or is older than ``v_reset``: until 1.0.5 a spike took the threshold away.

    Example:
        >>> library().__name__
        'nir'
    """
    try:
        import nir
    except ImportError as error:
        raise ImportError("NIR files need the package nir: pip install 'spikefa[nir]'") from error
    if "v_reset" not in nir.LIF.__dataclass_fields__:
        raise ImportError(f"nir {nir.version} has no v_reset: pip install 'spikefa[nir]', which takes 1.0.6 or later")
    return nir


@dataclass(frozen=True)
class Clock:
    """How steps are told in seconds.

    With R = 1/(1 − beta) both meanings give ``beta·v + cur`` after a step: ``euler`` in a simulator that takes
    ``v += dt/tau·(R I − v)``, ``exponential`` in one that solves the equation with the current of the step held.

    Args:
        dt: length of a step, s.
        meaning: of beta, a key of :data:`MEANINGS`.

    Raises:
        ValueError: another meaning, or a step that takes no time.

    Example:
        >>> import numpy as np
        >>> [float(Clock(1e-3, meaning).tau(np.array(0.9)).round(6)) for meaning in MEANINGS]
        [0.01, 0.009491]
    """

    dt: float = 1e-4
    meaning: str = "euler"

    def __post_init__(self) -> None:
        if self.meaning not in MEANINGS:
            raise ValueError(f"beta={self.meaning!r}: there are {' and '.join(MEANINGS)}")
        if not 0 < self.dt < float("inf"):
            raise ValueError(f"dt={self.dt}: a step takes a positive number of seconds")

    def tau(self, decay: Array) -> Array:
        """The time constant, s, of a decay per step below 1."""
        tau: Array = self.dt / (1 - decay) if self.meaning == "euler" else -self.dt / np.log(decay)
        return tau

    def decay(self, tau: Array) -> Array:
        """The decay per step of a time constant: the way back."""
        decay: Array = 1 - self.dt / tau if self.meaning == "euler" else np.exp(-self.dt / tau)
        return decay
