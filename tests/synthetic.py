"""Made-up comparisons that look like real ones, as the lines of `runs.jsonl`."""

import json
import math
import random
from pathlib import Path
from typing import Any

Line = dict[str, Any]

ENVIRONMENT: Line = {
    "kind": "environment",
    "id": "e1ab",
    "time": "2026-11-21T10:00:00+00:00",
    "command": "spikefa compare --rule bp fa fbp:period=100 --seed 0 1 2 --out runs/first",
    "versions": {"python": "3.11.7", "torch": "2.13.0", "snntorch": "1.0.0"},
    "device": "cpu",
    "threads": 2,
    "platform": "Linux-6.1-x86_64",
    "commit": "abc123",
}
SETTING: Line = {
    "dataset": "digits",
    "network": "mlp:depth=2,width=128",
    "encoding": "current",
    "readout": "membrane",
    "epochs": 10,
    "batch_size": 64,
    "lr": 0.001,
    "steps": 25,
}
DATA = "UCI digits 8×8, stratified 1,197/300/300, seed 0"
# final accuracy, final cosine, final angle, moved relative to bp
TRAITS = {
    "bp": (0.975, 1.0, 0.0, 1.0),
    "fa": (0.93, 0.3, 62.0, 0.0),
    "dfa": (0.91, 0.1, 71.0, 0.0),
    "kp": (0.974, 0.99, 3.0, 0.0),
}
TRAITS |= {
    "fbp:period=10": (0.973, 0.998, 2.0, 0.1),
    "fbp:period=100": (0.972, 0.97, 9.0, 0.01),
    "usf": (0.96, 0.79, 21.0, 0.03125),
}


def start(key: str, rule: str, seed: int, **fields: Any) -> Line:
    experiment = {"rule": rule, **SETTING, "seed": seed, **fields}
    return {"kind": "start", "key": key, "environment": "e1ab", "experiment": experiment, "data": DATA}


def epoch(key: str, number: int, validation: float, test: float, **fields: Any) -> Line:
    accuracy = {"train": min(1.0, test + 0.01), "validation": validation, "test": test}
    return {"kind": "epoch", "key": key, "epoch": number, "loss": None, "accuracy": accuracy, "seconds": 1.0} | fields


def run(rule: str, seed: int, layers: int = 2, end: str = "done", **fields: Any) -> list[Line]:
    """The lines of one run: it learns as its rule does, with scatter that depends on rule and seed alone."""
    key = f"{rule}-{seed}-{json.dumps(fields)}"
    begun = start(key, rule, seed, **fields)
    epochs = begun["experiment"]["epochs"] if end == "done" else 3
    chance = random.Random(key)
    best, *traits = TRAITS.get(rule, (chance.uniform(0.9, 0.97), chance.random(), chance.uniform(5, 85), 0.0))
    best += chance.gauss(0, 0.006)
    lines = [begun, *(_epoch(key, number, best, traits, layers, chance) for number in range(epochs + 1))]
    if end == "failed":
        return [
            *lines,
            {"kind": "failed", "key": key, "epoch": 3, "error": "Diverged: loss is nan at epoch 3, batch 17"},
        ]
    return [*lines, {"kind": "done", "key": key, "epochs": epochs}] if end == "done" else lines


def _epoch(key: str, number: int, best: float, traits: list[float], layers: int, chance: random.Random) -> Line:
    cosine, angle, moved = traits
    grown = 1 - math.exp(-number / 2)
    test, validation = (0.1 + (best - 0.1) * grown + chance.gauss(0, 0.004) for _ in range(2))
    names = [f"fc{layer + 2}" for layer in range(layers)]
    return epoch(
        key,
        number,
        validation,
        test,
        loss=2.3 * math.exp(-number / 3) + chance.uniform(0.02, 0.06) if number else None,
        alignment={n: {"cosine": cosine * grown / (1 + 0.2 * at), "norm_ratio": 1.0} for at, n in enumerate(names)},
        gradient={"angle": 90 + (angle - 90) * grown + chance.uniform(0, 2), "layers": dict.fromkeys(names, 80.0)},
        credit={"cosine": 1 - chance.uniform(0, 0.1)},
        bits=int(1e6 * traits[-1] * number),
        moved=moved if number else 0.0,
    )


def write(folder: Path, *lines: Line) -> Path:
    """`runs.jsonl` in the folder, the environment first."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "runs.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in (ENVIRONMENT, *lines)), encoding="utf-8")
    return file


def represent(runs: Any) -> None:
    """Representations for every run, as a comparison saves them: of one layer by chance, of the other all alike."""
    import torch

    from spikefa.representations import save
    from spikefa.similarity import gram

    for at, each in enumerate(runs):
        save({"lif1": gram(torch.randn(20, 6)), "lif2": gram(torch.full((20, 6), float(at)))}, each.folder, each.key)
