"""A NIR file beside the network that it was written from, on the same input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa.nir.clock import Array, library
from spikefa.nir.simulation import simulate
from spikefa.recording import array
from spikefa.sequence import walk


@dataclass(frozen=True, eq=False)
class Verified:
    """How far a file and its network agree.

    Attributes:
        spikes: of all neurons of the network that fire.
        misplaced: spikes that one of the two has and the other has not.
        membranes: the largest difference of membranes, of neurons that do not fire; 0 if there are none.
        outputs: what the network gave, and what the file, ``[T, B, ...]``.
    """

    spikes: int
    misplaced: int
    membranes: float
    outputs: tuple[Array, Array]


@torch.no_grad()
def verify(net: nn.Module, path: str | Path, x: Tensor, *, dt: float = 1e-4, beta: str = "euler") -> Verified:
    """Read a file, run it in :func:`~spikefa.nir.simulate`, and compare all layers of neurons with the network's.

    Args:
        net: the network, in float64 lest rounding decide at the threshold.
        path: the file.
        x: input over time, ``[T, B, ...]``.
        dt, beta: as it was written with.

    Example:
        >>> import tempfile
        >>> from spikefa.nir import export
        >>> net = nn.Sequential(nn.Linear(3, 2), snn.Leaky(beta=0.9, reset_mechanism="zero")).double()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = export(net, f"{folder}/net.nir", (3,))
        ...     verify(net, f"{folder}/net.nir", torch.ones(5, 1, 3).double()).misplaced
        0
    """
    read = library().read(str(path))
    left = simulate(read, array(x), dt=dt, beta=beta)
    spikes, misplaced, membranes = 0, 0, 0.0
    last: Any = array(x)
    for name, module, (spk, mem) in walk(net, x):
        last = array(spk)
        if not isinstance(module, snn.SpikingNeuron):
            continue
        title = name or "neuron"
        if module.reset_mechanism == "none":
            membranes = max(membranes, float(np.abs(array(mem) - left[title]).max()))
            last = array(mem) if module.output else last
            continue
        spikes += int(last.sum())
        misplaced += int((last != left[title]).sum())
    sink = next(name for name, node in read.nodes.items() if isinstance(node, library().Output))
    return Verified(spikes, misplaced, membranes, (last, left[sink]))
