"""Files of lines: a line is appended whole or not at all, carries a checksum, and is read without the others."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

LONGEST = 1 << 24
"""Bytes of the longest line that is read; a file without line ends would else fill the memory."""

_SEAL = re.compile(rb', "crc": "([0-9a-f]{8})"}\n')
_SEAL_BYTES = len(b', "crc": "01234567"}\n')


class TornLine(ValueError):
    """The last line is not whole: the process was killed while it wrote. ``at`` is the byte where it begins."""

    def __init__(self, said: str, at: int = 0) -> None:
        super().__init__(said)
        self.at = at


class WriteError(OSError):
    """Something could not be written, for the disk is full or must not be written; no part of it is left."""


def append(path: Path, line: bytes) -> None:
    """Add a line to a file, on the disk when this returns.

    Args:
        path: made if it is not there; its folder must be.
        line: with its newline.

    Raises:
        WriteError: it could not be written; what part of it was written has been taken away again.

    Example:
        >>> append(Path("/dev/full"), b"7")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        WriteError: cannot write to /dev/full (No space left on device)
    """
    with _explained(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):  # what is then left of the line is torn, and dropped when the file is read
                file.truncate(before)
            raise


def write(path: Path, data: bytes) -> None:
    """Make a file, or put another in its place: on the disk when this returns, whole, or not at all.

    Raises:
        WriteError: it could not be written; what was there before is.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new"
        >>> write(path, b"7"), path.read_bytes(), len(list(path.parent.iterdir()))
        (None, b'7', 1)
    """
    part = path.with_name(f"{path.name}.part")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise
        if os.name == "posix":  # elsewhere a folder cannot be opened, nor need it be
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        way_out = f"{'make room there' if full else 'let it be written'} and run the same command again"
        way_out += ", what was recorded before is whole"
        raise WriteError(f"cannot write to {path} ({error.strerror}): {way_out}") from error


def sealed(line: Mapping[str, Any]) -> bytes:
    """A line as it is written: JSON, null for numbers that it has no word for, a CRC-32 of all this, a newline.

    Example:
        >>> sealed({"kind": "done", "loss": float("nan")})
        b'{"kind": "done", "loss": null, "crc": "c518a70c"}\\n'
    """
    text = json.dumps(_finite(line), ensure_ascii=False, allow_nan=False).encode()
    return b'%s, "crc": "%08x"}\n' % (text[:-1], zlib.crc32(text))


def opened(path: Path) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """The lines of a file with their numbers, from 1, and whether each carries a checksum, which then has been checked.

    Raises:
        TornLine: the last line is not whole.
        ValueError: another line is no JSON object, or not the one that was written; the message holds its number.
    """
    at = 0
    with path.open("rb") as file:
        for number, text in enumerate(iter(lambda: file.readline(LONGEST), b""), start=1):
            try:
                line, seal = _decoded(text)
            except ValueError as error:
                where = f"{path}, line {number}: "
                if len(text) < LONGEST and not file.read(1):
                    said = "the last line is torn, the process was killed while it wrote"
                    raise TornLine(where + said, at) from error
                raise ValueError(f"{where}{error}: mend it by hand or delete it") from error
            at += len(text)
            yield number, line, seal


def _decoded(text: bytes) -> tuple[dict[str, Any], bool]:
    """A line without its newline counts as torn even where it decodes: the next one would be glued to it."""
    seal = _SEAL.fullmatch(text, max(0, len(text) - _SEAL_BYTES))
    if seal and zlib.crc32(text[: seal.start()] + b"}") != int(seal[1], 16):
        raise ValueError(f"its checksum does not fit, so that it is not what was written, {text[:60]!r}")
    try:
        line = _DECODER.decode(text.decode())
    except (ValueError, RecursionError):  # nested too deep
        line = None
    if not isinstance(line, dict) or not text.endswith(b"\n"):
        raise ValueError(f"not a JSON object, {text[:60]!r}")
    line.pop("crc", None)
    return line, bool(seal)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_refused)


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
