"""The terms by lag add up, exactly, to what W comes to have in common with B."""

from itertools import islice

import pytest
import torch
from torch import nn

from spikefa import attach
from spikefa.alignment_terms import by_lag, lag_matrix, term
from spikefa.open_loop import autoregressive, impose, turning

RATE = 0.05


def imposed(unit, rho, updates=30):
    """A network after updates on correlated signals: its start, end and B, the signals, the gradients of W₀."""
    draw = torch.Generator().manual_seed(2)
    net = nn.Sequential(nn.Linear(4, 9, bias=False), unit, nn.Linear(9, 4, bias=False)).double()
    attach(net, "fa")
    begun = [net[at].weight.detach().clone() for at in (0, 2)]
    signals = zip(autoregressive((6, 4), rho, draw), autoregressive((6, 4), rho, draw), strict=False)
    pairs = [(x.double(), error.double()) for x, error in islice(signals, updates)]
    below = torch.stack([gradients["0.weight"] for gradients in impose(net, pairs, RATE)])
    changes = [net[at].weight.detach() - w for at, w in zip((0, 2), begun, strict=True)]
    return begun, changes, net[2].feedback.weight, pairs, below


def test_the_change_of_a_linear_network_is_made_of_its_start_and_of_b_times_m_at_each_lag():
    (w0, _), (_, change), b, pairs, _ = imposed(nn.Identity(), 0.9)
    made = -RATE * sum(error.T @ x for x, error in pairs) @ w0.T
    for lag in range(1, len(pairs)):
        for k in range(lag, len(pairs)):
            (x, error), (x_before, error_before) = pairs[k], pairs[k - lag]
            made = made + RATE**2 * lag_matrix(error, x, x_before.T @ error_before) @ b
    torch.testing.assert_close(change, made)


def test_the_term_of_a_lag_is_the_autocorrelation_of_the_gradient_below():
    _, _, b, pairs, below = imposed(nn.Identity(), 0.9)
    for lag in (0, 1, 7):
        couples = [(pairs[k], pairs[k - lag]) for k in range(lag, len(pairs))]
        terms = [term(lag_matrix(now[1], now[0], then[0].T @ then[1]), b) for now, then in couples]
        assert float(by_lag(below)[lag]) == pytest.approx(sum(terms), rel=1e-9)


@pytest.mark.parametrize("unit", [nn.Identity(), nn.ReLU(), nn.LeakyReLU(0.2)], ids=["linear", "relu", "leaky"])
@pytest.mark.parametrize("rho", [0.0, 0.9, 1.0])
def test_the_inner_product_of_w_and_b_is_start_plus_lags_and_half_the_growth_below(unit, rho):
    (w0, _), (change_below, change), b, _, below = imposed(unit, rho)
    found, products = float((change * b).sum()), by_lag(below)
    assert found == pytest.approx(float(-RATE * (below.sum(0) * w0).sum() + RATE**2 * products[1:].sum()), rel=1e-9)
    grown = (w0 + change_below).square().sum() - w0.square().sum() - RATE**2 * below.square().sum()
    assert found == pytest.approx(float(grown / 2), rel=1e-9)


def test_lags_equal_the_sum_over_all_pairs():
    gradients = torch.randn(11, 3, 300).double()
    naive = [sum((gradients[k] * gradients[k - lag]).sum() for k in range(lag, 11)) for lag in range(11)]
    torch.testing.assert_close(by_lag(gradients), torch.stack(naive))


def test_a_skew_symmetric_m_adds_what_is_orthogonal_to_b_and_a_positive_one_aligns():
    b, m = torch.randn(5, 8).double(), torch.randn(5, 5).double()
    assert abs(term(m - m.T, b)) < 1e-12
    assert term(m @ m.T, b) > 0
    assert term(m, b) == pytest.approx(term((m + m.T) / 2, b))


@pytest.mark.parametrize("lag", [3, 9])
def test_an_error_that_turns_has_a_skew_m_at_quarter_turns_over_a_whole_turn(lag):
    x = torch.randn(6, 5).double()
    errors = [error.double() for error in islice(turning((6, 4), 12, torch.Generator().manual_seed(0)), 24)]
    m = sum(lag_matrix(errors[k], x, x.T @ errors[k - lag]) for k in range(12, 24))
    torch.testing.assert_close(m, -m.T, atol=1e-4, rtol=0)
    assert m.abs().max() > 1
