"""Sparsity: when do products that skip zeros beat the dense ones, and how sparse is a network in training?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

import snntorch as snn
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa import gather
from spikefa.sequence import walk

from .contenders import CONTENDERS, integrator, lif, products, sequence, step
from .table import Table
from .timing import Setting, Spread, interleaved, number, ratio
from .workloads import CASES, TINY, Case, fill

SIZES = ((784, 1000, 3200), (400, 400, 3200), (128, 128, 1600))
DENSITIES = (0.01, 0.02, 0.05, 0.1, 0.2)
TRAINED = tuple(
    replace(case, name=f"{case.name}{name}", rate=rate, gain=gain)
    for case in CASES[:5]
    for name, rate, gain in (("", case.rate, case.gain), (", sparse", 0.05, 1.5))
)
WINDOWS = (0.1, 0.25, 0.5, 1.0)


def tables(setting: Setting) -> Iterator[Table]:
    """Layers, whole training steps, and how many errors are zero where the surrogate has a window."""
    for made in (layers(setting), training(setting)):
        if made.rows:
            yield made
    for case in TINY[:1] if setting.tiny else (CASES[1], CASES[4]):
        if setting.wants("window"):
            yield windows(case)


def layers(setting: Setting) -> Table:
    """Gathered over dense, forward alone and with the weights' gradient; what it takes to look for spikes in vain."""
    columns = ("layer", "ones, %", "forward, ms", "gathered / dense", "and weight gradient, ms", "gathered / dense")
    made = Table("layers whose input is spikes", (*columns, "dense after counting / dense"))
    sizes = ((6, 5, 8),) if setting.tiny else SIZES
    for fan_in, fan_out, rows in (size for size in sizes if setting.wants(f"layers {size[0]}")):
        noise = torch.Generator().manual_seed(0)
        weight, error = (torch.randn(n, m, generator=noise) for n, m in ((fan_out, fan_in), (rows, fan_out)))
        for density in DENSITIES:
            spk = (torch.rand(rows, fan_in, generator=noise) < density).float()
            seconds = interleaved(_jobs(spk, weight.requires_grad_(), error), setting)
            forward, gathered, both, gathered_both, counted = seconds.values()
            cells = Spread.of(forward, 1000), ratio(gathered, forward), Spread.of(both, 1000)
            title = f"{fan_in} → {fan_out}, {rows} rows"
            made.rows.append((title, 100 * density, *cells, ratio(gathered_both, both), ratio(counted, both)))
    made.notes.append("below 1 is faster than dense; finding the spikes, in each call, is in it")
    return made


def _jobs(spk: Tensor, weight: Tensor, error: Tensor) -> dict[str, Callable[[], object]]:
    """Forward, and forward with the weights' gradient, by both ways; and by the dense one after a count in vain."""

    def forward(way: str) -> Tensor:
        with torch.no_grad(), gather.using(way):
            return gather.linear(spk, weight)

    def both(way: str, x: Tensor) -> None:
        with gather.using(way):
            torch.autograd.grad(gather.linear(x, weight), weight, error)

    other = spk.clone()
    other[-1, -1] = 0.5  # found last
    return {
        "forward": lambda: forward("dense"),
        "forward, gathered": lambda: forward("gathered"),
        "both": lambda: both("dense", spk),
        "both, gathered": lambda: both("gathered", spk),
        "both, counted": lambda: both("gathered", other),
    }


def training(setting: Setting) -> Table:
    """Whole training steps by dense products and by those that spikefa chooses, against the dense limit."""
    columns = ("case", "spikes, % of each layer's input", "limit, ms", "dense, × limit", "chosen, × limit")
    made = Table("training that skips zeros", (*columns, "chosen / dense", "snnTorch is × slower"))
    jobs = {"limit": products, "dense": sequence, "chosen": sequence, "snnTorch": CONTENDERS["snnTorch"].build}
    cases = TINY[:1] if setting.tiny else TRAINED
    for case in (case for case in cases if setting.wants(f"training {case.name}")):
        steps = {name: step(case, build, setting.device) for name, build in jobs.items()}
        seconds = interleaved({**steps, "dense": partial(_dense, steps["dense"])}, setting)
        limit, dense, chosen, loop = seconds.values()
        cells = Spread.of(limit, 1000), ratio(dense, limit), ratio(chosen, limit), ratio(chosen, dense)
        made.rows.append((case.title, densities(case), *cells, ratio(loop, chosen)))
    made.notes.append("the error to the layer below stays a dense product; limit is dense, and so is snnTorch's loop")
    return made


def _dense(job: Callable[[], object]) -> None:
    with gather.using("dense"):
        job()


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
