"""The command: ``spikefa compare``, ``report``, ``reproduce``, ``check`` and so on. Heavy imports wait until needed."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import App, Group, Parameter

from spikefa.complaint import guarded

EXPERIMENT = Group("The experiments (every combination of the values given)", sort_key=1)
PLACE = Group("Where", sort_key=2)

app = App(
    name="spikefa",
    help="Separate feedback pathways for spiking networks: learning without weight transport.",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)
app["--help"].group = app["--version"].group = "Other"

# Numbers reach the experiment as they were typed, and are checked there: 1.5 epochs are refused rather than rounded.
Many = Parameter(consume_multiple=True, group=EXPERIMENT, negative=())
Whole = Parameter.combine(Many, Parameter(metavar="INT..."))
Real = Parameter.combine(Many, Parameter(metavar="FLOAT..."))
One = Parameter(group=PLACE)
TRAINED = Parameter(group=Group("A trained network", sort_key=3))
Count = Parameter.combine(One, Parameter(metavar="INT"))


@app.command
def compare(
    study: Path | None = None,
    *,
    rule: Annotated[list[str] | None, Many] = None,
    remedy: Annotated[list[str] | None, Many] = None,
    dataset: Annotated[list[str] | None, Many] = None,
    network: Annotated[list[str] | None, Many] = None,
    encoding: Annotated[list[str] | None, Many] = None,
    readout: Annotated[list[str] | None, Many] = None,
    credit: Annotated[list[str] | None, Many] = None,
    seed: Annotated[list[str] | None, Whole] = None,
    epochs: Annotated[list[str] | None, Whole] = None,
    batch_size: Annotated[list[str] | None, Whole] = None,
    optimizer: Annotated[list[str] | None, Many] = None,
    lr: Annotated[list[str] | None, Real] = None,
    weight_decay: Annotated[list[str] | None, Real] = None,
    steps: Annotated[list[str] | None, Whole] = None,
    precision: Annotated[list[str] | None, Many] = None,
    tune: Annotated[list[str] | None, Many] = None,
    tune_seed: Annotated[str | None, Count] = None,
    tune_epochs: Annotated[str | None, Count] = None,
    out: Annotated[Path | None, One] = None,
    data: Annotated[Path | None, One] = None,
    device: Annotated[str | None, One] = None,
    threads: Annotated[str | None, Count] = None,
    probe: Annotated[str | None, Count] = None,
) -> int:
    """Train the same network, from the same start, on the same batches, under several rules.

    What OUT/runs.jsonl holds already is not trained again, so a comparison that was stopped goes on where it was, and
    one that is widened trains only what is new. Ends with the table and the place of the report.

    Args:
        study: a TOML file with any of these options, for example rule = ["bp", "fa"]; options given here win.
        rule: feedback rules, with options: bp fa fbp:period=100 (default: bp fa fbp:period=20 sal).
        remedy: what is done to the weights after each update, joined by +: weight_norm, norm_limit, readout_decay
            (default: none).
        dataset: data sets (default: digits).
        network: networks, with options: mlp:depth=6,width=200 (default: mlp).
        encoding: how images become input over time: current, poisson, latency (default: current).
        readout: how classes are read: membrane, rate, first_spike, every_step (default: membrane).
        credit: how gradients come about: bptt, or local, which needs readout every_step (default: bptt).
        seed: seeds; each decides weights, batches and noise (default: 0 1 2).
        epochs: passes over the training images (default: 10).
        batch_size: images per update (default: 64).
        optimizer: adamw, or sgd:momentum=0.9 (default: adamw).
        lr: its learning rate (default: 0.001).
        weight_decay: weight decay, which kp needs (default: 0, Adam).
        steps: time steps per image (default: 10).
        precision: of matrix products: float32, or bfloat16, faster where the hardware has it (default: float32).
        tune: options, such as lr, that are not compared: each rule chooses among their values on validation data.
        tune_seed: seed of the trials (default: 100).
        tune_epochs: epochs of each trial (default: 1).
        out: folder for runs.jsonl, the table, the figures and report.html (default: runs).
        data: folder with the data sets; else SPIKEFA_DATA, the cache, download.
        device: cpu, cuda, ... (default: cpu).
        threads: CPU threads (default: torch's own choice).
        probe: updates from one measurement of the gradient's angle to the next (default: once an epoch).
    """
    given = {name: value for name, value in locals().items() if name != "study" and value is not None}
    from spikefa.sitting import sit

    return sit(study, given, shlex.join(["spikefa", *sys.argv[1:]]))


@app.command
def report(runs: Path, *, mend: bool = False) -> int:
    """Rebuild the table, the figures and report.html from what a comparison recorded; nothing is trained.

    Args:
        runs: the comparison's folder, or its runs.jsonl.
        mend: drop a torn last line of runs.jsonl first, as a killed process may leave it.
    """
    from spikefa import results, sitting

    if mend and (dropped := results.mend(runs)):
        sitting.console.print(f"dropped a torn last line of {dropped} bytes")
    return sitting.show(runs)


@app.command
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
        size: quick, minutes on two cores, or paper, the published size.
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


@app.command
def check(rule: str, *, only: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None) -> int:
    """Check a rule against the laws that every rule must obey: one line a check, status 1 if one is broken.

    Args:
        rule: with options that make it quick: fa, fbp:period=3, package.module:Class:eta=0.1.
        only: names of checks (default: all).
    """
    from spikefa.testing import outcomes

    broken = 0
    for outcome in outcomes(rule, checks=only):
        print(outcome, flush=True)
        broken += outcome.fault is not None
    return min(broken, 1)


@app.command
def validate(
    rules: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    /,
    *,
    target: str = "numpy",
    figures: Path | None = None,
    checkpoint: Annotated[Path | None, TRAINED] = None,
    network: Annotated[str | None, TRAINED] = None,
    dataset: Annotated[str | None, TRAINED] = None,
    encoding: Annotated[str | None, TRAINED] = None,
    readout: Annotated[str | None, TRAINED] = None,
    steps: Annotated[int | None, TRAINED] = None,
    images: Annotated[int | None, TRAINED] = None,
    data: Annotated[Path | None, TRAINED] = None,
) -> int:
    """Run the rules beside their Brian2 reference models and say where the two part: status 1 if they do.

    Needs Brian2: pip install 'spikefa[brian2]'. With --checkpoint, a trained network instead of the rules.

    Args:
        rules: fa, sal, ..., or package.module:function for cases of your own (default: all).
        target: what Brian2 makes code for: numpy, cython, cpp_standalone; the last two need a compiler.
        figures: folder for a figure of each case, both simulators and their difference (default: none).
        checkpoint: a state_dict, from torch.save or safetensors, to run in Brian2 on test images.
        network: that it was saved from, as in compare; your own as package.module:function (default: mlp).
        dataset: that it was trained on (default: digits).
        encoding: likewise (default: current).
        readout: likewise (default: membrane).
        steps: time steps per image, likewise (default: 10).
        images: how many test images (default: 20).
        data: folder with the data sets; else SPIKEFA_DATA, the cache, download.
    """
    from spikefa.validation import sitting

    trained = {"network": network, "dataset": dataset, "encoding": encoding, "readout": readout, "steps": steps}
    told = trained | {"images": images, "data": data}
    if checkpoint is None:
        if idle := [f"--{name}" for name, value in told.items() if value is not None]:
            raise ValueError(f"{', '.join(idle)} would do nothing for rules: give --checkpoint too, or leave it out")
        return sitting.sit(rules or [], target, figures)
    if rules:
        raise ValueError(f"validate rules or a checkpoint, not both: {' '.join(rules)} and {checkpoint}")
    from spikefa.experiment import Experiment

    experiment = Experiment(**{name: value for name, value in trained.items() if value is not None})
    return sitting.check(checkpoint, experiment, 20 if images is None else images, data, target, figures)


@app.command(name="list")
def list_() -> None:
    """List the rules, remedies, data sets, networks, encodings and read-outs, each with its source."""
    from spikefa.catalogue import catalogue

    for line in catalogue():
        print(line)


def main() -> None:
    """Run the command. Wrong input gives one line and status 2; ``--traceback`` shows where it was found."""
    words = [word for word in sys.argv[1:] if word != "--traceback"]
    run = partial(app, words, exit_on_error=False, print_error=False, result_action="return_value")
    sys.exit(guarded(run, words, traceback=len(words) + 1 < len(sys.argv)))
