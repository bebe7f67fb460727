"""Uniform random numbers, the very ones that torch would draw, several times as fast."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from spikefa.noise.choice import compiles

_LEFT, _NEXT, _STATE, _WORDS = 8, 16, 24, 624
"""Where torch keeps, in the bytes of a generator's state, how many of the 624 words are left, which one is next, and
the words, as integers of 64 bits."""


def uniform(*shape: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """What ``torch.rand`` draws, of the same generator, which is left as ``torch.rand`` leaves it.

    torch reads its Mersenne twister word by word; compiled, with a whole state at a time, it takes a fifth of the time.
    As the bytes of a state are torch's own affair, the first call of a process compares both; where they differ, and on
    other devices, ``torch.rand`` draws.

    Args:
        shape: of the result; ``generator``: the source, on its device; ``dtype``: float32 or float64.

    Example:
        >>> drawn = uniform(2, 3, generator=torch.Generator().manual_seed(0))
        >>> drawn.equal(torch.rand(2, 3, generator=torch.Generator().manual_seed(0)))
        True
    """
    out = torch.empty(shape, dtype=dtype, device=generator.device)
    return fill(out, generator)


def fill(out: Tensor, generator: torch.Generator) -> Tensor:
    """The same, into a contiguous tensor, as ``out.uniform_`` would."""
    if compiles(out) and out.is_contiguous() and _as_torch():
        _compiled(out, generator)
        return out
    return out.uniform_(generator=generator)


def _compiled(out: Tensor, generator: torch.Generator) -> None:
    from spikefa.noise import kernels_draw

    state = generator.get_state()
    raw = state.numpy()
    left, after = raw[_LEFT:_NEXT].view(np.int32), raw[_NEXT:_STATE].view(np.uint64)
    kept = raw[_STATE : _STATE + 8 * _WORDS].view(np.uint64)
    words, used = kept.astype(np.uint32), _WORDS if left[0] == 1 else int(after[0])
    numbers = out.view(-1).numpy()
    if out.dtype == torch.float32:
        used = kernels_draw.single(words, used, numbers)
    else:
        drawn = np.empty(2 * len(numbers), np.uint32)
        used = kernels_draw.words(words, used, drawn)
        high, low = drawn[::2].astype(np.uint64), drawn[1::2].astype(np.uint64)
        np.multiply((high << np.uint64(32) | low) & np.uint64(2**53 - 1), 2.0**-53, out=numbers)
    kept[:], left[0], after[0] = words, _WORDS + 1 - used, used
    generator.set_state(state)


@functools.cache
def _as_torch() -> bool:
    """Whether both draw the same, from the start of a state, within it and from its end."""
    for dtype in (torch.float32, torch.float64):
        ours, theirs = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
        for count in (1, 30, 593, 1248, 700):
            out = torch.empty(count, dtype=dtype)
            try:
                _compiled(out, ours)
            except (ValueError, RuntimeError):
                return False
            if not out.equal(torch.rand(count, generator=theirs, dtype=dtype)):
                return False
        if not ours.get_state().equal(theirs.get_state()):
            return False
    return True
