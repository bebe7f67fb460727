"""``spikefa validate`` and ``spikefa check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

TRAINED = Parameter(group=Group("A trained network", sort_key=3))


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
        checkpoint: from compare --checkpoints, or a state_dict from torch.save or safetensors, to run in Brian2 on test
            images. The former tells the next five options itself.
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
    given = trained | {"images": images, "data": data}
    if checkpoint is None:
        if idle := [f"--{name}" for name, value in given.items() if value is not None]:
            raise ValueError(f"{', '.join(idle)} would do nothing for rules: give --checkpoint too, or leave it out")
        return sitting.sit(rules or [], target, figures)
    if rules:
        raise ValueError(f"validate rules or a checkpoint, not both: {' '.join(rules)} and {checkpoint}")
    from spikefa.restoring import told

    experiment = told(checkpoint, {name: value for name, value in trained.items() if value is not None})
    return sitting.check(checkpoint, experiment, 20 if images is None else images, data, target, figures)


def check(rule: str, *, only: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None) -> int:
    """Check a rule against the laws that every rule must obey: one line a check, status 1 if one is broken.

    Args:
        rule: with options that make it quick: fa, fbp:period=3, package.module:Class:eta=0.1.
        only: names of checks (default: all).
    """
    from spikefa.experiment import Experiment
    from spikefa.testing import outcomes

    Experiment(rule=rule)  # refuses an option that cannot be, which is no fault of the rule
    broken = 0
    for outcome in outcomes(rule, checks=only):
        print(outcome, flush=True)
        broken += outcome.fault is not None
    return min(broken, 1)
