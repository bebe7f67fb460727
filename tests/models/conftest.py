"""What the tests of the reference models share: Brian2's numpy target, and snnTorch's side of a comparison."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
import snntorch
import torch
from _pytest import doctest
from torch import nn

from models.trace import Trace

stock = doctest.DoctestModule
with contextlib.suppress(ImportError):
    import brian2  # noqa: F401 - puts a collector of its own in pytest's place, which fails on packages' doctests
doctest.DoctestModule = stock

Net = list[tuple[nn.Linear, snntorch.Leaky]]


@pytest.fixture
def numpy_target(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Brian2 without a compiler, and without its log of every object in a failing test's report."""
    prefs = pytest.importorskip("brian2", reason="the reference models need Brian2").prefs
    caplog.set_level(logging.WARNING, logger="brian2")
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


@pytest.fixture
def make_net() -> Callable[..., Net]:
    """`make_net(sizes, gain, **leaky)`: float64 layers from a fixed seed, `gain` times torch's initial weights."""

    def make(sizes: tuple[int, ...], gain: float, **leaky) -> Net:
        torch.manual_seed(0)
        net = []
        for fan_in, fan_out in pairwise(sizes):
            linear = nn.Linear(fan_in, fan_out).double()
            linear.weight.data *= gain
            net.append((linear, snntorch.Leaky(**leaky).double()))
        return net

    yield make
    snntorch.SpikingNeuron.instances.clear()


@pytest.fixture
def record() -> Callable[[Net, np.ndarray], Trace]:
    """`record(net, x)`: snnTorch's spikes and membranes for x `[T, B, N]`, as a trace like a reference model's."""

    @torch.no_grad()
    def record(net: Net, x: np.ndarray) -> Trace:
        mems = [leaky.reset_mem() for _, leaky in net]  # with mem=None, snnTorch goes on from the last call
        arrays: dict = {(f"layer_{k}", name): [] for k in range(1, len(net) + 1) for name in ("v", "spk")}
        for spk in torch.as_tensor(x):
            for k, (linear, leaky) in enumerate(net):
                spk, mems[k] = leaky(linear(spk.double()), mems[k])  # snnTorch's spikes are float32
                arrays[f"layer_{k + 1}", "v"].append(mems[k].numpy())
                arrays[f"layer_{k + 1}", "spk"].append(spk.bool().numpy())
        return Trace({key: np.stack(steps) for key, steps in arrays.items()}, units={"v": "1", "spk": "1"}, dt=1.0)

    return record
