"""A module with a forward of its own, written for one time step, over a whole sequence at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa import gather
from spikefa.neurons import scan

Called = list[tuple[str, nn.Module, tuple[Tensor, Tensor]]]
"""Neurons in the order in which they were called, by name, with their spikes and membranes, ``[T, B, ...]``."""


def unroll(module: nn.Module, x: Tensor, prefix: str = "") -> tuple[Called, tuple[Tensor, Tensor | None]]:
    """Call ``module.forward``, which takes a step, ``[B, ...]``, once on all steps, ``[T·B, ...]``.

    Each neuron inside goes over T by itself, from rest, and gives what snnTorch's would, its states left alone. Exact
    where the forward mixes no examples, keeps nothing of its own from one step to the next, and calls each neuron once.

    Args:
        module: with neurons somewhere inside.
        x: input over time, ``[T, B, ...]``.
        prefix: the module's name in its network.

    Returns:
        The neurons' spikes and membranes, and what the module gave: a tensor and None, or a pair; ``[T, B, ...]``.

    Raises:
        TypeError: a neuron that is called twice, or given a state; a module that gives anything but a tensor or two of
            as many examples; torch.compile around it.

    Example:
        >>> import torch
        >>> class Skip(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.fc, self.lif = nn.Linear(3, 3), snn.Leaky(beta=0.9, init_hidden=True)
        ...     def forward(self, x):
        ...         return x + self.lif(self.fc(x))
        >>> called, (output, _) = unroll(Skip(), torch.ones(5, 2, 3))
        >>> [name for name, _, _ in called], output.shape
        (['lif'], torch.Size([5, 2, 3]))
    """
    if torch.compiler.is_compiling():
        raise TypeError(f"{_named(prefix, module)} cannot be compiled from outside run(): compile the module itself")
    called: Called = []
    with ExitStack() as patches, gather.gathering():
        for name, neuron in module.named_modules(prefix=prefix):
            if isinstance(neuron, snn.SpikingNeuron):
                patches.enter_context(_replaced(neuron, _over_time(name, neuron, x.shape[:2], called)))
        given = module(x.flatten(0, 1))
    parts = given if isinstance(given, tuple) else (given, None)
    if len(parts) != 2 or not isinstance(parts[0], Tensor) or not isinstance(parts[1], Tensor | None):
        kind = type(given).__name__
        raise TypeError(
            f"{_named(prefix, module)} gives a {kind}: its forward must give a tensor, or spikes and membranes"
        )
    examples = x.shape[0] * x.shape[1]
    if any(part is not None and part.shape[:1] != (examples,) for part in parts):
        rows = len(parts[0]) if parts[0].dim() else "no"
        raise TypeError(f"{_named(prefix, module)} gives {rows} rows for {examples} examples: it must keep them apart")
    spk, mem = (part if part is None else part.unflatten(0, x.shape[:2]) for part in parts)
    assert spk is not None
    return called, (spk, mem)


def _over_time(name: str, neuron: snn.SpikingNeuron, steps: Any, called: Called) -> Callable[..., Any]:
    """What a neuron does with the currents of all steps, ``[T·B, ...]``."""

    def forward(cur: Tensor, *states: Tensor | None) -> Tensor | tuple[Tensor, Tensor]:
        if len(cur) != steps[0] * steps[1] or any(neuron is other for _, other, _ in called):
            raise TypeError(
                f"{name} is not called once with all examples, as in a loop over time: call the network itself, "
                f"without run(), or write its forward for one step"
            )
        if any(state is not None for state in states):
            raise TypeError(f"{name} is given a state, and so forgets its own at each step: give it its input alone")
        if not neuron.init_hidden and type(neuron) not in (snn.Leaky, snn.Lapicque):
            raise TypeError(
                f"{name} is a {type(neuron).__name__} that hands its states on: build it with init_hidden=True"
            )
        spk, mem = scan(neuron, cur.unflatten(0, steps))
        called.append((name, neuron, (spk, mem)))
        hidden = neuron.init_hidden and not neuron.output
        return spk.flatten(0, 1) if hidden else (spk.flatten(0, 1), mem.flatten(0, 1))

    return forward


@contextmanager
def _replaced(neuron: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Within, a module's forward is another; its hooks are called as ever."""
    before = vars(neuron).get("forward")
    neuron.forward = forward
    try:
        yield
    finally:
        del neuron.forward
        if before is not None:
            neuron.forward = before


def _named(prefix: str, module: nn.Module) -> str:
    return f"{prefix or 'this network'}, a {type(module).__name__},"
