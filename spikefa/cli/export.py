"""``spikefa export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

TRAINED = Parameter(group=Group("The trained network", sort_key=1))
NIR = Parameter(group=Group("As NIR", sort_key=2))


def export(
    out: Path,
    /,
    *,
    checkpoint: Annotated[Path, TRAINED],
    rule: Annotated[str, TRAINED] = "bp",
    network: Annotated[str, TRAINED] = "mlp",
    dataset: Annotated[str, TRAINED] = "digits",
    encoding: Annotated[str, TRAINED] = "current",
    readout: Annotated[str, TRAINED] = "membrane",
    steps: Annotated[int, TRAINED] = 10,
    data: Annotated[Path | None, TRAINED] = None,
    beta: Annotated[str, NIR] = "euler",
    dt: Annotated[float, NIR] = 1e-4,
    approximate: Annotated[bool, Parameter(negative=(), group=NIR.group)] = False,
    images: Annotated[int, NIR] = 20,
) -> int:
    """Write a trained network to a NIR file, its feedback weights beside it, and run what was written.

    The file is read back and simulated by NIR's own equations on test images: status 1 if a spike is elsewhere than in
    the network, but for --approximate. Needs nir: pip install 'spikefa[nir]'.

    Args:
        out: the file, net.nir; feedback weights go to net.feedback.safetensors.
        checkpoint: a state_dict, from torch.save or safetensors.
        rule: that it was trained by, as in compare.
        network: that it was saved from; your own as package.module:function.
        dataset: that it was trained on.
        encoding: likewise.
        readout: likewise.
        steps: time steps per image, likewise.
        data: folder with the data sets; else SPIKEFA_DATA, the cache, download.
        beta: its meaning: euler, tau = dt/(1 - beta), as most simulators read NIR; exponential, tau = -dt/ln(beta).
        dt: length of a step, s.
        approximate: write neurons whose reset NIR cannot hold, as by subtraction, as ones that reset to zero.
        images: how many test images to run.
    """
    from spikefa.experiment import Experiment
    from spikefa.nir.sitting import sit

    names = {"rule": rule, "network": network, "dataset": dataset, "encoding": encoding, "readout": readout}
    experiment = Experiment(**names, steps=steps)
    return sit(out, checkpoint, experiment, images, data, dt=dt, beta=beta, approximate=approximate)
