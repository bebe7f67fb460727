"""What B is made from: everything that a rule does not declare is changed, and B must not notice."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch

from spikefa.attachment import attach, routed
from spikefa.feedback import Feedback, Quantity
from spikefa.noise.phase import NoisePhase
from spikefa.routing import Routed
from spikefa.streams import stream
from spikefa.testing.cases import Case, stock, used
from spikefa.testing.course import UPDATES, Course, course, same
from spikefa.testing.networks import B, T, batch, own, spiking
from spikefa.testing.verdict import Fault, require

SPIKES = frozenset({Quantity.PRE, Quantity.POST})
OF_WEIGHT = frozenset({Quantity.SIGN, Quantity.NORM})
NOTHING: frozenset[Quantity] = frozenset()


def poison(case: Case) -> str | None:
    """W filled with NaN between forward and backward pass does not reach any gradient, unless B is W itself."""
    net, membrane = spiking(case)
    attach(net, case.rule, first=True)
    x = batch(1, T, B).requires_grad_()
    value = membrane(net, x).square().sum()
    if any(_shares(layer) for layer in routed(net).values()):
        return "B is W itself, in W's own memory"
    for layer in routed(net).values():
        layer.weight.data.fill_(torch.nan)
    leaves = {"the input": x} | own(net)
    for name, gradient in zip(leaves, torch.autograd.grad(value, list(leaves.values())), strict=True):
        require(
            bool(gradient.isfinite().all()),
            f"the gradient of {name} is not finite when W turns to NaN after the forward pass: the pathway reads W "
            f"while the error travels; make what it needs of W in forward(), as a tensor of its own",
        )
    return None


def reads(case: Case) -> str | None:
    """B after each forward, step and epoch is bit-equal if all that ``reads`` does not declare was different."""
    layer = _layer(case)
    declared = declaration(layer.feedback)
    if declared & SPIKES:
        replay(layer.feedback, seed=0)
    start = course(layer, case, NOTHING, NOTHING)
    require(
        same(start, course(layer, case, NOTHING, NOTHING)),
        "two equal trainings give two B: draw from the generator that the rule is given, and from no global one",
    )
    for quantity in (Quantity.WEIGHT, Quantity.ERROR, Quantity.INPUT):
        if quantity not in declared:
            kept = declared & OF_WEIGHT
            _unmoved(start, course(layer, case, frozenset({quantity}), kept), quantity, declared)
    idle = [quantity for quantity in Quantity if quantity in declared - SPIKES and _idle(start, layer, case, quantity)]
    if not idle:
        return None
    return f"declares {_list(idle)}, which B did not follow in {UPDATES} updates: test it with options that are quick"


def spikes(case: Case) -> str | None:
    """B of a rule that learns from spikes depends on what a phase recorded, of which W is no part."""
    layer = _layer(case)
    declared = declaration(layer.feedback)
    if not declared & SPIKES:
        return "does not learn from spikes"
    replay(layer.feedback, seed=0)
    start = course(layer, case, NOTHING, NOTHING)
    for seed in range(1, 6):
        replay(layer.feedback, seed)
        if not same(start, course(layer, case, NOTHING, NOTHING)):
            return None
    raise Fault(
        f"{type(layer.feedback).__name__} declares {_list(declared & SPIKES)}, but five other recordings gave the same "
        f"B: learn() must use what simulate() recorded, and the options must leave it enough spikes"
    )


def declaration(pathway: Feedback) -> frozenset[Quantity]:
    """What a rule declares to read, if that can be audited.

    Raises:
        Fault: there is no declaration, it is of another kind, or it names spikes of a pathway that is no noise phase.
    """
    name, declared = type(pathway).__name__, getattr(pathway, "reads", None)
    if not isinstance(declared, frozenset) or not all(isinstance(quantity, Quantity) for quantity in declared):
        raise Fault(
            f"{name}.reads is {declared!r}: declare what B is made from after the start, for example "
            f"reads = frozenset({{Quantity.SIGN}}), or frozenset() for nothing"
        )
    require(
        not declared & SPIKES or isinstance(pathway, NoisePhase),
        f"{name} declares {_list(declared & SPIKES)}, but what it learns from them cannot be told from what it learns "
        f"from W: derive it from spikefa.noise.phase.NoisePhase, of which simulate() alone is given W, and learn() "
        f"sees the recording",
    )
    return declared


def replay(pathway: Any, seed: int) -> None:
    """Put a fixed recording, made once with a W that no layer has, in place of the phase.

    Raises:
        Fault: the recording holds W, or its transpose, itself.
    """
    down = pathway.weight.flatten(1)
    down = down.to(torch.promote_types(down.dtype, torch.float32))
    up = torch.randn(down.shape, generator=stream(seed, "W")).to(down)  # from a seed that no noise of the phase has
    recording = list(type(pathway).simulate(pathway, up, down, torch.Generator(up.device).manual_seed(seed)))
    for tensor in _tensors(recording):
        require(
            not any(tensor.shape == w.shape and tensor.equal(w.to(tensor)) for w in (up, up.T)),
            f"the recording of {type(pathway).__name__}.simulate() holds W itself: record the two populations alone",
        )
    pathway.simulate = lambda weight, feedback, noise: iter(copy.deepcopy(recording))


def _tensors(value: Any) -> Iterable[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def _layer(case: Case) -> Routed:
    """The layer with its pathway; a noise phase follows every update, or there would be nothing to see."""
    layer: Routed = attach(stock(case), case.rule, first=True)
    if isinstance(layer.feedback, NoisePhase):
        layer.feedback.every = 1
    return layer


def _shares(layer: Routed) -> bool:
    return used(layer).untyped_storage().data_ptr() == layer.weight.untyped_storage().data_ptr()


def _idle(start: Course, layer: Routed, case: Case, quantity: Quantity) -> bool:
    """Whether B is the same whatever a quantity is that the rule declares."""
    if quantity in OF_WEIGHT:
        return same(start, course(layer, case, frozenset({Quantity.WEIGHT}), OF_WEIGHT - {quantity}))
    return same(start, course(layer, case, frozenset({quantity}), NOTHING))


def _unmoved(start: Course, other: Course, quantity: Quantity, declared: frozenset[Quantity]) -> None:
    for (event, one), (_, two) in zip(start, other, strict=True):
        more = "more of " if quantity is Quantity.WEIGHT and declared & OF_WEIGHT else ""
        what = more + ("W" if quantity is Quantity.WEIGHT else f"the {quantity}")
        require(
            one.equal(two),
            f"after {event} B has followed {what}, but reads declares {_list(declared)}: declare what it reads, "
            f"or do not read it",
        )


def _list(quantities: Iterable[Quantity]) -> str:
    return ", ".join(sorted(quantities)) or "nothing"
