"""Where learning broke down: which layer's error grew beyond all bounds, and under which rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spikefa.assignment import affine_layers
from spikefa.attachment import routed

BOUND = math.sqrt(torch.finfo(torch.float32).max)
"""Norm of a gradient whose square is infinite in float32: Adam, which keeps squares, soon would learn no more."""


class Diverged(ArithmeticError):
    """The loss, a gradient or a weight is not a finite number any more; the message says where and why."""


@dataclass
class Passed:
    """What went through an affine layer in one batch.

    Attributes:
        finite: whether all of its outputs were; ``came``: norm of the error at them; ``sent``: of that at its inputs.
    """

    finite: bool = True
    came: float = 0.0
    sent: float = 0.0


def sound(loss: Tensor, net: nn.Module) -> tuple[bool, float]:
    """Whether the loss and all gradients are of use, and the loss as a number; one look at the device's memory.

    Example:
        >>> net = nn.Linear(2, 1)
        >>> net(torch.full((1, 2), 1e30)).sum().backward()
        >>> sound(torch.ones(()), net)
        (False, 1.0)
    """
    norm = nn.utils.get_total_norm([p.grad for p in net.parameters() if p.grad is not None])
    value, size = torch.stack([loss.float().reshape(()), norm.to(loss.device).float()]).tolist()
    return math.isfinite(value) and size < BOUND, value


def reason(net: nn.Module, loss: float, rule: str, where: str, replay: Callable[[], object]) -> str:
    """Why a batch cannot be learned from, in a sentence.

    Args:
        net: the network as it was when the batch came.
        loss: the batch's; ``rule``: as it was named; ``where``: the epoch and batch, in words.
        replay: computes the batch's gradients once more.
    """
    with _watched(net) as layers:
        replay()
    if not math.isfinite(loss):
        broken = next((name for name, passed in layers.items() if not passed.finite), None)
        return f"the loss is {loss} {where}{_largest(net, broken)}: try a smaller lr"
    for name, passed in reversed(layers.items()):
        if not passed.came < BOUND:
            return f"the error at the output of layer {name!r} has norm {passed.came:.3g} {where}: try a smaller lr"
        if not passed.sent < BOUND:
            through = rule if name in routed(net) else "W, without a pathway,"
            return (
                f"the error that {through} sends back through layer {name!r} has norm {passed.sent:.3g} {where}, and "
                f"the one that came from above {passed.came:.3g}: B is too large here, or not finite; give this rule a "
                f"smaller scale, or this layer another rule"
            )
    worst = max(net.named_parameters(), key=lambda named: _norm(named[1].grad))
    return f"the gradient of {worst[0]!r} under {rule} has norm {_norm(worst[1].grad):.3g} {where}: try a smaller lr"


@contextmanager
def _watched(net: nn.Module) -> Iterator[dict[str, Passed]]:
    """What goes through the affine layers within this context, in their order."""
    layers = affine_layers(net)
    found = {name: Passed() for name in layers}

    def before(passed: Passed) -> Callable[..., tuple[Tensor, ...]]:
        def watch(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            x = inputs[0].view_as(inputs[0])  # so that only what this layer sends back is seen
            if x.requires_grad:
                x.register_hook(lambda error: _add(passed, "sent", error))
            return (x, *inputs[1:])

        return watch

    def after(passed: Passed) -> Callable[..., None]:
        def watch(_: nn.Module, __: tuple[Tensor, ...], y: Tensor) -> None:
            passed.finite &= bool(y.isfinite().all())
            if y.requires_grad:
                y.register_hook(lambda error: _add(passed, "came", error))

        return watch

    hooks = [layer.register_forward_pre_hook(before(found[name])) for name, layer in layers.items()]
    hooks += [layer.register_forward_hook(after(found[name])) for name, layer in layers.items()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _add(passed: Passed, side: str, error: Tensor) -> None:
    """Of a layer that is called at every step, the norm over all steps."""
    setattr(passed, side, math.hypot(getattr(passed, side), _norm(error)))


def _norm(values: Tensor | None) -> float:
    """In float64, where no square of a float32 overflows; nan counts as infinite."""
    norm = 0.0 if values is None else float(values.detach().double().norm())
    return math.inf if math.isnan(norm) else norm


def _largest(net: nn.Module, layer: str | None) -> str:
    if layer is None:
        return ""
    norm = _norm(net.get_parameter(f"{layer}.weight"))
    return f", where layer {layer!r} gives numbers that are not finite, and its weights have norm {norm:.3g}"
