"""What is measured, by name. Protocols are the paper's and its authors' code; those of the LIF layer are ours."""

from __future__ import annotations

import math
from collections.abc import Iterator

from spikefa.studies.song2021.descent import measure
from spikefa.studies.song2021.lillicrap import conserved
from spikefa.studies.song2021.network import derivation, lif, mnist
from spikefa.studies.study import Case, Size

WIDTHS = (200, 800, 3200, 12800)
RATES = {"linear": 1e-3, "relu": 1e-2, "lif": 0.05}
"""η."""
DECAY = {"linear": 0.3, "relu": 0.05, "lif": 0.05}
"""λ of the table."""
DECAYS = {"linear": (0.0, 0.2, 0.3, 0.5), "relu": (0.0, 0.02, 0.05, 0.2), "lif": (0.0, 0.02, 0.05, 0.1)}
"""λ of the paper's loss curves, at :data:`MIDDLE`; the last row is ours."""
MIDDLE = {"linear": 800, "relu": 800, "lif": 320}
"""Width of the λs and of the schedules."""
LIF_WIDTHS = (80, 320, 1280)
UNITS = {"late": 5.0, "early": 0.5}
"""η λ T at the cut: several units, in which β(0) decays to e⁻⁵, and half a one, in which it does not."""
MNIST_DECAYS = (0.0, 0.1, 0.3)
SMALL = {"lr": 1e-2, "epochs": 10, "batch": 20, "images": 8000, "p": 1000}
"""Quick MNIST, the network as published: 4000 updates of a few images each, η λ T = 4 and 12 units."""
FULL = {"lr": 1e-2, "epochs": 300, "batch": 600, "images": 60_000, "p": 1000}
DERIVATION, LILLICRAP, MNIST = "derivation", "lillicrap2016", {"quick": "MNIST, small", "paper": "MNIST"}


def widths(psi: str, size: Size) -> tuple[int, ...]:
    """Widths of the table: the widest ReLU, the slowest, is left to the published size."""
    if psi == "lif":
        return LIF_WIDTHS
    return WIDTHS[:-1] if psi == "relu" and size == "quick" else WIDTHS


def trained(psi: str, p: int, decay: float) -> str:
    """The name of the case of a network that was trained with λ throughout.

    Example:
        >>> trained("relu", 800, 0.05)
        'relu, width 800, λ 0.05'
    """
    return f"{psi}, width {p}, λ {decay:g}"


def scheduled(psi: str, when: str) -> str:
    """The name of the case of a schedule, ``late`` or ``early``.

    Example:
        >>> scheduled("lif", "late")
        'lif, λ cut late'
    """
    return f"{psi}, λ cut {when}"


def classified(size: Size, decay: float) -> str:
    """The name of the case of MNIST at a size.

    Example:
        >>> classified("quick", 0.1)
        'MNIST, small, λ 0.1'
    """
    return f"{MNIST[size]}, λ {decay:g}"


def cases(size: Size) -> list[Case]:
    """All cases of a size; curves are kept of the quick one, so that files stay small."""
    steps = {"lr": 1e-3, "steps": 1500, "p": 200}, {"lr": 5e-4, "steps": 4000, "batch": 10}
    found = [Case(DERIVATION, derivation, steps[0]), Case(LILLICRAP, conserved, steps[1])]
    for psi in RATES:
        found += [*_trained(psi, size), *_scheduled(psi, size)]
    setting = SMALL if size == "quick" else FULL
    return found + [Case(classified(size, decay), mnist, {"decay": decay, **setting}) for decay in MNIST_DECAYS]


def _trained(psi: str, size: Size) -> Iterator[Case]:
    table = [(p, decay) for decay in (0.0, DECAY[psi]) for p in widths(psi, size)]
    for p, decay in dict.fromkeys([*table, *((MIDDLE[psi], decay) for decay in DECAYS[psi])]):
        kept = {"p": p, "decay": decay, "lr": RATES[psi], "curve": size == "quick" and p == MIDDLE[psi]}
        if psi == "lif":  # the paper's η λ T: 2.5 units at the smallest width, then as √p
            yield Case(trained(psi, p, decay), lif, {**kept, "steps": int(1000 * math.sqrt(p / LIF_WIDTHS[0]))})
        else:
            yield Case(trained(psi, p, decay), measure, {"psi": psi, **kept})


def _scheduled(psi: str, size: Size) -> Iterator[Case]:
    """As many steps with either cut, twice those before the late one."""
    decay = DECAYS[psi][-1] if psi == "lif" else DECAY[psi]
    unit = 1 / (RATES[psi] * decay)
    for when, units in UNITS.items():
        kept = {"p": MIDDLE[psi], "decay": decay, "lr": RATES[psi], "curve": size == "quick"}
        kept |= {"steps": round(2 * UNITS["late"] * unit), "cut": round(units * unit)}
        made = Case(scheduled(psi, when), lif, kept)
        yield made if psi == "lif" else Case(made.name, measure, {"psi": psi, **kept})
