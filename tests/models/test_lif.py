"""The reference neuron spikes as snnTorch does, and what does not match is seen not to."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

b2 = pytest.importorskip("brian2.only", reason="the reference models need Brian2")

from sklearn.datasets import load_digits  # noqa: E402

from models import layer, lif, trace  # noqa: E402
from models.trace import Trace, difference  # noqa: E402

pytestmark = pytest.mark.usefixtures("numpy_target")

TOLERANCE = 1e-9
MECHANISMS = ["subtract", "zero", "none"]


def layers(net, **override) -> list[lif.Layer]:
    """A snnTorch net in Brian2's words."""
    return [
        lif.Layer(
            linear.weight.detach().numpy(),
            linear.bias.detach().numpy(),
            **{
                "beta": float(leaky.beta),
                "threshold": float(leaky.threshold),
                "reset_mechanism": leaky.reset_mechanism,
                "reset_delay": leaky.reset_delay,
                **override,
            },
        )
        for linear, leaky in net
    ]


def random_input() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 4, 12))


def digits(coding: str) -> np.ndarray:
    """Sixteen images over 25 steps, as constant currents or as Bernoulli spikes."""
    x = np.tile(load_digits().data[:16] / 16, (25, 1, 1))
    return x if coding == "current" else (np.random.default_rng(0).random(x.shape) < x).astype(float)


def first_spike(recorded: Trace) -> float:
    """The time in ms, over all layers."""
    return min(float(np.argwhere(recorded[key])[0, 0]) for key in recorded.arrays if key[1] == "spk")


def check_equal(ours: Trace, theirs: Trace, threshold: float) -> None:
    """Spikes equal and membranes within the tolerance, in layers that fire, with no membrane close enough to tie."""
    assert difference(ours, theirs, TOLERANCE) is None
    for population in ("layer_1", "layer_2"):
        v, spk = theirs[population, "v"], theirs[population, "spk"]
        gap, off = np.abs(v - threshold).min(), np.abs(ours[population, "v"] - v).max()
        print(f"{population}: rate {spk.mean():.3f}, membranes within {off:.1e}, nearest to threshold {gap:.1e}")
        assert gap > 10 * TOLERANCE, "a membrane so near its threshold may fire by rounding alone: change the seed"
        assert 0.02 < spk.mean() < 0.98, "a layer that is silent or saturated shows little"


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("threshold", [0.5, 1.0])
@pytest.mark.parametrize("beta", [0.8, 0.95])
def test_random_input_gives_the_same_spikes(beta, threshold, mechanism, make_net, record):
    net = make_net((12, 8, 4), gain=4, beta=beta, threshold=threshold, reset_mechanism=mechanism)
    x = random_input()
    check_equal(lif.run(layers(net), x), record(net, x), threshold)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("coding", ["current", "spikes"])
@pytest.mark.parametrize(("beta", "threshold"), [(0.8, 1.0), (0.95, 0.5)])
def test_digits_give_the_same_spikes(beta, threshold, coding, mechanism, make_net, record):
    net = make_net((64, 100, 10), gain=3, beta=beta, threshold=threshold, reset_mechanism=mechanism)
    x = digits(coding)
    check_equal(lif.run(layers(net), x), record(net, x), threshold)


@pytest.mark.parametrize("reset_delay", [True, False])
def test_without_a_reset_its_delay_does_not_matter(reset_delay, make_net, record):
    net = make_net((12, 8, 4), gain=3, beta=0.8, reset_mechanism="none", reset_delay=reset_delay)
    x = random_input()
    assert difference(lif.run(layers(net), x), record(net, x), TOLERANCE) is None


def test_the_time_step_does_not_matter(make_net):
    net, x = layers(make_net((12, 8, 4), gain=3, beta=0.8)), random_input()
    coarse, fine = lif.run(net, x), lif.run(net, x, dt=0.1 * b2.ms)
    assert fine.dt == pytest.approx(0.1)
    assert difference(coarse, Trace(fine.arrays, fine.units, coarse.dt), TOLERANCE) is None


# What does not match.


def test_brians_own_schedule_differs(make_net, record):
    net, x = make_net((64, 100, 10), gain=3, beta=0.95), digits("spikes")
    network = lif.build(layers(net), x)
    network.schedule = None
    for number in (1, 2):
        layer = network[f"layer_{number}"]
        layer.set_event_schedule("spike", "thresholds")
        next(each for each in layer.contained_objects if each.when.startswith("integrate")).when = "groups"
        network[f"synapses_{number}"].pre.when = "synapses"
    ours, theirs = lif.simulate(network, *x.shape[:2]), record(net, x)
    hidden = ours["layer_1", "spk"] != theirs["layer_1", "spk"]
    print(
        f"hidden spike bins that differ: {hidden.mean():.3f}; of those with a spike in either: "
        f"{hidden.sum() / (ours['layer_1', 'spk'] | theirs['layer_1', 'spk']).sum():.3f}"
    )
    assert hidden.mean() > 0.1
    assert difference(ours, theirs, TOLERANCE) is not None


@pytest.mark.parametrize(("theirs", "ours"), [("zero", "subtract"), ("subtract", "zero"), ("none", "subtract")])
def test_another_reset_parts_one_step_after_the_first_spike(theirs, ours, make_net, record):
    net, x = make_net((12, 8, 4), gain=3, beta=0.8, reset_mechanism=theirs), random_input()
    expected = record(net, x)
    parted = difference(lif.run(layers(net, reset_mechanism=ours), x), expected, TOLERANCE)
    assert parted.variable == "v"
    assert parted.time == first_spike(expected) + 1


def test_a_reset_before_the_leak_needs_its_factor(make_net, record, monkeypatch):
    monkeypatch.setitem(layer.RESETS, "subtract", "v -= threshold")
    net, x = make_net((12, 8, 4), gain=3, beta=0.8), random_input()
    expected = record(net, x)
    parted = difference(lif.run(layers(net), x), expected, TOLERANCE)
    assert parted.time == first_spike(expected) + 1
    assert parted.values[0] - parted.values[1] == pytest.approx(1 - 0.8)  # subtracts beta too little


def test_eulers_time_constant_is_another_neuron(make_net, record, monkeypatch):
    monkeypatch.setattr(lif.Layer, "tau_mem", lambda self, dt: np.full(self.size, 1) * dt / (1 - self.beta))
    net, x = make_net((12, 8, 4), gain=3, beta=0.95), random_input()
    parted = difference(lif.run(layers(net), x), record(net, x), TOLERANCE)
    assert (parted.time, parted.population, parted.variable) == (1, "layer_1", "v")  # the first leak of anything


def test_a_literal_beta_is_not_snntorchs(make_net, record):
    net, x = make_net((12, 8, 4), gain=3, beta=0.95), random_input()
    assert float(net[0][1].beta) != 0.95
    parted = difference(lif.run(layers(net, beta=0.95), x), record(net, x), TOLERANCE)
    assert parted.variable == "v"


def test_a_membrane_at_its_threshold_is_silent(make_net, record, monkeypatch):
    net = make_net((1, 1), gain=1, beta=0.5, threshold=0.5)
    net[0][0].weight.data[:], net[0][0].bias.data[:] = 1, 0
    x = np.array([0.0, 0.5, 0.0]).reshape(3, 1, 1)
    assert difference(lif.run(layers(net), x), record(net, x), TOLERANCE) is None
    monkeypatch.setattr(lif, "THRESHOLD", "v >= threshold")
    parted = difference(lif.run(layers(net), x), record(net, x), TOLERANCE)
    assert str(parted) == "layer_1.spk[0, 0] at 1 ms: 1.0 and 0.0 (1)"


# What is refused.


@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
def test_an_immediate_reset_is_refused_and_rightly_so(mechanism, make_net, record):
    x = random_input()
    nets = [make_net((12, 8), 3, beta=0.8, reset_mechanism=mechanism, reset_delay=delay) for delay in (True, False)]
    assert difference(*(record(net, x) for net in nets)) is not None
    with pytest.raises(ValueError, match="use reset_delay=True"):
        layers(nets[1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight": np.ones(3)}, r"\[out, in\], got shape \(3,\)"),
        ({"weight": np.full((2, 2), np.nan)}, "finite"),
        ({"bias": np.ones(3)}, r"bias must be \[2\]"),
        ({"beta": 1.1}, "beta .* at most 1, got 1.1"),
        ({"once": True}, "fires once is not reset: .* not 'subtract'"),
        ({"beta": np.nan}, "beta .* got nan"),
        ({"bias": np.array([0.0, np.nan])}, "bias must be finite"),
        ({"threshold": -1.0}, "threshold .* got -1.0"),
        ({"threshold": np.inf}, "threshold .* got inf"),
        ({"reset_mechanism": "hard"}, "'subtract', 'zero', 'none'.* got 'hard'"),
    ],
)
def test_a_layer_refuses(wrong, message):
    with pytest.raises(ValueError, match=message):
        lif.Layer(**{"weight": np.eye(2), **wrong})


@pytest.mark.parametrize(
    ("sizes", "stimulus", "message"),
    [
        ([2], np.ones((5, 2)), r"\[T, B, N\].* got shape \(5, 2\)"),
        ([2], np.full((5, 1, 2), np.inf), "finite"),
        ([2], np.ones((0, 1, 2)), "none of them 0"),
        ([], np.ones((5, 1, 2)), "at least one layer"),
        ([2, 3], np.ones((5, 1, 2)), r"take \[2, 3\] inputs but get \[2, 2\]"),
    ],
)
def test_a_network_refuses(sizes, stimulus, message):
    with pytest.raises(ValueError, match=message):
        lif.build([lif.Layer(np.eye(size)) for size in sizes], stimulus)


# What the files promise.


@pytest.mark.parametrize("module", [layer, lif, trace])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


def test_the_models_load_no_torch_and_set_no_preference():
    code = (
        "import sys, brian2.only as b2; before = b2.prefs.as_file; import models.lif;"
        "sys.exit('torch' in sys.modules or b2.prefs.as_file != before)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
