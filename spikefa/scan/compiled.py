"""Numba's compiler with the options that all kernels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """A function compiled by numba at its first call, kept between processes where any folder can be written to.

    Numba looks at ``NUMBA_CACHE_DIR``, then beside the source, then at the user's own cache. Where it may write to none
    of them every process compiles anew: no folder open to all is used, since what is loaded from it would be run.
    """
    try:
        return numba.njit(function, nogil=True, error_model="numpy", cache=True)
    except RuntimeError:
        return numba.njit(function, nogil=True, error_model="numpy")
