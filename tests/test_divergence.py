"""Training that breaks down says which layer's error exploded, and under which rule."""

import math
import re
import warnings
from typing import final

import pytest
import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa import Feedback, attach, run, training
from spikefa.datasets import DATASETS, Dataset, Split
from spikefa.divergence import BOUND, reason, sound
from spikefa.experiment import Experiment
from spikefa.training import Diverged, train

SMALL = {"network": "mlp:depth=3,width=16", "epochs": 2, "batch_size": 25, "steps": 4}


@final
class Scaled(Feedback):
    """W times a number, as it was at the start."""

    reads = frozenset()
    weight: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator, *, by: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("weight", weight * by)

    def forward(self, weight: Tensor) -> Tensor:
        return self.weight


@final
class Signs(Feedback):
    """sign(W), as it is: of norm √(in · out)."""

    reads = frozenset()

    def __init__(self, weight: Tensor, generator: torch.Generator) -> None:
        super().__init__()

    def forward(self, weight: Tensor) -> Tensor:
        return weight.sign()


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=100, validation=30, test=40)


def diverged(digits, **fields):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Diverged) as caught:
            list(train(Experiment(**SMALL | fields), digits))
    return str(caught.value)


@pytest.mark.parametrize("layer", ["fc2", "fc3", "out"])
@pytest.mark.parametrize("by", ["1e30", "1e39"])  # which is infinite in float32
def test_the_layer_whose_feedback_is_huge_is_named(digits, layer, by):
    rest = "/".join(f"{name}=fa" for name in ("fc2", "fc3", "out") if name != layer)
    rule = f"{layer}=tests.test_divergence:Scaled:by={by}/{rest}"
    said = diverged(digits, rule=rule)
    found = re.match(
        r"the error that (\S+) sends back through layer '(\w+)' has norm (\S+) at epoch 1, batch 1, "
        r"and the one that came from above (\S+): B is too large",
        said,
    )
    assert found, said
    assert found[2] == layer
    assert rule.startswith(found[1].split("/")[0])
    assert float(found[3]) > BOUND
    assert 0 < float(found[4]) < 100


def test_nan_in_the_feedback_is_named(digits):
    assert "sends back through layer 'fc3' has norm inf" in diverged(
        digits, rule="fc3=tests.test_divergence:Scaled:by=1e400/fc2=fa/out=fa"
    )


@final
class Late(Feedback):
    """W until the third update, and then far more."""

    reads = frozenset()
    updates: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("updates", torch.zeros(()))

    def forward(self, weight: Tensor) -> Tensor:
        return weight * 10.0 ** (20 * (self.updates >= 3))

    def step(self, weight: Tensor) -> None:
        self.updates += 1


def test_what_is_looked_at_again_is_the_batch_that_broke_down(digits, monkeypatch):
    """In a network of the same weights, with the same noise in its input: the loss is the same to the last bit."""
    found = []

    def replayed(net, loss, rule, where, replay):
        found.append((loss, float(replay()), where))
        return reason(net, loss, rule, where, replay)

    monkeypatch.setattr(training, "reason", replayed)
    said = diverged(digits, rule="fc3=tests.test_divergence:Late/fc2=fa/out=fa", encoding="poisson", lr=0.01)
    ((loss, again, where),) = found
    assert where == "at epoch 1, batch 4"
    assert loss == again
    assert "through layer 'fc3' has norm" in said


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_loss_may_come_as_a_list_of_one(shape):
    """As some of snnTorch's do."""
    net = nn.Linear(2, 1)
    net(torch.ones(1, 2)).sum().backward()
    assert sound(torch.full(shape, 0.5), net) == (True, 0.5)
    assert sound(torch.full(shape, math.nan), net)[0] is False


def test_an_error_that_grows_from_layer_to_layer_is_named_where_it_passes_the_bound():
    """Signs that nobody scales: through 100 neurons an error grows about tenfold at each of forty layers."""
    torch.manual_seed(0)
    layers = [layer for _ in range(40) for layer in (nn.Linear(100, 100), nn.Tanh())]
    net = attach(nn.Sequential(*layers, nn.Linear(100, 3)), Signs)
    for name, p in net.named_parameters():
        p.data.mul_(0.1 if name.endswith("weight") else 1)
    x = torch.randn(5, 100)

    def backward():
        net.zero_grad()
        loss = net(x).square().sum()
        loss.backward()
        return loss.detach()

    fine, loss = sound(backward(), net)
    assert not fine
    assert math.isfinite(loss)
    said = reason(net, loss, "signs", "at epoch 1, batch 1", backward)
    name, sent, came = re.match(r"the error that signs .*'(\d+)' has norm (\S+) at .* above (\S+):", said).groups()
    assert 0 < int(name) < 80
    assert float(came) < BOUND < float(sent) < 100 * float(came)


def test_weights_that_a_large_rate_blew_up_are_named(digits):
    said = diverged(digits, lr=1e37)
    assert re.match(r"the loss is (nan|inf) at epoch 1, batch 2", said)
    assert said.endswith("try a smaller lr")
    said = diverged(digits, lr=1e37, weight_decay=1e37, batch_size=100)
    assert re.match(r"the weights fc1.weight, .*out.weight are not finite after epoch 1: try a smaller lr", said)


def test_the_first_layer_that_gives_no_finite_numbers_is_named():
    net = attach(nn.Sequential(*(nn.Linear(3, 3) for _ in range(4))), "fa")
    net[2].weight.data.mul_(1e39)
    said = reason(net, math.nan, "fa", "at epoch 1, batch 2", lambda: net(torch.ones(1, 3)))
    assert said == (
        "the loss is nan at epoch 1, batch 2, where layer '2' gives numbers that are not finite, and its weights have "
        "norm inf: try a smaller lr"
    )


def test_local_credit_names_the_gradient(digits):
    rule = "out=tests.test_divergence:Scaled:by=1e39/fc2=fa/fc3=fa"
    said = diverged(digits, rule=rule, credit="local", readout="every_step")
    assert re.match(r"the gradient of 'fc\d\.\w+' under \S+ has norm inf at epoch 1, batch 1: try a smaller lr", said)


def test_the_bound_is_where_the_square_that_adam_keeps_overflows():
    assert math.isinf(float(torch.tensor(BOUND * 1.01).square()))
    assert math.isfinite(float(torch.tensor(BOUND * 0.99).square()))
    weight = nn.Parameter(torch.ones(1))
    adam = torch.optim.Adam([weight], lr=0.1)
    weight.grad = torch.full((1,), BOUND * 100)
    adam.step()
    for _ in range(100):
        weight.grad = torch.ones(1)
        adam.step()
    assert weight.item() == 1, "learning has ended, and nothing says so"


def test_the_pathways_of_a_loop_over_time_are_watched_too():
    parts = [nn.Linear(4, 8), snn.Leaky(0.9), nn.Linear(8, 3), snn.Leaky(0.9)]
    net = attach(nn.Sequential(*parts), lambda weight, generator: Scaled(weight, generator, by=1e25))
    x = torch.rand(6, 5, 4) * 3

    def backward():
        loss = sum(net[2](net[1](net[0](now), torch.zeros(5, 8))[0]).sum() for now in x)
        loss.backward()
        return loss.detach()

    fine, loss = sound(backward(), net)
    assert not fine
    assert "through layer '2'" in reason(net, loss, "scaled", "now", backward)
    assert run(net, x).shape == (6, 5, 3)
    assert not net[2]._forward_hooks, "the watch is taken off again"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_inputs_that_are_no_numbers_are_refused(digits, value):
    x = digits.train.x.clone()
    x[3, 0, 1, 2] = value
    with pytest.raises(ValueError, match=rf"x holds {value} at \[3, 0, 1, 2\]"):
        Split(x, digits.train.y)


def test_labels_that_are_no_classes_are_refused(digits):
    split = digits.train
    with pytest.raises(ValueError, match="label 9 of train, but 9 classes: labels are 0 to 8"):
        Dataset("d", split, split, split, classes=9, note="")
    with pytest.raises(ValueError, match="label -1"):
        Dataset("d", split, Split(split.x, split.y - 1), split, classes=10, note="")
    with pytest.raises(ValueError, match="validation has no examples"):
        Dataset("d", split, Split(split.x[:0], split.y[:0]), split, classes=10, note="")


@final
class Shortcut(nn.Module):
    """A layer, and past it a way on which errors explode."""

    def __init__(self):
        super().__init__()
        self.below, self.beside = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        h = self.below(x)
        return self.beside(h) + 1e25 * (h - h.detach())


def test_a_layer_is_not_named_for_what_goes_past_it():
    net, x = attach(Shortcut(), "fa"), torch.ones(2, 4)

    def backward():
        loss = net(x).sum()
        loss.backward()
        return loss.detach()

    fine, loss = sound(backward(), net)
    assert not fine
    assert "the error at the output of layer 'below' has norm" in reason(net, loss, "fa", "now", backward)
