"""Whether data are what they should be: the md5 of decompressed bytes, since mirrors differ in the gzip header."""

import gzip
import hashlib
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

GZIP_MAGIC = b"\x1f\x8b"
LARGEST = 1 << 30
"""Bytes of the largest file that is unpacked; a few kilobytes of gzip can stand for as many gigabytes."""


class DataError(ValueError):
    """A data file is missing, cut short or not the one expected; the message says which, and the way out."""


def decompressed(data: bytes, md5: str) -> bytes:
    """Return the decompressed content of a file, if its md5 is the one expected.

    Args:
        data: the file, gzip or plain (a server may have unpacked it on the way).
        md5: checksum of the decompressed bytes.

    Raises:
        DataError: when the data are cut short, damaged or others.

    Example:
        >>> decompressed(gzip.compress(b"spike"), hashlib.md5(b"spike").hexdigest())
        b'spike'
    """
    return checked(_gunzip(data, md5) if data.startswith(GZIP_MAGIC) else data, md5)


def verify(path: Path, md5: str) -> None:
    """Check a file's decompressed content, holding no more of a plain file than a piece.

    Args:
        path: the file, gzip or plain.
        md5: checksum of the decompressed bytes.

    Raises:
        DataError: when the data are cut short, damaged or others.
    """
    with path.open("rb") as file:
        if file.peek(2).startswith(GZIP_MAGIC):
            decompressed(file.read(), md5)
        elif (found := hashlib.file_digest(file, _md5).hexdigest()) != md5:
            raise DataError(f"expected data of md5 {md5}, found {path.stat().st_size:,} bytes of md5 {found}")


def checked(data: bytes, md5: str) -> bytes:
    """Return `data`, if their md5 is the one expected.

    Raises:
        DataError: when it is not.
    """
    found = _md5(data).hexdigest()
    if found != md5:
        raise DataError(f"expected data of md5 {md5}, found {len(data):,} bytes of md5 {found}")
    return data


def _md5(data: bytes = b"") -> Any:
    return hashlib.md5(data, usedforsecurity=False)


def _gunzip(data: bytes, md5: str) -> bytes:
    try:
        unpacked = bytearray()
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            while len(unpacked) <= LARGEST and (part := file.read(1 << 20)):
                unpacked += part
        if len(unpacked) <= LARGEST:
            return bytes(unpacked)
        found = f"one of more than {LARGEST:,} bytes unpacked"
    except EOFError:
        found = f"one that stops too early, at {len(data):,} bytes"
    except (gzip.BadGzipFile, zlib.error) as error:
        found = f"a damaged one of {len(data):,} bytes ({error})"
    raise DataError(f"expected a gzip file with data of md5 {md5}, found {found}")
