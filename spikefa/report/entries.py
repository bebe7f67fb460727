"""The runs as the report's page names them: each with an address of its own."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from spikefa.runs import Run


class Entry(NamedTuple):
    """A run, where it stands, and the address under which the page shows it."""

    anchor: str
    setting: str
    run: Run


def entries(groups: Mapping[str, Sequence[Run]]) -> list[Entry]:
    """The runs of every setting, each under `run-KEY`; a key that comes again, of a tuned run, gets a number.

    Args:
        groups: from `settings.by_setting`.

    Example:
        >>> run = Run("3f", {"rule": "fa", "seed": 0}, {})
        >>> [entry.anchor for entry in entries({"digits": [run], "digits, tuned": [run]})]
        ['run-3f', 'run-3f-2']
    """
    found: dict[str, Entry] = {}
    for setting, runs in groups.items():
        for run in runs:
            stem = anchor = "run-" + re.sub(r"[^A-Za-z0-9]+", "-", run.key)
            number = 1
            while anchor in found:
                number += 1
                anchor = f"{stem}-{number}"
            found[anchor] = Entry(anchor, setting, run)
    return list(found.values())
