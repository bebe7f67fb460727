"""Experiments: what is refused, what a key stands for, and what runs of one seed share."""

from itertools import chain

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from spikefa import RULES, routed
from spikefa.datasets import DATASETS, Split
from spikefa.experiment import Experiment
from spikefa.streams import stream
from spikefa.training import train

pytestmark = pytest.mark.filterwarnings("ignore::spikefa.rules.kp.NoDecay")
OTHER = {
    "rule": "fa",
    "remedy": "weight_norm",
    "dataset": "mnist",
    "network": "convnet",
    "encoding": "poisson",
    "readout": "every_step",
    "credit": "local",
    "seed": 1,
    "epochs": 11,
    "batch_size": 65,
    "optimizer": "sgd",
    "lr": 2e-3,
    "weight_decay": 0.1,
    "steps": 11,
    "precision": "bfloat16",
}
"""Another value than the default for every field."""

DEEP = "mlp:depth=3,width=20"


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=60, validation=20, test=20)


def test_the_key_is_the_same_on_every_machine():
    assert Experiment().key == "930b67b7b2"
    assert Experiment(rule="fbp:period=10", seed=1, lr=0.01, network="mlp:depth=6").key == "1c0afb3cf7"


def test_the_key_changes_with_every_field():
    assert list(OTHER) == list(Experiment.model_fields)
    steps = {"credit": {"readout": "every_step"}}  # which credit="local" needs
    keys = {Experiment(**{name: value} | steps.get(name, {})).key for name, value in OTHER.items()}
    assert len(keys | {Experiment().key}) == len(OTHER) + 1


def test_the_key_does_not_depend_on_how_the_fields_were_given():
    fields = list({**OTHER, "precision": "float32"}.items())  # which goes with credit="local"
    assert Experiment(credit="bptt").key == Experiment().key == "930b67b7b2"
    assert Experiment(**dict(fields)).key == Experiment(**dict(reversed(fields))).key
    assert Experiment(lr=1).key == Experiment(lr=1.0).key
    assert Experiment(**Experiment().model_dump()).key == Experiment().key


def test_an_experiment_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Experiment().seed = 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rule", "fpb", "no rule is called 'fpb'.*did you mean 'fbp'"),
        ("rule", "fbp:perod=3", "no option 'perod'.*did you mean 'period'"),
        ("rule", "no.such.module:Rule", "cannot be imported"),
        ("dataset", "digit", "no data set is called 'digit'.*did you mean 'digits'"),
        ("network", "mpl", "no network is called 'mpl'.*did you mean 'mlp'"),
        ("network", "mlp:deep=3", "no option 'deep'"),
        ("encoding", "poison", "no encoding is called 'poison'.*did you mean 'poisson'"),
        ("readout", "membran", "no read-out is called 'membran'.*did you mean 'membrane'"),
        ("optimizer", "sdg", "no optimiser is called 'sdg'.*did you mean 'sgd'"),
        ("optimizer", "sgd:momentum=1.5", "momentum.*1.5"),
        ("credit", "locl", "no way of credit assignment is called 'locl'.*did you mean 'local'"),
        ("credit", "local", "needs an error at every step.*'membrane'.*readout every_step"),
        ("seed", -1, "greater than or equal to 0"),
        ("epochs", -1, "greater than or equal to 1"),
        ("epochs", 0, "greater than or equal to 1"),
        ("epochs", 1.5, "integer"),
        ("batch_size", 0, "greater than or equal to 1"),
        ("steps", 0, "greater than or equal to 1"),
        ("lr", 0.0, "greater than 0"),
        ("lr", float("nan"), "finite|greater than 0"),
        ("lr", float("inf"), "finite"),
        ("weight_decay", -0.1, "greater than or equal to 0"),
        ("weight_decay", float("inf"), "finite"),
        ("learning_rate", 0.1, "not permitted"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_way_out(field, value, message):
    with pytest.raises(ValueError, match=rf"(?s){field}.*({message})"):
        Experiment(**{field: value})


def state(net, feedback):
    return {name: value for name, value in net.state_dict().items() if (".feedback." in name) == feedback}


def equal(a, b):
    return [a[name].equal(b[name]) for name in a if a[name].is_floating_point()]


@pytest.mark.parametrize("network", [DEEP, "convnet"])
def test_every_rule_starts_from_the_same_weights_and_other_seeds_from_others(digits, network):
    start = state(Experiment(network=network).build(digits), feedback=False)
    weights = [name for name in start if name.endswith("weight")]
    for rule in RULES:
        net = Experiment(network=network, rule=rule).build(digits)
        assert all(equal(start, state(net, feedback=False)))
        assert list(routed(net)) == [name.removesuffix(".weight") for name in weights[1:]]
        other = state(Experiment(network=network, rule=rule, seed=1).build(digits), feedback=False)
        assert not any(start[name].equal(other[name]) for name in weights)


@pytest.mark.parametrize("rule", ["fa", "dfa", "brsf", "frsf", "sal"])
def test_the_seed_decides_the_feedback_and_every_layer_has_its_own(digits, rule):
    """Magnitudes relative to the largest: the scale and the signs of brsf and frsf come from W₀."""

    def drawn(seed):
        net = Experiment(network=DEEP, rule=rule, seed=seed).build(digits)
        used = {name: layer.feedback(layer.weight.detach()).abs() for name, layer in routed(net).items()}
        return {name: b / b.max() for name, b in used.items()}

    one, twin, other = drawn(0), drawn(0), drawn(1)
    assert all(equal(one, twin))
    assert not any(b.allclose(other[name]) for name, b in one.items())
    assert not one["fc2"].allclose(one["fc3"])


@pytest.mark.parametrize("seed", range(3))
def test_random_feedback_is_independent_of_the_weights(seed):
    """Within 4.5 standard errors, for W and for the uniform numbers behind it."""
    images = DATASETS["digits"]()
    net = Experiment(network="mlp:width=100", rule="fa", seed=seed).build(images)
    w, b = net.fc2.weight.detach().ravel(), net.fc2.feedback.weight.ravel()
    for pair in ((w, b), (w.abs(), b), (w, b.abs()), (w.abs(), b.abs())):
        assert abs(torch.corrcoef(torch.stack(pair))[0, 1]) < 4.5 / len(w) ** 0.5


class Spy(Split):
    """A split that keeps the labels of the batches it gave."""

    def batches(self, size, generator=None):
        for x, y in super().batches(size, generator):
            self.__dict__.setdefault("seen", []).append(y.tolist())
            yield x, y


def order(digits, **fields):
    """Labels of the batches that a run trained on."""
    spy = Spy(digits.train.x, digits.train.y)
    data = type(digits)("spied", spy, digits.validation, digits.test, digits.classes, "spied")
    list(train(Experiment(epochs=2, batch_size=25, network="mlp:width=8", steps=2, **fields), data))
    return spy.__dict__["seen"]


def test_every_rule_sees_the_same_batches_in_the_same_order(digits):
    seen = order(digits)
    assert [len(batch) for batch in seen] == [25, 25, 10] * 2
    assert seen[:3] != seen[3:]
    assert all(sorted(chain.from_iterable(epoch)) == sorted(digits.train.y.tolist()) for epoch in (seen[:3], seen[3:]))
    assert all(order(digits, rule=rule, encoding="poisson") == seen for rule in RULES)
    assert order(digits, seed=1) != seen


def test_the_order_of_the_batches_comes_from_a_stream_of_its_own(digits):
    shuffled = [y.tolist() for _, y in digits.train.batches(25, stream(0, "order"))]
    assert order(digits)[:3] == shuffled


def test_scores_are_read_from_the_encoded_images(digits):
    experiment, x = Experiment(encoding="poisson", steps=7), digits.train.x[:5]
    encoded = experiment.encode(x, stream(3, "noise"))
    assert encoded.shape == (7, 5, 1, 8, 8)
    assert encoded.unique().tolist() == [0, 1]
    net = experiment.build(digits)
    one, twin, other = (experiment.scores(net, x, stream(seed, "noise")) for seed in (3, 3, 4))
    assert one.shape == (5, 10)
    assert one.equal(twin)
    assert not one.equal(other)


def test_the_optimiser_is_the_one_that_was_asked_for(digits):
    experiment = Experiment(network=DEEP, optimizer="sgd:momentum=0.9", lr=0.1, weight_decay=0.01)
    net = experiment.build(digits)
    optimizer, before = experiment.updates(net), net.out.weight.detach().clone()
    for _ in range(2):
        net.out.weight.grad = torch.ones_like(before)
        optimizer.step()
    first = before - 0.1 * (1 + 0.01 * before)
    second = first - 0.1 * (0.9 * (1 + 0.01 * before) + 1 + 0.01 * first)
    torch.testing.assert_close(net.out.weight.detach(), second)


def test_anybodys_optimiser_is_given_lr_and_decay_by_their_names(digits):
    optimizer = Experiment(optimizer="torch.optim:RMSprop", lr=0.1, weight_decay=0.01).updates(nn.Linear(2, 1))
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"], optimizer.defaults["alpha"]) == (
        0.1,
        0.01,
        0.99,
    )
