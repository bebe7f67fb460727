"""Names with options, ``fbp:period=100``, turned into the function or class that they stand for."""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

_TRUSTED: ContextVar[Collection[str] | None] = ContextVar("names that may be imported; None for all", default=None)


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """Split ``name:key=value,key=value`` into the name and its options.

    Numbers, booleans, None and quoted strings are read as Python literals, everything else as a string. A name may be
    ``package.module:Class``.

    Raises:
        ValueError: an option is not of the form ``key=value``.

    Example:
        >>> parse("fbp:period=100"), parse("my.rules:Best:eta=0.1,kind=slow")
        (('fbp', {'period': 100}), ('my.rules:Best', {'eta': 0.1, 'kind': 'slow'}))
    """
    name, _, rest = text.partition(":")
    if rest and "=" not in rest.partition(":")[0]:
        attribute, _, rest = rest.partition(":")
        name = f"{name}:{attribute}"
    return name.strip(), dict(_option(text, item) for item in rest.split(",") if item.strip())


def _option(text: str, item: str) -> tuple[str, Any]:
    key, equals, value = item.partition("=")
    if not equals or not key.strip().isidentifier() or not value.strip():
        raise ValueError(f"{item.strip()!r} in {text!r} is not an option: write name:key=value,key=value")
    return key.strip(), _literal(value.strip())


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(text.lower(), text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # the last two of very deep nesting
        return text


def resolve(text: str, table: Mapping[str, Callable[..., Any]], kind: str) -> Any:
    """The entry of ``table`` that ``text`` names, with the options of ``text`` bound to it.

    Args:
        text: ``name``, ``name:key=value,...``, or ``package.module:Class`` for an entry of a third party.
        table: the names that exist, for example :data:`spikefa.rules.RULES`.
        kind: what the table holds, in the singular, for the error message.

    Raises:
        ValueError: no such name (the nearest is suggested), or an option that the entry does not have.

    Example:
        >>> resolve("power:exp=3", {"power": lambda base, *, exp=2: base**exp}, "function")(2)
        8
    """
    name, options = parse(text)
    entry = _imported(name, kind) if ":" in name else _listed(name, table, kind)
    accepted = [p.name for p in inspect.signature(entry).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for key in options:
        if key not in accepted:
            known = f"its options are {', '.join(accepted)}" if accepted else "it has none"
            raise ValueError(f"{kind} {name!r} has no option {key!r}{nearest(key, accepted)}: {known}")
    return partial(entry, **options) if options else entry


def _listed(name: str, table: Mapping[str, Callable[..., Any]], kind: str) -> Callable[..., Any]:
    if name not in table:
        raise ValueError(
            f"no {kind} is called {name!r}{nearest(name, list(table))}: there are {', '.join(table)}, "
            f"and your own as package.module:Name"
        )
    return table[name]


@contextmanager
def trusting(words: Collection[str]) -> Iterator[None]:
    """Within, :func:`resolve` imports nothing but what these words name: for names that a file brings.

    To import a module is to run it. What the user typed is meant; what stands in a file may come from anybody.

    Args:
        words: what was typed: ``my.rules:Best``, also with options, or within ``conv*=my.rules:Best/out=fa``.

    Example:
        >>> with trusting(["my.rules:Best"]):
        ...     resolve("os:system", {}, "rule")
        Traceback (most recent call last):
        ValueError: rule 'os:system' would import os, and so run it: if you know it, say so by --trust os:system
    """
    before = _TRUSTED.set(words)
    try:
        yield
    finally:
        _TRUSTED.reset(before)


def _is_trusted(name: str) -> bool:
    words = _TRUSTED.get()
    if words is None:
        return True
    typed = [part for word in words for part in re.split(r"[^\w.:]+", "".join(word.split()))]
    return any(part == name or part.startswith(f"{name}:") for part in typed)


def _imported(name: str, kind: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    if not _is_trusted(name):
        raise ValueError(
            f"{kind} {name!r} would import {module}, and so run it: if you know it, say so by --trust {name}"
        )
    try:
        entry = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{kind} {name!r} cannot be imported ({error}): is its package installed?") from error
    if not callable(entry):
        raise ValueError(f"{kind} {name!r} is a {type(entry).__name__}, which cannot be called")
    result: Callable[..., Any] = entry
    return result


def nearest(name: str, known: Collection[str]) -> str:
    """`` (did you mean …?)`` for the known name that is nearest to ``name``, or nothing if none is near.

    Example:
        >>> nearest("fpb", ["bp", "fbp", "sal"])
        " (did you mean 'fbp'?)"
    """
    match = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f" (did you mean {match[0]!r}?)" if match else ""
