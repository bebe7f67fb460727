"""The local form of learning: equal to backpropagation through time where it can be, and measured where it cannot."""

import pytest
import snntorch as snn
import torch
from snntorch import surrogate
from torch import nn
from torch.nn import functional as F

import spikefa.eligibility
from spikefa import ThreeFactor, attach, learn, routed, run
from spikefa import local as module
from spikefa.agreement import cosine
from spikefa.eligibility import Eligible

N, CLASSES, B = 6, 3, 4
SURROGATES = {
    "atan": surrogate.atan(),
    "custom": surrogate.custom_surrogate(lambda mem, error, spk: error / (1 + mem.abs())),
    "fast_sigmoid": surrogate.fast_sigmoid(),
    "heaviside": surrogate.heaviside(),
    "SFS": surrogate.SFS(),
    "sigmoid": surrogate.sigmoid(),
    "spike_rate_escape": surrogate.spike_rate_escape(),
    "straight_through": surrogate.straight_through_estimator(),
    "triangular": surrogate.triangular(),
}
"""All of snnTorch's but SSO, whose derivative is drawn anew at every use, and LSO, which raises in snnTorch 1.0.0."""


class Wide(torch.autograd.Function):
    """A surrogate, but for snnTorch's float32 spikes, which would round the error."""

    @staticmethod
    def forward(ctx, mem, spike_grad):
        ctx.save_for_backward(mem)
        ctx.spike_grad = spike_grad
        return (mem > 0).to(mem.dtype)

    @staticmethod
    def backward(ctx, error):
        with torch.enable_grad():
            mem = ctx.saved_tensors[0].detach().requires_grad_()
            (slope,) = torch.autograd.grad(ctx.spike_grad(mem).sum(), mem)
        return error * slope, None


def wide(name):
    return lambda mem: Wide.apply(mem, SURROGATES[name])


def network(depth=1, beta=0.8, kappa=0.9, width=9, classes=CLASSES, spike_grad="atan", bias=True, **lif):
    """LIF layers that spike, and a leaky read-out, in float64; the same weights at every call."""
    torch.manual_seed(0)
    layers, size = [], N
    for _ in range(depth):
        neuron = snn.Leaky(beta, threshold=0.4, spike_grad=wide(spike_grad), **lif)
        layers, size = [*layers, nn.Linear(size, width, bias=bias), neuron], width
    readout = snn.Leaky(kappa, reset_mechanism="none", spike_grad=wide("atan"), output=True)
    return nn.Sequential(*layers, nn.Linear(size, classes, bias=bias), readout).double()


def data(steps=8, classes=CLASSES):
    generator = torch.Generator().manual_seed(1)
    x = 2 * torch.rand(steps, B, N, dtype=torch.float64, generator=generator)
    return x, torch.randn(steps, B, classes, dtype=torch.float64, generator=generator)


def through_time(net, x, errors):
    spk, mem = run(net, x)
    (mem * errors).sum().backward()
    return spk, mem


def forward_in_time(net, x, errors):
    given = iter(errors)
    return learn(net, x, lambda spk, mem: next(given))


def moved(net, rule, **options):
    """The network under a rule, its weights moved from where B may have begun."""
    attach(net, rule, seed=2, **options)
    for layer in net[::2]:
        layer.weight.data += 0.3 * torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(5))
    return net


def both(rule=None, steps=8, **options):
    """Gradients by name, forward in time and through time, after the states were found equal."""
    x, errors = data(steps, options.get("classes", CLASSES))
    found = []
    for way in (forward_in_time, through_time):
        net = network(**options)
        found.append((*way(moved(net, rule) if rule else net, x, errors), net))
    assert found[0][0].equal(found[1][0])
    assert found[0][1].equal(found[1][1])
    assert found[0][1].abs().mean() > 0.05
    return tuple({name: p.grad for name, p in net.named_parameters()} for *_, net in found)


def off(grads):
    """The largest relative difference of a parameter's gradients."""
    (a, b) = grads
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).norm() / b[name].norm()) for name in a)


@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
def test_one_hidden_layer_is_exact_under_every_rule(rule, mechanism):
    assert off(both(rule, reset_mechanism=mechanism)) < 1e-10


@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
@pytest.mark.parametrize("name", SURROGATES)
def test_one_hidden_layer_is_exact_with_every_surrogate(name, mechanism):
    net = {"spike_grad": name, "reset_mechanism": mechanism}
    found, true = both("fa", **net)
    silent = all(bool((true[name] == 0).all()) for name in ("0.weight", "0.bias"))
    if silent:  # heaviside and its like may have no slope anywhere
        assert found["0.weight"].equal(true["0.weight"])
    else:
        assert off((found, true)) < 1e-10


@pytest.mark.parametrize("steps", [1, 2, 30])
@pytest.mark.parametrize(("beta", "kappa"), [(0.0, 0.0), (0.5, 0.95), (0.95, 0.5), (1.0, 1.0), (0.8, 0.0)])
def test_one_hidden_layer_is_exact_for_any_time_and_leak(steps, beta, kappa):
    assert off(both("fa", steps, beta=beta, kappa=kappa)) < 1e-10
    assert off(both(None, steps, beta=beta, kappa=kappa, bias=False)) < 1e-10


@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
def test_decay_and_threshold_may_differ_between_neurons(mechanism):
    beta = torch.linspace(0.1, 0.9, 9)
    assert off(both("fa", beta=beta, reset_mechanism=mechanism)) < 1e-10


@pytest.mark.parametrize("error", ["step", "sum"])
@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
def test_direct_feedback_is_exact_at_any_depth(error, mechanism):
    assert off(both(f"dfa:error={error}", depth=4, reset_mechanism=mechanism)) < 1e-10


def test_a_loss_at_every_step_is_exact():
    x, _ = data()
    y, nets = torch.tensor([0, 1, 2, 0]), [moved(network(), "fa") for _ in range(2)]
    F.cross_entropy(run(nets[0], x)[1].flatten(0, 1), y.repeat(len(x))).backward()
    learn(nets[1], x, lambda spk, mem: (mem.softmax(1) - F.one_hot(y, CLASSES)) / mem.shape[0] / len(x))
    assert off([{name: p.grad for name, p in net.named_parameters()} for net in nets]) < 1e-10


def test_a_b_that_learns_has_the_gradient_of_its_weight():
    found, true = both("kp")
    assert "2.feedback.weight" in found
    assert off((found, true)) < 1e-10


@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
def test_the_state_does_not_grow_and_holds_no_graph(mechanism):
    x, errors = data(50)
    learner, sizes = ThreeFactor(network(depth=2, reset_mechanism=mechanism)), set()
    for now, error in zip(x, errors, strict=True):
        learner.step(now)
        learner.learn(error)
        sizes.add(learner.nbytes)
        assert not any(state.requires_grad for layer in learner.layers for state in layer.states)
    assert len(sizes) == 1
    assert max(sizes) > 8 * B * 9 * (2 * (N + 1) + 10)  # the filters of both hidden layers


def test_step_by_step_is_the_whole_and_reset_begins_anew():
    x, errors = data()
    nets = [network(depth=2) for _ in range(2)]
    spk, mem = forward_in_time(nets[0], x, errors)
    learner = ThreeFactor(nets[1])
    for _ in range(2):
        learner.reset()
        for t, (now, error) in enumerate(zip(x, errors, strict=True)):
            got = learner.step(now)
            learner.learn(error)
            assert got[0].equal(spk[t])
            assert got[1].equal(mem[t])
    for once, twice in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.allclose(2 * once.grad, twice.grad, rtol=1e-12)


def test_an_error_now_and_then_is_one_with_zeros_between():
    x, errors = data()
    errors[:-1] = 0
    nets = [network() for _ in range(2)]
    through_time(nets[0], x, errors)
    learner = ThreeFactor(nets[1])
    for now in x:
        learner.step(now)
    learner.learn(errors[-1])
    assert off([{name: p.grad for name, p in net.named_parameters()} for net in nets]) < 1e-10


@pytest.mark.parametrize(("depth", "beta", "least"), [(2, 0.5, 0.9), (2, 0.9, 0.9), (3, 0.5, 0.85), (6, 0.9, 0.5)])
@pytest.mark.parametrize("rule", ["bp", "fa"])
def test_a_deeper_stack_is_near_but_not_exact_below_its_last_hidden_layer(rule, depth, beta, least):
    found, true = both(rule, depth=depth, beta=beta, steps=20)
    hidden = [f"{2 * layer}.weight" for layer in range(depth)]
    assert least < cosine([(found[name], true[name]) for name in hidden]) < 0.99999
    for name, gradient in true.items():
        near = float((found[name] - gradient).norm() / gradient.norm())
        assert (near < 1e-10) == (int(name.split(".")[0]) >= 2 * depth - 2)


def _patched(monkeypatch, name, change):
    own = getattr(Eligible, name)
    monkeypatch.setattr(Eligible, name, lambda self, *args: change(self, own, *args))


def delayed(self, own, pre, decay):
    before = self.__dict__.setdefault("before", torch.zeros_like(pre))
    self.before = pre
    own(self, before, decay)


MUTATIONS = {
    "sign": lambda m: _patched(m, "gradient", lambda self, own, signal: -own(self, signal)),
    "trace delayed": lambda m: _patched(m, "_trace", delayed),
    "trace's decay": lambda m: _patched(m, "_trace", lambda self, own, pre, decay: own(self, pre, 0.8 * decay)),
    "no filter": lambda m: m.setattr(module, "filters", lambda units, sources: [()] * len(units)),
    "filter's decay": lambda m: m.setattr(module, "filters", lambda units, sources: [(0.8,), ()]),
    "transposed": lambda m: m.setattr(module, "_back", lambda layer, own=module._back: own(layer).T),
    "no reset": lambda m: m.setattr(spikefa.eligibility, "integrate", lambda n, beta, mem, cur: beta * mem + cur),
    "reset not in ε": lambda m: _patched(m, "_kept", lambda self, own, mem: torch.ones_like(mem)),
    "W in place of B": lambda m: m.setattr(module, "_back", lambda layer: layer.weight),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mistake_is_seen(monkeypatch, name):
    x, errors = data(classes=4)
    nets = [moved(network(width=4, classes=4, reset_mechanism="zero"), "fa") for _ in range(3)]
    through_time(nets[0], x, errors)
    forward_in_time(nets[1], x, errors)
    MUTATIONS[name](monkeypatch)
    forward_in_time(nets[2], x, errors)
    true, right, wrong = ({name: p.grad for name, p in net.named_parameters()} for net in nets)
    assert off((right, true)) < 1e-10
    assert off((wrong, true)) > 1e-3
    assert routed(nets[2])
