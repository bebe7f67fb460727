"""The reference model of regression discontinuity obeys the rule's own laws."""

import doctest

import numpy as np
import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

from models import noise, rdd
from tests.models.targets import COMPILED, check

pytestmark = pytest.mark.usefixtures("numpy_target")

PHASE = 500


@pytest.fixture(scope="module")
def made():
    """W, B₀ and known input spikes of 5 → 4 neurons over two phases."""
    rng = np.random.default_rng(0)
    spikes = rng.random((2 * PHASE, 5)) < np.repeat(noise.groups(5, 10, rng), 100, 0)
    return rng.normal(size=(4, 5)), rng.normal(size=(4, 5)), spikes.astype(float)


@pytest.fixture
def trace(made, numpy_target):
    return rdd.run(*made, phase=PHASE, eta=0.05)


def filtered(spikes):
    """By a loop over all spikes in the past."""
    age = np.arange(len(spikes))[:, None] - np.arange(len(spikes))
    kernel = np.where(age > 0, (np.exp(-age / 10) - np.exp(-age / 3)) / 7, 0)
    return kernel @ spikes


def fitted(trace, phases, eta):
    """Windows and lines of a trace, window by window, as the paper says it."""
    cur, v, spk, x = (trace[key][:, 0] for key in (("lower", "cur"), ("lower", "v"), ("lower", "spk"), ("upper", "x")))
    lines, counts = np.zeros((2, 2, x.shape[1], v.shape[1])), np.zeros((2, v.shape[1]))
    for phase in range(phases):
        for i in range(v.shape[1]):
            t, end = phase * PHASE + 1, (phase + 1) * PHASE
            while t + 30 <= end:
                if abs(1 - v[t, i]) > 0.1:
                    t += 1
                    continue
                u = [v[t, i]]
                for s in range(t + 1, t + 30):
                    u.append(u[-1] + 0.001 * (-100 * u[-1] + 600 * (cur[s, i] - u[-1])))
                kind = int(spk[t : t + 30, i].any())
                response = x[t : t + 30].mean(0) - x[t - 1]
                slope, offset = lines[kind, :, :, i]
                error = slope * max(u) + offset - response
                lines[kind, :, :, i] = slope - eta * error * max(u), offset - eta * error
                counts[kind, i] += 1
                t += 30
    return lines, counts


def test_lines_are_those_of_the_windows_one_by_one(trace):
    (without, with_spike), counts = fitted(trace, 2, eta=0.05)
    assert (counts.sum(1) > 2).all(), "windows of both kinds"
    np.testing.assert_array_equal(trace["lower", "windows"][-1], counts)
    for name, line in (("c0", with_spike[1]), ("c1", without[1]), ("c2", with_spike[0]), ("c3", without[0])):
        np.testing.assert_allclose(trace["lines", name][-1], line, rtol=1e-9, atol=1e-15)


def test_currents_are_filtered_spikes_of_weight_four(made, trace):
    for phase in (slice(0, PHASE), slice(PHASE, 2 * PHASE)):
        np.testing.assert_allclose(trace["lower", "cur"][phase, 0], 4 * filtered(made[2][phase]), atol=1e-12)


def test_membranes_follow_euler_and_rest_three_steps_after_a_spike(trace):
    cur, v, spk = (trace["lower", name][:PHASE, 0] for name in ("cur", "v", "spk"))
    np.testing.assert_array_equal(spk, v > 1)
    for i in range(5):
        resting, last = 0, 0.0
        for t in range(PHASE):
            last = last if resting else 0.3 * last + 0.6 * cur[t, i]
            assert v[t, i] == pytest.approx(last, abs=1e-12)
            resting = 3 if spk[t, i] else max(0, resting - 1)
            last = -1.0 if spk[t, i] else last


def test_b_has_the_size_that_it_had_and_stays_where_nothing_is_known(made, trace):
    known = (trace["lower", "windows"][-1] > 0).all(0)
    b, b0 = trace["synapses", "b"][-1], made[1]
    assert known.any()
    assert b[:, known].std() == pytest.approx(b0.std())
    c0, c1, c2, c3 = (trace["lines", name][-1] for name in ("c0", "c1", "c2", "c3"))
    jump = (c2 + c0) - (c3 + c1)
    np.testing.assert_allclose(b[:, known] / b0.std(), jump[:, known] / jump[:, known].std())
    unknown = np.zeros((1, 2, 5))
    unknown[0, :, 1] = 3
    partly = rdd.scaled(b0, jump[None], unknown)[0]
    np.testing.assert_array_equal(np.delete(partly, 1, 1), np.delete(b0, 1, 1))
    assert (partly[:, 1] != b0[:, 1]).all()


def test_silence_opens_no_window(made):
    weight, feedback, spikes = made
    trace = rdd.run(weight, feedback, 0 * spikes, phase=PHASE)
    assert not trace["lower", "windows"].any()
    assert (trace["synapses", "b"] == feedback).all()


def test_phases_in_one_run_begin_at_rest_and_keep_the_lines(made, trace):
    weight, feedback, spikes = made
    second = rdd.run(weight, feedback, spikes[PHASE:], phase=PHASE, eta=0.05)
    for key in (("lower", "v"), ("lower", "spk"), ("upper", "x")):
        np.testing.assert_array_equal(trace[key][PHASE:], second[key])
    windows = trace["lower", "windows"]
    np.testing.assert_array_equal(windows[1] - windows[0], second["lower", "windows"][0])
    assert not np.allclose(trace["lines", "c0"][1], second["lines", "c0"][0])


def test_a_spike_at_the_end_of_a_phase_does_not_silence_the_next(made):
    weight, feedback, _ = made
    given = np.tile(np.arange(40)[:, None] >= np.arange(5), (2, 1)).astype(float)
    trace = rdd.run(weight, feedback, given, phase=40)
    assert trace["lower", "spk"][37:40].any()
    np.testing.assert_array_equal(trace["lower", "v"][:40], trace["lower", "v"][40:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feedback": np.zeros((5, 4))}, "both be"),
        ({"drive": np.zeros((1000, 4))}, r"\[n, 5\]"),
        ({"phase": 300}, "whole number of phases of 300 steps"),
        ({"phase": 20}, "no room for a window of 30 steps"),
    ],
)
def test_what_does_not_fit_is_refused(made, change, message):
    given = dict(zip(("weight", "feedback", "drive"), made, strict=True)) | {"phase": PHASE} | change
    with pytest.raises(ValueError, match=message):
        rdd.run(**given)


def test_examples():
    assert doctest.testmod(rdd).failed == 0


@pytest.mark.parametrize("where", COMPILED)
def test_compiled_it_does_the_same(where):
    check("rdd", where)
