"""A study file: the options of ``spikefa compare`` in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from spikefa.names import nearest

LARGEST = 1 << 20
"""Bytes of the largest study file that is read."""


def read_study(path: Path, options: Collection[str]) -> dict[str, Any]:
    """The options that a TOML file sets, by name; a list asks for every one of its values.

    Args:
        path: for example ``study.toml`` with ``rule = ["bp", "fbp:period=10"]`` and ``epochs = 20``.
        options: the names that there are.

    Raises:
        ValueError: the file is missing, is not TOML, or sets something that is not an option.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "study.toml"
        >>> _ = path.write_text('rule = ["bp", "fa"]')
        >>> read_study(path, {"rule", "seed"})
        {'rule': ['bp', 'fa']}
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        study = tomllib.loads(text.decode())
    except OSError as error:
        raise ValueError(f"cannot read the study file {path} ({error.strerror}): check its path") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not TOML ({error}): lines look like  rule = ['bp', 'fa']") from error
    for key in study:
        if key not in options:
            known = ", ".join(sorted(options))
            raise ValueError(f"{path} sets {key!r}, which is not an option{nearest(key, options)}: there are {known}")
    return study
