"""Noise phases that never come, since training ends before."""

from __future__ import annotations

import warnings

from torch import nn

from spikefa.attachment import routed
from spikefa.noise.phase import NoisePhase


class NoPhase(UserWarning):
    """A training makes its last update before the first phase of a rule that learns in phases: its B is random."""


def check_phases(net: nn.Module, updates: int, epochs: int) -> None:
    """Warn, once for a network, if in a training of so many updates and epochs none follows a phase of some layer.

    Warns:
        NoPhase: which layers, and after how many updates or epochs their first phase would come.

    Example:
        >>> from spikefa import attach
        >>> check_phases(attach(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)), "sal:every=40"), 41, 1)
    """
    lasts = {"update": updates, "epoch": epochs}
    late: dict[str, list[str]] = {}
    for name, layer in routed(net).items():
        pathway = layer.feedback
        if isinstance(pathway, NoisePhase) and pathway.every >= lasts[pathway.per]:
            late.setdefault(f"{pathway.every:,} {pathway.per}s", []).append(name)
    if late:
        found = ", ".join(f"of {', '.join(names)} after {when}" for when, names in late.items())
        said = (
            f"the first noise phase comes too late, {found}, when all {updates:,} updates in {epochs} epochs are done"
        )
        warnings.warn(f"{said}: that feedback is random; give a smaller every, or train longer", NoPhase, stacklevel=2)
