"""A snnTorch network over a whole sequence at once: affine layers on [T·B, ...], each neuron over T by itself."""

from __future__ import annotations

from collections.abc import Iterator

import snntorch as snn
from torch import Tensor, nn

from spikefa import gather
from spikefa.feedback import Feedback
from spikefa.neurons import fault, scan
from spikefa.routing import Routed
from spikefa.unrolling import unroll


def run(net: nn.Module, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    """Apply a snnTorch network to a sequence; equal to snnTorch's loop over time from zero states.

    Stateless modules see ``[T·B, ...]`` once (so that batch norm in training takes its statistics over time as well),
    each neuron goes over T by itself. Neither reads nor writes the states that the neurons keep (``init_hidden``), so
    calls are independent; forward hooks of a ``Leaky`` or ``Synaptic`` are not called. Spikes come in the dtype of the
    currents (snnTorch gives float32 whatever the input is). :mod:`spikefa.scan` says what computes the neurons,
    :mod:`spikefa.gather` how linear layers multiply spikes.

    A module with neurons inside and a forward of its own is called once, on ``[T·B, ...]``: its forward is to be
    written for one time step, see :func:`~spikefa.unrolling.unroll`. A network that loops over time itself needs no
    ``run``: call it; that is the slow path.

    Args:
        net: a neuron (``Leaky``, ``Lapicque``, ``Synaptic``, ``Alpha``, ``RLeaky``, ``RSynaptic``, ``SingleSpike``), a
            stateless module, ``nn.Sequential``, nested or not, of these, or a module of these whose forward takes one
            step. Neurons may be built with ``init_hidden`` or without.
        x: input over time, ``[T, B, ...]``.

    Returns:
        The last module's output, ``[T, B, ...]``; ``(spk, mem)`` if that is a neuron with ``output=True``, synaptic
        currents left out, or a module of your own that gives two tensors.

    Raises:
        TypeError: a neuron of another kind, ``nn.RNN`` and its like, a neuron that is applied twice, by itself or in a
            module of your own, or a forward of your own that takes more than one step.
        ValueError: ``x`` has no time and batch dimension, or T is 0.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Linear(3, 2), snn.Leaky(beta=0.9, init_hidden=True))
        >>> run(net, torch.ones(5, 1, 3)).shape
        torch.Size([5, 1, 2])
    """
    last: tuple[nn.Module, tuple[Tensor, Tensor | None]] = net, (x, None)
    for _, module, output in walk(net, x):
        last = module, output
    module, (spk, mem) = last
    neuron = isinstance(module, snn.SpikingNeuron)
    return spk if mem is None or (neuron and not module.output) else (spk, mem)


def walk(net: nn.Module, x: Tensor) -> Iterator[tuple[str, nn.Module, tuple[Tensor, Tensor | None]]]:
    """Apply a network as :func:`run` does and yield every module's name, itself and what it gave.

    Yields:
        ``(name, module, (spk, mem))`` for a neuron, ``(name, module, (output, None))`` for any other module, each
        ``[T, B, ...]``. Of a module with a forward of its own first the neurons inside, as they were called.
    """
    if x.dim() < 2 or len(x) == 0:
        raise ValueError(f"x must be [T, B, ...] with at least one time step, not {tuple(x.shape)}")
    pathways = _pathways(net)
    seen: dict[int, str] = {}
    for pathway in pathways:
        pathway.begin(len(x))
    try:
        for name, module in leaves(net):
            if isinstance(module, snn.SpikingNeuron):
                _once(seen, name, module)
                output: tuple[Tensor, Tensor | None] = scan(module, x)
            elif module._modules and any(isinstance(inner, snn.SpikingNeuron) for inner in module.modules()):
                called, output = unroll(module, x, name)
                for inner, neuron, _ in called:
                    _once(seen, inner, neuron)
                yield from called
            else:
                flat = gather.apply(module, x.flatten(0, 1))
                output = flat.view(*x.shape[:2], *flat.shape[1:]), None
            yield name, module, output
            x = output[0]
    finally:
        for pathway in pathways:
            pathway.begin(1)


def _once(seen: dict[int, str], name: str, neuron: nn.Module) -> None:
    """Note a neuron that is called, and refuse it under a second name: a loop over time goes on from one state."""
    if (first := seen.setdefault(id(neuron), name)) != name:
        raise TypeError(f"{name} is the neuron of {first} once more, one state for both: build another")


def reset(net: nn.Module) -> None:
    """Put the state of every neuron of this network, however deep, back to zero; no other network is touched.

    Call it before each batch when the neurons keep their states (``init_hidden=True``), or a pathway looks at errors
    over time (``dfa:error=sum``).

    Example:
        >>> import torch
        >>> lif = snn.Leaky(beta=0.9, init_hidden=True)
        >>> _ = lif(torch.ones(1, 2))
        >>> reset(nn.Sequential(lif)); lif.mem
        tensor([[0., 0.]])
    """
    for module in net.modules():
        if isinstance(module, snn.SpikingNeuron) and hasattr(module, "reset_mem"):
            module.reset_mem()
    for pathway in _pathways(net):
        pathway.begin(1)


def _pathways(net: nn.Module) -> list[Feedback]:
    """The pathways, which are told when a sequence begins, and how many of its steps layers see at once."""
    return [module.feedback for module in net.modules() if isinstance(module, Routed)]


def leaves(net: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules that a network applies one after the other, by name; ``nn.Sequential`` are entered, no others.

    Raises:
        TypeError: as :func:`run` does.

    Example:
        >>> [name for name, _ in leaves(nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 1)))]
        ['0.0', '0.1', '1']
    """
    if isinstance(net, nn.Sequential) and type(net).forward is nn.Sequential.forward:
        for name, child in zip(net._modules, net, strict=True):  # named_children() would leave out what comes twice
            yield from leaves(child, f"{prefix}.{name}" if prefix else name)
        return
    for name, module in net.named_modules(prefix=prefix):
        if isinstance(module, snn.SpikingNeuron) and (wrong := fault(module)):
            raise TypeError(f"{name or 'this neuron'} is {wrong}; or loop over time yourself")
        if isinstance(module, nn.RNNBase):
            raise TypeError(
                f"{prefix or 'this network'} is a {type(net).__name__}: run() knows no recurrence but neurons'"
            )
    yield prefix, net
