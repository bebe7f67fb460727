"""What a snnTorch network did over a sequence, as a trace like that of a Brian2 reference model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikefa.sequence import walk

if TYPE_CHECKING:
    from models.trace import Trace


@torch.no_grad()
def record(net: nn.Module, x: Tensor, dt: float = 1.0) -> Trace:
    """Spikes and membranes of every layer of neurons, from rest.

    Args:
        net: as :func:`~spikefa.run` takes it.
        x: input over time, ``[T, B, ...]``.
        dt: length of a step, ms.

    Returns:
        A trace with ``v`` and ``spk`` of the populations ``layer_1``, ``layer_2``, … from the bottom up, each
        ``[T, B, N]``.

    Raises:
        TypeError, ValueError: as :func:`~spikefa.run` does.

    Example:
        >>> trace = record(nn.Sequential(nn.Linear(3, 2), snn.Leaky(beta=0.9)), torch.ones(5, 1, 3))
        >>> trace["layer_1", "spk"].shape, trace["layer_1", "v"].dtype
        ((5, 1, 2), dtype('float32'))
    """
    from spikefa.models import trace

    layers = [output for _, module, output in walk(net, x) if isinstance(module, snn.SpikingNeuron)]
    arrays: dict[tuple[str, str], NDArray[Any]] = {}
    for number, (spk, mem) in enumerate(layers, start=1):
        arrays[f"layer_{number}", "v"] = array(mem).reshape(*x.shape[:2], -1)
        arrays[f"layer_{number}", "spk"] = array(spk).reshape(*x.shape[:2], -1) > 0
    recorded: Trace = trace.Trace(arrays, units={"v": "1", "spk": "1"}, dt=dt)
    return recorded


def array(values: Tensor | None) -> NDArray[Any]:
    """A tensor's numbers, apart from any graph.

    Example:
        >>> array(torch.ones(2, requires_grad=True))
        array([1., 1.], dtype=float32)
    """
    return np.asarray(None) if values is None else values.detach().cpu().numpy().copy()
