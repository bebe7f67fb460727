"""``spikefa tune``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from spikefa.cli.options import Count, One, Words


def tune(
    study: Path,
    /,
    *,
    budget: Annotated[str, Parameter(metavar="INT")] = "20",
    seed: Annotated[str, Parameter(metavar="INT")] = "100",
    epochs: Annotated[str | None, Parameter(metavar="INT")] = None,
    out: Annotated[Path, One] = Path("runs/tune"),
    data: Annotated[Path | None, One] = None,
    device: Annotated[str | None, One] = None,
    threads: Annotated[str | None, Count] = None,
    trust: Annotated[list[str] | None, Words] = None,
) -> int:
    """Search each rule's learning rate and own options, with the same number of trials for every rule.

    Continuous ranges, sampled by Optuna and written as a study file; compare --tune instead tries every value of a list
    that you give. Only validation data is looked at. What OUT/tuning.db holds is not tried again. The learning rate of
    the study is where the search begins; options in a rule's name stay as they are.

    Args:
        study: a TOML file as compare takes it, of one setting: rule = ["bp", "sal"], seed = [0, 1, 2], epochs = 5.
        budget: trials of each rule; those that fail count.
        seed: of the trials, none of the study's.
        epochs: length of a trial (default: the study's).
        out: folder for tuning.db and tuned.toml, which compare runs.
        data: folder with the data sets (default: the study's; else SPIKEFA_DATA, the cache, download).
        device: cpu, cuda, ... (default: the study's, or cpu).
        threads: CPU threads (default: the study's, or torch's own choice).
        trust: names such as my.rules:Best that the study file may have imported.
    """
    from spikefa.names import trusting
    from spikefa.search.sitting import sit

    place = {"data": data, "device": device, "threads": threads, "epochs": epochs}
    with trusting(trust or ()):
        return sit(study, budget, out, seed, place, shlex.join(["spikefa", *sys.argv[1:]]))
