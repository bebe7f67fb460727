"""Which way a product takes, and why: what cannot be gathered, what is not worth it, what was asked for."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from spikefa import gather, run
from spikefa.gather import implementation, using
from tests.test_gather import layer, ones


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


def test_inside_torch_func_and_torch_compile_products_are_dense():
    net, x, found = nn.Sequential(layer(), nn.Tanh(), layer(5, 3)), ones(6, 4, 7), {}
    parameters = {f"net.{name}": part for name, part in net.named_parameters()}

    def loss(parameters, x):
        return torch.func.functional_call(Whole(net), parameters, (x,)).square().sum()

    for way in gather.PRODUCTS:
        with using(way):
            each = torch.func.vmap(torch.func.grad(loss), (None, 1))(parameters, x.unsqueeze(2))
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
    weight = torch.randn(100, 200)
    few, many = (ones(1800, 200, density=p, dtype=torch.float32) for p in (0.2, 0.4))
    assert implementation(few, weight).name == "gathered"
    assert re.match(r"(19|2\d)\.\d\d% of the input are ones.* up to 27%", implementation(few, weight).reason)
    assert implementation(many, weight).name == "dense"
    assert implementation(few[:200], weight).reason.startswith("too few neurons (100) or too little work")
    assert implementation(few.repeat(8, 1), weight[:10]).reason.startswith("too few neurons (10)")
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
        assert taken == ["gathered"]
        net(x[0])
        with pytest.raises(RuntimeError):
            run(net, x[..., 1:])
        F.linear(x, net.weight)
    assert seen == [(12, 5), (4, 5)]
    assert taken == ["gathered", "dense"]
    net.register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],))
    with using("gathered"):
        assert run(net, x).equal(net(x.flatten(0, 1)).view(3, 4, 5))
    assert taken[2:] == ["dense"]
