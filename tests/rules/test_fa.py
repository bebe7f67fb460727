"""Feedback alignment: what is drawn at the start stays, and nothing is transported."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from spikefa import attach, exact, routed
from spikefa.agreement import cosine, degrees
from spikefa.gradients import error_angle
from spikefa.rules import FeedbackAlignment
from tests.rules.oracle import generator, spiking, training


def test_b_never_changes_and_moves_nothing_while_the_weights_learn():
    start = attach(spiking(), "fa")
    for net in itertools.islice(training("fa"), 20):
        for layer, before in zip(routed(net).values(), routed(start).values(), strict=True):
            assert layer.feedback(layer.weight.detach()).equal(before.feedback(before.weight))
            assert layer.feedback.bits == 0
            assert not layer.weight.equal(before.weight)


@pytest.mark.parametrize("offset", [0, 3], ids=["centred", "shifted"])
def test_b_is_uniform_with_the_standard_deviation_of_the_weight(offset):
    weight = offset + 0.2 * torch.randn(100, 100, 3, 3, generator=generator(0))
    b = FeedbackAlignment(weight, generator(1))(weight)
    limit = 3**0.5 * weight.std().item()
    assert b.abs().max() <= limit
    shares = torch.histc(b, bins=10, min=-limit, max=limit) / b.numel()
    assert (shares - 0.1).abs().max() < 5 * (0.1 * 0.9 / b.numel()) ** 0.5
    assert b.std().item() == pytest.approx(weight.std().item(), rel=5 * (0.8 / b.numel()) ** 0.5 / 2)


@pytest.mark.parametrize("value", [0.0, 0.5, float("nan")])
def test_a_weight_without_a_scale_is_refused(value):
    with pytest.raises(ValueError, match=r"standard deviation of this W \(2, 3\) is"):
        FeedbackAlignment(torch.full((2, 3), value), generator(0))


CONVOLUTIONS = {
    "padding": (lambda: nn.Conv2d(3, 8, 3, padding=1), (3, 9, 9)),
    "stride": (lambda: nn.Conv2d(4, 8, 3, stride=2, groups=2), (4, 11, 11)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, output_padding=1), (4, 6, 6)),
}


@pytest.mark.parametrize(("make", "shape"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_dense_b_is_as_large_as_the_convolution_as_a_matrix(make, shape):
    torch.manual_seed(0)
    stock = make().double()
    layer = attach(copy.deepcopy(stock), "fa:dense=true", first=True)
    x = torch.rand(2, *shape, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    basis = torch.eye(x[0].numel(), dtype=torch.float64).view(-1, *shape)
    stock.bias.data.zero_()
    unrolled = stock(basis).flatten(1).T
    b = layer.feedback(layer.weight)
    assert b.shape == unrolled.shape
    assert (b.norm() / unrolled.norm()).item() == pytest.approx(1, rel=0.15)
    error = torch.randn_like(y)
    (found,) = torch.autograd.grad(y, x, error)
    torch.testing.assert_close(found.flatten(1), error.flatten(1) @ b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("make", "shape"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_dense_b_with_a_kernels_entries_is_kernel_feedback(make, shape):
    """The matrix of a convolution, zeros and shared weights in their places, sends what the kernel sends."""
    torch.manual_seed(0)
    stock = make().double()
    kernel, dense = (attach(copy.deepcopy(stock), rule, first=True) for rule in ("fa", "fa:dense=true"))
    x = torch.rand(2, *shape, dtype=torch.float64, requires_grad=True)
    error = torch.randn_like(dense(x))
    stock.weight.data = kernel.feedback.weight.clone()
    stock.bias.data.zero_()
    dense.feedback.matrix.weight = (
        stock(torch.eye(x[0].numel(), dtype=torch.float64).view(-1, *shape)).flatten(1).T.detach()
    )
    sent = [torch.autograd.grad(layer(x), x, error)[0] for layer in (kernel, dense)]
    torch.testing.assert_close(*sent, rtol=1e-12, atol=1e-12)
    angles = [error_angle(layer, lambda layer=layer: (layer(x) * error).sum())[""] for layer in (kernel, dense)]
    assert angles[0] == pytest.approx(angles[1], rel=1e-9)


def test_gradients_below_a_dense_b_are_those_of_numpy():
    """Of a network of two convolutions and a read-out, by sums over pixels."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Conv2d(3, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3))
    attach(net.double(), "fa:dense=true")
    x = torch.randn(4, 2, 6, 6, dtype=torch.float64)
    net(x).square().sum().backward()
    h1, h2, y = (net[:end](x).detach().numpy() for end in (2, 4, 6))
    b_out, b = net[5].feedback.weight.numpy(), net[2].feedback.matrix.weight.numpy()
    delta2 = (2 * y @ b_out) * (1 - h2.reshape(4, -1) ** 2)
    delta1 = (delta2 @ b).reshape(h1.shape) * (1 - h1**2)
    for layer, delta, below in ((net[2], delta2.reshape(h2.shape), h1), (net[0], delta1, x.numpy())):
        expected = np.zeros(layer.weight.shape)
        for i, j in itertools.product(range(3), range(3)):
            part = below[:, :, i : i + delta.shape[2], j : j + delta.shape[3]]
            expected[:, :, i, j] = np.einsum("bohw,bchw->oc", delta, part)
        np.testing.assert_allclose(layer.weight.grad.numpy(), expected, rtol=1e-10, atol=1e-12)


def test_the_local_angle_of_a_dense_b_is_that_of_what_it_sends():
    torch.manual_seed(0)
    layer = attach(nn.Conv2d(2, 3, 3).double(), "fa:dense=true", first=True)
    x = torch.rand(5, 2, 7, 7, dtype=torch.float64, requires_grad=True)
    error = torch.randn_like(layer(x))
    (found,) = torch.autograd.grad(layer(x), x, error)
    with exact(layer):
        (true,) = torch.autograd.grad(layer(x), x, error)
    angle = error_angle(layer, lambda: (layer(x) * error).sum())[""]
    assert angle == pytest.approx(degrees(cosine([(found, true)])), rel=1e-9)


def test_dense_makes_no_difference_to_a_linear_layer():
    layer, weight = nn.Linear(5, 4), torch.zeros(4, 5)
    nets = [attach(copy.deepcopy(layer), rule, first=True).feedback for rule in ("fa", "fa:dense=true")]
    assert nets[0](weight).equal(nets[1](weight))
    assert nets[0].state_dict().keys() == nets[1].state_dict().keys()


def test_dense_is_true_or_false():
    with pytest.raises(ValueError, match="dense must be true or false, not 'yes'"):
        attach(nn.Conv2d(1, 1, 3), "fa:dense=yes", first=True)
