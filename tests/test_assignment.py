"""Rules by layer in one call: a mapping or a string gives every layer the first rule whose pattern it matches."""

import copy
from collections import OrderedDict

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from spikefa import adapt, attach, describe, routed
from spikefa.assignment import rules_by_pattern
from spikefa.experiment import Experiment
from spikefa.rules import FeedbackAlignment, FrozenBackprop


@pytest.fixture
def net():
    layers = {"conv1": nn.Conv2d(1, 2, 3), "conv2": nn.Conv2d(2, 2, 3), "conv3": nn.Conv2d(2, 2, 3)}
    return nn.Sequential(OrderedDict(layers | {"fc": nn.Linear(2, 4), "out": nn.Linear(4, 3)}))


def kinds(net):
    return {name: type(layer.feedback).__name__ for name, layer in routed(net).items()}


@pytest.mark.parametrize("rule", [{"conv*": "fa", "out": "fbp:period=7"}, "conv*=fa/out=fbp:period=7"])
def test_layers_get_the_rule_of_their_pattern_and_none_where_none_matches(net, rule):
    attach(net, rule)
    assert kinds(net) == {"conv2": "FeedbackAlignment", "conv3": "FeedbackAlignment", "out": "FrozenBackprop"}
    assert net.out.feedback.period == 7
    assert "fc     Linear 4" not in describe(net)


def test_the_first_pattern_that_matches_wins_and_a_star_takes_what_is_left(net):
    attach(net, {"conv3": FrozenBackprop, "conv*": "usf", "*": FeedbackAlignment})
    assert kinds(net) == {
        "conv2": "UniformSignFeedback",
        "conv3": "FrozenBackprop",
        "fc": "FeedbackAlignment",
        "out": "FeedbackAlignment",
    }


def test_a_star_for_what_is_left_may_find_nothing_left(net):
    assert "Backprop" not in kinds(attach(net, "conv*=fa/fc=usf/out=fbp/*=bp")).values()


def test_the_first_layer_is_taken_only_by_name_or_when_wanted(net):
    assert "conv1" not in kinds(attach(copy.deepcopy(net), "conv*=fa"))
    assert "conv1" in kinds(attach(copy.deepcopy(net), "conv1=fa"))
    assert "conv1" in kinds(attach(copy.deepcopy(net), "conv*=fa", first=True))


def test_one_call_gives_the_same_feedback_as_a_call_for_each_layer(net):
    twin = copy.deepcopy(net)
    attach(net, "conv2=fa/out=frsf", seed=3)
    attach(attach(twin, "fa", "conv2", seed=3), "frsf", "out", seed=3)
    for ours, theirs in zip(net.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_periods_by_layer_copy_each_at_its_own_pace(net):
    attach(net, "conv2=fbp:period=2/fc=fbp:period=3/out=fbp:period=6")
    layers = routed(net)
    copied = {name: [] for name in layers}
    for update in range(1, 7):
        for layer in layers.values():
            layer.weight.data += 1
        adapt(net)
        for name, layer in layers.items():
            if torch.equal(layer.feedback.weight, layer.weight):
                copied[name].append(update)
    assert copied == {"conv2": [2, 4, 6], "fc": [3, 6], "out": [6]}


@pytest.mark.parametrize(
    ("rule", "layers", "message"),
    [
        ("conv9=fa/out=fa", None, "matches 'conv9': the affine layers are conv1, conv2, conv3, fc, out"),
        ("out=fb", None, r"no rule is called 'fb' \(did you mean 'fbp'"),
        ("out=fbp:perod=3", None, "no option 'perod'"),
        ("out=", None, "'out' in 'out=' has no rule"),
        ("conv*=fa/out", None, "'out' in .* has no rule"),
        ("out=fa/out=bp", None, "'out' has two rules in 'out=fa/out=bp': leave one out"),
        ({}, None, "a mapping of layers to rules is empty"),
        ("out=fa", "fc", "layers='fc' stands beside rules that name their layers"),
        ("conv1*=fa", None, "matches the first affine layer, 'conv1', alone"),
        ("*=fa/out=fbp:period=10", None, r"'out' gets no layer: '\*' has taken out before it.*put it first"),
        ("conv2=fa/*3=fa/conv*=usf", None, r"'conv\*' gets no layer: 'conv2', '\*3' has taken conv2, conv3"),
    ],
)
def test_wrong_assignments_name_what_is_wrong_and_leave_the_network_alone(net, rule, layers, message):
    with pytest.raises(ValueError, match=message):
        attach(net, rule, layers)
    assert not routed(net)


def test_a_third_partys_rule_can_stand_in_an_assignment():
    rules = rules_by_pattern("fc=spikefa.rules:FrozenBackprop:period=5/out=spikefa.rules:FeedbackAlignment")
    assert rules["fc"].keywords == {"period": 5}
    assert rules["out"] is FeedbackAlignment


def test_an_experiment_takes_an_assignment():
    assert Experiment(rule="fc2=fbp:period=2 / out=fa").rule == "fc2=fbp:period=2/out=fa"
    with pytest.raises(ValidationError, match="no rule is called 'fx'"):
        Experiment(rule="fc2=fa/out=fx")
