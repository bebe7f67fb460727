"""Gathered products against the dense ones: outputs and every gradient, what cannot be gathered, and the choice."""

import copy
import re

import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn
from torch.nn import functional as F

from spikefa import attach, gather, run, spikes
from spikefa.gather import implementation, linear, using

WIDE = 200, 100, 600
"""Inputs, neurons and rows of a layer that is large enough for the choice."""


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


@pytest.fixture
def taken(monkeypatch):
    """The ways taken, one for each product."""
    found, choose = [], gather._choose

    def recorded(x, weight):
        choice, starts = choose(x, weight)
        found.append(choice)
        return choice, starts

    monkeypatch.setattr(gather, "_choose", recorded)
    return found


def names(taken):
    return [choice.name for choice in taken]


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("rows", [1, 40])
def test_outputs_and_gradients_are_the_dense_ones(density, rows, taken):
    x, net = ones(rows, 7, density=density), layer()
    expected = results("dense", x, net.weight, net.bias)
    torch.testing.assert_close(results("gathered", x, net.weight, net.bias), expected, rtol=1e-12, atol=1e-12)
    assert names(taken) == ["dense", "gathered"]


@pytest.mark.parametrize("threads", [1, 2])
def test_large_layers_in_single_precision_are_within_rounding_and_chosen_unasked(threads, taken, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    fan_in, fan_out, rows = WIDE[0], WIDE[1], 2000  # so many that two threads share the lists
    x, net = ones(rows, fan_in, dtype=torch.float32), layer(fan_in, fan_out, torch.float32)
    found = linear(x, net.weight, net.bias)
    expected = F.linear(x.double(), net.weight.double(), net.bias.double())
    assert names(taken) == ["gathered"]
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
    assert names(taken) == ["dense"] * 3 + ["gathered"] * 3
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
    assert taken[0].reason == "the weights are not finite"
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


def around_the_product(name, x, weight):
    """What is found by ``implementation`` in circumstances of this name."""
    if name == "autocast":
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return implementation(x, weight)
    if name == "torch.func":
        found = []
        torch.func.vmap(lambda row: found.append(implementation(row, weight)) or row)(x[None])
        return found[0]
    if name == "jvp":
        with torch.autograd.forward_ad.dual_level():
            return implementation(x, weight)
    if name == "trace":
        found = []
        torch.jit.trace(lambda x: found.append(implementation(x, weight)) or x, (x,), check_trace=False)
        return found[0]
    kinds = {
        "half": lambda: (x.half(), weight.half()),
        "mixed": lambda: (x.float(), weight),
        "meta": lambda: (x.to("meta"), weight),
        "sparse": lambda: (x.to_sparse(), weight),
        "empty": lambda: (x[:0], weight),
        "three": lambda: (x[None], weight),
        "mismatched": lambda: (x, weight[:, 1:]),
        "own": lambda: (x.as_subclass(Own), weight),
    }
    return implementation(*kinds[name]())


class Own(torch.Tensor):
    """A class of the user's."""


HINDERED = {
    "autocast": "autocast",
    "torch.func": "torch.func",
    "jvp": "forward-mode",
    "trace": "torch.jit is tracing",
    "half": "an input in torch.float16",
    "mixed": "an input in torch.float32 for weights in torch.float64",
    "meta": "on a CPU",
    "sparse": "dense tensors",
    "empty": r"shape \(0, 7\)",
    "three": r"shape \(1, 9, 7\)",
    "mismatched": r"weights of shape \(5, 6\)",
    "own": "a class of their own, Own",
}


@pytest.mark.parametrize("name", HINDERED)
def test_what_cannot_be_gathered_is_dense_and_says_why(name):
    x, net = ones(9, 7), layer()
    with using("gathered"):
        choice = around_the_product(name, x, net.weight)
    assert choice.name == "dense"
    assert re.search(HINDERED[name], choice.reason)


def test_per_sample_gradients_and_compiled_networks_are_those_of_the_dense_product():
    net, x = nn.Sequential(layer(), snn.Leaky(beta=0.8), layer(5, 3)), ones(6, 4, 7, density=0.5)
    parameters = dict(net.named_parameters())

    def loss(parameters, x):
        return torch.func.functional_call(net, parameters, (x,)).square().sum()

    def sequence(parameters, x):
        return torch.func.functional_call(Whole(net), {f"net.{k}": v for k, v in parameters.items()}, (x,)).sum()

    found = {}
    for way in gather.PRODUCTS:
        with using(way):
            each = torch.func.vmap(torch.func.grad(sequence), (None, 1))(parameters, x.unsqueeze(2))
            compiled = torch.compile(Whole(net), backend="eager", fullgraph=True)(x)
        found[way] = each, compiled
    torch.testing.assert_close(found["gathered"], found["dense"], rtol=0, atol=0)


class Whole(nn.Module):
    """A network over a whole sequence, as one module."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return run(self.net, x)


def test_the_choice_goes_by_density_and_size():
    fan_in, fan_out, rows = WIDE
    weight = torch.randn(fan_out, fan_in)
    few, many = (ones(rows, fan_in, density=p, dtype=torch.float32) for p in (0.2, 0.4))
    assert implementation(few, weight).name == "gathered"
    assert re.match(r"(19|2\d)\.\d\d% of the input are ones.* up to 27%", implementation(few, weight).reason)
    assert implementation(many, weight).name == "dense"
    assert implementation(few[:200], weight).reason.startswith("too few neurons (100) or too little work")
    assert implementation(few, weight[:10]).reason.startswith("too few neurons (10)")
    assert implementation(few.double(), weight.double()).reason.endswith("float32 only")


def test_a_way_can_be_asked_for_and_the_nearest_counts(monkeypatch):
    x, weight = ones(9, 7), layer().weight
    assert implementation(x, weight).name == "dense"
    monkeypatch.setenv(gather.VARIABLE, "gathered")
    assert implementation(x, weight) == ("gathered", "asked for")
    with using("dense"):
        assert implementation(x, weight) == ("dense", "asked for")
    monkeypatch.setenv(gather.VARIABLE, "sparse")
    with pytest.raises(ValueError, match="no product called 'sparse': choose from dense, gathered"):
        implementation(x, weight)
    with pytest.raises(ValueError, match="no product called 'fast'"), using("fast"):
        pass


def test_only_run_gathers_and_hooks_are_called_once(taken):
    net, x, seen = layer(), ones(3, 4, 7), []
    net.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    with using("gathered"):
        run(net, x)
        assert names(taken) == ["gathered"]
        net(x[0])
        with pytest.raises(RuntimeError):
            run(net, x[..., 1:])
        F.linear(x, net.weight)
    assert seen == [(12, 5), (4, 5)]
    assert names(taken) == ["gathered", "dense"]
    net.register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],))
    with using("gathered"):
        assert run(net, x).equal(net(x.flatten(0, 1)).view(3, 4, 5))
    assert names(taken)[2:] == ["dense"]


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
