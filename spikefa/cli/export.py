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
    rule: Annotated[str | None, TRAINED] = None,
    network: Annotated[str | None, TRAINED] = None,
    dataset: Annotated[str | None, TRAINED] = None,
    encoding: Annotated[str | None, TRAINED] = None,
    readout: Annotated[str | None, TRAINED] = None,
    steps: Annotated[int | None, TRAINED] = None,
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
        checkpoint: from compare --checkpoints, or a state_dict from torch.save or safetensors. The former tells the
            next six options itself.
        rule: that it was trained by, as in compare (default: bp).
        network: that it was saved from; your own as package.module:function (default: mlp).
        dataset: that it was trained on (default: digits).
        encoding: likewise (default: current).
        readout: likewise (default: membrane).
        steps: time steps per image, likewise (default: 10).
        data: folder with the data sets; else SPIKEFA_DATA, the cache, download.
        beta: its meaning: euler, tau = dt/(1 - beta), as most simulators read NIR; exponential, tau = -dt/ln(beta).
        dt: length of a step, s.
        approximate: write neurons whose reset NIR cannot hold, as by subtraction, as ones that reset to zero.
        images: how many test images to run.
    """
    from spikefa.nir.sitting import sit
    from spikefa.restoring import told

    trained = {"rule": rule, "network": network, "dataset": dataset, "encoding": encoding, "readout": readout}
    given = {name: value for name, value in {**trained, "steps": steps}.items() if value is not None}
    experiment = told(checkpoint, given)
    return sit(out, checkpoint, experiment, images, data, dt=dt, beta=beta, approximate=approximate)
