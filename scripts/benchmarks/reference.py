"""Brian2 reference models: seconds for a simulated second, in each of Brian2's targets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np

from spikefa.validation.target import TARGETS, target

from .table import Table
from .timing import Setting, Spread, number, timed

Build = Callable[[int], Any]
"""Takes the number of steps; returns a Brian2 network."""


def lif(sizes: tuple[int, ...], samples: int, steps: int) -> Any:
    """Layers of LIF neurons, driven by random spikes of which a tenth are ones."""
    from spikefa.models.layer import Layer
    from spikefa.models.lif import build

    noise = np.random.default_rng(0)
    weights = [noise.normal(0, 2 / fan_in**0.5, (fan_out, fan_in)) for fan_in, fan_out in pairwise(sizes)]
    stimulus = (noise.random((steps, samples, sizes[0])) < 0.1).astype(float)
    return build([Layer(weight) for weight in weights], stimulus)


MODELS: dict[str, Build] = {
    "lif, 12-8-4, 4 samples": partial(lif, (12, 8, 4), 4),
    "lif, 196-100-10, 10 samples": partial(lif, (196, 100, 10), 10),
}
"""Models, each by one line."""
SMALLEST = "lif, 12-8-4, 4 samples"


def tables(setting: Setting) -> Iterator[Table]:
    """A row for each model and target."""
    columns = ("model", "neurons", "synapses", "target", "s per simulated s", "whole first run, s")
    made = Table("Brian2 reference models", columns)
    if find_spec("brian2") is None:
        made.notes.append("left out: Brian2 is not installed")
    elif not shutil.which("g++"):
        made.notes.append("cython and cpp_standalone are left out: there is no compiler")
    names = TARGETS if shutil.which("g++") and not setting.tiny else TARGETS[:1]
    for model in (SMALLEST,) if setting.tiny else MODELS:
        if setting.wants(model) and find_spec("brian2"):
            made.rows += rows(model, list(names), setting)
    made.notes.append(
        "Brian2's own time of the loop over steps; the whole run has generating, compiling and saving in it"
    )
    yield made


def rows(model: str, names: list[str], setting: Setting) -> list[tuple[object, ...]]:
    """What a model takes in each target; sizes are counted in the first."""
    steps, found, size = (20 if setting.tiny else 500), [], ("", "")
    for name in names:
        repeats = 1 if name == "cpp_standalone" else max(1, setting.rounds // 3)
        results = [simulate(MODELS[model], steps, name, setting) for _ in range(repeats)]
        size = results[0][2:] if results[0][2] else size
        found.append((model, *size, name, Spread.of([one[0] for one in results]), number(results[0][1])))
    return found


def simulate(build: Build, steps: int, name: str, setting: Setting) -> tuple[float, float, str, str]:
    """Seconds for a simulated second, seconds of the whole run, and the numbers of neurons and synapses."""
    import brian2.only as b2

    with target(name):
        network = build(steps)
        duration = steps * b2.ms
        whole = timed(lambda: network.run(duration, namespace={}), setting)
        inner = b2.device._last_run_time  # Brian2 tells it nowhere else; its own benchmarks read it here
        size = ("", "")
        if name != "cpp_standalone":  # where the objects have run in another process
            kinds = (b2.NeuronGroup, b2.Synapses)
            size = tuple(f"{sum(len(one) for one in network.objects if isinstance(one, kind)):,}" for kind in kinds)
    return inner / float(duration / b2.second), whole, *size
