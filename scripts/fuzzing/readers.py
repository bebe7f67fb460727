"""The readers that are fuzzed: for each a few valid files, how it is read, and the law that what it accepts obeys.

Another reader is one function here, and one line in `READERS`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import struct
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import save as encoded

from spikefa import representations
from spikefa.comparison import compare, grid
from spikefa.datasets import cifar10, idx
from spikefa.datasets.source import Source
from spikefa.datasets.source import read as read_source
from spikefa.experiment import Experiment
from spikefa.runs import FILE, VARYING, Run, read
from spikefa.studies import rows
from spikefa.study import read_study
from spikefa.summary import summarise
from spikefa.validation.network import read as read_state

from .binary import BINARY
from .trial import Reader


def idx_images() -> Reader:
    """Images of MNIST's format."""
    pixels = bytes(range(256)) * 3

    def law(found: torch.Tensor, data: bytes) -> bool:
        return found.dim() == 3 and found.numel() > 0 and found.numpy().tobytes() == data[16:]

    valid = bytes([0, 0, 8, 3]) + struct.pack(">3I", 12, 8, 8) + pixels
    return Reader("images", (valid,), lambda path: idx.parse(path.read_bytes(), 3, path.name), law)


def idx_labels() -> Reader:
    """Labels of MNIST's format."""

    def law(found: torch.Tensor, data: bytes) -> bool:
        return found.dim() == 1 and found.numpy().tobytes() == data[8:]

    valid = bytes([0, 0, 8, 1]) + struct.pack(">I", 40) + bytes(n % 10 for n in range(40))
    return Reader("labels", (valid,), lambda path: idx.parse(path.read_bytes(), 1, path.name), law)


def cifar() -> Reader:
    """A batch of CIFAR-10."""
    valid = b"".join(bytes([n]) + bytes((n + at) % 256 for at in range(3072)) for n in range(4))

    def law(found: tuple[torch.Tensor, torch.Tensor], data: bytes) -> bool:
        x, y = found
        again = torch.cat([y[:, None].to(torch.uint8), x.flatten(1)], 1).numpy().tobytes()
        return again == data and 0 <= int(y.min()) <= int(y.max()) <= 9

    return Reader("batch", (valid,), lambda path: cifar10.parse(path.read_bytes(), path.name), law)


def packed() -> Reader:
    """A gzip file whose content's md5 is known, as every download's is."""
    content = bytes(range(256)) * 20
    source = Source(("",), {"data.gz": hashlib.md5(content).hexdigest()}, ())
    bomb = gzip.compress(bytes(5_000_000))
    return Reader(
        "data.gz",
        (gzip.compress(content), content, bomb),
        lambda path: read_source(source, path.name, path.parent),
        lambda found, _: found == content,
    )


def study() -> Reader:
    """A study file, up to the experiments that it asks for."""
    known = {*Experiment.model_fields, "out"}
    text = 'rule = ["bp", "fbp:period=10"]\nseed = [0, 1]\nepochs = 3\nlr = 0.01\nweight_decay = 1e-4\nout = "here"\n'

    def experiments(path: Path) -> tuple[Experiment, ...]:
        options = read_study(path, known)
        options.pop("out", None)
        try:
            return grid(options)
        except ValueError as error:  # of an option, which it names; the command line may have set it as well
            raise ValueError(f"{path.name}: {error}") from error

    def law(found: tuple[Experiment, ...], _: bytes) -> bool:
        return all(0 < e.lr < math.inf and e.weight_decay >= 0 and e.epochs > 0 and e.seed >= 0 for e in found)

    return Reader("study.toml", (text.encode(),), experiments, law)


def lasting(run: Run) -> list[Any]:
    """All that a run gave, but for times."""
    epochs = [{name: value for name, value in e.items() if name not in VARYING} for e in run.epochs]
    return [run.rule, run.seed, run.setting, epochs]


def results() -> Reader:
    """`runs.jsonl`: every finished run is one that was written, to the last digit."""
    with TemporaryDirectory() as folder:
        cut = {"network": "mlp:depth=1,width=4", "dataset": "digits:train=40,validation=20,test=20"}
        list(compare(grid(cut | {"rule": ["bp", "fa"], "epochs": 1, "steps": 1}), Path(folder)))
        valid, true = (Path(folder) / FILE).read_bytes(), {run.key: lasting(run) for run in read(Path(folder))}

    def law(found: tuple[Run, ...], _: bytes) -> bool:
        return all(lasting(run) == true.get(run.key) for run in found if run.state == "done")

    return Reader(FILE, (valid,), read, law)


def results_1() -> Reader:
    """`runs.jsonl` as it was before its lines had checksums: its numbers are in their ranges, and the table is made."""

    def unsealed(line: Mapping[str, Any]) -> str:
        return json.dumps({name: value for name, value in line.items() if name not in ("crc", "schema")}) + "\n"

    lines = map(json.loads, results().valid[0].splitlines())

    def summarised(path: Path) -> tuple[Run, ...]:
        runs = read(path)
        summarise(runs)
        return runs

    def law(found: tuple[Run, ...], _: bytes) -> bool:
        done = [run for run in found if run.state == "done"]
        inside = (0 <= value <= 1 for run in done for e in run.epochs for value in e["accuracy"].values())
        counted = ([e["epoch"] for e in run.epochs] == [*range(run.experiment["epochs"] + 1)] for run in done)
        return all(inside) and all(counted)

    return Reader(FILE, ("".join(map(unsealed, lines)).encode(),), summarised, law)


def study_rows() -> Reader:
    """The rows of a study."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "quick.jsonl"
        rows.append(path, {"id": "e1", "versions": {"spikefa": "0.1.0"}})
        for seed in range(4):
            rows.append(path, rows.Row("linear", {"p": 200}, seed, {"cosine": 0.2, "list": [1.0, None]}, 1.5, "e1"))
        valid = path.read_bytes()

    def law(found: list[rows.Row], _: bytes) -> bool:
        return all(isinstance(row.values, dict) and isinstance(row.seed, int) for row in found) and len(found) <= 8

    return Reader("quick.jsonl", (valid,), rows.read, law)


def grams() -> Reader:
    """Representations beside `runs.jsonl`."""
    with TemporaryDirectory() as folder:
        tensors = {"lif1": torch.eye(4), "lif2": torch.ones(4, 4)}
        valid = representations.save(tensors, Path(folder), "3f").read_bytes()

    def load(path: Path) -> dict[str, torch.Tensor]:
        (path.parent / representations.FOLDER).mkdir(exist_ok=True)
        path.replace(path.parent / representations.FOLDER / path.name)
        return representations.load(path.parent, path.stem)

    def law(found: dict[str, torch.Tensor], _: bytes) -> bool:
        return found.keys() == tensors.keys() and all(torch.equal(found[n], tensors[n].double()) for n in tensors)

    return Reader("3f.safetensors", (valid,), load, law)


def state_dict(suffix: str) -> Reader:
    """A trained network's weights, as `spikefa validate --checkpoint` reads them."""
    tensors = {"0.weight": torch.arange(6.0).view(2, 3), "0.bias": torch.zeros(2)}
    with TemporaryDirectory() as folder:
        torch.save(tensors, Path(folder) / "net.pt")
        valid = encoded(tensors) if suffix == "safetensors" else (Path(folder) / "net.pt").read_bytes()

    def law(found: dict[str, torch.Tensor], data: bytes) -> bool:
        return all(isinstance(values, torch.Tensor) and values.numel() <= len(data) for values in found.values())

    return Reader(f"net.{suffix}", (valid,), read_state, law)


READERS: dict[str, Callable[[], Reader]] = {
    "IDX, images": idx_images,
    "IDX, labels": idx_labels,
    "CIFAR-10": cifar,
    "gzip, with md5": packed,
    "TOML study": study,
    "runs.jsonl": results,
    "runs.jsonl, version 1": results_1,
    "rows of a study": study_rows,
    "representations": grams,
    "state_dict, torch": partial(state_dict, "pt"),
    "state_dict, safetensors": partial(state_dict, "safetensors"),
    **BINARY,
}
