"""Encodings: shapes, statistics, order of spikes, and no touch of the global generator."""

import pytest
import torch

from spikefa.encoding import ENCODINGS, constant_current, latency, poisson_rate

T = 20
OF_IMAGES = [name for name in ENCODINGS if name != "events"]


def images():
    return torch.rand(3, 1, 4, 5, generator=seeded(1))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", OF_IMAGES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_time_comes_first_and_the_dtype_stays(name, dtype):
    x = images().to(dtype)
    encoded = ENCODINGS[name](x, T, seeded())
    assert encoded.shape == (T, 3, 1, 4, 5)
    assert encoded.dtype == dtype


@pytest.mark.parametrize("name", OF_IMAGES)
def test_the_generator_given_is_the_only_randomness(name):
    before = torch.get_rng_state()
    first, again = (ENCODINGS[name](images(), T, seeded(3)) for _ in range(2))
    assert first.equal(again)
    assert torch.get_rng_state().equal(before)


def test_poisson_spikes_differ_with_the_seed_and_from_batch_to_batch():
    generator = seeded(0)
    first, next_batch = (poisson_rate(images(), T, generator) for _ in range(2))
    assert not first.equal(next_batch)
    assert not first.equal(poisson_rate(images(), T, seeded(1)))


def test_poisson_rate_is_x_within_five_standard_errors():
    steps, x = 4000, torch.linspace(0, 1, 41).view(1, -1)
    spk = poisson_rate(x, steps, seeded())
    assert set(spk.unique().tolist()) == {0.0, 1.0}
    bound = 5 * (x * (1 - x) / steps).sqrt()  # exact at x = 0 and x = 1
    assert ((spk.mean(0) - x).abs() <= bound).all()


def test_poisson_steps_and_inputs_are_independent():
    steps, p = 20_000, 0.3
    spk = poisson_rate(torch.full((2,), p), steps, seeded()) - p
    bound = 5 * p * (1 - p) / steps**0.5
    for delay in (1, 2, 3):
        assert (spk[delay:] * spk[:-delay]).mean(0).abs().max() <= bound
    assert (spk[:, 0] * spk[:, 1]).mean().abs() <= bound


def test_constant_current_is_the_image_at_every_step():
    x = images()
    assert all(step.equal(x) for step in constant_current(x, T, seeded()))


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 100])
def test_latency_spikes_once_at_the_stated_step(steps):
    x = torch.cat([torch.linspace(0, 1, 401, dtype=torch.float64), torch.tensor([0.0099, 0.0101])])
    spk = latency(x.view(1, -1), steps, seeded())[:, 0]
    for value, train in zip(x.tolist(), spk.T, strict=True):
        expected = [] if value < 0.01 else [round((steps - 1) * (1 - value))]
        assert train.nonzero().flatten().tolist() == expected
    assert set(spk.unique().tolist()) <= {0.0, 1.0}


def test_latency_is_earlier_for_brighter_inputs():
    x = torch.linspace(0.01, 1, 500)
    times = latency(x, T, seeded()).argmax(0)
    assert (times.diff() <= 0).all()
    assert times.unique().tolist() == list(range(T))


def test_latency_of_an_image_does_not_depend_on_its_batch():
    x = images()
    assert latency(x[:1] / 2, T, seeded()).equal(latency(torch.cat([x[:1] / 2, x[1:]]), T, seeded())[:, :1])


@pytest.mark.parametrize("name", OF_IMAGES)
@pytest.mark.parametrize("steps", [0, -1])
def test_steps_are_checked(name, steps):
    with pytest.raises(ValueError, match=f"steps={steps}; give at least 1 time step"):
        ENCODINGS[name](images(), steps, seeded())


@pytest.mark.parametrize("name", ["poisson", "latency"])
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_inputs_outside_the_unit_interval_are_refused(name, value):
    x = images()
    x[0, 0, 0, 0] = value
    with pytest.raises(ValueError, match=r"inputs from .* to .* are no probabilities; scale them to \[0, 1\]"):
        ENCODINGS[name](x, T, seeded())
