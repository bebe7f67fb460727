"""The files of an exported network: the graph, and beside it the feedback weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from spikefa.attachment import routed
from spikefa.feedback import Feedback
from spikefa.journal import write
from spikefa.nir.clock import library
from spikefa.nir.graph import graph
from spikefa.rules import RULES


@dataclass(frozen=True, eq=False)
class Written:
    """What was written.

    Attributes:
        graph: the ``nir.NIRGraph``; ``path``: its file.
        feedback: the file of the feedback weights, None if the network has none.
    """

    graph: Any = field(repr=False)
    path: Path
    feedback: Path | None


def export(
    net: nn.Module,
    path: str | Path,
    shape: Sequence[int],
    *,
    dt: float = 1e-4,
    beta: str = "euler",
    approximate: bool = False,
) -> Written:
    """Write the forward network to a NIR file, and the feedback weights B in use to ``<name>.feedback.safetensors``.

    That file holds a tensor for each layer with a pathway, by the layer's name, in the layout that the rule gives it
    (that of W, but for dfa), and the rule of each as metadata. A pathway that carries W itself has none. Both files are
    complete or not there; the second is taken away where this network has no B but one before it had.

    Args:
        net, shape, dt, beta, approximate: as :func:`~spikefa.nir.graph.graph` takes them.
        path: of the NIR file, usually ``something.nir``.

    Raises:
        ImportError, TypeError, ValueError: as :func:`~spikefa.nir.graph.graph` does.
        OSError: a file cannot be written.

    Example:
        >>> import tempfile, snntorch as snn, spikefa
        >>> lif = lambda: snn.Leaky(beta=0.9, reset_mechanism="zero")
        >>> net = spikefa.attach(nn.Sequential(nn.Linear(4, 3), lif(), nn.Linear(3, 2), lif()), "fa")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(net, f"{folder}/net.nir", (4,)).feedback.name
        'net.feedback.safetensors'
    """
    made = graph(net, shape, dt=dt, beta=beta, approximate=approximate)
    path = Path(path)
    beside = path.with_suffix(".feedback.safetensors")
    file = BytesIO()
    library().write(file, made)
    write(path, file.getvalue())
    tensors, rules = feedback_weights(net)
    if not tensors:
        beside.unlink(missing_ok=True)
        return Written(made, path, None)
    from safetensors.torch import save

    write(beside, save(tensors, rules))
    return Written(made, path, beside)


def feedback_weights(net: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """B of each layer whose pathway is not W itself, on the CPU, and the rule of each, both by the layer's name.

    Raises:
        ValueError: a pathway that has no B yet, as dfa to a convolution before its first input.
    """
    tensors, rules = {}, {}
    for name, layer in routed(net).items():
        weight = layer.weight.detach()
        found = layer.feedback(weight).detach()
        if not found.numel():
            raise ValueError(f"layer {name!r} has no feedback weights before its first input: run the network once")
        if found.data_ptr() != weight.data_ptr():
            tensors[name], rules[name] = found.cpu().clone().contiguous(), _named(layer.feedback)
    return tensors, rules


def _named(feedback: Feedback) -> str:
    """A rule by its name in :data:`~spikefa.rules.RULES`, or as ``package.module:Class``, with its settings."""
    kind = type(feedback)
    name = next((name for name, known in RULES.items() if known is kind), f"{kind.__module__}:{kind.__qualname__}")
    options = feedback.extra_repr()
    return f"{name}({options})" if options else name
