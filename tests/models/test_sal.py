"""The reference of spike-based alignment learning obeys the laws of its rule, by itself."""

import doctest
import shutil

import numpy as np
import pytest

b2 = pytest.importorskip("brian2.only", reason="the reference models need Brian2")

from models import sal  # noqa: E402
from models.trace import Trace, difference  # noqa: E402
from spikefa.validation import cases  # noqa: E402
from spikefa.validation.target import target  # noqa: E402
from tests.validation.conftest import golden  # noqa: E402, F401

pytestmark = pytest.mark.usefixtures("numpy_target")

SHAPE = (4, 5)


def weights(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """W and B₀."""
    w, b = np.random.default_rng(seed).normal(size=(2, *SHAPE))
    return w, b


def chance(phases: int, steps: int, neuron: str, refractory: int = 10) -> sal.Chance:
    rng, count = np.random.default_rng(1), sum(SHAPE)
    draw = rng.standard_normal if neuron == "lif" else rng.random
    return sal.Chance(rng.integers(1, 2 * refractory + 2, (phases, count)), draw((phases * steps, count)))


def given(neuron: str = "stochastic", **override) -> sal.Pair:
    """Three phases whose random numbers are given."""
    w, b = weights()
    drawn = override.pop("chance", None) or chance(3, 300, neuron)
    return sal.Pair(
        **{
            "weight": w,
            "feedback": b,
            "phases": 3,
            "steps": 300,
            "eta": 0.5,
            "neuron": neuron,
            "chance": drawn,
            **override,
        }
    )


def spk(trace: Trace, name: str) -> np.ndarray:
    """`[T, N]`, as numbers."""
    return trace[name, "spk"][:, 0].astype(float)


def all_pairs(lower: np.ndarray, upper: np.ndarray, tau: float) -> np.ndarray:
    """The window, pair of spikes by pair of spikes."""
    window = np.zeros((upper.shape[1], lower.shape[1]))
    for s, k in np.argwhere(lower):
        for t, l in np.argwhere(upper):  # noqa: E741
            window[l, k] += np.sign(t - s) * np.exp(-abs(t - s) / tau)
    return window


@pytest.mark.parametrize("neuron", sal.NEURONS)
def test_b_changes_once_a_phase_by_the_sum_over_all_pairs_of_its_spikes(neuron):
    pair = given(neuron, refractory=7, chance=chance(3, 300, neuron, 7))
    trace, before = sal.run(pair), pair.feedback
    for phase in range(3):
        part = slice(300 * phase, 300 * (phase + 1))
        lower, upper = spk(trace, "lower")[part], spk(trace, "upper")[part]
        assert (lower.T @ upper).any(), "no two spikes coincide: not all is tried"
        np.testing.assert_allclose(trace["feedback", "window"][phase], all_pairs(lower, upper, 7), atol=1e-12)
        np.testing.assert_allclose(
            trace["feedback", "b"][phase], before + 0.5 / 14 * trace["feedback", "window"][phase], atol=1e-14
        )
        before = trace["feedback", "b"][phase]


BIAS = (0.7, -0.4)


def stepwise(pair: sal.Pair, fire) -> None:
    """Compare a phase with what `fire(u, silent, noise)` says step by step."""
    trace, since = sal.run(pair), pair.chance.since[0].copy()
    found, bias = np.concatenate([spk(trace, "lower"), spk(trace, "upper")], axis=1), np.repeat(BIAS, [5, 4])
    for step, noise in enumerate(pair.chance.noise):
        silent = since <= 10
        z = silent - (0.5 if pair.centred else 0.0)
        now = fire(bias + np.concatenate([z[5:] @ pair.feedback, pair.weight @ z[:5]]), silent, noise)
        assert (found[step] == now).all(), step
        since = np.where(now, 1, since + 1)
    assert found.sum() > 50


@pytest.mark.parametrize("centred", [True, False])
def test_a_neuron_fires_by_the_papers_probability_where_it_is_not_refractory(centred):
    pair = given(phases=1, chance=chance(1, 300, "stochastic"), bias=BIAS, centred=centred)
    stepwise(pair, lambda u, silent, noise: (noise < 1 / (1 + 10 * np.exp(-u))) & ~silent)


def test_the_membrane_smooths_drive_and_noise_and_is_zero_while_silent():
    v, beta = np.zeros(9), np.exp(-1 / 10)

    def fire(u, silent, noise):
        v[:] = np.where(silent, 0, beta * v + (1 - beta) * u + np.sqrt(1 - beta**2) * noise)
        return v > 0.372

    stepwise(given("lif", phases=1, chance=chance(1, 300, "lif"), bias=BIAS), fire)


@pytest.mark.parametrize("neuron", sal.NEURONS)
def test_exchanging_the_populations_changes_the_sign(neuron):
    pair = given(neuron, phases=1, chance=chance(1, 300, neuron))
    turned = sal.Chance(np.roll(pair.chance.since, 4, 1), np.roll(pair.chance.noise, 4, 1))
    other = given(neuron, phases=1, chance=turned, weight=pair.feedback.T, feedback=pair.weight.T)
    a, b = sal.run(pair), sal.run(other)
    assert (a["lower", "spk"] == b["upper", "spk"]).all()
    np.testing.assert_allclose(a["feedback", "window"][0], -b["feedback", "window"][0].T, atol=1e-12)


def test_a_silent_neuron_changes_nothing():
    pair = given(chance=chance(3, 300, "stochastic"))
    pair.chance.noise[:, [1, 5 + 2]] = 1.0
    trace = sal.run(pair)
    change = trace["feedback", "b"][-1] - pair.feedback
    assert (change[2] == 0).all()
    assert (change[:, 1] == 0).all()
    assert (np.delete(np.delete(change, 2, 0), 1, 1) != 0).all()


@pytest.mark.parametrize("neuron", sal.NEURONS)
def test_without_a_drive_a_neuron_fires_once_in_21_steps_and_rests_for_10(neuron):
    b2.seed(0)
    trace = sal.run(sal.Pair(np.zeros((30, 30)), np.zeros((30, 30)), phases=1, steps=1000, neuron=neuron))
    found = np.concatenate([spk(trace, "lower"), spk(trace, "upper")], axis=1)
    assert 21 * found.mean() == pytest.approx(1, abs=0.03)  # standard error below 0.01
    assert min(np.diff(np.flatnonzero(train)).min() for train in found.T) == 11


def test_a_stochastic_neuron_fires_as_often_from_the_first_step():
    b2.seed(0)
    trace = sal.run(sal.Pair(np.zeros((30, 30)), np.zeros((30, 30)), phases=400, steps=1))
    found = np.concatenate([spk(trace, "lower"), spk(trace, "upper")])
    assert 21 * found.mean() == pytest.approx(1, abs=0.12)  # standard error 0.03


def drift(w: float, b: float, seed: int, bias: tuple[float, float] = (0.0, 0.0)) -> tuple[float, float]:
    """Mean window and standard error of 60 pairs of two neurons, which W and B on the diagonal connect."""
    b2.seed(seed)
    eye = np.eye(60)
    trace = sal.run(sal.Pair(w * eye, b * eye, phases=1, steps=3000, bias=bias))
    window = np.diagonal(trace["feedback", "window"][0])
    return float(window.mean()), float(window.std(ddof=1) / 60**0.5)


@pytest.mark.parametrize("bias", [(0.0, 0.0), (1.0, 1.0), (-1.0, 1.0)])
def test_equal_weights_are_a_fixed_point_for_any_biases(bias):
    mean, error = drift(1.0, 1.0, seed=0, bias=bias)
    assert abs(mean) < 3.5 * error
    mean, error = drift(1.0, 0.0, seed=0, bias=bias)
    assert mean > 7 * error


def test_the_drift_of_two_neurons_is_proportional_to_w_minus_b():
    points = [(1, 0), (0, 1), (0.5, -0.5), (0, -0.5), (0.5, 0), (-0.5, 0.5)]
    found = [drift(w, b, seed) for seed, (w, b) in enumerate(points)]
    off, mean, error = np.array([w - b for w, b in points]), *map(np.array, zip(*found, strict=True))
    slope = (off * mean).sum() / (off**2).sum()
    print("window per step and unit of W − B:", slope / 3000, "parted by", (mean - slope * off) / error)
    assert (np.abs(mean - slope * off) < 3.5 * error).all()
    assert slope > 20 * error.mean()


def test_b_finds_w():
    w, b = weights()
    b2.seed(0)
    trace = sal.run(sal.Pair(w, b, phases=30, steps=500, eta=0.8))
    cosine = [np.vdot(b, w) / np.linalg.norm(b) / np.linalg.norm(w) for b in trace["feedback", "b"]]
    mean = trace["feedback", "b"][20:].mean(0)
    print(np.round(cosine, 2), np.linalg.norm(mean) / np.linalg.norm(w))
    assert np.vdot(b, w) < 0.2 * np.linalg.norm(b) * np.linalg.norm(w)
    assert min(cosine[20:]) > 0.9
    assert np.linalg.norm(mean) / np.linalg.norm(w) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("neuron", sal.NEURONS)
def test_the_time_step_does_not_matter(neuron):
    coarse, fine = sal.run(given(neuron)), sal.run(given(neuron), dt=0.1 * b2.ms)
    assert difference(coarse, Trace(fine.arrays, fine.units, coarse.dt, fine.every), 1e-9) is None


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler, here g++")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["sal", "sal-lif"])
@pytest.mark.parametrize("code", ["cython", "cpp_standalone"])
def test_compiled_code_does_the_same(code, name, golden):  # noqa: F811
    case = next(case for case in cases("sal") if case.name == name)
    with target(code):
        trace = case.reference()
    assert difference(golden(case), trace, 1e-10, relative=True) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight": np.ones(3)}, r"both be \[L, K\], got shapes \(3,\)"),
        ({"feedback": np.ones((5, 4))}, r"shapes \(4, 5\) and \(5, 4\)"),
        ({"feedback": np.full(SHAPE, np.nan)}, "finite"),
        ({"neuron": "poisson"}, "'stochastic', 'lif'.* got 'poisson'"),
        ({"phases": 0, "refractory": -1}, r"\{'phases': 0, 'refractory': -1\}"),
        ({"steps": 299}, r"shapes \(\(3, 9\), \(897, 9\)\), got \(\(3, 9\), \(900, 9\)\)"),
    ],
)
def test_a_pair_refuses(wrong, message):
    with pytest.raises(ValueError, match=message):
        given(**wrong)


def test_examples():
    assert doctest.testmod(sal).failed == 0
