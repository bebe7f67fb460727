"""Find the files of a data set: a given folder, then SPIKEFA_DATA, then the cache, then a download into the cache."""

import os
from dataclasses import dataclass
from pathlib import Path

from spikefa.datasets.download import download_archive, download_file
from spikefa.datasets.integrity import DataError, decompressed

VARIABLE = "SPIKEFA_DATA"


@dataclass(frozen=True)
class Source:
    """The files of one data set and where they come from.

    Args:
        folders: names its folder may have; the first one is used in the cache.
        files: file name → md5 of the decompressed bytes.
        addresses: base addresses of the files in order, or full addresses of the archive when there is one.
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
    path = find(source, name, folder)
    if path is None and (root := named_folder(folder)):
        places = " nor ".join(str(place) for place in _places(source, name, root))
        way_out = f"put it there, or name no folder and unset {VARIABLE} to have it downloaded"
        raise DataError(f"{name} is neither {places}; {way_out}")
    path = path or _download(source, name)
    try:
        return decompressed(path.read_bytes(), source.files[name])
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
    return [*(root / folder / name for folder in source.folders), root / name]


def _cache(source: Source) -> Path:
    import pooch

    return Path(pooch.os_cache("spikefa")) / source.folders[0]


def _download(source: Source, name: str) -> Path:
    cache = _cache(source)
    try:
        if source.archive:
            download_archive(list(source.files), source.archive, source.addresses, cache)
        else:
            download_file(name, source.files[name], source.addresses, cache)
    except DataError as error:
        by_hand = f"put {', '.join(source.files)} into {cache}, or into a folder that {VARIABLE} names"
        raise DataError(f"{name}: {error}. To place the files by hand, {by_hand}.") from None
    return cache / name
