"""``spikefa reproduce``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from spikefa.cli.options import Count, One


def reproduce(
    papers: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    /,
    *,
    size: str = "quick",
    seed: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=(), metavar="INT...")] = None,
    only: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    page: Annotated[bool, Parameter(negative=())] = False,
    out: Annotated[Path, One] = Path("runs/reproduce"),
    device: Annotated[str, One] = "cpu",
    threads: Annotated[str | None, Count] = None,
) -> int:
    """Measure the claims of papers: which hold, which do not, and which this size cannot decide.

    What OUT holds already is not measured again. Ends with the claims and the place of the page with all figures.

    Args:
        papers: studies, as spikefa list prints them, or package.module:Class (default: all).
        size: quick, minutes on two cores; long, hours on two cores, where a study has it; or paper, the published size.
        seed: seeds (default: as many as the study asks for at this size).
        only: names of cases (default: all).
        page: measure nothing; judge, draw and write the page from what OUT holds.
        out: folder for a study's rows and figures; the page is written beside it, OUT.md.
        device: cpu, cuda, ...: where networks are trained.
        threads: CPU threads (default: torch's own choice).
    """
    from spikefa.machine import usable, use_threads
    from spikefa.studies import sitting

    use_threads(threads)
    seeds = None if seed is None else sitting.seeds(seed)
    command = shlex.join(["spikefa", *sys.argv[1:]])
    return sitting.sit(papers or [], size, seeds, only or [], out, usable(device), command, measure=not page)
