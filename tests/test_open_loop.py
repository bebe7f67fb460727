"""What is imposed has the correlations that it says, and updates are those of the network's own gradients."""

from itertools import islice

import pytest
import snntorch as snn
import torch
from torch import nn

from spikefa import attach, run
from spikefa.open_loop import autoregressive, descend, impose, impose_online, repeated, turning


def drawn(signal, number):
    return torch.stack(list(islice(signal, number)))


@pytest.mark.parametrize("rho", [0.0, 0.9, -0.5])
def test_an_autoregressive_signal_has_unit_variance_and_correlations_that_fall_by_rho_a_step(rho):
    signal = drawn(autoregressive((50, 40), rho, torch.Generator().manual_seed(0)), 100)
    assert signal.var() == pytest.approx(1, abs=0.03)
    for lag in (1, 2, 5):
        assert (signal[lag:] * signal[:-lag]).mean() == pytest.approx(rho**lag, abs=0.03)


def test_full_correlation_holds_what_was_drawn():
    signal = drawn(autoregressive((5, 4), 1.0, torch.Generator().manual_seed(0)), 10)
    assert (signal == signal[0]).all()


def test_a_turning_signal_comes_back_keeps_its_length_and_is_skew_a_quarter_turn_on():
    signal = drawn(turning((7, 6), 12, torch.Generator().manual_seed(0)), 25).double()
    torch.testing.assert_close(signal[12], signal[0])
    torch.testing.assert_close(signal.norm(dim=2), signal[0].norm(dim=1).expand(25, 7))
    product = signal[0] @ signal[3].T
    torch.testing.assert_close(product, -product.T, atol=1e-6, rtol=0)
    assert product.abs().max() > 1


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: autoregressive((2,), 1.5, torch.Generator()), "rho=1.5"),
        (lambda: turning((2, 3), 4, torch.Generator()), "3 columns"),
        (lambda: impose_online(lif_network(), [], 0.1, steps=20, every=3), "every 3 of 20"),
    ],
)
def test_what_makes_no_sense_is_refused(make, wanted):
    with pytest.raises(ValueError, match=wanted):
        next(make())


def test_updates_are_those_of_the_imposed_error_through_b():
    net = attach(nn.Sequential(nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Linear(6, 3, bias=False)), "fa").double()
    w0, w1, b = (w.detach().clone() for w in (net[0].weight, net[2].weight, net[2].feedback.weight))
    pairs = [(torch.randn(5, 4).double(), torch.randn(5, 3).double()) for _ in range(3)]
    made = list(impose(net, pairs, 0.1))
    for x, error in pairs:
        z = x @ w0.T
        below = ((error @ b) * (z > 0)).T @ x
        w0, w1 = w0 - 0.1 * below, w1 - 0.1 * error.T @ z.relu()
    torch.testing.assert_close(net[0].weight, w0)
    torch.testing.assert_close(net[2].weight, w1)
    torch.testing.assert_close(made[-1]["0.weight"], below)


def test_rules_adapt_after_each_update():
    net = attach(nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3)), "fbp:period=1")
    next(impose(net, [(torch.randn(5, 4), torch.randn(5, 3))], 0.1))
    assert net[1].feedback.weight.equal(net[1].weight)


def lif_network():
    torch.manual_seed(1)
    layers = nn.Linear(4, 8), snn.Leaky(0.9), nn.Linear(8, 3), snn.Leaky(0.0, reset_mechanism="none", output=True)
    return attach(nn.Sequential(*layers).double(), "fa")


def test_an_update_a_sample_forward_in_time_is_the_one_of_backpropagation_through_time():
    pairs = [(2 * torch.randn(5, 4).double(), torch.randn(5, 3).double()) for _ in range(4)]
    online, through_time = lif_network(), lif_network()
    assert len(list(impose_online(online, pairs, 0.1, steps=6, every=6))) == 4
    list(impose(through_time, pairs, 0.1, lambda net, x: run(net, x.expand(6, *x.shape))[1].mean(0)))
    for found, wanted in zip(online.parameters(), through_time.parameters(), strict=True):
        torch.testing.assert_close(found, wanted)
    assert not torch.allclose(online[0].weight, lif_network()[0].weight)


def test_an_update_a_step_takes_to_first_order_the_same_total_step():
    pairs = [(2 * torch.randn(5, 4).double(), torch.randn(5, 3).double())]
    moved = {}
    for every in (1, 6):
        net = lif_network()
        list(impose_online(net, pairs, 1e-9, steps=6, every=every))
        moved[every] = (net[2].weight - lif_network()[2].weight).detach()
    torch.testing.assert_close(moved[1], moved[6], rtol=1e-4, atol=1e-15)
    assert moved[1].abs().max() > 1e-11


def test_repeating_and_descending():
    assert list(repeated(["a", "b"], 2)) == ["a", "a", "b", "b"]
    weight = torch.ones(2, requires_grad=True)
    weight.sum().backward()
    descend([weight, torch.ones(1)], 0.5)
    assert weight.tolist() == [0.5, 0.5]
    assert weight.grad is None
