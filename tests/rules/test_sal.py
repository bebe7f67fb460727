"""Spike-based alignment learning: its window against all pairs of spikes, its neurons against theory."""

import math

import numpy as np
import pytest
import torch

from spikefa import attach
from spikefa.alignment import alignment
from spikefa.rules import SpikeAlignment
from spikefa.rules.sal import noise_phase, traces, window
from tests.rules.oracle import generator, pair_window, scores, spikes, spiking, stdp

REFRACTORY = 10
BIASES = torch.tensor([-4.0, -1.5, 0.0, 1.0, 3.0])


def trains(*shape, rate=0.15, seed=0):
    return (torch.rand(*shape, generator=generator(seed), dtype=torch.float64) < rate).double()


@pytest.fixture
def lower():
    return trains(60, 4, 3)


@pytest.fixture
def upper(lower):
    """Some of its spikes coincide with spikes of the lower population."""
    return torch.maximum(trains(60, 4, 5, seed=1), trains(60, 4, 5, seed=2) * lower[..., [0, 1, 2, 0, 1]])


def change(lower, upper, tau=7.0):
    return window(lower, upper, traces(lower, tau)[0], traces(upper, tau)[0])


def test_the_window_is_the_sum_over_all_pairs_of_spikes(lower, upper):
    assert (lower * upper[..., :3]).any()
    torch.testing.assert_close(change(lower, upper).numpy(), pair_window(lower.numpy(), upper.numpy(), 7.0))


@pytest.mark.parametrize(("up", "low"), [(3, 1), (1, 3), (2, 2)], ids=["lower first", "upper first", "together"])
def test_one_pair_of_spikes(up, low):
    lower, upper = torch.zeros(2, 6, 1, 1, dtype=torch.float64)
    lower[low], upper[up] = 1, 1
    assert change(lower, upper).item() == pytest.approx(np.sign(up - low) * np.exp(-abs(up - low) / 7), abs=1e-15)


@pytest.mark.parametrize("sizes", [[1] * 60, [7, 50, 3], [30, 30]], ids=["steps", "uneven", "halves"])
def test_pieces_in_time_add_up_to_the_whole(lower, upper, sizes):
    whole, end = traces(lower, 7.0)
    pieces, last, total, upper_last = [], None, 0, None
    for low, up in zip(lower.split(sizes), upper.split(sizes), strict=True):
        piece, last = traces(low, 7.0, last)
        up_piece, upper_last = traces(up, 7.0, upper_last)
        pieces.append(piece)
        total += window(low, up, piece, up_piece)
    torch.testing.assert_close(torch.cat(pieces), whole)
    torch.testing.assert_close(last, end)
    torch.testing.assert_close(total, change(lower, upper))


def test_a_trace_holds_the_past_without_the_present(lower):
    expected = np.zeros(lower.shape[1:])
    for now, found in zip(lower.numpy(), traces(lower, 7.0)[0].numpy(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)
        expected = (expected + now) * np.exp(-1 / 7)


def test_exchanging_the_ends_changes_the_sign(lower, upper):
    torch.testing.assert_close(change(lower, upper), -change(upper, lower).T)


def test_a_silent_neuron_learns_nothing(lower, upper):
    lower[..., 1], upper[..., 3] = 0, 0
    found = change(lower, upper)
    assert (found[:, 1] == 0).all()
    assert (found[3] == 0).all()
    assert (found[0, [0, 2]] != 0).all()


def test_splitting_the_replicas_does_not_matter(lower, upper):
    halves = [change(low, up) for low, up in zip(lower.split(2, dim=1), upper.split(2, dim=1), strict=True)]
    torch.testing.assert_close(change(lower, upper), (halves[0] + halves[1]) / 2)


@pytest.mark.parametrize("centred", [True, False])
def test_a_phase_applies_the_window_of_its_spikes_once_divided_by_the_length_of_its_kernel(centred):
    weight = torch.randn(3, 4, generator=generator(0))
    options = {"eta": 0.7, "steps": 250, "replicas": 2, "refractory": 5, "centred": centred}
    pathway = SpikeAlignment(weight, generator(1), every=1, **options)
    b, seed = pathway.weight.clone(), int(pathway.seed)
    pathway.step(weight)
    bias = (-b.sum(0) / 2, -weight.sum(1) / 2) if centred else (0.0, 0.0)
    pair = spikes(250, seed + 1, weight=weight, feedback=b, refractory=5, bias=bias, replicas=2)
    expected = b + 0.7 * pair_window(*(spk.numpy() for spk in pair), tau=5) / 10
    torch.testing.assert_close(pathway.weight, expected.float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("end", [0, 1], ids=["lower", "upper"])
def test_the_rate_is_one_spike_per_refractory_time_and_mean_waiting_time(end):
    """Rate = 1/(T_ref + 1/P), P = 1/(1 + T_ref e^(−b)), within 4.5 standard errors of a renewal process."""
    found = spikes(2000, bias=(BIASES, 0.0) if end == 0 else (0.0, BIASES))[end][500:]
    chance = 1 / (1 + REFRACTORY * torch.exp(-BIASES))
    interval, variance = REFRACTORY + 1 / chance, (1 - chance) / chance**2
    error = (variance / interval**3 / found[..., 0].numel()).sqrt()
    assert ((found.mean((0, 1)) - 1 / interval).abs() < 4.5 * error).all()


def test_a_phase_starts_as_it_goes_on():
    """At zero bias the rate is 1/(2 T_ref + 1) from the first step, within 4.5 standard errors."""
    rates = spikes(2 * REFRACTORY, replicas=20_000)[0].mean((1, 2))
    expected = 1 / (2 * REFRACTORY + 1)
    assert ((rates - expected).abs() < 4.5 * (expected / 100_000) ** 0.5).all()


@pytest.mark.parametrize("refractory", [1, 4, 10])
def test_no_neuron_fires_twice_within_the_refractory_time_but_it_may_right_after(refractory):
    spk = torch.cat(spikes(300, replicas=4, refractory=refractory, feedback=torch.randn(5, 5), bias=(4.0, 4.0)), -1)
    assert spk.unfold(0, refractory + 1, 1).sum(-1).max() == 1
    assert spk.unfold(0, refractory + 2, 1).sum(-1).max() == 2


@pytest.mark.parametrize("refractory", [3, 10])
def test_a_spike_drives_the_other_end_through_its_own_matrix_for_the_refractory_time(refractory):
    """A neuron that fires only when driven, and then surely, fires exactly when it is ready and its driver spiked."""

    def lately(spk):
        return spk.unfold(0, refractory, 1).amax(-1)[:-1]

    drive = torch.zeros(5, 5)
    drive[4, 2] = 200.0
    options = {"replicas": 20, "refractory": refractory}
    lower, upper = spikes(300, weight=drive, bias=(-1.0, -100.0), **options)
    assert upper[refractory:, :, 4].equal(lately(lower[..., 2]) * (1 - lately(upper[..., 4])))
    lower, upper = spikes(300, feedback=drive, bias=(-100.0, -1.0), **options)
    assert lower[refractory:, :, 2].equal(lately(upper[..., 4]) * (1 - lately(lower[..., 2])))
    assert lower[refractory:].sum() == lower[refractory:, :, 2].sum() > 0


@pytest.mark.parametrize("seed", range(3))
def test_equal_weights_are_a_fixed_point_for_any_biases(seed):
    """Over 50 groups of replicas: the mean change is zero in each of 12 synapses, but 0.8 W is told from W."""
    weight, low, up = (torch.randn(*shape, generator=generator(seed)) for shape in ((3, 4), (4,), (3,)))

    def squares(feedback):
        options = {"steps": 1000, "replicas": 1000, "refractory": REFRACTORY, "bias": (low, 1.5 * up)}
        phase = noise_phase(weight, feedback, generator(seed), **options)
        return scores(stdp(phase, REFRACTORY, groups=50)).square().sum().item()

    assert squares(weight) < 45  # χ² with 12 degrees of freedom: p = 1e-5
    assert squares(0.8 * weight) > 90


def test_the_same_seed_and_update_give_the_same_change_and_others_another():
    weight = torch.randn(3, 4, generator=generator(0))
    one, twin, other = (SpikeAlignment(weight, generator(seed), steps=200, replicas=2) for seed in (1, 1, 2))
    first = one.change(weight)
    assert first.equal(one.change(weight))
    assert first.equal(twin.change(weight))
    other.weight.copy_(one.weight)
    assert not first.equal(other.change(weight))
    one.step(weight)
    assert not first.equal(one.change(weight))


def test_phases_come_on_time_and_move_no_weights():
    weight = torch.randn(3, 4, generator=generator(0))
    pathway = SpikeAlignment(weight, generator(1), every=3, steps=50, replicas=2)
    for updates in range(1, 8):
        before = pathway.weight.clone()
        pathway.step(weight)
        assert pathway.weight.equal(before) == (updates % 3 != 0)
    assert pathway.bits == 0


def test_layers_of_a_network_hear_different_noise():
    first, second = (layer.feedback for layer in attach(spiking(), "sal")[2:5:2])
    assert first.seed != second.seed


@pytest.mark.parametrize(
    "option",
    [
        {"every": 0},
        {"steps": 0},
        {"replicas": 1.5},
        {"refractory": -1},
        {"eta": 0.0},
        {"eta": math.nan},
        {"centred": 1},
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(option):
    name, value = next(iter(option.items()))
    with pytest.raises(ValueError, match=f"{name} must be .* not {value}"):
        SpikeAlignment(torch.eye(2), generator(0), **option)


def test_learning_from_the_window_is_learning_from_the_forward_weight():
    """From B = 0 one long phase already points along W."""
    weight = torch.randn(6, 5, generator=generator(0))
    pathway = SpikeAlignment(weight, generator(1), steps=2000)
    pathway.weight.zero_()
    assert alignment(pathway.change(weight), weight) > 0.95
