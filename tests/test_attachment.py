"""Attaching and detaching: what is chosen, what is refused and what stays as it was."""

from functools import partial

import pytest
import snntorch as snn
import torch
from torch import nn
from torch.nn.utils import prune

from spikefa import Feedback, adapt, attach, describe, detach, routed
from spikefa.rules import Backprop, FeedbackAlignment, FrozenBackprop
from tests.layers import LAYERS

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

MAKERS = {
    "class": (FrozenBackprop, 100),
    "partial": (partial(FrozenBackprop, period=7), 7),
    "factory": (lambda weight, generator: FrozenBackprop(weight, generator, period=5), 5),
    "name": ("fbp", 100),
    "name-with-option": ("fbp:period=9", 9),
    "imported": ("spikefa.rules.fbp:FrozenBackprop:period=3", 3),
}


@pytest.mark.parametrize(("make", "period"), MAKERS.values(), ids=MAKERS)
def test_a_rule_is_a_class_a_partial_a_factory_or_a_name(mlp, make, period):
    assert attach(mlp, make) is mlp
    assert [layer.feedback.period for layer in routed(mlp).values()] == [period, period]


CHOICES = {
    "default": ({}, ["2", "4"]),
    "first-too": ({"first": True}, ["0", "2", "4"]),
    "name": ({"layers": "2"}, ["2"]),
    "first-by-name": ({"layers": "0"}, ["0"]),
    "names": ({"layers": ["4", "2"]}, ["2", "4"]),
    "pattern": ({"layers": "*"}, ["2", "4"]),
    "pattern-and-first": ({"layers": "[02]", "first": True}, ["0", "2"]),
}


@pytest.mark.parametrize(("options", "names"), CHOICES.values(), ids=CHOICES)
def test_layers_are_chosen_by_name_or_pattern(mlp, options, names):
    assert list(routed(attach(mlp, "fa", **options))) == names


def test_layers_can_have_different_rules_and_one_line_says_which(mlp):
    net = attach(attach(attach(mlp, "fa", "2"), "fbp:period=10", "4"), Backprop, "0")
    assert describe(net).splitlines() == [
        "0  Linear 6 → 6  bp   Backprop()                 36 weights",
        "2  Linear 6 → 6  fa   FeedbackAlignment()        36 weights",
        "4  Linear 6 → 3  fbp  FrozenBackprop(period=10)  18 weights",
    ]


def test_convolutions_are_described_by_channels_and_kernel():
    convolutions = nn.Conv1d(1, 2, 3), nn.Conv3d(2, 4, (3, 5, 1)), nn.ConvTranspose2d(4, 2, 2, groups=2)
    assert describe(attach(nn.Sequential(*convolutions), FeedbackAlignment, first=True)).splitlines() == [
        "0  Conv1d 1 → 2, 3             fa  FeedbackAlignment()    6 weights",
        "1  Conv3d 2 → 4, 3×5×1         fa  FeedbackAlignment()  120 weights",
        "2  ConvTranspose2d 4 → 2, 2×2  fa  FeedbackAlignment()   16 weights",
    ]


def test_layers_that_keep_exact_errors_are_described_too():
    net = attach(nn.Sequential(nn.Linear(4, 4), snn.RLeaky(beta=0.9, linear_features=4), nn.Linear(4, 2)), "fa")
    assert [line.split()[:5] for line in describe(net).splitlines()] == [
        ["0", "Linear", "4", "→", "4"],
        ["1.recurrent", "Linear", "4", "→", "4"],
        ["2", "Linear", "4", "→", "2"],
    ]
    assert ["exact" in line for line in describe(net).splitlines()] == [True, True, False]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_weight_that_a_hook_computes_is_refused_for_it_is_out_of_date_after_an_update(mlp):
    nn.utils.weight_norm(mlp[2])
    with pytest.raises(ValueError, match="'2' has a weight that a hook computes"):
        attach(mlp, "fa")


def test_a_hook_that_comes_after_attach_is_refused_by_adapt(mlp):
    prune.l1_unstructured(attach(mlp, "fbp:period=1")[2], "weight", amount=2)
    with pytest.raises(ValueError, match="'2' has a weight that a hook computes"):
        adapt(mlp)


def test_a_layer_parametrized_after_attach_adapts_and_is_not_detached_halfway(mlp):
    nn.utils.parametrizations.weight_norm(attach(mlp, "fbp:period=1")[4])
    mlp[4].parametrizations.weight.original0.data *= 2
    adapt(mlp)
    assert torch.equal(mlp[4].feedback.weight, mlp[4].weight)
    with pytest.raises(ValueError, match="'4' was parametrized after attach"):
        detach(mlp)
    assert list(routed(mlp)) == ["2", "4"]


@pytest.mark.parametrize("rule", [FeedbackAlignment(torch.eye(2), torch.Generator()), lambda weight: None, None])
def test_what_is_not_a_rule_is_refused_with_the_layers_name(mlp, rule):
    with pytest.raises(TypeError, match=r"layer '2': the rule .* cannot be called with \(weight, generator\)"):
        attach(mlp, rule)


def test_no_layers_at_all_are_not_the_default(mlp):
    with pytest.raises(ValueError, match="layers is empty"):
        attach(mlp, "fa", [])


def test_spiking_neurons_are_not_entered():
    neurons = [snn.RLeaky(beta=0.9, linear_features=4)]
    if hasattr(snn, "LinearLeaky"):  # from snnTorch 1.0 on
        neurons.append(snn.LinearLeaky(beta=0.9, in_features=4, out_features=4))
    net = nn.Sequential(nn.Linear(4, 4), nn.Sequential(*neurons), nn.Linear(4, 2))
    assert list(routed(attach(net, "fa", first=True))) == ["0", "2"]


def test_a_shared_layer_is_attached_once():
    shared = nn.Linear(4, 4)
    net = nn.Sequential(nn.Linear(4, 4), nn.Sequential(shared), nn.Sequential(shared))
    assert list(routed(attach(net, "fa"))) == ["1.0"]


class Own(nn.ConvTranspose2d):
    """A layer whose forward pass nobody here knows."""


def first_then(layer):
    return lambda: nn.Sequential(nn.Linear(4, 4), layer())


def only_the_first(weight, generator):
    return Backprop(weight, generator) if weight.shape == (4, 4) else weight


BAD_RULE = {"rule": only_the_first, "first": True}
REFUSED = {
    "no-affine-layer": (lambda: nn.Sequential(nn.Tanh(), snn.Leaky(beta=0.9)), {}, ValueError, "no affine layer"),
    "only-the-first": (
        lambda: nn.Sequential(nn.Linear(4, 4)),
        {},
        ValueError,
        "'0', alone: say first=True",
    ),
    "unknown-name": (first_then(nn.Tanh), {"layers": "fc9"}, ValueError, "matches 'fc9'.* are 0"),
    "second-attach": (lambda: attach(first_then(partial(nn.Linear, 4, 4))(), "fa"), {}, ValueError, "'1' already"),
    "circular": (first_then(partial(nn.Conv2d, 1, 1, 3, padding_mode="circular")), {}, ValueError, "'1' .*'circular'"),
    "reflect": (first_then(partial(nn.Conv1d, 1, 1, 3, padding_mode="reflect")), {}, ValueError, "'1' .*'reflect'"),
    "lazy": (first_then(partial(nn.LazyConv2d, 1, 3)), {}, TypeError, "'1' is a LazyConv2d"),
    "own": (first_then(partial(Own, 1, 1, 3)), {"first": True}, TypeError, "'1' is a Own"),
    "bilinear": (first_then(partial(nn.Bilinear, 4, 4, 2)), {}, TypeError, "'1' is a Bilinear"),
    "not-a-feedback": (first_then(partial(nn.Linear, 4, 2)), BAD_RULE, TypeError, "'1' made a Tensor"),
    "unknown-rule": (first_then(partial(nn.Linear, 4, 4)), {"rule": "fpb"}, ValueError, "'fpb' .did you mean 'fbp'"),
}


@pytest.mark.parametrize(("make", "options", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_the_layer_and_leave_the_network_alone(make, options, error, message):
    net = make()
    before = [type(module) for module in net.modules()]
    with pytest.raises(error, match=message):
        attach(net, **{"rule": "fa"} | options)
    assert [type(module) for module in net.modules()] == before


@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
def test_every_kind_of_layer_is_itself_again_after_detach(make, shape):
    layer = make()
    kind, keys = type(layer), list(layer.state_dict())
    x = torch.randn(shape[-layer.weight.dim() :])
    before = layer(x)
    assert isinstance(attach(layer, "fa", first=True), kind)
    assert type(detach(layer)) is kind
    assert list(layer.state_dict()) == keys
    assert layer(x).equal(before)


class Counting(Feedback):
    """A rule whose B is where W is and whose counter is where torch makes it."""

    reads = frozenset()

    def __init__(self, weight, generator):
        super().__init__()
        self.register_buffer("weight", torch.zeros_like(weight))
        self.register_buffer("drift", torch.zeros((), dtype=torch.float64))

    def forward(self, weight):
        return self.weight


def test_everything_of_a_pathway_is_on_the_device_of_the_weight_in_a_dtype_of_its_own():
    pathway = attach(nn.Linear(3, 2, device="meta"), Counting, first=True).feedback
    found = {name: (buffer.device.type, buffer.dtype) for name, buffer in pathway.named_buffers()}
    dtypes = {"words": torch.int64, "bits": torch.int64, "weight": torch.float32, "drift": torch.float64}
    assert found == {name: ("meta", dtype) for name, dtype in dtypes.items()}


def test_the_weights_of_a_parametrized_layer_are_counted_with_a_pathway_and_without():
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    for layer in net:
        nn.utils.parametrizations.weight_norm(layer)
    assert [line.split()[-2] for line in describe(net).splitlines()] == ["12", "6"]
