"""Sparsity: when do products that skip zeros beat the dense ones, and how sparse is a network in training?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import snntorch as snn
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa.sequence import walk

from .contenders import integrator, lif, sequence, step
from .contenders import products as products_alone
from .gathered import gathered
from .gathering import products
from .table import Table
from .timing import Setting, Spread, interleaved, number, ratio
from .workloads import CASES, TINY, Case, fill

SIZES = ((784, 1000, 3200), (1000, 1000, 3200), (200, 200, 1280))
DENSITIES = (0.01, 0.02, 0.05, 0.1, 0.2)
TRAINED = (
    *CASES[:5],
    replace(CASES[1], name="mid, sparse", rate=0.05, gain=1.5),
    replace(CASES[2], name="wide, sparse", rate=0.05, gain=1.5),
)
WINDOWS = (0.1, 0.25, 0.5, 1.0)


def tables(setting: Setting) -> Iterator[Table]:
    """A table for each layer, and one of how many errors are zero where the surrogate has a window."""
    for fan_in, fan_out, rows in ((6, 5, 8),) if setting.tiny else SIZES:
        if setting.wants(f"{fan_in}-{fan_out}"):
            yield layer(fan_in, fan_out, rows, setting)
    for case in TINY[:1] if setting.tiny else (CASES[1], CASES[4]):
        if setting.wants("window"):
            yield windows(case)
    if setting.wants("training"):
        yield training(setting)


def layer(fan_in: int, fan_out: int, rows: int, setting: Setting) -> Table:
    """Sparse over dense, for the forward product, the weights' gradient, and errors that are sparse."""
    made = Table(f"sparse over dense, {fan_in} → {fan_out}, {rows} rows", ("product", "non-zeros, %", "dense, ms"))
    for name, sparse, matrix, dense in _products(fan_in, fan_out, rows):
        timed = {"dense": dense, **products(sparse, matrix)}
        seconds = interleaved({**timed, "finding the non-zeros": sparse.to_sparse_csr}, setting)
        made.columns = ("product", "non-zeros, %", "dense, ms", *list(seconds)[1:])
        share = number(100 * float((sparse != 0).float().mean()))
        against = [ratio(seconds[way], seconds["dense"]) for way in list(seconds)[1:]]
        made.rows.append((name, share, Spread.of(seconds["dense"], 1000), *against))
    made.notes.append("below 1 is faster than dense. The non-zeros are given as lists; finding them comes on top")
    made.notes.extend(_crossings(made))
    return made


def _products(fan_in: int, fan_out: int, rows: int) -> Iterator[tuple[str, Tensor, Tensor, Callable[[], Tensor]]]:
    """Name, the sparse factor, the other one and the dense product, for each density."""
    noise = torch.Generator().manual_seed(0)
    weight, error = (torch.randn(n, m, generator=noise) for n, m in ((fan_out, fan_in), (rows, fan_out)))
    for density in DENSITIES:
        spk = (torch.rand(rows, fan_in, generator=noise) < density).float()
        few = error * (torch.rand(error.shape, generator=noise) < density)
        yield "forward", spk, weight.T.contiguous(), lambda spk=spk: F.linear(spk, weight)
        yield "weight gradient", spk.T.contiguous(), error, lambda spk=spk: error.T @ spk
        yield "sparse error to the input", few, weight, lambda few=few: few @ weight


def _crossings(made: Table) -> Iterator[str]:
    """The density at which each way is as fast as the dense product, between those that were measured."""
    for name in dict.fromkeys(row[0] for row in made.rows):
        rows = [row for row in made.rows if row[0] == name]
        for column in range(3, len(made.columns) - 1):
            ratios = [row[column].median for row in rows]
            yield f"{name}, {made.columns[column]}: {_crossing(ratios)}"


def _crossing(ratios: list[float]) -> str:
    if ratios[0] >= 1:
        return f"slower than dense at {100 * DENSITIES[0]:g} % and above"
    for (low, high), (x, y) in zip(pairwise(DENSITIES), pairwise(ratios), strict=True):
        if y >= 1:
            return f"as fast as dense at {100 * np.exp(np.interp(0, np.log([x, y]), np.log([low, high]))):.1f} %"
    return f"faster than dense at {100 * DENSITIES[-1]:g} % and below"


def training(setting: Setting) -> Table:
    """Whole training steps with products that skip zeros, against dense ones and against the dense limit."""
    columns = ("case", "spikes, % of each layer's input", "limit, ms", "spikefa, × limit", "skipping zeros, × limit")
    made = Table("training that skips zeros", (*columns, "skipping zeros / spikefa"))
    for case in TINY[:1] if setting.tiny else TRAINED:
        jobs = {"limit": products_alone, "spikefa": sequence, "skipping": gathered}
        seconds = interleaved({name: step(case, build, setting.device) for name, build in jobs.items()}, setting)
        limit, dense, skipping = seconds.values()
        cells = Spread.of(limit, 1000), ratio(dense, limit), ratio(skipping, limit), ratio(skipping, dense)
        made.rows.append((case.title, densities(case), *cells))
    made.notes.append(
        "the error to the layer below stays a dense product; finding the non-zeros, twice a layer, is in it"
    )
    return made


def densities(case: Case) -> str:
    """Non-zeros of every affine layer's input in percent, before training."""
    net, x = sequence(case.network())[0], case.data()[0]
    with torch.no_grad():
        spikes = [x, *(spk for _, module, (spk, _) in walk(net, x) if isinstance(module, snn.Leaky))]
    return ", ".join(number(100 * float(spk.count_nonzero()) / spk.numel()) for spk in spikes[:-1])


def windows(case: Case) -> Table:
    """Non-zeros of spikes, of a surrogate gradient that is zero outside a window, and of the error that comes of it."""
    made = Table(
        f"non-zeros with a window, {case.title}",
        ("distance to the threshold below", "spikes, %", "surrogate, %", "error, %"),
    )
    for width in WINDOWS:
        made.rows.append((width, *(number(100 * value) for value in _shares(case, width))))
    made.notes.append(
        "means of the hidden layers after 20 updates; the error is that of the currents, which has passed T"
    )
    return made


def _shares(case: Case, width: float) -> tuple[float, float, float]:
    """Non-zeros among spikes, surrogate gradients and errors, after some training with that surrogate."""

    def boxcar(mem: Tensor) -> Tensor:
        spk = (mem > 0).float()
        passing = mem * (mem.abs() < width) / (2 * width)
        return spk + passing - passing.detach()

    def neuron() -> snn.Leaky:
        made = lif(init_hidden=True)
        made.spike_grad = boxcar
        return made

    net = fill(case.network(), neuron, lambda: integrator(init_hidden=True, output=True))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        currents, spikes, mems = _backward(net, *case.data())
        optimizer.step()
    shares = [
        [float((spk != 0).float().mean()) for spk in spikes],
        [float(((mem - 1).abs() < width).float().mean()) for mem in mems],
        [float((cur.grad != 0).float().mean()) for cur in currents],
    ]
    spk, mem, error = (sum(found) / len(found) for found in shares)
    return spk, mem, error


def _backward(net: nn.Sequential, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Currents, with their errors as ``grad``, spikes and membranes of the hidden layers."""
    outputs = [output for _, _, output in walk(net, x)]
    hidden = [(before[0], *after) for before, after in pairwise(outputs[:-1]) if after[1] is not None]
    for cur, *_ in hidden:
        cur.retain_grad()
    F.cross_entropy(outputs[-1][1].mean(0), y).backward()
    currents, spikes, mems = (list(found) for found in zip(*hidden, strict=True))
    return currents, spikes, mems
