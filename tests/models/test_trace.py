"""`difference` names the first place where two traces part."""

import subprocess
import sys

import numpy as np
import pytest

from models.trace import Trace, difference

UNITS = {"v": "1", "spk": "1", "w": "nS"}


def make(seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    arrays = {}
    for population, size in (("layer_1", 3), ("layer_2", 2)):
        v = rng.normal(size=(6, 2, size))
        arrays |= {(population, "v"): v, (population, "spk"): v > 0.5}
    return arrays | {("synapses_2", "w"): rng.normal(size=(6, 2, 3))}


def traces(a: dict, b: dict) -> tuple[Trace, Trace]:
    return Trace(a, UNITS, dt=0.5), Trace(b, UNITS, dt=0.5)


def naive(a: Trace, b: Trace, tolerance: float):
    for step in range(6):
        for key in a.arrays:
            for index in np.ndindex(a[key].shape[1:]):
                left, right = float(a[key][step][index]), float(b[key][step][index])
                if abs(left - right) > tolerance:
                    return step * a.dt, *key, index, (left, right), UNITS[key[1]]
    return None


def test_equal_traces_have_no_difference():
    assert difference(*traces(make(), make())) is None


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_place_that_a_loop_finds(seed):
    rng, b = np.random.default_rng(seed), make()
    for key, values in b.items():
        hit = rng.random(values.shape) < 0.05
        b[key] = values ^ hit if values.dtype == bool else values + hit * rng.choice([0.01, 1.0], values.shape)
    pair = traces(make(), b)
    found = difference(*pair, tolerance=0.1)
    place = (found.time, found.population, found.variable, found.index, found.values, found.unit)
    assert place == naive(*pair, tolerance=0.1)


def test_within_a_step_the_order_is_that_of_the_first_trace():
    b = make()
    b["layer_2", "spk"] = ~b["layer_2", "spk"]
    b["synapses_2", "w"] = b["synapses_2", "w"] + 1
    found = difference(*traces(make(), dict(reversed(b.items()))))
    assert (found.time, found.population, found.variable, found.index) == (0.0, "layer_2", "spk", (0, 0))


def test_what_is_recorded_now_and_then_parts_after_the_steps_that_made_it():
    """Weights that are recorded once in 3 steps show what went wrong in any of these."""
    arrays = {("synapses_2", "w"): np.zeros((2, 2, 3)), ("layer_1", "spk"): np.zeros((6, 1, 3), bool)}
    a, b = (Trace({key: values.copy() for key, values in arrays.items()}, UNITS, 0.5, {"w": 3}) for _ in range(2))
    b["synapses_2", "w"][0, 1, 2] = 1.0
    assert difference(a, b).time == 2 * 0.5
    b["layer_1", "spk"][1] = True
    assert (difference(a, b).variable, difference(a, b).time) == ("spk", 0.5)


@pytest.mark.parametrize("tolerance", [0.0, 1e-9, 5.0])
def test_a_spike_has_no_tolerance(tolerance):
    b = make()
    b["layer_2", "spk"] = b["layer_2", "spk"].copy()
    b["layer_2", "spk"][4, 1, 0] ^= True
    found = difference(*traces(make(), b), tolerance=tolerance)
    assert (found.time, found.population, found.variable, found.index) == (2.0, "layer_2", "spk", (1, 0))


@pytest.mark.parametrize(
    ("left", "right", "parts"), [(np.nan, np.nan, True), (np.inf, np.inf, False), (0, np.nan, True)]
)
def test_nan_agrees_with_nothing_and_infinity_with_itself(left, right, parts):
    a, b = ({("layer_1", "v"): np.full((2, 1, 1), value, dtype=float)} for value in (left, right))
    assert (difference(*traces(a, b), tolerance=1.0) is not None) is parts


def test_what_is_recorded_now_and_then_parts_when_it_is_recorded():
    v, b = np.zeros((6, 1, 2)), np.zeros((2, 1, 1))  # b after the steps 2 and 5
    for step, first in ((1, "v"), (2, "v"), (3, "b"), (5, "b")):
        later = v.copy()
        later[step:] = 1
        pair = [
            Trace({("layer_1", "v"): values, ("synapses", "b"): b + k}, {"v": "1", "b": "1"}, 0.5, {"b": 3})
            for k, values in enumerate((v, later))
        ]
        found = difference(*pair)
        assert (found.variable, found.time) == (first, 0.5 * min(step, 2))


def test_it_reads_as_a_sentence():
    b = make()
    b["synapses_2", "w"] = b["synapses_2", "w"].copy()
    b["synapses_2", "w"][3, 1, 2] = 7.0
    left = float(make()["synapses_2", "w"][3, 1, 2])
    assert str(difference(*traces(make(), b))) == f"synapses_2.w[1, 2] at 1.5 ms: {left!r} and 7.0 (nS)"


def test_what_cannot_be_compared_is_refused():
    a = Trace(make(), UNITS, dt=0.5)
    short = {key: values[:4] for key, values in make().items()}
    fewer = {key: values for key, values in make().items() if key[0] != "layer_2"}
    with pytest.raises(ValueError, match="same dt"):
        difference(a, Trace(make(), UNITS, dt=1.0))
    for other in (Trace(short, UNITS, 0.5), Trace(fewer, UNITS, 0.5), Trace(make(), UNITS | {"w": "pS"}, 0.5)):
        with pytest.raises(ValueError, match="record the same ones"):
            difference(a, other)
    for tolerance in (-1.0, np.nan):
        with pytest.raises(ValueError, match="tolerance must be 0 or more"):
            difference(a, a, tolerance)


def test_a_trace_refuses():
    with pytest.raises(ValueError, match="one number of steps"):
        Trace({("a", "v"): np.ones(3), ("b", "v"): np.ones(4)}, UNITS, 1.0)
    with pytest.raises(ValueError, match="one number of steps"):
        Trace({("a", "v"): np.ones((0, 1, 3))}, UNITS, 1.0)  # two of no step would agree
    for values in (np.ones(3) * 1j, np.array([None]), np.float64(1), [1, 2]):
        with pytest.raises(TypeError, match=r"'v'\) must be an array \[T, ...\] of bool or real"):
            Trace({("a", "v"): values}, UNITS, 1.0)
    with pytest.raises(ValueError, match=r"no unit for \['g'\]"):
        Trace({("a", "g"): np.ones(3)}, UNITS, 1.0)


def test_a_trace_needs_no_brian2():
    code = "import sys; sys.modules['brian2'] = None; from spikefa.models import trace; trace.Trace"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
