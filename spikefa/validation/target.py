"""Where Brian2's code runs: interpreted by NumPy, compiled by Cython, or as a C++ program of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from spikefa.names import nearest

TARGETS = ("numpy", "cython", "cpp_standalone")
"""What Brian2 can generate code for; all but the first need a compiler."""


@contextmanager
def target(name: str) -> Iterator[None]:
    """Within, reference models run as ``name`` says; afterwards Brian2's settings are what they were.

    ``cpp_standalone`` compiles every network that is run, which takes a minute or so each.

    Raises:
        ValueError: no such target.
        ImportError: Brian2 is not installed, or cannot be imported; the message says the way out.
    """
    if name not in TARGETS:
        raise ValueError(f"no target is called {name!r}{nearest(str(name), TARGETS)}: there are {', '.join(TARGETS)}")
    try:
        import brian2.only as b2
        from brian2.devices.device import reset_device  # brian2.only leaves it out
    except ImportError as error:
        raise ImportError(
            f"the reference models run in Brian2, which cannot be imported ({error}): pip install 'spikefa[brian2]'"
        ) from error
    if name == "cpp_standalone":
        with tempfile.TemporaryDirectory() as folder:
            b2.set_device(name, directory=folder, build_on_run=True)
            try:
                yield
            finally:
                b2.device.reinit()
                reset_device("runtime")
        return
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = name
    try:
        yield
    finally:
        b2.prefs.codegen.target = before
