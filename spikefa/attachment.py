"""Attaching pathways to a network, adapting them, switching them off for a measurement, taking them off again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from spikefa.assignment import affine_layers, assign
from spikefa.feedback import Feedback, Rule
from spikefa.routing import ROUTED, Routed
from spikefa.streams import stream

Net = TypeVar("Net", bound=nn.Module)


def attach(
    net: Net,
    rule: Rule | str | Mapping[str, Rule | str],
    layers: str | Sequence[str] | None = None,
    *,
    first: bool = False,
    seed: int = 0,
) -> Net:
    """Give affine layers of a network a feedback pathway each, in place.

    The layers' class is swapped for a routed subclass: names, parameters and optimisers stay as they are, and the
    state_dict gains only ``<layer>.feedback.*``. Where B is a parameter (``kp``), build the optimiser after this, so
    that it holds B. Layers inside spiking neurons are left alone unless ``layers`` asks for them. Print
    :func:`~spikefa.describe` to see, in one line a layer, what was attached and what was not.

    Recurrent weights V of ``snn.RLeaky`` and ``snn.RSynaptic`` carry the error from a step to the one before: with a
    pathway, it goes through B in place of Vᵀ there. Behind a read-out whose own V has a pathway no gradient is exact.

    Batch norm between a layer and its neurons keeps its own, exact backward pass, statistics and scale γ/σ as autograd
    has them; only the layer's error is routed. So B stands for W alone, in measures of alignment too, where the weight
    that acts on the input is W·γ/σ: the error is scaled by γ/σ of the neuron that it comes from, and then goes through
    B.

    Args:
        net: any module; its affine layers in the order of ``named_modules``.
        rule: a :class:`~spikefa.feedback.Feedback` class, a ``functools.partial`` of one, any function of (weight,
            generator) that returns one, or a name of :data:`~spikefa.rules.RULES` such as ``"fbp:period=100"``. For
            several rules, a mapping from layers' names or patterns to rules, ``{"conv*": "fa", "out": "fbp"}``, or
            ``"conv*=fa/out=fbp:period=10"``: a layer gets the first that matches, and none if none does.
        layers: names or shell patterns (``"fc2"``, ``["conv*", "out"]``); all outside neurons if absent.
            ``"recurrent"`` is all recurrent weights, ``"lif1.recurrent"`` or ``"lif*.recurrent"`` some of them; no
            pattern that ends otherwise reaches them. Mappings take the same: ``"*=fa/recurrent=fbp:period=10"``.
        first: take the first affine layer too, the one declared first. Its input is taken to be data, which has no use
            for an error, so it is left out unless it is wanted here or given by its exact name. In a network that
            declares another layer first, say so, or that one keeps exact errors.
        seed: what the pathways draw from; with the layer's name it determines B. Torch's global generator is neither
            used nor moved.

    Returns:
        ``net`` itself.

    Raises:
        ValueError: no layer to attach to, a name that no layer has, a pattern whose layers earlier ones have taken, a
            layer that has a pathway, weights that are not finite, circular padding, recurrence of each neuron to itself
            alone (``all_to_all=False``).
        TypeError: an affine layer of a kind that cannot be routed, or a rule that does not make a Feedback.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> list(routed(attach(net, "fa")))
        ['2']
        >>> import snntorch as snn
        >>> net = nn.Sequential(nn.Linear(4, 3), snn.RLeaky(beta=0.9, linear_features=3), nn.Linear(3, 2))
        >>> list(routed(attach(net, "*=fa/recurrent=fbp:period=10")))
        ['1.recurrent', '2']
    """
    chosen = assign(net, rule, layers, first)
    for name, (layer, _) in chosen.items():
        _check(name, layer)
    pathways = {name: _make(make, name, layer, seed) for name, (layer, make) in chosen.items()}
    met = {name: pathways.get(name) for name in affine_layers(net)}
    for pathway in pathways.values():
        pathway.connect(met)
    for name, (layer, _) in chosen.items():
        _become(layer, ROUTED[type(layer)])
        layer.feedback = pathways[name]
    return net


def detach(net: Net) -> Net:
    """Make every routed layer a stock layer again, in place; what its pathway had learned is dropped.

    Example:
        >>> net = attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "fa")
        >>> [type(layer) is nn.Linear for layer in detach(net)], list(net.state_dict())
        ([True, True], ['0.weight', '0.bias', '1.weight', '1.bias'])
    """
    stock = {routed: plain for plain, routed in ROUTED.items()}
    layers = routed(net)
    for name, layer in layers.items():
        if type(layer) not in stock:
            raise ValueError(f"layer {name!r} was parametrized after attach(): remove its parametrizations first")
    for layer in layers.values():
        _become(layer, stock[type(layer)])
        del layer.feedback
        layer.__dict__.pop("_exact", None)
    return net


@torch.no_grad()
def adapt(net: nn.Module, *, epoch: bool = False) -> None:
    """Let every pathway adapt once. Call it after ``optimizer.step()``, once an update.

    Args:
        net: the network, attached.
        epoch: call it so once more at the end of an epoch, for rules that adapt once an epoch.

    Example:
        >>> net = attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "fbp:period=1")
        >>> _ = nn.init.ones_(net[1].weight)
        >>> adapt(net)
        >>> bool((net[1].feedback.weight == 1).all())
        True
    """
    for name, layer in routed(net).items():
        _require_own_weight(name, layer)
        (layer.feedback.epoch if epoch else layer.feedback.step)(layer.weight)


@contextmanager
def exact(net: nn.Module) -> Iterator[None]:
    """Within this context the network's gradients are the true ones: no pathway is used.

    Example:
        >>> net = attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "fa")
        >>> with exact(net):
        ...     net(torch.ones(4)).sum().backward()
    """
    layers = [(layer, layer._exact) for layer in routed(net).values()]
    try:
        for layer, _ in layers:
            layer._exact = True
        yield
    finally:
        for layer, before in layers:
            layer._exact = before


def routed(net: nn.Module) -> dict[str, Routed]:
    """The layers that have a pathway, by name, in the order of ``named_modules``.

    Example:
        >>> list(routed(attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "fa")))
        ['1']
    """
    return {name: module for name, module in net.named_modules() if isinstance(module, Routed)}


def _become(layer: Any, cls: type[nn.Module]) -> None:
    layer.__class__ = cls


def _check(name: str, layer: nn.Module) -> None:
    kind = type(layer)
    if isinstance(layer, Routed):
        raise ValueError(f"layer {name!r} already has a pathway ({type(layer.feedback).__name__}): detach(net) first")
    if kind not in ROUTED:
        known = ", ".join(stock.__name__ for stock in ROUTED)
        raise TypeError(f"layer {name!r} is a {kind.__name__}, which cannot be routed ({known} can): choose layers=...")
    _require_own_weight(name, layer)
    if getattr(layer, "padding_mode", "zeros") != "zeros":
        raise ValueError(
            f"layer {name!r} has padding_mode={layer.padding_mode!r}, whose adjoint is not the plain one: "
            f"use zero padding, or choose layers=... without it"
        )


def _require_own_weight(name: str, layer: nn.Module) -> None:
    """Refuse weights that a hook computes before each forward pass: between passes they are those of the last one."""
    if "weight" not in layer._parameters and not nn.utils.parametrize.is_parametrized(layer, "weight"):
        raise ValueError(
            f"layer {name!r} has a weight that a hook computes (torch.nn.utils.weight_norm, prune), out of date "
            f"after an update: use torch.nn.utils.parametrizations after attach(), or make it permanent"
        )


def _make(make: Rule, name: str, layer: nn.Module, seed: int) -> Feedback:
    weight: torch.Tensor = layer.weight.detach()  # type: ignore[operator]
    if not (weight.is_meta or bool(weight.isfinite().all())):
        raise ValueError(f"layer {name!r} has weights that are not finite: give it others before attach()")
    try:
        feedback = make(weight, stream(seed, f"feedback:{name}"))
    except ValueError as error:
        raise ValueError(f"layer {name!r}: {error}") from error
    except TypeError as error:
        raise TypeError(
            f"layer {name!r}: the rule {make!r} cannot be called with (weight, generator): {error}"
        ) from error
    if not isinstance(feedback, Feedback):
        raise TypeError(f"the rule for layer {name!r} made a {type(feedback).__name__}, not a spikefa.Feedback")
    return feedback.to(weight.device)  # the counters too, which a rule makes without asking where W is
