"""The weights below the read-out where torch computes them from others: whole, and under their layer's name."""

import pytest
import torch
from torch.nn.utils.parametrizations import weight_norm

from spikefa import attach, exact
from spikefa.agreement import cosine, degrees
from spikefa.gradients import gradient_alignment, gradients, learning_alignment


@pytest.mark.parametrize("readout", [None, "4"])
def test_a_parametrized_readout_is_left_out_with_all_that_it_is_computed_from(mlp, readout):
    net, x = attach(mlp, "kp"), torch.randn(4, 6, dtype=torch.float64)

    def measures():
        total, layers = learning_alignment(net, lambda: net(x).square().sum(), readout)
        return [total, *(layers[name] for name in ("0", "2", "4"))]

    plain = measures()
    weight_norm(net[4])
    for found, expected in zip(measures(), plain, strict=True):
        assert found == pytest.approx(expected, rel=1e-9)
    assert list(gradients(net, lambda: net(x).square().sum(), readout)) == ["0", "2"]


@pytest.mark.parametrize("dim", [0, None])
def test_a_parametrized_layer_is_measured_in_one_under_its_name(mlp, dim):
    """By the chain rule W's own gradients, routed and true, are taken through the parametrization."""
    net, x = attach(mlp, "fa"), torch.randn(4, 6, dtype=torch.float64)

    def loss():
        return net(x).square().sum()

    of_weight = gradients(net, loss)["2"]
    weight_norm(net[2], dim=dim)
    pieces = list(net[2].parametrizations.weight.parameters())
    found, true = (
        torch.cat([g.flatten() for g in torch.autograd.grad(net[2].weight, pieces, side)]) for side in of_weight
    )
    torch.testing.assert_close(gradients(net, loss)["2"], (found, true))
    total, layers = learning_alignment(net, loss)
    assert {name: list(measures) for name, measures in layers.items()} == {
        "0": ["angle", "sign_agreement", "snr"],
        "2": ["angle", "sign_agreement", "snr", "error_angle"],
        "4": ["error_angle"],
    }
    assert layers["2"]["angle"] == pytest.approx(degrees(cosine([(found, true)])), rel=1e-9)
    with exact(net):
        true_loss = loss()
    assert gradient_alignment(net, loss(), true_loss)[0] == pytest.approx(total, rel=1e-12)
    with pytest.raises(ValueError, match="read-out 'out': there are 0, 2, 4"):
        gradients(net, loss, "out")
