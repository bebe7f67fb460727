"""What the local form of learning can follow: affine layers and LIF neurons in turn, and the way of their errors."""

from __future__ import annotations

from typing import NamedTuple

import snntorch as snn
from torch import nn

from spikefa.feedback import Feedback
from spikefa.routing import Linear, Routed
from spikefa.rules.dfa import DirectFeedbackAlignment
from spikefa.sequence import leaves

ORDER = (
    "the local form cannot follow: it takes nn.Linear and snn.Leaky in turn, unparametrized; use backpropagation "
    "through time (run and backward, credit='bptt') for others"
)


class Unit(NamedTuple):
    """An affine layer, by its name, and its neurons."""

    name: str
    layer: nn.Linear
    neuron: snn.Leaky


def units_of(net: nn.Module) -> tuple[list[nn.Module], list[Unit]]:
    """What stands before the first affine layer, and the layers with their neurons.

    Raises:
        TypeError: a module of another kind, or in another order.
        ValueError: settings that the local form cannot follow; a layer that comes twice.

    Example:
        >>> entry, units = units_of(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), snn.Leaky(0.9)))
        >>> entry, [unit.name for unit in units]
        ([Flatten(start_dim=1, end_dim=-1)], ['1'])
    """
    entry: list[nn.Module] = []
    units: list[Unit] = []
    pending: tuple[str, nn.Linear] | None = None
    for name, module in leaves(net):
        if isinstance(module, nn.Identity | nn.Flatten) and (not units or getattr(module, "start_dim", 1) == 1):
            entry += [] if units or pending else [module]
        elif type(module) in (nn.Linear, Linear) and pending is None:
            pending = name, module  # type: ignore[assignment]
        elif type(module) is snn.Leaky and pending is not None:
            _check(name, module)
            units.append(Unit(*pending, module))
            pending = None
        else:
            raise TypeError(f"{name!r} is a {type(module).__name__} here, which {ORDER}")
    if not units or pending:
        raise TypeError(f"the network ends with {pending[0] if pending else 'nothing'!r}, which {ORDER}")
    if len({id(unit.layer) for unit in units}) < len(units):
        raise ValueError("a layer comes twice: share none, or use backpropagation through time (run and backward)")
    return entry, _readable(units)


def _check(name: str, neuron: snn.Leaky) -> None:
    faults = {
        "inhibition": bool(neuron.inhibition),
        "state_quant": bool(neuron.state_quant),
        "reset_delay=False": not neuron.reset_delay,
        "learn_beta, learn_threshold or learn_graded_spikes_factor": any(p.requires_grad for p in neuron.parameters()),
    }
    if found := [fault for fault, there in faults.items() if there]:
        raise ValueError(f"{name!r} has {', '.join(found)}, for which there is no local form here: leave it out")


def _readable(units: list[Unit]) -> list[Unit]:
    neuron = units[-1].neuron
    if neuron.reset_mechanism == "zero" or neuron.beta.numel() > 1:
        raise ValueError(
            "the read-out's leak must be one number, or no filter of the layers below makes them exact: give its "
            "neurons one beta and reset_mechanism='none' or 'subtract'"
        )
    return units


def pathway(layer: nn.Module) -> Feedback | None:
    """What carries a layer's error; None where W itself does, as within :func:`~spikefa.attachment.exact`."""
    return layer.feedback if isinstance(layer, Routed) and not layer._exact else None


def source(units: list[Unit], at: int) -> int:
    """The layer whose error goes to the input of this one: itself, or under ``dfa`` the read-out.

    Raises:
        ValueError: a pathway whose B does not take the place of W.
    """
    own = pathway(units[at].layer)
    if isinstance(own, DirectFeedbackAlignment):
        boards = [getattr(getattr(unit.layer, "feedback", None), "board", None) for unit in units]
        return boards.index(own.above)
    if own is not None and not own.comparable:
        raise ValueError(
            f"the pathway of {units[at].name!r}, {type(own).__name__}, carries its error in a way of its own, "
            f"which the local form does not know: use another rule or backpropagation through time"
        )
    return at


def filters(units: list[Unit], sources: list[int]) -> list[tuple[float, ...]]:
    """F of each layer: that of the layer its error comes from, that one's leak, and a sum where ``dfa`` takes one."""
    found: list[tuple[float, ...]] = [()] * len(units)
    for at in range(len(units) - 1, 0, -1):
        above = sources[at]
        leak = float(units[above].neuron.beta.clamp(0, 1).double().mean())
        summed = (1.0,) if getattr(pathway(units[at].layer), "error", "") == "sum" else ()
        found[at - 1] = tuple(decay for decay in (*found[above], leak, *summed) if decay)
    return found
