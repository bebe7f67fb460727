"""One sitting of ``spikefa compare`` at the terminal: from options to the progress bars, the table and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from spikefa import report
from spikefa.asked import Asked, asked, path_of
from spikefa.comparison import Failed, compare, remaining
from spikefa.distributed import Alone, crew
from spikefa.engines import Here, choose
from spikefa.experiment import Experiment
from spikefa.machine import count, named, usable
from spikefa.measurement import Epoch
from spikefa.options import flag
from spikefa.runs import FILE, Run, read
from spikefa.summary import summarise
from spikefa.tables import table
from spikefa.tensorboard import Board

console = Console(highlight=False)


def sit(study: Path | None, given: Mapping[str, Any], command: str) -> int:
    """Run a comparison: defaults, overridden by the study file, overridden by what was given.

    Returns:
        The exit status: 0, or 1 if an experiment failed or a rule could not be tuned.

    Raises:
        ValueError: an option that cannot be; nothing has been trained then.
        OSError: the output folder cannot be written.
    """
    wanted = asked(study, given)
    place = wanted.place
    if place["scheduler"] is not None and "scheduler" not in given:
        raise ValueError(
            f"{study} names a scheduler, {place['scheduler']!r}, which could run programs here: if you mean it, type "
            f"--scheduler"
        )
    folder, data, device = path_of("out", place["out"]), place["data"], place["device"]
    where: dict[str, Any] = {
        "data_folder": None if data is None else path_of("data", data),
        "device": named(device) if place["engine"] == "dask" else usable(device),
        "probe": None if place["probe"] is None else count("probe", place["probe"]),
        "checkpoints": _flag("checkpoints", place["checkpoints"]),
        "command": command,
        "weights": _flag("tensorboard", place["tensorboard"]),
    }
    with choose(place["engine"], place["jobs"], place["scheduler"], place["threads"], where["device"]) as engine:
        if not isinstance(crew.get(), Alone) and not isinstance(engine, Here):
            raise ValueError("under torchrun every process works at one training: leave --jobs and --engine out")
        return _sat(wanted, folder, where | {"engine": engine})


def _sat(wanted: Asked, folder: Path, where: dict[str, Any]) -> int:
    """Tune if that was asked for, compare, show; the exit status."""
    options, tuning, own = wanted.options, wanted.tuning, wanted.own
    words = dict.fromkeys(tuning.fields, tuning.words(options)) if tuning else own.tuning
    experiments, remarks, lost = own.experiments, own.remarks, dict[str, str]()
    if tuning:
        experiments = tuning.trials(options)
        console.print(f"{len(experiments)} trials, to choose {tuning.words(options)}")
        _train(experiments, folder / "tuning", where)
        trials = read(folder / "tuning")
        experiments = tuning.chosen(options, trials)
        remarks, lost = tuning.remarks(options, trials), tuning.lost(options, trials)
    failed = _left_out(lost)
    if not experiments:
        return failed
    _train(experiments, folder, where | {"tuning": words, "remarks": remarks})
    return show(folder, {experiment.key for experiment in experiments}, words) or failed


def show(place: Path, wanted: set[str] | None = None, tuning: Mapping[str, str] | None = None) -> int:
    """Print the table of a folder's runs and write its report.

    Args:
        place: the folder with ``runs.jsonl``, or that file.
        wanted: keys of the runs whose failure counts for the exit status; all if absent.
        tuning: how these were tuned; an untuned run may have the same key.

    Returns:
        1 if one of them failed, else 0.
    """
    runs = read(place)
    page = report.write(runs, place if place.is_dir() else place.parent)
    console.print(table(summarise(runs)))
    failed = [run for run in runs if run.state == "failed" and _counts(run, wanted, tuning)]
    for run in failed:
        console.print(f"failed: {run.rule}, seed {run.seed}: {run.error}", style="red", markup=False)
    console.print(f"report: {page}", soft_wrap=True)
    return 1 if failed else 0


def _counts(run: Run, wanted: set[str] | None, tuning: Mapping[str, str] | None) -> bool:
    return wanted is None or (run.key in wanted and run.tuning == (tuning or {}))


def _left_out(lost: Mapping[str, str]) -> int:
    """Name the rules that could not be tuned; 1 if there are any."""
    for name, why in lost.items():
        console.print(f"left out: {name}: {why}", style="red", markup=False, soft_wrap=True)
    return 1 if lost else 0


def _train(experiments: Sequence[Experiment], folder: Path, where: dict[str, Any]) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    todo = remaining(experiments, folder, where.get("tuning"))
    if len(todo) < len(experiments):
        held = f"{len(experiments) - len(todo)} of {len(experiments)} runs are in {folder / FILE} already"
        options = {"probe": "--probe", "checkpoints": "--checkpoints", "weights": "--tensorboard"}
        idle = [option for name, option in options.items() if where[name]]
        said = f": {' and '.join(idle)} {'act' if len(idle) > 1 else 'acts'} on the others alone" if idle else ""
        console.print(held + said, soft_wrap=True)
    with ExitStack() as stack:
        board = stack.enter_context(Board(folder / "tensorboard")) if where["weights"] else None
        progress = stack.enter_context(Progress(*columns, console=console, transient=True))
        runs = progress.add_task("runs", total=len(todo), state="")
        bars: dict[str, TaskID] = {}
        for experiment, event in compare(experiments, folder, **where):
            if board and isinstance(event, Epoch):
                board.add(experiment, event)
            if experiment.key not in bars:
                bars[experiment.key] = progress.add_task(_name(experiment), total=experiment.epochs, state="")
            completed = event.epoch if isinstance(event, Epoch) else None
            progress.update(bars[experiment.key], completed=completed, state=_state(event))
            if completed == experiment.epochs or isinstance(event, Failed):
                progress.console.print(f"{_name(experiment):24} {_state(event)}", markup=False)
                progress.remove_task(bars.pop(experiment.key))
                progress.advance(runs)


def _name(experiment: Experiment) -> str:
    return f"{experiment.rule}, seed {experiment.seed}"


def _state(event: Epoch | Failed) -> str:
    if isinstance(event, Failed):
        return f"failed: {event.error}"
    return f"loss {event.loss:.3f}  validation {100 * event.accuracy['validation']:.1f} %"


def _flag(option: str, value: Any) -> bool:
    flag(**{option: value})
    return bool(value)
