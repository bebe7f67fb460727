"""A snnTorch network in the words of ``models/lif.py``; what Brian2 cannot match is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikefa import routing
from spikefa.assignment import recurrent_weights
from spikefa.recording import array
from spikefa.sequence import walk
from spikefa.single_spike import SingleSpike

NEURONS = (snn.Leaky, snn.Synaptic, snn.RLeaky, snn.RSynaptic, SingleSpike)
"""The neurons that the reference model has; a subclass of one is another neuron."""

SILENT = (nn.Flatten, nn.Identity, nn.Dropout)
"""Modules that do nothing to spikes ``[T·B, N]`` outside training."""

FORWARD = {kind.forward for kind in (nn.Linear, routing.Linear, *SILENT)}
"""What these and their subclasses compute, parametrized or not, unless one has a forward of its own."""


def layers(net: nn.Module, x: Tensor) -> list[Any]:
    """The layers of a network, from the bottom up, each a ``models.layer.Layer``.

    Args:
        net: ``nn.Sequential``, nested or not, of ``Linear`` and a neuron, ``Linear`` and a neuron, …, as
            :func:`~spikefa.run` takes it; pathways make no difference to it.
        x: input over time, ``[T, B, ...]``, which tells the order of the modules.

    Raises:
        TypeError: a module or a neuron that the reference model does not have, or has a hook or a forward of its own;
            with its name.
        ValueError: a setting that Brian2 cannot match, with the layer's name.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 2), snn.Leaky(beta=0.5))
        >>> [layer.size for layer in layers(net, torch.ones(1, 1, 3))]
        [2]
    """
    found: list[Any] = []
    affine: tuple[str, nn.Linear] | None = None
    _check_hooks(net)
    with torch.no_grad():
        modules = [(name, module) for name, module, _ in walk(net, x)]
    for name, module in modules:
        _check_forward(name, module)
        if isinstance(module, nn.Linear) and affine is None:
            affine = name, module
        elif isinstance(module, snn.SpikingNeuron) and affine is not None:
            found.append(_layer(*affine, name, module))
            affine = None
        elif not isinstance(module, SILENT):
            raise TypeError(
                f"{name or 'the network'} is a {type(module).__name__} where the reference model has none: it "
                f"has Linear and neurons in turn, {', '.join(kind.__name__ for kind in NEURONS)}"
            )
    if affine is not None:
        raise TypeError(f"{affine[0]} is a Linear without neurons after it: end the network with a neuron")
    return found


def _check_hooks(net: nn.Module) -> None:
    """Refuse what is called around a module and may change what it takes or gives; the reference model cannot."""
    for name, module in net.named_modules():
        if module._forward_hooks or module._forward_pre_hooks:
            raise TypeError(
                f"{name or 'the network'} is a {type(module).__name__} with a forward hook, which the reference model "
                f"does not have: remove the hook (its handle's remove()), or make permanent what it computes"
            )


def _check_forward(name: str, module: nn.Module) -> None:
    """Refuse a ``Linear``, or a module that should do nothing, that computes something else."""
    own = "forward" in vars(module) or type(module).forward not in FORWARD
    if isinstance(module, (nn.Linear, *SILENT)) and own:
        raise TypeError(
            f"{name or 'the network'} is a {type(module).__name__} with a forward of its own, which the reference "
            f"model does not have: put a plain Linear with the weights that act in its place"
        )


def _layer(place: str, linear: nn.Linear, name: str, neuron: Any) -> Any:
    from spikefa.models import layer

    if type(neuron) not in NEURONS:
        raise TypeError(f"{name} is a {type(neuron).__name__}, which the reference model does not have")
    for option in ("inhibition", "state_quant"):
        if getattr(neuron, option):
            raise ValueError(f"{name} has {option}={getattr(neuron, option)!r}, which has no Brian2 statement here")
    if (array(neuron.graded_spikes_factor) != 1).any():
        raise ValueError(f"{name} has graded_spikes_factor={neuron.graded_spikes_factor}: only 1 can be matched")
    bias = 0.0 if linear.bias is None else _double(linear.bias)
    current: dict[str, Any] = {"alpha": _double(neuron.alpha)} if hasattr(neuron, "alpha") else {}
    for recurrent in recurrent_weights(nn.Sequential(neuron)).values():
        current["recurrent"], more = _recurrent(name, recurrent, linear.out_features)
        bias = bias + more
    try:
        return layer.Layer(
            _double(linear.weight),
            np.broadcast_to(bias, (linear.out_features,)),
            beta=_double(neuron.beta),
            threshold=_double(neuron.threshold),
            reset_mechanism=neuron.reset_mechanism,
            reset_delay=neuron.reset_delay,
            once=isinstance(neuron, SingleSpike),
            **current,
        )
    except ValueError as error:
        raise ValueError(f"{place} and {name} cannot be matched: {error}") from error


def _recurrent(name: str, recurrent: Any, size: int) -> tuple[NDArray[Any], NDArray[Any] | float]:
    """V and its bias; where each neuron feeds itself alone, V is diagonal."""
    if isinstance(recurrent, nn.Linear):
        return _double(recurrent.weight), 0.0 if recurrent.bias is None else _double(recurrent.bias)
    if isinstance(recurrent, nn.Conv2d):
        raise TypeError(f"{name} is recurrent through a convolution, which the reference model does not have")
    return np.diag(np.broadcast_to(_double(recurrent.V), (size,))), 0.0


def _double(values: Tensor) -> NDArray[Any]:
    return array(values).astype(np.float64)
