"""No real data, no real cache, no network: tiny files of the real formats, and a server on this machine."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from spikefa.datasets import cifar10, ecg_qtdb, fashion_mnist, idx, mnist, nmnist, shd
from spikefa.datasets.source import VARIABLE

from .event_files import ecg_file, nmnist_archive, shd_file


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no SPIKEFA_DATA."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    return tmp_path / "cache" / "spikefa"


def write_idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_files(shift: int = 0) -> dict[str, bytes]:
    """100 + 40 images of 4 × 5 bytes, all different; labels 0 … 9 in turn."""
    files = {}
    for count, images, labels in (
        (100, idx.TRAIN_IMAGES, idx.TRAIN_LABELS),
        (40, idx.TEST_IMAGES, idx.TEST_LABELS),
    ):
        pixels = (np.arange(count * 20) + np.arange(count).repeat(20) + shift).reshape(count, 4, 5) % 256
        files[images] = write_idx(pixels.astype(np.uint8))
        files[labels] = write_idx((np.arange(count) % 10).astype(np.uint8))
    return files


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def use(monkeypatch: pytest.MonkeyPatch, module: ModuleType, files: dict[str, bytes], **changes: object) -> None:
    """Make a loader expect these files."""
    sums = {name: md5(data) for name, data in files.items()}
    monkeypatch.setattr(module, "SOURCE", replace(module.SOURCE, files=sums, **changes))


@pytest.fixture
def mnist_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    files = idx_files()
    use(monkeypatch, mnist, files)
    return files


@pytest.fixture
def fashion_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    files = idx_files(shift=7)
    use(monkeypatch, fashion_mnist, files)
    return files


@pytest.fixture
def cifar_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Five batches and a test batch of 100 records; byte j of record i of batch b is (b + 31 i + j) mod 256."""
    files = {}
    for batch, name in enumerate(cifar10.SOURCE.files):
        records = (batch + 31 * np.arange(100)[:, None] + np.arange(3072)) % 256
        labels = np.arange(100)[:, None] % 10
        files[name] = np.hstack([labels, records]).astype(np.uint8).tobytes()
    use(monkeypatch, cifar10, files)
    monkeypatch.setattr(cifar10, "PER_BATCH", 100)
    return files


@dataclass(frozen=True)
class Server:
    """What it serves by path (`cut` names those it breaks off half-way), and the paths it was asked for."""

    address: str
    files: dict[str, bytes]
    cut: set[str]
    asked: list[str]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            served.asked.append(name)
            data = served.files.get(name)
            if data is None:
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if name in served.cut else data)
            return None

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        served = Server(f"http://127.0.0.1:{http.server_port}/", {}, set(), [])
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield served
        http.shutdown()


@pytest.fixture
def shd_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Speakers 0, 3 and 7 to train, 40 recordings each; 4 and 7 to test."""
    files = {shd.TRAIN: shd_file((0, 3, 7))[0], shd.TEST: shd_file((4, 7), each=1, seed=1)[0]}
    use(monkeypatch, shd, files)
    return files


@pytest.fixture
def nmnist_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """60 + 20 recordings of 20 events."""
    files = {nmnist.TRAIN: nmnist_archive("Train", 60)[0], nmnist.TEST: nmnist_archive("Test", 20, seed=1)[0]}
    expect_archives(monkeypatch, files)
    return files


def expect_archives(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], **changes: object) -> None:
    for name, data in files.items():
        known = replace(nmnist.SOURCES[name], files={name: md5(data)}, **changes)
        monkeypatch.setitem(nmnist.SOURCES, name, known)


@pytest.fixture
def ecg_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """30 + 8 records of 30 steps."""
    files = {ecg_qtdb.TRAIN: ecg_file(30)[0], ecg_qtdb.TEST: ecg_file(8, seed=1)[0]}
    use(monkeypatch, ecg_qtdb, files)
    return files
