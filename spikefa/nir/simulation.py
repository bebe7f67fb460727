"""A small simulator of NIR graphs in numpy, written from NIR's equations alone: what was written can be run at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa.nir.clock import Array, Clock
from spikefa.nir.steps import STEPS


def simulate(graph: Any, x: Array, *, dt: float = 1e-4, beta: str = "euler") -> dict[str, Array]:
    """Run a NIR graph from rest, step by step in float64.

    A node hears the sum of its edges; an edge that leads back carries what left at the step before, nothing at first.

    Args:
        graph: a ``nir.NIRGraph`` with one input, as :func:`~spikefa.nir.graph` makes and ``nir.read`` reads it.
        x: input over time, ``[T, B, ...]``.
        dt: length of a step, s.
        beta: how a step is taken: ``"euler"``, ``v += dt/tau·(v_leak − v + R I)``, or ``"exponential"``, by the
            solution of the equation with the current held.

    Returns:
        What left each node, ``[T, B, ...]``, by its name.

    Raises:
        TypeError: a node of a kind that it does not know.

    Example:
        >>> import snntorch as snn
        >>> from spikefa.nir import graph
        >>> lif = snn.Leaky(beta=0.5, reset_mechanism="zero")
        >>> simulate(graph(lif, (1,)), np.full((4, 1, 1), 0.7))["neuron"].ravel()
        array([0., 1., 0., 1.])
    """
    clock, order = Clock(dt, beta), _order(graph)
    if unknown := {type(graph.nodes[name]).__name__ for name in order} - set(STEPS):
        raise TypeError(f"nodes of {', '.join(sorted(unknown))} are not simulated here: there are {', '.join(STEPS)}")
    steps = {name: STEPS[type(graph.nodes[name]).__name__](graph.nodes[name], clock) for name in order}
    heard = {name: [source for source, to in graph.edges if to == name] for name in order}
    left: dict[str, Any] = dict.fromkeys(order, 0.0)
    recorded: dict[str, list[Array]] = {name: [] for name in order}
    for now in x.astype(np.float64):
        for name in order:
            entering: Any = sum(left[source] for source in heard[name]) if heard[name] else now
            left[name] = steps[name](entering)
            recorded[name].append(left[name])
    return {name: np.stack(values) for name, values in recorded.items()}


def _order(graph: Any) -> list[str]:
    """Nodes from the input on, each after those that it hears; edges that lead back do not count."""
    order: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        seen.add(name)
        for source, to in graph.edges:
            if source == name and to not in seen:
                visit(to)
        order.append(name)

    for name, node in graph.nodes.items():
        if type(node).__name__ == "Input":
            visit(name)
    return order[::-1]
