"""A table as Markdown, and the lines above all tables that say where and how they were measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from .timing import Setting

PACKAGES = ("spikefa", "torch", "snntorch", "numpy", "numba", "spikingjelly", "norse", "brian2")


@dataclass
class Table:
    """Rows under a title, and notes below."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table; the first column is text, the others numbers.

        Example:
            >>> print(Table("Times", ("job", "ms"), [("sleep", 3)], ["on a bed"]).markdown())
            ### Times
            <BLANKLINE>
            | job | ms |
            | --- | ---: |
            | sleep | 3 |
            <BLANKLINE>
            - on a bed
        """
        lines = [_row(self.columns), _row(["---", *["---:"] * (len(self.columns) - 1)]), *map(_row, self.rows)]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"### {self.title}", "", *lines, *([""] if notes else []), *notes])


def header(command: Sequence[str], setting: Setting) -> str:
    """The command, the versions, the machine, its threads and how busy it was."""
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    return "\n".join(
        [
            f"- command: `{' '.join(command)}`",
            f"- python {platform.python_version()}, {versions}",
            f"- {_device(setting.device)}, {torch.get_num_threads()} threads of {os.cpu_count()} cores{busy}",
            f"- seconds of the {'processor' if setting.processor else 'clock on the wall'}",
            "- medians [quartiles]; what is compared was timed in turn in one run, ratios are those of each round",
        ]
    )


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _device(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    cpu = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in cpu.read_text().splitlines() if "model name" in line]
        if cpu.exists()
        else []
    )
    return f"{names[0] if names else platform.processor() or 'CPU'}, {torch.backends.cpu.get_cpu_capability()}"
