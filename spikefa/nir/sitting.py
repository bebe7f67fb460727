"""One sitting of ``spikefa export`` at the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from torch import as_tensor

from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.nir.clock import MEANINGS
from spikefa.nir.exporting import export
from spikefa.nir.verifying import Verified, verify
from spikefa.readout import READOUTS
from spikefa.streams import stream
from spikefa.validation.network import restored

console = Console(highlight=False, markup=False, soft_wrap=True)


def sit(
    out: Path,
    checkpoint: Path,
    experiment: Experiment,
    images: int,
    data: Path | None,
    *,
    dt: float,
    beta: str,
    approximate: bool,
) -> int:
    """Write a trained network, run what was written on test images, and say how far the two agree.

    Args:
        out, dt, beta, approximate: as :func:`~spikefa.nir.export` takes them.
        checkpoint, experiment, data: as :func:`~spikefa.validation.network.restored` takes them; ``data`` is a folder.
        images: how many.

    Returns:
        The exit status: 0, or 1 if a spike is elsewhere and the export is not approximate.
    """
    if images < 1:
        raise ValueError(f"images must be at least 1, not {images}")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"{out} cannot be written, for there is no folder {out.parent}: make it")
    found = load(experiment.dataset, data)
    net = restored(checkpoint, experiment, found, feedback=True)
    written = export(net, out, found.shape, dt=dt, beta=beta, approximate=approximate)
    console.print(f"{out}: beta is written as {MEANINGS[beta]} ({beta}), a step is {dt:g} s, R = 1/(1 − beta)")
    if written.feedback:
        console.print(f"{written.feedback}: the feedback weights of {experiment.rule}, which NIR has no place for")
    x = experiment.encode(found.test.x[:images], stream(experiment.seed, "evaluation")).double()
    verified = verify(net, out, x, dt=dt, beta=beta)
    console.print(_told(verified, experiment, x.shape[1]))
    return int(bool(verified.misplaced) and not approximate)


def _told(verified: Verified, experiment: Experiment, images: int) -> str:
    told = f"run on {images} test images: {verified.spikes:,} spikes, {verified.misplaced:,} elsewhere"
    if experiment.readout not in READOUTS:
        return told
    readout = READOUTS[experiment.readout]  # of spikes or of membranes, whichever leave the network
    ours, theirs = (readout(given, given).argmax(1) for given in map(as_tensor, verified.outputs))
    return f"{told}; {int((ours == theirs).sum())} of {images} predictions are the same"
