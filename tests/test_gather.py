"""Gathered products against the dense ones: outputs and every gradient, what cannot be gathered, and the choice."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from spikefa import attach, gather, run, spikes
from spikefa.gather import implementation, linear, using


def ones(*shape, density=0.1, dtype=torch.float64):
    return (torch.rand(shape) < density).to(dtype)


def layer(fan_in=7, fan_out=5, dtype=torch.float64):
    return nn.Linear(fan_in, fan_out, dtype=dtype)


def results(way, x, weight, bias):
    """y, and the gradients of x, weight and bias from an error that is not uniform."""
    leaves = [part.detach().clone().requires_grad_() for part in (x, weight, bias)]
    with using(way):
        y = linear(*leaves)
    error = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view_as(y)
    return [y, *torch.autograd.grad(y, leaves, error)]


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("rows", [1, 40])
def test_outputs_and_gradients_are_the_dense_ones(density, rows, taken):
    x, net = ones(rows, 7, density=density), layer()
    expected = results("dense", x, net.weight, net.bias)
    torch.testing.assert_close(results("gathered", x, net.weight, net.bias), expected, rtol=1e-12, atol=1e-12)
    assert taken == ["dense", "gathered"]


@pytest.mark.parametrize("threads", [1, 2])
def test_large_layers_in_single_precision_are_within_rounding_and_chosen_unasked(threads, taken, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    x, net = ones(2000, 200, dtype=torch.float32), layer(200, 100, torch.float32)  # rows for two threads
    found = linear(x, net.weight, net.bias)
    expected = F.linear(x.double(), net.weight.double(), net.bias.double())
    assert taken == ["gathered"]
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
    errors = torch.randn_like(found)
    weight = torch.autograd.grad(found, net.weight, errors)[0]
    torch.testing.assert_close(weight.double(), errors.double().t() @ x.double(), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("rule", [None, "bp", "fa", "kp", "dfa"])
def test_networks_learn_the_same_by_both(rule, snn_parts, taken):
    net, x = nn.Sequential(snn_parts()), ones(8, 4, 5, density=0.5)
    if rule:
        attach(net, rule, first=True)
    other, found = copy.deepcopy(net), []
    for way, which in (("dense", net), ("gathered", other)):
        with using(way):
            run(which, x)[1].square().sum().backward()
        found.append({name: part.grad for name, part in which.named_parameters()})
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-12)
    assert taken == ["dense"] * 3 + ["gathered"] * 3
    assert found[0]["fc1.weight"].any()
    assert rule != "kp" or found[1]["fc2.feedback.weight"].any()


def test_strides_do_not_matter():
    found = {}
    x, weight, bias = ones(7, 30).t(), torch.randn(7, 5).double().t(), torch.randn(1).double().expand(5)
    for way in gather.PRODUCTS:
        leaf = weight.detach().requires_grad_()
        with using(way):
            y = linear(x, leaf, bias)
        y.sum().backward()  # an error that is one number, expanded
        found[way] = y, leaf.grad
    torch.testing.assert_close(found["gathered"], found["dense"], rtol=1e-12, atol=1e-12)


def test_a_layer_used_twice_a_graph_kept_and_frozen_weights():
    x, net, found = ones(9, 5), layer(5, 5), {}
    for way in gather.PRODUCTS:
        with using(way):
            y = linear(x, net.weight) + linear((linear(x, net.weight).detach() > 0).double(), net.weight)
        first = torch.autograd.grad(y.sum(), net.weight, retain_graph=True)[0]
        assert torch.autograd.grad(y.sum(), net.weight)[0].equal(first)
        frozen = x.clone().requires_grad_()
        with using(way):
            to_input = torch.autograd.grad(linear(frozen, net.weight.detach(), net.bias).sum(), frozen)[0]
        found[way] = first, to_input
    torch.testing.assert_close(found["gathered"], found["dense"], rtol=1e-12, atol=1e-12)


def test_gradients_can_be_differentiated_again():
    x, net, found = ones(9, 7), layer(), {}
    for way in gather.PRODUCTS:
        leaves = [x.clone().requires_grad_(), net.weight.detach().clone().requires_grad_()]
        with using(way):
            y = linear(*leaves).pow(3).sum()
        gradients = torch.autograd.grad(y, leaves, create_graph=True)
        found[way] = torch.autograd.grad(sum(part.square().sum() for part in gradients), leaves)
    torch.testing.assert_close(found["gathered"], found["dense"], rtol=1e-12, atol=1e-12)


def test_many_errors_can_go_back_at_once():
    x, net, errors = ones(9, 7), layer(), torch.randn(4, 9, 5).double()
    with using("gathered"):
        y = linear(x, net.weight)
    found = torch.autograd.grad(y, net.weight, errors, is_grads_batched=True)[0]
    torch.testing.assert_close(found, errors.mT @ x, rtol=1e-12, atol=1e-12)


def test_an_input_that_was_changed_since_is_noticed():
    x, net = ones(9, 7), layer()
    with using("gathered"):
        y = linear(x, net.weight)
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_diverged_is_seen_also_where_nothing_spiked(bad, taken):
    x, net = ones(9, 7), layer()
    x[:, 3] = 0
    net.weight.data[2, 3] = bad
    with using("gathered"):
        y = linear(x, net.weight)
    assert y.isnan().equal(F.linear(x, net.weight).isnan())
    assert y[:, 2].isnan().all()
    assert taken[0] == "dense"
    healthy, error = layer(), torch.ones(9, 5).double()
    error[4, 1] = bad
    with using("gathered"):
        linear(x, healthy.weight).backward(error)
    assert healthy.weight.grad.isnan().equal((error.t() @ x).isnan())
    assert healthy.weight.grad[1, 3].isnan()


@pytest.mark.parametrize("bad", [0.5, -1.0, 2.0, torch.nan, torch.inf, 1e-40])
def test_anything_but_zeros_and_ones_is_multiplied(bad):
    x, net = ones(9, 7), layer()
    x[5, 2] = bad
    with using("gathered"):
        assert implementation(x, net.weight) == ("dense", "the input is not zeros and ones")
        assert linear(x, net.weight).nan_to_num().equal(F.linear(x, net.weight).nan_to_num())


def test_spikes_are_listed_by_row_and_by_column():
    x = ones(40, 30, density=0.2)
    counts = np.zeros(40, np.int32)
    spikes.count(x.numpy(), counts, 0, 25)
    assert counts.tolist() == [*x[:25].sum(1).tolist(), *[0] * 15]
    spikes.count(x.numpy(), counts, 25, 40)
    starts = np.concatenate([[0], counts.cumsum()]).astype(np.int32)
    index, rows = (np.full(starts[-1], -1, np.int32) for _ in range(2))
    spikes.by_row(x.numpy(), starts, index, 20, 40)  # the second part first: no part writes into another
    spikes.by_row(x.numpy(), starts, index, 0, 20)
    assert index.tolist() == x.nonzero()[:, 1].tolist()
    ends = np.full(31, 7, np.int32)
    spikes.by_column(starts, index, ends, rows)
    assert rows.tolist() == x.t().nonzero()[:, 1].tolist()
    assert np.diff(ends, prepend=0).tolist() == [0, *x.sum(0).tolist()]
