"""The figures of the weight-alignment study."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from spikefa.studies.rows import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES: tuple[Callable[[Results], "Figure | None"], ...] = ()
