"""The catalogue that ``spikefa list`` prints: names, options and sources, read from the docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spikefa.credit import CREDITS
from spikefa.datasets import DATASETS
from spikefa.encoding import ENCODINGS
from spikefa.networks import NETWORKS
from spikefa.optimizers import OPTIMIZERS
from spikefa.readout import READOUTS
from spikefa.remedies import REMEDIES
from spikefa.rules import RULES
from spikefa.studies import STUDIES

TABLES: dict[str, Mapping[str, Callable[..., Any]]] = {
    "rules": RULES,
    "remedies": REMEDIES,
    "data sets": DATASETS,
    "networks": NETWORKS,
    "encodings": ENCODINGS,
    "read-outs": {name: readout.scores for name, readout in READOUTS.items()},
    "ways of credit assignment": {name: credit.backward for name, credit in CREDITS.items()},
    "optimisers": OPTIMIZERS,
    "studies": STUDIES,
}


def catalogue() -> Iterator[str]:
    """The lines that say, for each kind of name: what it is, its options with their defaults, where it comes from."""
    for kind, entries in TABLES.items():
        yield kind
        width = max(map(len, entries)) + 2
        for name, entry in entries.items():
            yield f"  {name:{width}}{first_line(entry)}"
            yield from (" " * (width + 2) + line for line in (options(entry), reference(entry)) if line)
        yield ""


def first_line(entry: Callable[..., Any]) -> str:
    """The first line of the docstring.

    Example:
        >>> first_line(first_line)
        'The first line of the docstring.'
    """
    return (inspect.getdoc(entry) or "").partition("\n")[0]


def options(entry: Callable[..., Any]) -> str:
    """The options of an entry with their defaults, as they are written after its name.

    Example:
        >>> options(RULES["fa"])
        'dense=False'
    """
    parameters = inspect.signature(entry).parameters.values()
    return ", ".join(f"{p.name}={p.default}" for p in parameters if p.kind is p.KEYWORD_ONLY)


def reference(entry: Callable[..., Any]) -> str:
    """The ``Reference:`` section of the docstring, in one line; empty if there is none.

    Example:
        >>> reference(RULES["fa"])[:19]
        'Lillicrap, Cownden,'
    """
    match = re.search(r"^Reference:\n((?:[ ]+.*\n?|\n(?=[ ]))+)", inspect.getdoc(entry) or "", re.MULTILINE)
    return " ".join(match[1].split()) if match else ""
