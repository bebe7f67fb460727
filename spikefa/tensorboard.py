"""A comparison as TensorBoard shows it: every number of every epoch, and histograms of W and B.

`tensorboard --logdir OUT/tensorboard` shows each run under its rule, seed and key while it trains.
"""

from __future__ import annotations

import math
import re
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

import numpy
import torch
from torch import Tensor, nn

from spikefa.assignment import affine_layers
from spikefa.attachment import routed
from spikefa.frame import flat

if TYPE_CHECKING:
    from spikefa.experiment import Experiment
    from spikefa.measurement import Epoch

BINS = 64


class Histogram(NamedTuple):
    """The values of a tensor in bins, as TensorBoard takes them: each bin with its upper end, the first one empty."""

    min: float
    max: float
    num: int
    sum: float
    sum_squares: float
    limits: list[float]
    counts: list[int]


@torch.no_grad()
def histograms(net: nn.Module) -> dict[str, Histogram]:
    """Histograms of W of every affine layer, and of B, as it is used, of every layer with a pathway.

    Args:
        net: the network, with its pathways; nothing in it changes.

    Example:
        >>> from spikefa import attach
        >>> net = attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "fa")
        >>> {name: found.num for name, found in histograms(net).items()}
        {'W/0': 12, 'W/1': 6, 'B/1': 6}
    """
    tensors: dict[str, Any] = {f"W/{name}": layer.weight for name, layer in affine_layers(net).items()}
    tensors |= {f"B/{name}": layer.feedback(layer.weight) for name, layer in routed(net).items()}
    return {name: _histogram(tensor) for name, tensor in tensors.items()}


@final
class Board(AbstractContextManager["Board"]):
    """Writes the epochs of runs, several at a time if need be; a run that starts again replaces its epochs.

    Args:
        folder: with a folder for each run.

    Raises:
        ImportError: TensorBoard is not installed.

    Example:
        >>> import tempfile
        >>> with Board(Path(tempfile.mkdtemp())) as board:
        ...     pass
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError("--tensorboard needs TensorBoard: pip install 'spikefa[tensorboard]'") from error
        self._open: Any = SummaryWriter
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def add(self, experiment: Experiment, epoch: Epoch) -> None:
        """Write an epoch: at the step of its number, a scalar for each number that it has, and its histograms."""
        if experiment.key not in self._writers:
            rule = re.sub(r"[^\w.=,*-]+", "_", experiment.rule)[:100]
            place = self._folder / f"{rule}-seed{experiment.seed}-{experiment.key}"
            self._writers[experiment.key] = self._open(str(place), purge_step=epoch.epoch)
        writer = self._writers[experiment.key]
        numbers = asdict(replace(epoch, representations={}, histograms={}))
        for name, value in flat(numbers, joint="/").items():
            if name not in ("epoch", "angles") and math.isfinite(value):
                writer.add_scalar(name, value, epoch.epoch)
        for name, histogram in epoch.histograms.items():
            writer.add_histogram_raw(name, *histogram, epoch.epoch)
        writer.flush()
        if epoch.epoch == experiment.epochs:
            self._writers.pop(experiment.key).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()


def _histogram(tensor: Tensor) -> Histogram:
    values = tensor.detach().double().flatten().cpu().numpy()
    values = values[numpy.isfinite(values)]  # B may hold what no histogram can
    counts, limits = numpy.histogram(values, bins=BINS)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    total, squares = float(values.sum()), float((values**2).sum())
    return Histogram(low, high, len(values), total, squares, limits.tolist(), [0, *counts.tolist()])
