"""Kolen–Pollack: B's gradient is W's, bit for bit; the difference fades as theory says, and not without decay."""

import itertools
import warnings
from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.optim import SGD, Adafactor, Adam, AdamW

from spikefa import attach, check_decay, exact, gradient_angle, routed, run, weight_alignment
from spikefa.rules import FeedbackAlignment
from spikefa.rules.kp import ADAPTIVE, NoDecay
from tests.rules.oracle import generator, spiking, training

LAYERS = {
    "linear": (partial(nn.Linear, 5, 4), (2, 3, 5)),
    "conv1d": (partial(nn.Conv1d, 4, 6, 3, stride=2, padding=1), (3, 4, 8)),
    "conv2d": (partial(nn.Conv2d, 4, 6, 3, groups=2, padding="same"), (2, 3, 4, 5, 5)),
}
DECAYS = {
    "sgd": (partial(SGD, lr=0.02, weight_decay=0.5), 0.99),
    "adamw": (partial(AdamW, lr=0.01, weight_decay=0.5), 0.995),
    "sgd, none": (partial(SGD, lr=0.02), 1),
    "sgd with momentum, none": (partial(SGD, lr=0.02, momentum=0.9), 1),
    "adam, none": (partial(Adam, lr=0.01), 1),
}
"""An optimiser, and the factor by which it shrinks W − B in one update."""


def bits(tensor):
    return tensor.detach().view(torch.int64)


def made(make, shape):
    torch.manual_seed(1)
    layer = attach(make().double(), "kp", first=True)
    return layer, torch.randn(shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
def test_b_is_given_the_gradient_of_w_over_time_bit_for_bit_in_memory_of_its_own(make, shape):
    layer, x = made(make, shape)
    stock = attach(make().double(), "fa", first=True)
    stock.load_state_dict(layer.state_dict())
    for net in (layer, stock):
        sum((t * net(x * t).tanh()).sum() for t in (1.0, 0.3, 0.7)).backward()
    w, b = layer.weight, layer.feedback.weight
    assert bits(b.grad).equal(bits(w.grad))
    assert bits(w.grad).equal(bits(stock.weight.grad))
    assert bits(layer.bias.grad).equal(bits(stock.bias.grad))
    assert b.grad.abs().min() > 0
    assert b.grad.data_ptr() != w.grad.data_ptr()


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf"), -1e300])
@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
def test_forward_pass_is_the_stock_layers_to_the_sign_of_zero_whatever_b_is(make, shape, value):
    layer, x = made(partial(make, bias=False), shape)
    layer.weight.data.fill_(-0.0)
    layer.feedback.weight.data.fill_(value)
    with exact(layer):
        expected = layer(x)
    with torch.no_grad():
        quiet = layer(x)
    assert bits(layer(x)).equal(bits(expected))
    assert bits(quiet).equal(bits(expected))
    assert not quiet.requires_grad


def test_true_gradients_leave_b_without_one_and_change_nothing_else():
    net = attach(spiking(torch.float64), "kp")
    with exact(net):
        run(net, torch.rand(4, 8, 6, dtype=torch.float64))[1].square().sum().backward()
    for layer in routed(net).values():
        assert layer.weight.grad is not None
        assert layer.feedback.weight.grad is None


def test_a_weight_that_does_not_learn_leaves_b_without_a_gradient():
    layer, x = made(*LAYERS["linear"])
    layer.weight.requires_grad_(False)
    layer(x).sum().backward()
    assert layer.feedback.weight.grad is None
    layer.bias.requires_grad_(False)
    assert not layer(x.detach()).requires_grad


def test_a_b_that_does_not_learn_is_feedback_alignment():
    kp, fa = (attach(spiking(torch.float64), rule) for rule in ("kp", "fa"))
    for layer in routed(kp).values():
        layer.feedback.weight.requires_grad_(False)
    for net in (kp, fa):
        run(net, torch.rand(4, 8, 6, dtype=torch.float64, generator=generator(0)))[1].square().sum().backward()
    assert kp[0].weight.grad.equal(fa[0].weight.grad)


def test_the_gradient_angle_does_not_count_b():
    """At the start B is that of feedback alignment, from the same draws; so is the angle."""
    x, found = torch.rand(4, 8, 6, dtype=torch.float64, generator=generator(0)), []
    for rule in ("kp", "fa"):
        net = attach(spiking(torch.float64), rule)
        with exact(net):
            true_loss = run(net, x)[1].square().sum()
        found.append(gradient_angle(net, run(net, x)[1].square().sum(), true_loss))
    assert found[0] == found[1]
    assert list(found[0][1]) == ["0", "2"]


@pytest.mark.parametrize(("optimizer", "factor"), DECAYS.values(), ids=DECAYS)
def test_the_difference_shrinks_by_one_minus_rate_times_decay_per_update_and_not_without(optimizer, factor):
    start = attach(spiking(torch.float64), "kp")
    apart = {name: layer.weight - layer.feedback.weight for name, layer in routed(start).items()}
    for update, net in enumerate(itertools.islice(training("kp", torch.float64, optimizer), 100), start=1):
        for name, layer in routed(net).items():
            expected = factor**update * apart[name]
            torch.testing.assert_close(layer.weight - layer.feedback.weight, expected, rtol=0, atol=1e-13)
            assert not layer.weight.equal(start.get_submodule(name).weight)


def test_b_aligns_with_decay_alone_and_moves_nothing():
    def end(decay):
        *_, net = itertools.islice(training("kp", optimizer=partial(AdamW, lr=0.01, weight_decay=decay)), 600)
        assert all(layer.feedback.bits == 0 for layer in routed(net).values())
        return [measures["cosine"] for measures in weight_alignment(net).values()]

    assert min(end(0.5)) > 0.98
    assert min(end(0.0)) < 0.7


def test_coupled_decay_under_adam_does_not_keep_w_and_b_in_step():
    """What the docstring warns of: Adam divides the decay of W and of B by different roots."""
    start = attach(spiking(torch.float64), "kp")[2]
    *_, net = itertools.islice(training("kp", torch.float64, partial(Adam, lr=0.01, weight_decay=0.5)), 5)
    ratio = (net[2].weight - net[2].feedback.weight) / (start.weight - start.feedback.weight)
    assert ratio.std() > 0.01


def test_gradients_of_b_survive_compilation_and_vmap():
    layer, x = made(*LAYERS["conv1d"])
    torch._dynamo.reset()
    torch.compile(layer, fullgraph=True, backend="aot_eager")(x).square().sum().backward()
    torch.testing.assert_close(layer.feedback.weight.grad, layer.weight.grad, rtol=0, atol=0)
    parameters = {name: p.detach() for name, p in layer.named_parameters()}
    found = vmap(grad(lambda p, x: functional_call(layer, p, x).square().sum()), (None, 0))(parameters, x.detach())
    assert found["feedback.weight"].equal(found["weight"])
    torch.testing.assert_close(found["weight"].sum(0), layer.weight.grad)


def caught(net, optimizer):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        check_decay(net, optimizer)
    assert all(warning.category is NoDecay and warning.filename == __file__ for warning in found)
    return [str(warning.message) for warning in found]


def test_an_optimiser_built_before_attach_does_not_move_b_and_is_warned_of():
    net = spiking()
    optimizer = SGD(net.parameters(), lr=0.1, weight_decay=0.1)
    attach(net, "kp")
    before = [layer.feedback.weight.clone() for layer in routed(net).values()]
    run(net, torch.rand(4, 8, 6))[1].square().sum().backward()
    optimizer.step()
    assert all(layer.feedback.weight.equal(b) for layer, b in zip(routed(net).values(), before, strict=True))
    message = (
        "Kolen–Pollack feedback will not align: the optimiser does not hold B, build it after attach() (layers 2, 4)"
    )
    assert caught(net, optimizer) == [message]


def test_an_optimiser_whose_steps_depend_on_the_size_of_b_is_warned_of():
    net = attach(spiking(), "kp")
    (message,) = caught(net, Adafactor(net.parameters(), weight_decay=0.1))
    assert "Adafactor's steps depend on the size of W and of B, take AdamW or SGD" in message


def test_missing_decay_is_warned_of_once_and_only_for_kolen_pollack():
    net = attach(attach(spiking(), "kp", "4"), "fa", "2")
    kp, others = list(net[4].parameters()), [*net[0].parameters(), *net[2].parameters()]
    (message,) = caught(net, AdamW(net.parameters(), weight_decay=0))
    assert "the optimiser has no weight decay" in message
    assert "(layers 4)" in message
    assert caught(net, AdamW([{"params": kp, "weight_decay": 0.1}, {"params": others, "weight_decay": 0}])) == []
    for lacking in ([net[4].weight], [net[4].feedback.weight]):
        rest = [p for p in net.parameters() if all(p is not other for other in lacking)]
        groups = [{"params": rest, "weight_decay": 0.1}, {"params": lacking, "weight_decay": 0}]
        assert "no weight decay" in caught(net, AdamW(groups))[0]
    without = [p for p in net.parameters() if p is not net[4].weight]
    assert "does not hold W" in caught(net, AdamW(without))[0]
    assert caught(attach(spiking(), FeedbackAlignment), AdamW(net.parameters(), weight_decay=0)) == []


@pytest.mark.parametrize("make", ADAPTIVE, ids=lambda make: make.__name__)
def test_decay_that_is_not_decoupled_is_warned_of(make):
    net = attach(spiking(), "kp")
    (message,) = caught(net, make(net.parameters(), lr=0.01, weight_decay=0.1))
    assert f"{make.__name__} divides the decay" in message
    assert "no weight decay" in caught(net, make(net.parameters(), lr=0.01))[0]


def test_decay_that_keeps_w_and_b_in_step_is_not_warned_of():
    net = attach(spiking(), "kp")
    assert caught(net, SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=0.1)) == []
    assert caught(net, AdamW(net.parameters(), weight_decay=0.1)) == []
    assert caught(net, Adam(net.parameters(), weight_decay=0.1, decoupled_weight_decay=True)) == []


@pytest.mark.parametrize("name", ["lr", "weight_decay"])
def test_another_rate_or_decay_for_b_than_for_w_is_warned_of(name):
    net = attach(spiking(), "kp", "4")
    rest = [p for p in net.parameters() if p is not net[4].feedback.weight]
    groups = [{"params": rest}, {"params": [net[4].feedback.weight], name: 0.2}]
    (message,) = caught(net, SGD(groups, lr=0.1, weight_decay=0.1))
    assert f"{name} is 0.1 for W and 0.2 for B" in message
