"""Representations on the disk: one safetensors file a run, beside `runs.jsonl`, with a Gram matrix for each layer.

And how similar those of a rule are to backpropagation's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as encoded
from torch import Tensor

from spikefa.runs import Run
from spikefa.settings import finished
from spikefa.similarity import cka
from spikefa.summary import REFERENCE, mean

FOLDER = "representations"


def save(grams: Mapping[str, Tensor], folder: Path, key: str) -> Path:
    """Write the Gram matrices of a run: whole, or not at all if the process is killed.

    As float32, which holds products of spike counts exactly up to 16,777,216.

    Args:
        grams: by layer, ``[N, N]`` each.
        folder: where `runs.jsonl` lies.
        key: of the run.

    Returns:
        The path of the file.

    Example:
        >>> import tempfile, torch
        >>> folder = Path(tempfile.mkdtemp())
        >>> save({"lif1": torch.eye(2)}, folder, "3f").name, load(folder, "3f")["lif1"].tolist()
        ('3f.safetensors', [[1.0, 0.0], [0.0, 1.0]])
    """
    path = _path(folder, key)
    path.parent.mkdir(exist_ok=True)
    whole = path.with_suffix(".part")
    with whole.open("wb") as file:
        file.write(encoded({name: gram.float().contiguous() for name, gram in grams.items()}))
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)
    return path


def load(folder: Path, key: str) -> dict[str, Tensor]:
    """The Gram matrices of a run by layer, float64; nothing where there is no file, as in older comparisons.

    Raises:
        ValueError: the file is not one of ours.

    Example:
        >>> load(Path("nowhere"), "3f")
        {}
    """
    path = _path(folder, key)
    if not path.is_file():
        return {}
    try:
        return {name: gram.double() for name, gram in load_file(path).items()}
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file ({error}): delete it, the report does without") from error


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
