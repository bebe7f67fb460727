"""Checkpoints: all that decides how a training goes on, in one safetensors file; nothing is pickled or unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Self, final, get_type_hints

import torch
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as encoded
from torch import Tensor

from spikefa.journal import write
from spikefa.measurement import Epoch
from spikefa.packing import pack, unpack

FORMAT = 1
"""Of the files that are written; files of a higher one are refused."""

MOST = 2**24
"""Bytes of a header that is still read: names, sizes and JSON."""


@final
@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training after one of its epochs.

    Attributes:
        experiment: its fields, ``rule`` and ``seed`` among them.
        origin: what decides the last bits besides: versions, device, threads, the data set in words.
        shape: of an example; ``classes``: how many. With the experiment they make the network.
        history: what each epoch gave, from the start on; a file has it without histograms.
        state: of the ``network``, the ``optimizer`` and the ``remedy`` the ``state_dict``; of the generators of the
            batches' ``order`` and of the ``input``'s noise the state.
    """

    experiment: dict[str, Any]
    origin: dict[str, Any]
    shape: tuple[int, ...]
    classes: int
    history: tuple[Epoch, ...]
    state: dict[str, Any]

    @property
    def epoch(self) -> int:
        """The epoch after which it was taken."""
        return len(self.history) - 1

    @property
    def is_best(self) -> bool:
        """Whether no earlier epoch of the training had as high an accuracy on validation data; the start is none."""
        *before, now = (record.accuracy["validation"] for record in self.history[1:])
        return now > max(before, default=-1.0)

    def save(self, *paths: Path) -> None:
        """Write the file, at each of the paths in turn: whole, or not at all if the process or the machine dies.

        Raises:
            TypeError: the state holds what is neither tensors nor numbers nor text.
            ValueError: it holds too much that is no tensor.
            WriteError: it cannot be written.
        """
        raw = self._bytes()
        for path in paths:
            write(path, raw)

    def _bytes(self) -> bytes:
        plain, tensors = pack(
            {field.name: getattr(self, field.name) for field in fields(self)} | {"history": self._records()}
        )
        told = json.dumps({"format": FORMAT, "checkpoint": plain}, allow_nan=False)
        if len(told) > MOST // 2:
            way_out = "probe less often, or train for fewer epochs"
            raise ValueError(f"a checkpoint with {len(told):,} bytes of JSON could not be read again: {way_out}")
        return encoded(tensors, {"spikefa": told, "sha256": _digest(told, tensors)})

    def _records(self) -> list[dict[str, Any]]:
        """The epochs without their histograms, which have been shown when a checkpoint is taken, and are long."""
        shown = [replace(record, histograms={}) for record in self.history]
        return [{field.name: getattr(record, field.name) for field in fields(record)} for record in shown]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The checkpoint in a file; nothing that the file names is imported or built.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no whole, unchanged checkpoint; with its place.
        """
        if not path.is_file():
            raise FileNotFoundError(f"there is no checkpoint {path}: spikefa compare --checkpoints writes them")
        try:
            told, tensors = _parts(path)
            found = unpack(told, tensors)
            if tensors:
                raise ValueError(f"it holds {', '.join(sorted(tensors)[:3])}, which nothing in it refers to")
            history = tuple(Epoch(**_checked(Epoch, record)) for record in found.pop("history"))
            made = cls(**_checked(cls, {**found, "history": history}))
            made._check()
        except (
            SafetensorError,
            ValueError,
            TypeError,
            AttributeError,
            KeyError,
            RecursionError,
            RuntimeError,
        ) as error:
            raise ValueError(
                f"{path} is no checkpoint that this spikefa can read: {_said(error)} (if you delete it, a comparison "
                f"trains that run from its start)"
            ) from error
        return made

    def _check(self) -> None:
        if min(*self.shape, self.classes, 1) < 1:
            raise ValueError(f"examples of shape {self.shape} in {self.classes} classes are none")
        if not self.history or [record.epoch for record in self.history] != list(range(len(self.history))):
            raise ValueError("its epochs do not follow each other")
        if any("validation" not in record.accuracy for record in self.history):
            raise ValueError("an epoch lacks its accuracy on validation data")


def network_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a network by name: of a checkpoint, or of any safetensors file.

    Raises:
        SafetensorError: it is none.
        ValueError: it is a checkpoint, but no whole, unchanged one.
    """
    if not is_checkpoint(path):
        return load_file(path)
    found = Checkpoint.read(path).state["network"]
    return {name: value for name, value in found.items() if isinstance(value, Tensor)}


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a safetensors file that says of itself that it is a checkpoint of spikefa."""
    try:
        with safe_open(path, "pt") as file:
            return "spikefa" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def _parts(path: Path) -> tuple[Any, dict[str, Tensor]]:
    """The JSON and the tensors of a file, compared with their digest."""
    size = path.stat().st_size
    with path.open("rb") as start:
        header = int.from_bytes(start.read(8), "little")
    if not 0 < header <= min(MOST, size - 8):
        raise ValueError(f"its header is to have {header:,} bytes, in a file of {size:,}; it may be cut short")
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        if "spikefa" not in metadata:
            raise ValueError("it holds tensors, and nothing about a training")
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (it is no dict)
    told = json.loads(metadata["spikefa"], parse_constant=_no_number)
    if told["format"] != FORMAT:
        raise ValueError(
            f"it has format {told['format']!r}, and this spikefa reads format {FORMAT}: use another version"
        )
    if metadata.get("sha256") != _digest(metadata["spikefa"], tensors):
        raise ValueError("it has been changed or damaged since it was written (its sha256 differs)")
    if wrong := [name for name, tensor in tensors.items() if tensor.is_floating_point() and bool(tensor.isnan().any())]:
        raise ValueError(f"{wrong[0]} is not a number at some place")
    return told["checkpoint"], tensors


def _digest(told: str, tensors: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256(told.encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


@cache
def _model(kind: type) -> type[BaseModel]:
    """What checks the types of a dataclass's fields."""
    hints = {name: (hint, ...) for name, hint in get_type_hints(kind).items()}
    rules = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
    made: type[BaseModel] = create_model(kind.__name__, __config__=rules, **hints)  # type: ignore[call-overload]
    return made


def _checked(kind: type, found: Any) -> dict[str, Any]:
    return dict(_model(kind).model_validate(found))


def _no_number(word: str) -> Any:
    raise ValueError(f"it holds {word}, which is no JSON")


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return " ".join(str(error).split())
