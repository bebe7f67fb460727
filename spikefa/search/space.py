"""What is searched for a rule: the learning rate, over one range for all, and what the rule itself declares."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from spikefa.assignment import parts
from spikefa.names import nearest, parse
from spikefa.options import Range
from spikefa.rules import rule as named
from spikefa.tuning import TUNABLE

LR = Range(1e-4, 0.1, log=True)
"""Of the learning rate, for every rule."""


def space(rule: str) -> dict[str, Range]:
    """The ranges to search for a rule, by name: ``lr``, fields and options that it declares in ``search``.

    What the name gives is fixed. Options of a rule for some layers are called after them, ``conv*:eta``.

    Raises:
        ValueError: a rule declares a range for what is no option of its own.

    Example:
        >>> {name: str(found) for name, found in space("mirror").items()}
        {'lr': '0.0001 … 0.1', 'eta': '0.03 … 0.9'}
        >>> list(space("mirror:eta=0.1")), list(space("conv*=sal/out=kp"))
        (['lr'], ['lr', 'conv*:eta', 'weight_decay'])
    """
    found = {"lr": LR}
    for pattern, text in parts(rule).items():
        declared, given = _declared(str(text)), parse(str(text))[1]
        for name, values in declared.items():
            if name in TUNABLE:
                found.setdefault(name, values)
            elif name not in given:
                found[_called(pattern, name)] = values
    return found


def defaults(rule: str) -> dict[str, float]:
    """The values of the rule's own options where nothing is said, as far as these are searched and are numbers.

    Example:
        >>> defaults("sal:every=20")
        {'eta': 0.2}
    """
    found = {}
    for pattern, text in parts(rule).items():
        parameters = inspect.signature(_entry(str(text))).parameters
        for name in _declared(str(text)):
            if name in parameters and isinstance(parameters[name].default, int | float):
                found[_called(pattern, name)] = parameters[name].default
    return found


def named_with(rule: str, values: Mapping[str, float]) -> tuple[str, dict[str, float]]:
    """The rule's name with chosen options written into it, and the chosen fields of the experiment beside it.

    Example:
        >>> named_with("sal:every=20", {"lr": 0.01, "eta": 0.3})
        ('sal:every=20,eta=0.3', {'lr': 0.01})
        >>> named_with("conv*=sal/out=kp", {"lr": 0.01, "conv*:eta": 0.3, "weight_decay": 1.0})
        ('conv*=sal:eta=0.3/out=kp', {'lr': 0.01, 'weight_decay': 1.0})
    """
    found = {pattern: str(text) for pattern, text in parts(rule).items()}
    for pattern, text in found.items():
        names = [name for name in _declared(text) if name not in TUNABLE and _called(pattern, name) in values]
        options = ",".join(f"{name}={values[_called(pattern, name)]}" for name in names)
        found[pattern] = text + (options and ("," if parse(text)[1] else ":") + options)
    whole = "/".join(f"{pattern}={text}" for pattern, text in found.items())
    written = found["*"] if list(found) == ["*"] else whole
    return written, {name: value for name, value in values.items() if name in TUNABLE}


def _called(pattern: str, name: str) -> str:
    return name if pattern == "*" else f"{pattern}:{name}"


def _entry(text: str) -> Callable[..., Any]:
    found = named(text)
    return found.func if isinstance(found, partial) else found


def _declared(text: str) -> Mapping[str, Range]:
    entry = _entry(text)
    declared: Mapping[str, Range] = getattr(entry, "search", {})
    known = [*(p.name for p in inspect.signature(entry).parameters.values() if p.kind is p.KEYWORD_ONLY), *TUNABLE]
    for name, values in declared.items():
        if name not in known or name == "lr" or not isinstance(values, Range):
            raise ValueError(
                f"rule {text!r} declares search={{{name!r}: {values!r}}}{nearest(name, known)}: give a "
                f"spikefa.options.Range for options of its own, or {' and '.join(n for n in TUNABLE if n != 'lr')}"
            )
    return declared
