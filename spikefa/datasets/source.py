"""Find the files of a data set: a given folder, then SPIKEFA_DATA, then the cache, then a download into the cache."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spikefa.datasets.download import download_archive, download_file
from spikefa.datasets.integrity import DataError, decompressed, verify

VARIABLE = "SPIKEFA_DATA"


@dataclass(frozen=True)
class Source:
    """The files of one data set and where they come from.

    Args:
        folders: names its folder may have; the first one is used in the cache.
        files: file name → md5 of the decompressed bytes.
        addresses: where the files are, in order: one that ends with / is a folder, another a file; with an archive
            these are full addresses of it.
        archive: md5 of the tar.gz that holds the files; None when they are served one by one.
    """

    folders: tuple[str, ...]
    files: dict[str, str]
    addresses: tuple[str, ...]
    archive: str | None = None


def read(source: Source, name: str, folder: Path | None = None) -> bytes:
    """Return the decompressed, checked bytes of a file, downloading it when no folder was named.

    Args:
        source: the data set.
        name: one of `source.files`.
        folder: where to look instead of SPIKEFA_DATA and the cache.

    Raises:
        DataError: when the file is missing, damaged or not to be had.
    """
    path = _locate(source, name, folder)
    with _naming(path):
        return decompressed(path.read_bytes(), source.files[name])


def checked_file(source: Source, name: str, folder: Path | None = None) -> Path:
    """Return where a checked file lies, downloading it when no folder was named; for one too large to be held whole.

    Args:
        source: the data set.
        name: one of `source.files`, which is not compressed by gzip.
        folder: where to look instead of SPIKEFA_DATA and the cache.

    Raises:
        DataError: when the file is missing, damaged or not to be had.
    """
    path = _locate(source, name, folder)
    with _naming(path):
        verify(path, source.files[name])
    return path


def _locate(source: Source, name: str, folder: Path | None) -> Path:
    path = find(source, name, folder)
    if path is None and (root := named_folder(folder)):
        places = " nor ".join(str(place) for place in _places(source, name, root))
        way_out = f"put it there, or name no folder and unset {VARIABLE} to have it downloaded"
        raise DataError(f"{name} is neither {places}; {way_out}")
    return path or _download(source, name)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say in an error which file it is about, and the way out."""
    try:
        yield
    except DataError as error:
        way_out = "Delete this file and put a good copy in its place; into the cache it is then fetched again"
        raise DataError(f"{path}: {error}. {way_out}.") from None


def find(source: Source, name: str, folder: Path | None = None) -> Path | None:
    """Return where a file lies in the named folder, or else in the cache; None when it is not there.

    Raises:
        DataError: when the named folder does not exist.
    """
    root = named_folder(folder)
    places = _places(source, name, root) if root else [_cache(source) / name]
    return next((place for place in places if place.is_file()), None)


def named_folder(folder: Path | None = None) -> Path | None:
    """Return the data folder a person named, by argument or by SPIKEFA_DATA; None when neither is set.

    Raises:
        DataError: when there is no such folder.
    """
    named = folder or os.environ.get(VARIABLE)
    if not named:
        return None
    root = Path(named).expanduser()
    if not root.is_dir():
        origin = "the folder given" if folder else f"the folder that {VARIABLE} names"
        raise DataError(f"{root}, {origin}, is not a folder; correct it, or leave it out to download the data")
    return root


def _places(source: Source, name: str, root: Path) -> list[Path]:
    names = dict.fromkeys((name, name.removesuffix(".gz")))  # which a person, or another library, may have unpacked
    return [root / folder / name for name in names for folder in (*source.folders, ".")]


def _cache(source: Source) -> Path:
    import pooch

    return Path(pooch.os_cache("spikefa")) / source.folders[0]


def _download(source: Source, name: str) -> Path:
    cache = _cache(source)
    try:
        if source.archive:
            download_archive(list(source.files), source.archive, source.addresses, cache)
        else:
            addresses = [place + name if place.endswith("/") else place for place in source.addresses]
            download_file(name, source.files[name], addresses, cache)
    except DataError as error:
        by_hand = f"put {', '.join(source.files)} into {cache}, or into a folder that {VARIABLE} names"
        raise DataError(f"{name}: {error}. To place the files by hand, {by_hand}.") from None
    return cache / name
