"""What the command says when something is wrong: one line on standard error, and a status."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from cyclopts import CycloptsError
from rich.console import Console

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says of a full disk, a quota that is used up, and a file that is larger than it may be."""

RESUMES = ("compare", "tune", "reproduce")
"""Commands that go on where they were stopped."""


def guarded(command: Callable[[], Any], words: Sequence[str], traceback: bool = False) -> int:
    """Run a command; wrong input gives one line and status 2, Ctrl-C one line and 130.

    Args:
        command: gives its status, or None.
        words: what was typed.
        traceback: whether to raise instead.

    Example:
        >>> guarded(lambda: None, ["list"])
        0
    """
    warnings.showwarning = _one_line
    try:
        return int(command() or 0)
    except BrokenPipeError:  # the reader, such as head, has seen enough; nothing more can be printed, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        resumes = "; the same command again goes on from here" if words and words[0] in RESUMES else ""
        return _complain(f"stopped{resumes}", 130)
    except (CycloptsError, ValueError, TypeError, OSError, ImportError) as error:
        if traceback:
            raise
        return _complain(_sentence(error), 2)


def _sentence(error: Exception) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        found = [(fault["loc"], fault["input"], fault["msg"].replace("Value error, ", "")) for fault in error.errors()]
        # What two fields make wrong together has no place of its own, and says itself which they are.
        return "; ".join(f"{where[0]}={given!r}: {said}" if where else said for where, given, said in found)
    if isinstance(error, OSError) and error.errno in FULL:
        where = f" {error.filename}" if error.filename else ""
        return f"no room to write{where} ({error.strerror}): make some, and give the same command again"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"cannot use {error.filename} ({error.strerror}): give another place"
    return " ".join(str(error).split())


def _complain(message: str, status: int) -> int:
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"spikefa: {message}")
    return status


def _one_line(message: Warning | str, *_: Any, **__: Any) -> None:
    _complain(f"warning: {message}", 0)
