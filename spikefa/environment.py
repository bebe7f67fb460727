"""What a result depends on besides its experiment: versions, machine, command, commit."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("spikefa", "torch", "snntorch", "numpy", "numba", "scikit-learn", "scipy")


def environment(device: str, command: str, seeds: Iterable[int], threads: int | None = None) -> dict[str, Any]:
    """The environment of this process, for the record.

    Args:
        device: where the runs compute.
        command: what the user typed.
        seeds: of the runs to come.
        threads: of the CPU, where not as many as torch uses now.

    Example:
        >>> sorted(environment("cpu", "spikefa compare", [0, 1]))
        ['command', 'commit', 'device', 'host', 'id', 'platform', 'seeds', 'threads', 'time', 'versions']
    """
    found = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seeds": sorted(set(seeds)),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "device": _device(device),
        "threads": threads or torch.get_num_threads(),
        "platform": platform.platform(),
        "host": platform.node(),
        "commit": commit(),
    }
    return {"id": hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:10], **found}


def commit() -> str | None:
    """The git commit of spikefa's own code, with ``+`` for uncommitted changes; None where it is not a checkout."""
    folder = Path(__file__).parent
    try:
        _git(folder, "ls-files", "--error-unmatch", __file__)  # else the folder only lies inside somebody's repository
        head = _git(folder, "rev-parse", "HEAD")
        return head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _device(device: str) -> str:
    """The name of a GPU; as it was typed, where a machine without it hands jobs over to others, whose record has it."""
    try:
        return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    except (RuntimeError, AssertionError):
        return device
