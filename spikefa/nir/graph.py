"""A snnTorch network as a NIR graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import snntorch as snn
import torch
from torch import nn

from spikefa.nir.clock import MEANINGS, Array, Clock, library
from spikefa.nir.layers import PASSES, check, layer
from spikefa.nir.neurons import neuron, threshold
from spikefa.recording import array
from spikefa.sequence import leaves, walk

CONTRACT = "mem[t] = beta mem[t-1] + cur[t] - reset[t]; a spike where mem > threshold; loops take a step"


def graph(
    net: nn.Module, shape: Sequence[int], *, dt: float = 1e-4, beta: str = "euler", approximate: bool = False
) -> Any:
    """The forward network as a ``nir.NIRGraph``, in the order in which :func:`~spikefa.run` applies it.

    Nodes have the names of the modules. Recurrent weights are a node ``<name>.recurrent`` in a
    loop, their bias is added to that of the layer before; neurons that never
    reset but send spikes have them made by a node ``<name>.threshold``, and as read-out, where :func:`~spikefa.run`
    gives their membranes, these are the graph's output. Its metadata tell dt, beta's meaning and the neuron's contract.

    Args:
        net: ``nn.Sequential``, nested or not, of ``Linear``, ``Conv1d``, ``Conv2d``, ``AvgPool2d``, ``Flatten`` and
            neurons (``snn.Leaky``, ``Synaptic``, ``RLeaky``, ``RSynaptic``), with pathways or without: NIR has none.
        shape: of the input at one step, without time and batch.
        dt: length of a step, s; simulators must be told the same. Most of them take 1e-4 unless told.
        beta: what it means: ``"euler"``, tau = dt/(1 − beta), as snnTorch and SpikingJelly read NIR, or
            ``"exponential"``, tau = −dt/ln(beta), for simulators that solve the equation, such as Brian2.
        approximate: write neurons whose reset NIR cannot hold as ones that reset to zero. Their spikes then differ.

    Raises:
        ImportError: the package nir is not installed.
        TypeError: a module that NIR does not have; with its name.
        ValueError: a setting that NIR cannot hold; with the layer's name.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 2), snn.Leaky(beta=0.9, reset_mechanism="zero"))
        >>> graph(net, (3,)).edges
        [('input', '0'), ('0', '1'), ('1', 'output')]
    """
    nir, clock = library(), Clock(dt, beta)
    modules = {name: module for name, module in leaves(net) if not isinstance(module, PASSES)}
    for name, module in net.named_modules():
        check(name, module, outer=name in modules)
    leaving = _shapes(net, shape)
    (source, sink), entering = (_free(name, modules) for name in ("input", "output")), tuple(shape)
    nodes: dict[str, Any] = {source: nir.Input(np.array(entering))}
    edges: list[tuple[str, str]] = []
    for number, (name, module) in enumerate(modules.items(), start=1):
        title = name or "neuron"
        if (bias := getattr(getattr(module, "recurrent", None), "bias", None)) is not None:
            nodes[source] = _with_bias(title, nodes[source], array(bias))
        edges.append((source, title))
        if isinstance(module, snn.SpikingNeuron):
            last = number == len(modules) and module.output
            nodes[title] = neuron(title, module, leaving[name], clock, approximate)
            source = _connect(title, module, leaving[name], last, nodes, edges)
        else:
            nodes[title], source = layer(title, module, entering), title
        entering = leaving[name]
    nodes[sink] = nir.Output(np.array(entering))
    told = {"dt": dt, "beta": f"{beta}: {MEANINGS[beta]}", "neuron": CONTRACT, "approximate": str(approximate)}
    return nir.NIRGraph(nodes, [*edges, (source, sink)], metadata=told)


def _connect(
    name: str, module: Any, shape: tuple[int, ...], last: bool, nodes: dict[str, Any], edges: list[tuple[str, str]]
) -> str:
    """Add what makes spikes of membranes, and a loop, where there are any; give the node that the next one hears."""
    recurrent, spikes = getattr(module, "recurrent", None), name
    membranes = last and module.reset_mechanism == "none"
    if module.reset_mechanism == "none" and not (membranes and recurrent is None):
        spikes = f"{name}.threshold"
        nodes[spikes] = threshold(name, module, shape)
        edges.append((name, spikes))
    if recurrent is not None:
        loop = f"{name}.recurrent"
        nodes[loop] = _loop(loop, recurrent, shape)
        edges += [(spikes, loop), (loop, name)]
    return name if membranes else spikes


def _loop(name: str, recurrent: Any, shape: tuple[int, ...]) -> Any:
    """Recurrent weights without their bias; of each neuron to itself, a factor each."""
    if isinstance(recurrent, nn.Linear):
        return library().Linear(array(recurrent.weight))
    if isinstance(recurrent, nn.Conv2d):
        node = layer(name, recurrent, shape)
        node.bias = np.zeros_like(node.bias)
        return node
    return library().Scale(scale=np.broadcast_to(array(recurrent.V), shape).copy())


def _with_bias(name: str, node: Any, bias: Array) -> Any:
    """The layer before, with the bias of a loop: at the first step simulators do not agree whether a loop has one."""
    nir = library()
    if not isinstance(node, nir.Linear | nir.Affine | nir.Conv1d | nir.Conv2d):
        raise ValueError(
            f"{name}.recurrent has a bias and follows no Linear or Conv that could take it: set it to None"
        )
    if isinstance(node, nir.Linear):
        return nir.Affine(node.weight, bias)
    node.bias = node.bias + bias
    return node


@torch.no_grad()
def _shapes(net: nn.Module, shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """What leaves each module, without time and batch, for a blank input."""
    like = next(net.parameters(), torch.zeros(()))
    return {name: tuple(given.shape[2:]) for name, _, (given, _) in walk(net, like.new_zeros(1, 1, *shape))}


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or the like if a module has it."""
    return name if name not in taken else _free(f"{name}_", taken)
