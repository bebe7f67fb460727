"""Layers that keep no state, as NIR nodes; what NIR cannot hold is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import snntorch as snn
from torch import nn

from spikefa import routing
from spikefa.nir.clock import library
from spikefa.recording import array

PASSES = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
"""Modules that do nothing outside training; nothing is written for them."""

STOCK = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.AvgPool2d, nn.Flatten)

FORWARD = {kind.forward for kind in (*STOCK, *PASSES, nn.modules.dropout._DropoutNd)} | {
    kind.forward for kind in (routing.Linear, routing.Conv1d, routing.Conv2d)
}
"""What these and their subclasses compute, parametrized or not, unless one has a forward of its own."""

WAYS_OUT = {
    nn.modules.batchnorm._BatchNorm: "; fold it into the layer before by torch.nn.utils.fusion.fuse_conv_bn_eval or "
    "fuse_linear_bn_eval",
    nn.modules.pooling._MaxPoolNd: "; use AvgPool2d",
}


def check(name: str, module: Any, outer: bool = True) -> None:
    """Refuse a module that NIR does not have, before it is run.

    Args:
        name: of the module.
        module: any.
        outer: whether it is one of those that the network applies one after the other, and not inside one of them.

    Raises:
        TypeError: it has a hook, is of another kind, or has a forward of its own.

    Example:
        >>> check("pool", nn.AvgPool2d(2))
    """
    if module._forward_hooks or module._forward_pre_hooks:
        raise TypeError(f"{name or 'the network'} has a forward hook, which NIR cannot hold: remove it first")
    if not outer or isinstance(module, snn.SpikingNeuron):
        return
    own = "forward" in vars(module) or type(module).forward not in FORWARD
    if own or not isinstance(module, STOCK):
        way = next((way for kind, way in WAYS_OUT.items() if isinstance(module, kind)), "")
        known = ", ".join(kind.__name__ for kind in STOCK)
        forward = " with a forward of its own" if own and isinstance(module, (*STOCK, nn.Sequential)) else ""
        raise TypeError(
            f"{name or 'the network'} is a {type(module).__name__}{forward}, which NIR cannot hold: it has {known} and "
            f"neurons{way}"
        )


def layer(name: str, module: Any, entering: tuple[int, ...]) -> Any:
    """The NIR node of a layer.

    Args:
        name: of the layer, for errors.
        module: of a kind in :data:`STOCK`, with a pathway or without.
        entering: shape of what enters it, without batch.

    Raises:
        ValueError: a setting that NIR cannot hold.

    Example:
        >>> layer("fc", nn.Linear(3, 2, bias=False), (3,)).weight.shape
        (2, 3)
    """
    kind = next(kind for kind in STOCK if isinstance(module, kind))
    makers: dict[Any, Any] = {nn.Linear: _linear, nn.AvgPool2d: _pool, nn.Flatten: _flatten}
    return makers.get(kind, _conv)(name, module, entering)


def _linear(name: str, module: nn.Linear, entering: tuple[int, ...]) -> Any:
    if len(entering) != 1:
        raise ValueError(
            f"{name} is a Linear on the last of {entering}, and NIR's take vectors: put nn.Flatten before it"
        )
    weight = array(module.weight)
    return library().Linear(weight) if module.bias is None else library().Affine(weight, array(module.bias))


def _conv(name: str, module: Any, entering: tuple[int, ...]) -> Any:
    if module.padding_mode != "zeros":
        raise ValueError(f"{name} has padding_mode={module.padding_mode!r}, which NIR cannot hold: pad with zeros")
    if module.groups != 1:
        raise ValueError(f"{name} has groups={module.groups}, which NIR's own type check refuses: write it as groups=1")
    if len(set(module.kernel_size)) > 1:
        raise ValueError(f"{name} has a kernel of {module.kernel_size}, and NIR takes kernels for square: make it so")
    weight, flat = array(module.weight), len(entering) == 2
    padding = module.padding if isinstance(module.padding, str) else tuple(map(int, module.padding))
    sizes = {"stride": module.stride, "padding": padding, "dilation": module.dilation}
    if flat:  # Conv1d's are plain numbers
        sizes = {key: value if isinstance(value, str) else value[0] for key, value in sizes.items()}
    bias = np.zeros(len(weight), weight.dtype) if module.bias is None else array(module.bias)
    made = library().Conv1d if flat else library().Conv2d
    return made(input_shape=entering[1] if flat else entering[1:], weight=weight, groups=1, bias=bias, **sizes)


def _pool(name: str, module: nn.AvgPool2d, entering: tuple[int, ...]) -> Any:
    size, stride, padding = (
        np.broadcast_to(value, 2).copy() for value in (module.kernel_size, module.stride, module.padding)
    )
    uncounted = padding.any() and not module.count_include_pad
    if module.ceil_mode or uncounted or module.divisor_override is not None:
        raise ValueError(
            f"{name} has ceil_mode, divisor_override or count_include_pad=False, which NIR cannot hold: leave it out"
        )
    return library().AvgPool2d(kernel_size=size, stride=stride, padding=padding)


def _flatten(name: str, module: nn.Flatten, entering: tuple[int, ...]) -> Any:
    """NIR counts dimensions without the batch."""
    start, end = (dim % (len(entering) + 1) - 1 for dim in (module.start_dim, module.end_dim))
    if start < 0:
        raise ValueError(f"{name} flattens the batch as well: give it start_dim=1 or more")
    return library().Flatten(input_type=np.array(entering), start_dim=start, end_dim=end)
