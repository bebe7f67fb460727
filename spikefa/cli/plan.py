"""``spikefa plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from spikefa.cli.options import Count, One, Words


def plan(
    study: Path,
    *,
    jobs: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=(), metavar="INT...")] = None,
    data: Annotated[Path | None, One] = None,
    device: Annotated[str | None, One] = None,
    threads: Annotated[str | None, Count] = None,
    trust: Annotated[list[str] | None, Words] = None,
) -> int:
    """Say what a study will cost, before it runs: a few updates of each of its experiments are timed.

    Args:
        study: the TOML file that spikefa compare would be given.
        jobs: numbers of runs side by side to reckon with (default: 1 8 64).
        data: folder with the data sets (default: the study's; else SPIKEFA_DATA, the cache, download).
        device: cpu, cuda, ... (default: the study's; else cpu).
        threads: CPU threads of a run (default: the study's; else torch's own choice).
        trust: names such as my.rules:Best that the study file may have imported.
    """
    from spikefa import outlook
    from spikefa.names import trusting

    places = {"data": data, "device": device, "threads": threads}
    given = {name: value for name, value in places.items() if value is not None}
    with trusting(trust or ()):
        return outlook.sit(study, jobs or ["1", "8", "64"], given)
