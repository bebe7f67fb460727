"""Networks built from snnTorch's own neurons: one file each."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from spikefa.networks.convnet import convnet
from spikefa.networks.mlp import mlp
from spikefa.networks.vgg import vgg

__all__ = ["NETWORKS", "convnet", "mlp", "vgg"]

NETWORKS: dict[str, Callable[..., nn.Sequential]] = {"mlp": mlp, "convnet": convnet, "vgg": vgg}
"""Each takes ``(shape, classes, readout, generator, **its own options)``."""
