"""The error's norm from layer to layer: by hand, and how it grows with B, where theory says so."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from spikefa import attach, detach, exact, routed
from spikefa.error_norms import error_norms, error_ratios


def deep(depth, width, gain=1.0, seed=0, between=nn.Identity):
    """Layers of equal width in float64, W ~ N(0, gain² / width)."""
    draws = torch.Generator().manual_seed(seed)
    net = nn.Sequential()
    for _ in range(depth):
        layer = nn.utils.skip_init(nn.Linear, width, width, bias=False, dtype=torch.float64)
        nn.init.normal_(layer.weight, std=gain / width**0.5, generator=draws)
        net.extend([layer, between()])
    return net


def given_error(net, width, batch=64):
    """A loss whose error at the output is noise, independent of the weights."""
    draws = torch.Generator().manual_seed(1)
    x, error = (torch.randn(batch, width, dtype=torch.float64, generator=draws) for _ in range(2))
    return lambda: (net(x) * error).sum()


def rms(x):
    return math.sqrt(np.mean(np.square(x)))


def test_norms_and_ratios_by_hand():
    net = attach(deep(3, 5, between=nn.Tanh), "fa")
    x = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    h1, h2, h3 = (net[:end](x).detach().numpy() for end in (2, 4, 6))

    def by_hand(weight):
        d3 = 2 * h3 * (1 - h3**2)
        d2 = d3 @ weight(net[4]) * (1 - h2**2)
        d1 = d2 @ weight(net[2]) * (1 - h1**2)
        return {"0": rms(d1), "2": rms(d2), "4": rms(d3)}

    found, true = by_hand(lambda layer: layer.feedback.weight.numpy()), by_hand(lambda layer: layer.weight.data.numpy())

    def loss():
        return net(x).square().sum()

    assert error_norms(net, loss) == pytest.approx(found, rel=1e-12)
    with exact(net):
        assert error_norms(net, loss) == pytest.approx(true, rel=1e-12)
    assert error_ratios(net, loss) == pytest.approx({name: found[name] / true[name] for name in true}, rel=1e-12)


@pytest.mark.parametrize("net", [deep(4, 12, between=nn.Tanh), nn.Sequential(
    nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 12)).double(),
], ids=["dense", "convolutions"])  # fmt: skip
def test_unscaled_signs_are_larger_by_one_over_the_spread_of_every_layer_above(net):
    """Exact: B of the one is a number a layer times B of the other."""
    x = torch.randn((5, 2, 6, 6) if isinstance(net[0], nn.Conv2d) else (5, 12), dtype=torch.float64)
    found = {}
    for rule in ("usf", "usf:scale=1"):
        spreads = {name: layer.weight.std(correction=0).item() for name, layer in routed(attach(net, rule)).items()}
        found[rule] = error_norms(net, lambda: net(x).square().sum())
        detach(net)
    expected, names = 1.0, list(reversed(found["usf"]))
    assert len(names) == len(spreads) + 1
    for name in names:
        assert found["usf:scale=1"][name] / found["usf"][name] == pytest.approx(expected, rel=1e-9)
        expected /= spreads.get(name, 1.0)


@pytest.mark.parametrize(("rule", "scale"), [("usf:scale=1", 1.0), ("fa", None), ("usf", None), ("usf:scale=0.2", 0.2)])
def test_in_a_linear_network_each_layer_multiplies_by_the_rms_of_b_times_the_root_of_the_fan_out(rule, scale):
    """s √n: √n for signs alone, the gain for B of W's scale; B that is unlike W in magnitude has the same norm."""
    width, gain, depth = 400, 1.5, 7
    net = attach(deep(depth, width, gain), rule)
    norms = np.log(list(error_norms(net, given_error(net, width)).values()))
    factor = math.exp((norms[0] - norms[-1]) / (depth - 1))
    assert factor == pytest.approx(gain if scale is None else scale * width**0.5, rel=0.03)


def test_all_steps_of_a_loop_over_time_count():
    layer = nn.Linear(3, 2)
    errors = [torch.full((1, 2), 3.0), torch.full((1, 2), 4.0)]
    found = error_norms(layer, lambda: sum((layer(torch.ones(1, 3)) * error).sum() for error in errors))
    assert found[""] == pytest.approx(math.sqrt((9 + 16) / 2))


def test_layers_without_an_error_are_left_out_and_no_hook_stays():
    net = attach(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)), "fa")
    x = torch.ones(1, 3)
    assert list(error_norms(net, lambda: (net(x), net[0](x).sum())[1])) == ["0"]
    assert math.isnan(error_ratios(net, lambda: 0 * net(x).sum())["1"])

    def failing():
        raise RuntimeError("no loss")

    with pytest.raises(RuntimeError, match="no loss"):
        error_norms(net, failing)
    assert not any(layer._forward_hooks for layer in net)
    assert all(p.grad is None for p in net.parameters())
