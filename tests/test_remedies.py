"""Remedies: names, what they leave alone, how they combine, and their way through experiments and comparisons."""

import copy
import io
from dataclasses import replace

import pytest
import torch
from torch import nn

from spikefa import REMEDIES, Remedy, adapt, attach, exact, remedy, routed, run
from spikefa.comparison import compare, grid
from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.remedies import NormLimit, ReadoutDecay, Undone, WeightNorm
from spikefa.runs import read
from spikefa.summary import summarise
from spikefa.training import train
from tests.neurons import network

pytestmark = pytest.mark.filterwarnings("ignore::spikefa.rules.kp.NoDecay")
OPTIONS = {"norm_limit": "factor=0.8", "readout_decay": "rate=0.25,until=3"}
NAMES = [f"{name}:{OPTIONS[name]}" if name in OPTIONS else name for name in REMEDIES]
SMALL = {"network": "mlp:depth=2,width=16", "epochs": 2, "batch_size": 25, "steps": 4, "lr": 0.01}


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=100, validation=30, test=40)


def records(digits, **fields):
    return [repr(replace(epoch, seconds=0, work=0)) for epoch in train(Experiment(**SMALL | fields), digits)]


def update(net, after, x):
    """A hand-made update of all parameters, B among them where it is one."""
    with torch.no_grad():
        for p in net.parameters():
            p += 0.1 * torch.sin(torch.arange(p.numel(), dtype=p.dtype).view_as(p) + x)
    after.step()


@pytest.mark.parametrize("name", NAMES)
def test_weights_with_a_name_are_all_that_a_remedy_touches(mlp, rule, name):
    net = attach(mlp, rule)
    after, twin = remedy(name)(net), copy.deepcopy(net)
    update(net, after, 1)
    update(twin, remedy("none")(twin), 1)
    changed = {key for key, value in net.state_dict().items() if not value.equal(twin.state_dict()[key])}
    assert changed == {f"{layer}.weight" for layer in after.layers}
    assert {id(layer) for layer in after.layers.values()} <= {id(module) for module in net.modules()}


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_training_continues_as_if_it_had_not_been(mlp, name):
    nets = [attach(net, "fa") for net in (mlp, copy.deepcopy(mlp))]
    afters = [remedy(name)(net) for net in nets]
    for x in range(2):
        update(nets[0], afters[0], x)
    for saved, loaded in ((nets[0], nets[1]), (afters[0], afters[1])):
        torch.save(saved.state_dict(), file := io.BytesIO())
        loaded.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    assert afters[0].state_dict()
    for x in range(2, 6):
        for net, after in zip(nets, afters, strict=True):
            update(net, after, x)
    assert all(a.equal(b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_remedy_comes_before_the_pathways_adapt_so_that_a_copy_is_of_what_came_out(mlp, name):
    net = attach(mlp, "fbp:period=1")
    after = remedy(name)(net)
    update(net, after, 1)
    adapt(net)
    assert all(layer.feedback.weight.equal(layer.weight) for layer in routed(net).values())


@pytest.mark.parametrize("name", NAMES)
def test_recurrent_weights_with_a_pathway_are_layers_too(name):
    net = attach(network("RLeaky", init_hidden=True), "fa", ["*", "recurrent"])
    after = remedy(name)(net)
    assert list(after.layers) == (["out"] if name.startswith("readout") else list(routed(net)))
    update(net, after, 1)
    with exact(net):
        assert run(net, torch.rand(3, 2, 5, dtype=torch.float64))[1].isfinite().all()


def test_no_remedy_needs_nothing_and_does_nothing(mlp):
    before = copy.deepcopy(mlp.state_dict())
    remedy("none")(mlp).step()
    remedy(" none ")(nn.Tanh()).step()
    assert all(value.equal(before[key]) for key, value in mlp.state_dict().items())


def test_several_act_one_after_the_other(mlp):
    nets = [attach(net, "fa") for net in (mlp, copy.deepcopy(mlp))]
    together = remedy("weight_norm:layers=2 + readout_decay:rate=0.5,until=2+norm_limit:factor=1e-1,layers=4")(nets[0])
    apart = [WeightNorm(nets[1], layers="2"), ReadoutDecay(nets[1], rate=0.5, until=2)]
    apart.append(NormLimit(nets[1], factor=0.1, layers="4"))
    for x in range(4):
        update(nets[0], together, x)
        update(nets[1], apart[0], x)
        [after.step() for after in apart[1:]]
    assert nets[0][4].weight.equal(nets[1][4].weight)
    assert nets[0][2].weight.equal(nets[1][2].weight)
    assert list(together.layers) == ["2", "4"]


def test_a_plus_inside_a_number_joins_nothing(mlp):
    after = remedy("norm_limit:factor=1e+2")(attach(mlp, "fa"))
    before = mlp[4].weight.detach().clone()
    mlp[4].weight.data *= 1000
    after.step()
    assert mlp[4].weight.allclose(100 * before)


def test_a_norm_that_is_held_cannot_decay_and_that_is_said(mlp):
    attach(mlp, "fa")
    for name in ("weight_norm+readout_decay", "readout_decay+weight_norm:layers=4"):
        with pytest.warns(Undone, match=r"holds the norm of '4'.*weight_norm:layers="):
            remedy(name)(mlp)
    remedy("weight_norm:layers=2+readout_decay")(mlp)


class Own(Remedy):
    """A remedy of a third party."""

    def __init__(self, net, *, factor=1.0):
        super().__init__(dict(routed(net)))
        self.factor = factor

    def step(self):
        for layer in self.layers.values():
            layer.weight.data *= self.factor


def test_a_remedy_of_ones_own_is_named_by_its_place(mlp):
    before = attach(mlp, "fa")[4].weight.detach().clone()
    remedy(f"{__name__}:Own:factor=0.5")(mlp).step()
    assert mlp[4].weight.equal(before / 2)


def lamed(net):
    return net


def test_what_makes_no_remedy_is_refused_by_name(mlp):
    with pytest.raises(TypeError, match=r"the remedy .*lamed.* made a Sequential, not a spikefa\.Remedy"):
        remedy(f"weight_norm+{__name__}:lamed")(attach(mlp, "fa"))


def test_the_options_are_printed(mlp):
    attach(mlp, "fa")
    for name, printed in {
        "weight_norm:layers=2": "WeightNorm(layers=['2'])",
        "norm_limit:factor=0.8": "NormLimit(factor=0.8, layers=['2', '4'])",
        "readout_decay:rate=0.25,until=3": "ReadoutDecay(rate=0.25, until=3, layers=['4'])",
    }.items():
        assert repr(remedy(name)(mlp).parts[0]) == printed
    assert repr(remedy("none")(mlp)).count("layers") == 0


def test_what_cannot_be_is_refused_with_the_way_out(mlp):
    for name, message in {
        "weight_nrom": "no remedy is called 'weight_nrom' .did you mean 'weight_norm'",
        "norm_limit:faktor=2": "no option 'faktor' .did you mean 'factor'",
        "none+weight_norm": "write none alone",
        "weight_norm+": "no remedy is called",
    }.items():
        with pytest.raises(ValueError, match=message):
            remedy(name)
        with pytest.raises(ValueError, match=rf"(?s)remedy.*{message}"):
            Experiment(remedy=name)
    with pytest.raises(ValueError, match=r"no layer with a pathway .*attach\(net, rule\) first"):
        remedy("weight_norm")(mlp)
    with pytest.raises(ValueError, match="layers='fc9' matches no layer with a pathway: there are 2, 4"):
        remedy("norm_limit:layers=fc9")(attach(mlp, "fa"))
    nn.utils.parametrizations.weight_norm(mlp[4])
    with pytest.raises(ValueError, match="layer '4' computes its weight from others"):
        remedy("weight_norm")(mlp)


def test_none_is_what_an_experiment_has_and_others_change_its_numbers(digits, rule):
    plain = records(digits, rule=rule)
    assert records(digits, rule=rule, remedy="none") == plain
    for name in NAMES:
        assert records(digits, rule=rule, remedy=name)[0] == plain[0]
        assert records(digits, rule=rule, remedy=name)[1:] != plain[1:]


@pytest.mark.parametrize("name", [*NAMES, "weight_norm:layers=fc*+readout_decay:rate=1e-2,until=5"])
def test_a_run_with_a_remedy_gives_the_same_numbers_again(digits, name):
    assert records(digits, rule="fa", remedy=name) == records(digits, rule="fa", remedy=name)


def test_training_applies_it_after_every_update(digits):
    """Decay of all of W_out but a trace: the read-out is what the last update made it, times a trace."""
    *_, end = train(Experiment(**SMALL, remedy="readout_decay:rate=0.999999,layer=out"), digits)
    assert end.loss == pytest.approx(torch.tensor(10.0).log().item(), abs=1e-3)
    *_, end = train(Experiment(**SMALL, rule="fa", remedy="weight_norm"), digits)
    assert all(layer["norm_ratio"] == pytest.approx(1, rel=0.2) for layer in end.alignment.values())


def test_training_applies_it_before_the_pathways_adapt(digits):
    *_, end = train(Experiment(**SMALL, rule="fbp:period=1", remedy="norm_limit:factor=0.5"), digits)
    assert all(layer["norm_ratio"] == 1 for layer in end.alignment.values())


def test_a_comparison_shows_remedies_as_settings(tmp_path):
    fields = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 1, "rule": ["bp", "fa"]}
    experiments = grid(fields | {"remedy": ["none", "weight_norm"]})
    assert [(e.remedy, e.rule) for e in experiments] == [
        (name, rule) for name in ("none", "weight_norm") for rule in ("bp", "fa")
    ]
    assert len({e.key for e in experiments}) == 4
    list(compare(experiments, tmp_path))
    frame = summarise(read(tmp_path))
    assert [(row.setting.rpartition(", ")[2], row.rule) for row in frame.itertuples()] == [
        (f"remedy={name}", rule) for name in ("none", "weight_norm") for rule in ("bp", "fa")
    ]


def test_a_value_that_cannot_be_is_found_before_anything_is_trained(tmp_path):
    tiny = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 1}
    with pytest.raises(ValueError, match="under 'fa' with 'readout_decay:rate=2' cannot be built: rate must be"):
        list(compare(grid(tiny | {"rule": "fa", "remedy": ["none", "readout_decay:rate=2"]}), tmp_path))
    assert read(tmp_path) == ()
