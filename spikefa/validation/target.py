"""Where Brian2's code runs: interpreted by NumPy, compiled by Cython, or as a C++ program of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from spikefa.names import nearest

TARGETS = ("numpy", "cython", "cpp_standalone")
"""What Brian2 can generate code for; all but the first need a compiler."""


@contextmanager
def target(name: str) -> Iterator[None]:
    """Within, reference models run as ``name`` says; afterwards Brian2's settings are what they were.

    An interrupt ends a simulation at once: Brian2's own way is to stop it and go on with the half of it that there is.

    ``cpp_standalone`` compiles every network that is run, which takes a minute or so each.

    Raises:
        ValueError: no such target.
        ImportError: Brian2 is not installed, or cannot be imported; the message says the way out.
    """
    if name not in TARGETS:
        raise ValueError(f"no target is called {name!r}{nearest(str(name), TARGETS)}: there are {', '.join(TARGETS)}")
    try:
        import brian2.only as b2
    except ImportError as error:
        raise ImportError(
            f"the reference models run in Brian2, which cannot be imported ({error}): pip install 'spikefa[brian2]'"
        ) from error
    graceful, b2.prefs.core.stop_on_keyboard_interrupt = b2.prefs.core.stop_on_keyboard_interrupt, False
    try:
        with _standalone(b2) if name == "cpp_standalone" else _runtime(b2, name):
            yield
    finally:
        b2.prefs.core.stop_on_keyboard_interrupt = graceful


@contextmanager
def _standalone(b2: Any) -> Iterator[None]:
    from brian2.devices.device import reset_device

    jobs = b2.prefs.devices.cpp_standalone
    before, jobs.extra_make_args_unix = jobs.extra_make_args_unix, [f"-j{os.cpu_count() or 1}"]  # not all at once
    with tempfile.TemporaryDirectory() as folder:
        b2.set_device("cpp_standalone", directory=folder, build_on_run=True)
        try:
            yield
        finally:
            b2.device.reinit()
            reset_device()
            jobs.extra_make_args_unix = before


@contextmanager
def _runtime(b2: Any, name: str) -> Iterator[None]:
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = name
    try:
        yield
    finally:
        b2.prefs.codegen.target = before
