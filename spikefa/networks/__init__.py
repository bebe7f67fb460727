"""Networks built from snnTorch's own neurons: one file each."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from spikefa.networks.convnet import convnet
from spikefa.networks.mlp import mlp

__all__ = ["NETWORKS", "convnet", "mlp"]

NETWORKS: dict[str, Callable[..., nn.Sequential]] = {"mlp": mlp, "convnet": convnet}
"""Each takes ``(shape, classes, readout, generator, **its own options)``."""
