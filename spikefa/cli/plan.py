"""``spikefa plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from spikefa.cli.options import Count, One


def plan(
    study: Path,
    *,
    jobs: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=(), metavar="INT...")] = None,
    data: Annotated[Path | None, One] = None,
    device: Annotated[str, One] = "cpu",
    threads: Annotated[str | None, Count] = None,
) -> int:
    """Say what a study will cost, before it runs: a few updates of each of its experiments are timed.

    Args:
        study: the TOML file that spikefa compare would be given.
        jobs: numbers of runs side by side to reckon with (default: 1 8 64).
        data: folder with the data sets; else SPIKEFA_DATA, the cache, download.
        device: cpu, cuda, ...
        threads: CPU threads of a run (default: torch's own choice).
    """
    from spikefa import outlook

    return outlook.sit(study, jobs or ["1", "8", "64"], data, device, threads)
