"""What the study draws."""

from __future__ import annotations
from typing import Any


def figures(results: Any) -> dict[str, Any]:
    """None yet."""
    return {}
