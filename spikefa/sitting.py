"""One sitting of ``spikefa compare`` at the terminal: from options to the progress bars, the table and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spikefa import report
from spikefa.comparison import Failed, compare, grid, missing
from spikefa.experiment import Experiment
from spikefa.measurement import Epoch
from spikefa.results import FILE, read
from spikefa.study import read_study
from spikefa.summary import summarise
from spikefa.tables import table

PLACES: dict[str, Any] = {"out": "runs", "data": None, "device": "cpu", "threads": None}
DEFAULTS: dict[str, Any] = {"rule": ["bp", "fa", "fbp:period=20", "sal"], "seed": [0, 1, 2]}

console = Console(highlight=False)


def sit(study: Path | None, given: Mapping[str, Any], command: str) -> int:
    """Run a comparison: defaults, overridden by the study file, overridden by what was given.

    Returns:
        The exit status: 0, or 1 if an experiment failed.

    Raises:
        ValueError: an option that cannot be; nothing has been trained then.
        OSError: the output folder cannot be written.
    """
    written = read_study(study, {*Experiment.model_fields, *PLACES}) if study else {}
    options = PLACES | DEFAULTS | written | dict(given)
    place = {name: options.pop(name) for name in PLACES}
    folder, data, device = Path(place["out"]), place["data"], _device(place["device"])
    if place["threads"] is not None:
        torch.set_num_threads(place["threads"])
    experiments = grid(options)
    _train(experiments, folder, data and Path(data), device, command)
    return show(folder, {experiment.key for experiment in experiments})


def show(place: Path, wanted: set[str] | None = None) -> int:
    """Print the table of a folder's runs and write its report.

    Args:
        place: the folder with ``runs.jsonl``, or that file.
        wanted: keys of the runs whose failure counts for the exit status; all if absent.

    Returns:
        1 if one of them failed, else 0.
    """
    runs = read(place)
    page = report.write(runs, place if place.is_dir() else place.parent)
    console.print(table(summarise(runs)))
    failed = [run for run in runs if run.state == "failed" and (wanted is None or run.key in wanted)]
    for run in failed:
        console.print(f"failed: {run.rule}, seed {run.seed}: {run.error}", style="red", markup=False)
    console.print(f"report: {page}", soft_wrap=True)
    return 1 if failed else 0


def _train(experiments: Sequence[Experiment], folder: Path, data: Path | None, device: str, command: str) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    path = folder / FILE
    todo = missing(experiments, path)
    if len(todo) < len(experiments):
        console.print(f"{len(experiments) - len(todo)} of {len(experiments)} runs are in {path} already")
    with Progress(*columns, console=console) as progress:
        bars: dict[str, Any] = {}
        for experiment, event in compare(experiments, folder, data_folder=data, device=device, command=command):
            name = f"{experiment.rule}, seed {experiment.seed}"
            if experiment.key not in bars:
                bars[experiment.key] = progress.add_task(name, total=experiment.epochs, state="")
            completed = event.epoch if isinstance(event, Epoch) else None
            progress.update(bars[experiment.key], completed=completed, state=_state(event))
            if completed == experiment.epochs or isinstance(event, Failed):
                progress.stop_task(bars[experiment.key])


def _state(event: Epoch | Failed) -> str:
    if isinstance(event, Failed):
        return "failed"
    return f"loss {event.loss:.3f}  validation {100 * event.accuracy['validation']:.1f} %"


def _device(name: str) -> str:
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {name!r} cannot be used ({str(error).splitlines()[0]}): try --device cpu") from error
    return name
