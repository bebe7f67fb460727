"""Layers that do not fire."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from spikefa.experiment import Experiment
from spikefa.measurement import Epoch
from spikefa.names import resolve
from spikefa.readout import READOUTS

PASSED_BY = "nothing passes it; raise the network's gain or its input"
READS_OUT = (
    "no class has a spike, and it learns by its surrogate gradient alone; if that lasts, raise the network's gain"
)


class SilentLayer(UserWarning):
    """A layer of spiking neurons does not fire at all, so that nothing passes it in either direction."""


def check_silence(experiment: Experiment, record: Epoch, before: Sequence[Epoch]) -> None:
    """Warn of each layer that is silent in a record, and was not in the records before it.

    Warns:
        SilentLayer: once for each such layer.
    """
    reads_out = resolve(experiment.readout, READOUTS, "read-out").spiking
    for name, rate in record.rates.items():
        if rate == 0 and all(earlier.rates[name] for earlier in before):
            message = f"layer {name!r} is silent at epoch {record.epoch} ({experiment.rule}, seed {experiment.seed})"
            last = reads_out and name == list(record.rates)[-1]
            warnings.warn(f"{message}: {READS_OUT if last else PASSED_BY}", SilentLayer, 3)
