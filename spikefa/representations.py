"""Representations on the disk: one safetensors file a run, beside `runs.jsonl`, with a Gram matrix for each layer.

And how similar those of a rule are to backpropagation's.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as encoded
from torch import Tensor

from spikefa.journal import write
from spikefa.runs import Run
from spikefa.settings import finished
from spikefa.similarity import cka
from spikefa.summary import REFERENCE, mean

FOLDER = "representations"
CHECKSUM = "crc"


def save(grams: Mapping[str, Tensor], folder: Path, key: str) -> Path:
    """Write the Gram matrices of a run: whole, or not at all if the process is killed.

    As float32, which holds products of spike counts exactly up to 16,777,216.

    Args:
        grams: by layer, ``[N, N]`` each.
        folder: where `runs.jsonl` lies.
        key: of the run.

    Returns:
        The path of the file.

    Raises:
        WriteError: (an ``OSError``) the disk is full, or must not be written.

    Example:
        >>> import tempfile, torch
        >>> folder = Path(tempfile.mkdtemp())
        >>> save({"lif1": torch.eye(2)}, folder, "3f").name, load(folder, "3f")["lif1"].tolist()
        ('3f.safetensors', [[1.0, 0.0], [0.0, 1.0]])
    """
    path = _path(folder, key)
    whole = {name: gram.float().contiguous() for name, gram in grams.items()}
    write(path, encoded(whole, {CHECKSUM: _checksum(whole)}))
    return path


def load(folder: Path, key: str) -> dict[str, Tensor]:
    """The Gram matrices of a run by layer, float64; nothing where there is no file, as in older comparisons.

    Raises:
        ValueError: the file is not one of ours, or not as it was written.

    Example:
        >>> load(Path("nowhere"), "3f")
        {}
    """
    path = _path(folder, key)
    if not path.is_file():
        return {}
    way_out = "delete it, the report does without"
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata()
            grams = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 – it is no mapping
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file ({error}): {way_out}") from error
    if about is not None and about.get(CHECKSUM) != _checksum(grams):  # older files have nothing about them
        raise ValueError(f"{path} is not as it was written, its checksum does not fit: {way_out}")
    return {name: gram.double() for name, gram in grams.items()}


def _checksum(grams: Mapping[str, Tensor]) -> str:
    """CRC-32 of names, shapes and numbers."""
    found = 0
    for name, gram in sorted(grams.items()):
        found = zlib.crc32(f"{name}{list(gram.shape)}{gram.dtype}".encode(), found)
        found = zlib.crc32(gram.cpu().contiguous().numpy().tobytes(), found)
    return f"{found:08x}"


def similarities(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Unbiased linear CKA of each rule's representations with bp's of the same seed: by rule and layer, a mean.

    Under bp stands what bp's own representations have in common from seed to seed, the yardstick for the others: their
    starts and batches differ, while those of a rule and bp of one seed are the same. nan where a layer is silent in
    every seed; a seed in which it is silent drops out of the mean.

    Args:
        runs: of one setting. Those without a file drop out, and with bp's file of a seed all others of that seed; a
            rule of which no seed is left has no entry.

    Example:
        >>> similarities([Run("3f", {"rule": "fa", "seed": 0}, {}, state="done")])
        {}
    """
    done = [(run, load(run.folder, run.key)) for run in finished(runs) if run.folder is not None]
    kept = [(run.rule, run.seed, grams) for run, grams in done if grams]
    reference = {seed: grams for rule, seed, grams in kept if rule == REFERENCE}
    found: dict[str, dict[str, list[float]]] = {}
    for rule, seed, grams in kept:
        for other, of_bp in reference.items():
            if (seed == other) != (rule == REFERENCE):
                for layer in (layer for layer in of_bp if layer in grams):
                    value = cka(grams[layer], of_bp[layer], unbiased=True)
                    found.setdefault(rule, {}).setdefault(layer, []).append(value)
    return {rule: {layer: mean(values) for layer, values in layers.items()} for rule, layers in found.items()}


def _path(folder: Path, key: str) -> Path:
    return folder / FOLDER / f"{key}.safetensors"
