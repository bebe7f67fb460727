"""Independent random streams, one for each seed and purpose."""

from __future__ import annotations

import hashlib

import torch


def stream(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator that depends on ``seed`` and ``purpose`` alone.

    Two purposes never share their numbers, so that what one part of a run draws cannot shift what another draws.

    Example:
        >>> draws = [int(torch.randint(10**9, (), generator=stream(0, name))) for name in ("a", "b", "a")]
        >>> draws[0] == draws[2], draws[0] == draws[1]
        (True, False)
    """
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "little"))
