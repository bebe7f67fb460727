"""Read-outs against plain counting, and the gradient of the first spike's time against flipping every spike."""

import pytest
import torch

from spikefa import losses
from spikefa.readout import READOUTS, first_spike, mean_membrane, spike_count
from spikefa.sequence import run

T, B, CLASSES = 9, 6, 4


def trains(rate, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(T, B, CLASSES, generator=generator, dtype=torch.float64) < rate).double()


def time_of_first(spk):
    """Naive: the index of the first spike, T for a silent neuron."""
    flat = spk.flatten(1).T
    times = [next((t for t, fired in enumerate(train) if fired), len(train)) for train in flat.tolist()]
    return torch.tensor(times, dtype=spk.dtype).view(spk.shape[1:])


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.4, 1.0])
def test_first_spike_is_minus_the_time_of_the_first_spike(rate):
    spk = trains(rate)
    assert first_spike(spk, spk).equal(-time_of_first(spk))


def test_a_silent_neuron_has_the_latest_time():
    assert (first_spike(trains(0.0), torch.zeros(T, B, CLASSES)) == -T).all()


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.6, 1.0])
def test_the_gradient_of_first_spike_is_the_change_that_each_spike_makes(rate):
    spk = trains(rate, seed=1).requires_grad_()
    first_spike(spk, spk).sum().backward()
    for t in range(T):
        with_it, without = (spk.detach().clone() for _ in range(2))
        with_it[t], without[t] = 1, 0
        assert spk.grad[t].equal(time_of_first(without) - time_of_first(with_it))


def test_spike_count_and_mean_membrane():
    spk, mem = trains(0.3), torch.randn(T, B, CLASSES, dtype=torch.float64)
    for b in range(B):
        for k in range(CLASSES):
            assert spike_count(spk, mem)[b, k] == sum(spk[:, b, k].tolist())
            assert mean_membrane(spk, mem)[b, k].item() == pytest.approx(sum(mem[:, b, k].tolist()) / T)


@pytest.mark.parametrize("name", READOUTS)
def test_the_class_that_is_driven_most_scores_best(name):
    """Through the neuron that the read-out brings along, for currents from weak to strong in another order each."""
    readout = READOUTS[name]
    order = torch.stack([torch.randperm(CLASSES, generator=torch.Generator().manual_seed(b)) for b in range(B)])
    cur = torch.tensor([0.02, 0.15, 0.3, 0.8])[order].expand(T, B, CLASSES)
    scores = readout.scores(*run(readout.neuron(0.9), cur))
    scores = scores.mean(-1) if readout.framewise else scores
    assert scores.shape == (B, CLASSES)
    assert scores.argmax(1).equal(order.argmax(1))
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize(("name", "readout"), READOUTS.items())
def test_only_spiking_read_outs_fire_and_reset(name, readout):
    _, mem = run(readout.neuron(0.9), torch.ones(T, 1, 1))
    closed_form = torch.tensor([sum(0.9**k for k in range(t + 1)) for t in range(T)]).view(T, 1, 1)
    assert (mem.sub(closed_form).abs().max() < 1e-5) == (not readout.spiking)
    assert readout.neuron(0.9).reset_mechanism == ("subtract" if readout.spiking else "none")
    assert readout.neuron(0.7).beta == pytest.approx(0.7)


@pytest.mark.parametrize(
    "readout",
    [*READOUTS.values(), losses.ce_rate_loss, losses.mse_membrane_loss],
    ids=[*READOUTS, "spikes", "membranes"],
)
def test_a_weighted_read_out_has_as_many_times_the_loss(readout):
    spk, mem = trains(0.4), torch.randn(T, B, CLASSES, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    y = torch.arange(B) % CLASSES
    y = y[:, None].expand(B, T) if readout.framewise else y
    torch.testing.assert_close(readout.weighted(0.25).cost(spk, mem, y), 0.25 * readout.cost(spk, mem, y))
