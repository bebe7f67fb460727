"""Fetch files into the cache: canonical address first, then the mirrors; nothing half-done is ever left there."""

import os
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from spikefa.datasets.integrity import DataError, checked, verify


def download_file(name: str, md5: str, addresses: Sequence[str], cache: Path) -> None:
    """Fetch one file into the cache.

    Args:
        name: what to call it in the cache.
        md5: checksum of the decompressed bytes.
        addresses: full addresses, tried in order.
        cache: folder to put it in; made when needed.

    Raises:
        DataError: when no address gave the right file.
    """

    def accept(path: Path) -> None:
        verify(path, md5)
        os.replace(path, cache / name)

    _first_that_works(addresses, accept, cache)


def download_archive(names: Sequence[str], md5: str, addresses: Sequence[str], cache: Path) -> None:
    """Fetch a tar.gz and put the wanted files of it into the cache.

    Args:
        names: wanted files; folders inside the archive are ignored.
        md5: checksum of the archive as it is, compressed.
        addresses: full addresses of the archive, tried in order.
        cache: folder to put the files in; made when needed.

    Raises:
        DataError: when no address gave the right archive.
    """

    def accept(path: Path) -> None:
        checked(path.read_bytes(), md5)
        _unpack(path, names, cache)

    _first_that_works(addresses, accept, cache)


def _first_that_works(addresses: Sequence[str], accept: Callable[[Path], None], cache: Path) -> None:
    failures = []
    cache.mkdir(parents=True, exist_ok=True)
    for address in addresses:
        # Inside the cache, so that moving into place stays on one file system and is atomic.
        with TemporaryDirectory(dir=cache, prefix="unfinished-") as folder:
            try:
                accept(_fetch(address, Path(folder)))
                return
            except (OSError, DataError) as error:  # requests' own errors are OSErrors
                failures.append(f"{address}: {error}")
    raise DataError("no address gave the right data (" + "; ".join(failures) + ")")


def _fetch(address: str, folder: Path) -> Path:
    from pooch import HTTPDownloader

    path = folder / address.rsplit("/", 1)[-1]
    HTTPDownloader(progressbar=True, chunk_size=1 << 16)(address, str(path), None)
    return path


def _unpack(archive: Path, names: Sequence[str], cache: Path) -> None:
    with tarfile.open(archive) as tar:
        members = {Path(member.name).name: member for member in tar}
        for name in names:
            stream = tar.extractfile(members[name]) if name in members else None
            if stream is None:
                raise DataError(f"expected {name} inside, found {', '.join(members)}")
            path = archive.with_name(name)
            path.write_bytes(stream.read())
            os.replace(path, cache / name)
