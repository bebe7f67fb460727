"""A reader, and what it makes of one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reader:
    """Something that reads files.

    Args:
        file: what a file is called, and so what a refusal must name.
        valid: files that it reads.
        read: reads one.
        law: of what was read and of the file's bytes: whether the one may be made of the other.
    """

    file: str
    valid: tuple[bytes, ...]
    read: Callable[[Path], Any]
    law: Callable[[Any, bytes], bool]


def outcome(reader: Reader, data: bytes, folder: Path) -> tuple[str, str]:
    """What a reader makes of a file: "accepted" and its law kept, "refused" by name, or "else" with what went wrong.

    Args:
        reader: what reads.
        data: the file.
        folder: where it is put, under the reader's name for it.
    """
    path = folder / reader.file
    path.write_bytes(data)
    try:
        found = reader.read(path)
    except (ValueError, OSError) as error:
        named = reader.file in str(error)
        return ("refused", "") if named else ("else", f"does not name the file: {error!r:.200}")
    except BaseException as error:
        return "else", f"{type(error).__name__}: {error!s:.200}"
    return ("accepted", "") if reader.law(found, data) else ("else", f"accepted, but wrong: {found!r:.200}")
