"""The edges of what can be asked: either it works, or one sentence says what is wrong and what to do."""

import warnings
from dataclasses import replace
from functools import partial

import pytest
import snntorch as snn
import torch
from pydantic import ValidationError
from torch import nn

from spikefa import adapt, attach, run
from spikefa.comparison import Failed, compare, grid
from spikefa.datasets import DATASETS, Dataset, Split
from spikefa.experiment import Experiment
from spikefa.runs import read
from spikefa.training import train

SMALL = {"network": "mlp:depth=2,width=12", "epochs": 1, "batch_size": 25, "steps": 3}
RULES = ["bp", "fa", "dfa:error=sum", "kp", "sal:every=1,steps=50"]


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=60, validation=30, test=30)


def trained(data, **fields):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(train(Experiment(**SMALL | fields), data))


def part(data, kept, classes=10):
    def cut(split):
        return Split(split.x[kept(split)], split.y[kept(split)])

    return Dataset("part", cut(data.train), cut(data.validation), cut(data.test), classes=classes, note="")


@pytest.mark.parametrize("rule", RULES)
def test_one_time_step(digits, rule):
    start, end = trained(digits, rule=rule, steps=1)
    assert end.loss > 0
    assert start.accuracy.keys() == end.accuracy.keys()


@pytest.mark.parametrize("rule", RULES)
def test_batches_of_one_image_and_a_last_batch_that_is_smaller(digits, rule):
    assert trained(part(digits, lambda split: slice(0, 7)), rule=rule, batch_size=1)[1].updates == 7
    assert trained(part(digits, lambda split: slice(0, 7)), rule=rule, batch_size=3)[1].updates == 3


@pytest.mark.parametrize("rule", RULES)
def test_one_image(digits, rule):
    _, end = trained(part(digits, lambda split: slice(0, 1)), rule=rule)
    assert end.updates == 1
    assert set(end.accuracy.values()) <= {0.0, 1.0}


@pytest.mark.parametrize("rule", RULES)
def test_one_class_is_always_right_and_nothing_is_learned(digits, rule):
    """A softmax over one class is 1: the loss is 0, there is no error, and no angle between gradients that are zero."""
    start, end = trained(part(digits, lambda split: split.y == 0, classes=1), rule=rule)
    assert (end.loss, end.accuracy) == (0.0, {"train": 1.0, "validation": 1.0, "test": 1.0})
    assert start.gradient["angle"] != start.gradient["angle"], "nan"


def test_one_class_and_silence_are_recorded_with_probes(digits, tmp_path, monkeypatch):
    """Angles within an epoch are nan then: null in the file, where no word for nan is."""
    one = part(digits, lambda split: split.y == 0, classes=1)
    monkeypatch.setitem(DATASETS, "one", lambda folder=None: one)
    events = list(compare(grid(SMALL | {"dataset": "one", "rule": ["bp", "fa"]}), tmp_path, probe=1))
    assert not [event for _, event in events if isinstance(event, Failed)]
    assert all(angle is None for run in read(tmp_path) for _, angle in run.epochs[1]["angles"])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("rule", RULES)
def test_a_silent_network_warns_and_ends(digits, rule):
    with pytest.warns(UserWarning, match="layer 'lif1' is silent"):
        _, end = train(Experiment(**SMALL | {"network": "mlp:depth=2,width=12,gain=0.0001"}, rule=rule), digits)
    assert set(end.rates.values()) == {0.0}
    assert end.loss == end.loss


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa", "kp"])
def test_an_empty_batch_gives_nothing_and_gradients_of_zero(rule):
    parts = [nn.Linear(4, 6), snn.Leaky(0.9), nn.Linear(6, 3), snn.Leaky(0.9)]
    net = attach(nn.Sequential(*parts), rule)
    spk = run(net, torch.zeros(5, 0, 4))
    assert spk.shape == (5, 0, 3)
    spk.sum().backward()
    assert all(not p.grad.any() for p in net.parameters() if p.grad is not None)
    adapt(net)


def test_a_sequence_without_steps_is_refused():
    with pytest.raises(ValueError, match=r"at least one time step, not \(0, 2, 4\)"):
        run(nn.Sequential(nn.Linear(4, 2), snn.Leaky(0.9)), torch.zeros(0, 2, 4))


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "0", "-1", "1e38"])
@pytest.mark.parametrize("field", ["lr", "weight_decay"])
def test_rates_that_cannot_be_are_refused(field, value):
    if (field, value) in (("weight_decay", "0"), ("weight_decay", "1e38")):
        return
    with pytest.raises(ValidationError, match=field):
        Experiment(**{field: value})


@pytest.mark.parametrize("field", ["batch_size", "steps", "epochs"])
@pytest.mark.parametrize("value", [0, -1, 0.5, float("nan"), float("inf")])
def test_sizes_that_cannot_be_are_refused(field, value):
    with pytest.raises(ValidationError, match=field):
        Experiment(**{field: value})


@pytest.mark.parametrize("option", ["sgd:momentum=nan", "sgd:momentum=1e400", "adamw:eps=nan"])
def test_options_of_optimisers_that_are_no_numbers_are_refused(option):
    with pytest.raises(ValidationError, match="optimizer"):
        Experiment(optimizer=option)


@pytest.mark.parametrize("option", ["mlp:beta=nan", "mlp:gain=nan", "mlp:gain=1e400", "mlp:width=0", "mlp:depth=0"])
def test_options_of_networks_that_are_no_numbers_are_refused(digits, option):
    with pytest.raises(ValueError, match=option.partition(":")[2].partition("=")[0]):
        Experiment(network=option).build(digits)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("rule", ["bp", "fa", "dfa", "usf", "kp", "fbp", "mirror", "sal"])
def test_weights_that_are_no_numbers_are_refused_and_the_layer_is_named(rule, value):
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    net[2].weight.data[1, 2] = value
    with pytest.raises(ValueError, match=r"layer '2'.*finite"):
        attach(net, rule)
    assert type(net[2]) is nn.Linear, "nothing was attached"


def test_weights_without_numbers_yet_are_attached():
    net = attach(nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3)).to("meta"), "bp")
    assert net[1].weight.is_meta


def test_every_kind_of_trouble_leaves_the_other_experiments_alone(tmp_path):
    """One that diverges, one that is silent, one of a single step, one in batches of one."""
    cut = {"dataset": "digits:train=40,validation=20,test=20"}
    odd = [{"lr": 1e37}, {"network": "mlp:depth=1,width=8,gain=0.0001"}, {"steps": 1}, {"batch_size": 1}]
    experiments = [e for fields in odd for e in grid(SMALL | cut | fields)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        list(compare(experiments, tmp_path))
    assert [run.state for run in read(tmp_path)] == ["failed", "done", "done", "done"]


def test_nothing_of_a_record_depends_on_the_images_that_are_left(digits):
    """The last, smaller batch is trained on as it is: none is dropped and none is filled up."""
    whole = partial(trained, rule="fa", batch_size=30)
    cut = replace(digits, train=Split(digits.train.x[:45], digits.train.y[:45]))
    assert [len(y) for _, y in cut.train.batches(30)] == [30, 15]
    assert whole(cut)[1].updates == 2
