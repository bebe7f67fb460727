"""Memory and time of learning by the local form against backpropagation through time, over T.

    python scripts/bench_local.py [rounds]

One hidden layer of 200 LIF neurons, 100 inputs, 10 classes, batch 32, float32, reset by subtraction, feedback fa,
cross-entropy at every step. Time: medians of one forward and backward pass, the two ways in turn. Memory: what each way
has to keep of a pass in bytes, counted: for backpropagation the distinct storages that autograd saves for the backward
pass, parameters and input left out; for the local form the states of its traces. The input, T steps of it, is given to
both. Beside it, the growth of the peak resident memory in one pass, each in a process of its own (Linux alone).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa import ThreeFactor, attach
from spikefa.credit import CREDITS
from spikefa.readout import READOUTS

STEPS = (10, 30, 100, 300, 1000)
SIZES, B = (100, 200, 10), 32
FIGURE = Path(__file__).parents[1] / "docs" / "local" / "memory_and_time.png"


def network() -> nn.Sequential:
    """The network, attached."""
    torch.manual_seed(0)
    inputs, hidden, classes = SIZES
    readout = READOUTS["every_step"].neuron(0.9)
    return attach(nn.Sequential(nn.Linear(inputs, hidden), snn.Leaky(0.9), nn.Linear(hidden, classes), readout), "fa")


def batch(steps: int) -> tuple[Tensor, Tensor]:
    """Spikes in, and labels."""
    return (torch.rand(steps, B, SIZES[0]) < 0.3).float(), torch.arange(B) % SIZES[-1]


def once(credit: str, steps: int) -> Callable[[], float]:
    """A pass; its seconds."""
    net, (x, y) = network(), batch(steps)

    def pass_() -> float:
        net.zero_grad()
        start = time.perf_counter()
        CREDITS[credit].backward(net, x, y, READOUTS["every_step"])
        return time.perf_counter() - start

    return pass_


def kept(credit: str, steps: int) -> int:
    """Bytes that a way keeps."""
    net, (x, y) = network(), batch(steps)
    if credit == "local":
        learner = ThreeFactor(net)
        for now in x:
            learner.step(now)
        return learner.nbytes
    given = {tensor.untyped_storage().data_ptr() for tensor in (x, y, *net.state_dict().values())}
    saved: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor  # kept, so that no storage is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        CREDITS[credit].backward(net, x, y, READOUTS["every_step"])
    return sum(tensor.untyped_storage().nbytes() for at, tensor in saved.items() if at not in given)


def growth(credit: str, steps: int) -> int:
    """Bytes by which the peak memory of this process grows in one pass after a short one, which loads what it needs."""
    once(credit, 2)()
    pass_ = once(credit, steps)
    before = peak()
    pass_()
    return peak() - before


def peak() -> int:
    """Peak resident memory in bytes, by Linux; ru_maxrss would be that of the process which started this one."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def timed(steps: int, rounds: int) -> dict[str, float]:
    """Median seconds of each way, in turn, after one round that does not count."""
    passes = {credit: once(credit, steps) for credit in CREDITS}
    seconds: dict[str, list[float]] = {credit: [] for credit in CREDITS}
    for _ in range(rounds + 1):
        for credit, pass_ in passes.items():
            seconds[credit].append(pass_())
    return {credit: median(found[1:]) for credit, found in seconds.items()}


def draw(table: dict[str, dict[str, list[float]]]) -> None:
    """The figure: memory and time over T, each way a line."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    names = {"bptt": "backpropagation through time", "local": "local form"}
    for axis, (label, lines) in zip(axes, table.items(), strict=True):
        for (credit, values), marker in zip(lines.items(), "os", strict=True):
            axis.loglog(STEPS, values, marker=marker, label=names[credit])
        axis.set(xlabel="time steps T", ylabel=label)
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=150)


def main(rounds: int = 5) -> None:
    """Print a line for each T, and draw."""
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, 1 thread, {'-'.join(map(str, SIZES))}, batch {B}, {rounds} rounds")
    print(f"{'T':>5}{'way':>7}{'kept MB':>10}{'peak MB':>10}{'ms':>10}")
    table: dict[str, dict[str, list[float]]] = {
        name: {credit: [] for credit in CREDITS} for name in ("kept for learning, MB", "seconds per batch")
    }
    for steps in STEPS:
        seconds = timed(steps, rounds)
        for credit in CREDITS:
            command = [sys.executable, __file__, "growth", credit, str(steps)]
            grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1e6
            memory = kept(credit, steps) / 1e6
            for lines, value in zip(table.values(), (memory, seconds[credit]), strict=True):
                lines[credit].append(value)
            print(f"{steps:5}{credit:>7}{memory:10.2f}{grown:10.1f}{1000 * seconds[credit]:10.1f}", flush=True)
    draw(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["growth"]:
        torch.set_num_threads(1)
        print(growth(sys.argv[2], int(sys.argv[3])))
    else:
        main(*map(int, sys.argv[1:]))
