"""``spikefa compare`` and ``spikefa report``."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from spikefa.cli.options import Count, Many, One, Real, Switch, Whole, Words


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
    jobs: Annotated[str | None, Count] = None,
    engine: Annotated[str | None, One] = None,
    scheduler: Annotated[str | None, One] = None,
    checkpoints: Annotated[bool | None, Switch] = None,
    trust: Annotated[list[str] | None, Words] = None,
    tensorboard: Annotated[bool | None, Switch] = None,
) -> int:
    """Train the same network, from the same start, on the same batches, under several rules.

    What OUT/runs.jsonl holds already is not trained again, so a comparison that was stopped goes on where it was, and
    one that is widened trains only what is new. Ends with the table and the place of the report.

    Args:
        study: a TOML file with any of these options, for example rule = ["bp", "fa"]; options given here win.
        rule: feedback rules, with options: bp fa fbp:period=100 (default: bp fa fbp:period=20 sal).
        remedy: what is done to the weights after each update, joined by +: weight_norm, norm_limit, readout_decay,
            weight_noise (default: none).
        dataset: data sets (default: digits).
        network: networks, with options: mlp:depth=6,width=200 (default: mlp).
        encoding: how images become input over time: current, poisson, latency; events of spikes (default: current).
        readout: how classes are read: membrane, rate, first_spike, every_step, framewise (default: membrane).
        credit: how gradients come about: bptt, or local, which needs readout every_step or framewise (default:
            bptt).
        seed: seeds; each decides weights, batches and noise (default: 0 1 2).
        epochs: passes over the training images (default: 10).
        batch_size: images per update (default: 64).
        optimizer: adamw, or sgd:momentum=0.9 (default: adamw).
        lr: its learning rate (default: 0.001).
        weight_decay: weight decay, which kp needs (default: 0, Adam).
        steps: time steps per image, or bins of recorded spikes (default: 10, or the data set's).
        precision: of matrix products: float32, or bfloat16, faster where the hardware has it (default: float32).
        tune: options, such as lr, that are not compared: each rule chooses among their values on validation data; to
            search ranges, and rules' own options, see spikefa tune.
        tune_seed: seed of the trials (default: 100).
        tune_epochs: epochs of each trial (default: 1).
        out: folder for runs.jsonl, the table, the figures and report.html (default: runs).
        data: folder with the data sets; else SPIKEFA_DATA, the cache, download.
        device: cpu, cuda, ... (default: cpu).
        threads: CPU threads of each job (default: torch's own choice, divided among the jobs).
        probe: updates from one measurement of the gradient's angle to the next (default: once an epoch).
        jobs: experiments side by side (default: 1). With --device cuda each has a GPU of its own.
        engine: processes, on this machine, or dask, a cluster (default: processes).
        scheduler: where the cluster's scheduler is, tcp://10.0.0.1:8786, or its .json file.
        checkpoints: keep the last and the best epoch of each run in OUT/checkpoints, and go on from there.
        trust: names such as my.rules:Best that the study file may have imported; those typed here always are.
        tensorboard: write what each epoch gives, and histograms of W and B, to OUT/tensorboard as well.
    """
    given = {name: value for name, value in locals().items() if name not in ("study", "trust") and value is not None}
    typed = [word for words in (*given.values(), trust) if isinstance(words, list) for word in words]
    from spikefa.names import trusting
    from spikefa.sitting import sit

    if trust and not study:
        raise ValueError(f"trust is of what a study file names, and there is none: leave --trust {' '.join(trust)} out")
    with trusting(typed) if study else nullcontext():
        return sit(study, given, shlex.join(["spikefa", *sys.argv[1:]]))


def report(runs: Path, *, mend: bool = False) -> int:
    """Rebuild the table, the figures and report.html from what a comparison recorded; nothing is trained.

    Args:
        runs: the comparison's folder, or its runs.jsonl.
        mend: drop a torn last line of runs.jsonl first, as a killed process may leave it.
    """
    from spikefa import runs as record
    from spikefa import sitting
    from spikefa.lock import alone

    if mend:
        with alone(record.located(runs)):
            dropped = record.mend(runs)
        if dropped:
            sitting.console.print(f"dropped a torn last line of {dropped} bytes")
    return sitting.show(runs)
