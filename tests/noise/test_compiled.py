"""The compiled loops of noise phases against torch, their reference, function by function and rule by rule."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from spikefa import scan, threads
from spikefa.noise import draw, kernels
from spikefa.noise.choice import compiles
from spikefa.noise.driven import Drive
from spikefa.noise.exponential import Exponentials
from spikefa.noise.leaky import LeakyNeuron
from spikefa.noise.lif import lif
from spikefa.noise.pair import CHUNK, pair
from spikefa.noise.stdp import mirrored_window
from spikefa.noise.stochastic import StochasticNeuron
from spikefa.noise.transmission import transmitted
from spikefa.rules import RULES
from tests.rules.oracle import generator

DTYPES = [torch.float32, torch.float64]
PHASES = {
    "sal": {"steps": 500, "replicas": 6},
    "sal:lif": {"steps": 500, "replicas": 6, "neuron": "lif"},
    "sal:uncentred": {"steps": 300, "replicas": 5, "centred": False, "refractory": 3},
    "stdwi": {"duration": 200, "replicas": 5},
    "stdwi:paper": {"duration": 100, "hold": 50, "dt": 0.25, "centred": False, "replicas": 3},
    "mirror": {"stimuli": 3, "replicas": 5, "neuron": "lif"},
    "rdd": {"steps": 300, "replicas": 7},
    "rdd:squares": {"steps": 300, "replicas": 7, "fit": "squares"},
}


@pytest.fixture(autouse=True)
def _choose(monkeypatch):
    """The tests choose, whatever the rest of the suite was told to run on."""
    monkeypatch.delenv(scan.VARIABLE, raising=False)


def both(function):
    """What compiled loops find, and what torch finds."""
    assert compiles(torch.ones(1))
    found = function()
    with scan.using("reference"):
        return found, function()


def phase(name, dtype=torch.float64, size=(13, 22), updates=3):
    """B after a few phases, and all that the last one recorded."""
    weight = torch.randn(size, generator=generator(0), dtype=dtype)
    rule = RULES[name.split(":")[0]](weight, generator(1), every=1, per="update", **PHASES[name])
    for _ in range(updates):
        rule.step(weight)
    pieces = list(rule.simulate(weight, rule.weight.clone(), generator(2)))
    parts = zip(*pieces, strict=True)
    return rule.weight, [torch.cat(part) if part[0].dim() == 3 else torch.stack(part) for part in parts]


@pytest.mark.parametrize("name", PHASES)
def test_phases_have_the_same_spikes_and_the_same_b(name):
    (found, recorded), (expected, wanted) = both(lambda: phase(name))
    for one, two in zip(recorded, wanted, strict=True):
        binary = one.dtype == torch.bool or set(one.unique().tolist()) <= {0.0, 1.0}
        torch.testing.assert_close(one, two, rtol=0 if binary else 1e-11, atol=0 if binary else 1e-11)
        assert (one != 0).any()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12 * float(expected.abs().max().clamp(min=1)))


@pytest.mark.parametrize("name", [name for name in PHASES if "squares" not in name])  # few windows: ill-conditioned
def test_in_single_precision_few_spikes_part(name):
    """A membrane may lie so near to its threshold that rounding decides, and then goes its own way."""
    (found, recorded), (expected, wanted) = both(lambda: phase(name, torch.float32, updates=1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3 * float(expected.abs().max()))
    for one, two in zip(recorded, wanted, strict=True):
        assert (one.float() - two.float()).abs().gt(1e-2).float().mean() < 1e-3


def test_the_scans_switch_is_the_phases_too(monkeypatch):
    with scan.using("reference"), scan.using("cpu"):
        assert compiles(torch.ones(1))
    for name in ("reference", "cuda"):
        monkeypatch.setenv(scan.VARIABLE, name)
        assert not compiles(torch.ones(1))


@pytest.mark.parametrize("name", PHASES)
def test_the_number_of_threads_changes_nothing(name, monkeypatch):
    monkeypatch.setattr(threads, "WORK", 1)
    found = phase(name)
    for count in (2, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        other = phase(name)
        assert other[0].equal(found[0])
        assert all(one.equal(two) for one, two in zip(other[1], found[1], strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", [{}, {"reset": -1.0, "refractory": 3}, {"threshold": float("inf")}], ids=str)
def test_lif_neurons_are_the_same_to_the_bit(dtype, options):
    cur = torch.randn(70, 5, 301, generator=generator(0), dtype=dtype)
    cur[3, 2, 5] = float("nan")
    start = torch.randn(5, 301, generator=generator(1), dtype=dtype)
    for given in (cur, cur[:, ::2], cur.transpose(1, 2)):
        begin = {"start": start} if given is cur else {}
        found, expected = both(lambda given=given, begin=begin: lif(given, decay=0.9, gain=0.7, **begin, **options))
        for one, two in zip(found, expected, strict=True):
            torch.testing.assert_close(one, two, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_filters_and_transmission_are_the_same_within_rounding(dtype):
    tolerance = {"rtol": 0, "atol": 1e-12 if dtype == torch.float64 else 3e-5}
    spk = (torch.rand(230, 3, 41, generator=generator(0)) < 0.2).to(dtype)
    start = torch.rand(2, 3, 41, generator=generator(1), dtype=dtype)
    for begin in (start, start[:, :1, :1], None):
        found, expected = both(lambda begin=begin: Exponentials((0.7, -0.3), (3.0, 200.0))(spk, begin))
        for one, two in zip(found, expected, strict=True):
            torch.testing.assert_close(one, two, **tolerance)
    for amplitudes in ((1.0,), (1.0, -0.5, 0.2)):
        torch.testing.assert_close(
            *both(lambda a=amplitudes: Exponentials(a, (4.0, 9.0, 30.0)[: len(a)])(spk)), **tolerance
        )
    weight = torch.randn(17, 41, generator=generator(2), dtype=dtype)
    for mean in (0.0, 0.2):
        torch.testing.assert_close(*both(lambda mean=mean: transmitted(spk, weight, mean)), **tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_random_numbers_are_those_of_torch(dtype):
    assert draw._as_torch(), "torch keeps its state in another way: torch draws, slowly"
    ours, theirs = generator(3), generator(3)
    for count in (1, 623, 2, 5000, 624, 1248, 7):
        found = draw.uniform(count, 3, generator=ours, dtype=dtype)
        assert found.equal(torch.rand(count, 3, generator=theirs, dtype=dtype))
        assert torch.randn(3, generator=ours).equal(torch.randn(3, generator=theirs))
    assert ours.get_state().equal(theirs.get_state())


def test_a_generator_with_another_state_is_left_to_torch(monkeypatch):
    expected = torch.rand(5, generator=generator(0))
    monkeypatch.setattr(draw, "_NEXT", 15)
    draw._as_torch.cache_clear()
    try:
        assert not draw._as_torch()
        assert draw.uniform(5, generator=generator(0)).equal(expected)
    finally:
        draw._as_torch.cache_clear()


@pytest.mark.parametrize("count", [0, 1, 7, 1000])
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_positions_are_where_the_flags_are(count, rate):
    flags = (torch.rand(count, generator=generator(0)) < rate).numpy().view(np.uint8)
    active = np.empty(count + 1, np.int32)
    found = kernels.positions(flags, active)
    np.testing.assert_array_equal(active[:found], np.flatnonzero(flags))


@pytest.mark.parametrize(("centred", "dt"), [(True, 1.0), (False, 0.25)])
def test_driven_populations_have_the_same_spikes_and_membranes(centred, dt):
    weight, drive = torch.randn(9, 31, generator=generator(0), dtype=torch.float64), Drive(100, 25, dt, 3, centred)
    pieces = both(lambda: list(drive.populations(weight, generator(1))))
    for (lower, upper, v), (below, above, expected) in zip(*pieces, strict=True):
        assert lower.equal(below)
        assert upper.equal(above)
        torch.testing.assert_close(v, expected, rtol=0, atol=1e-12)
        assert upper.any()


@pytest.mark.parametrize("gain", [0.0, 1.0, 40.0], ids=["none", "usual", "extreme"])
@pytest.mark.parametrize("refractory", [1, 7, CHUNK + 3])
@pytest.mark.parametrize("neuron", [StochasticNeuron, LeakyNeuron])
def test_pairs_of_populations_have_the_same_spikes(neuron, refractory, gain):
    weight, feedback = gain * torch.randn(2, 9, 14, generator=generator(0), dtype=torch.float64)
    bias = (torch.linspace(-2, 3, 14), torch.linspace(-1, 1, 9))

    def spikes():
        made, options = neuron(refractory), {"steps": 5 * CHUNK + 3, "replicas": 5, "bias": bias}
        phase = list(pair(weight, feedback, generator(1), made, **options))
        return [torch.cat(side) for side in zip(*phase, strict=True)]

    found, expected = both(spikes)
    assert all(one.equal(two) and one.any() for one, two in zip(found, expected, strict=True))


@pytest.mark.parametrize("dtype", [torch.bool, *DTYPES])
def test_windows_are_the_same_within_rounding(dtype):
    pieces = [
        tuple((torch.rand(steps, 4, n, generator=generator(n + steps)) < 0.15).to(dtype) for n in (31, 18))
        for steps in (1, 40, 17)
    ]
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(*both(lambda: mirrored_window(pieces, 7.0)), rtol=0, atol=tolerance)


def test_what_the_loops_cannot_take_is_left_to_torch():
    cur = torch.rand(20, 2, 3, requires_grad=True)
    assert not compiles(cur)
    with torch.no_grad():
        assert compiles(cur)
    assert not compiles(torch.ones(1), torch.ones(1, dtype=torch.float64))
    assert not compiles(torch.ones(1, device="meta"))
    assert torch.compile(lambda x: x + compiles(x), backend="eager", fullgraph=True)(torch.zeros(1)).item() == 0


def test_numba_is_not_imported_before_it_is_needed():
    code = "import sys, spikefa, spikefa.cli, spikefa.rules.sal, spikefa.rules.rdd; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
