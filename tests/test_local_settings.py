"""The local form: what it refuses, and its place in experiments."""

import copy
import json

import pytest
import snntorch as snn
import torch
from torch import nn
from torch.nn import functional as F

from spikefa import ThreeFactor, attach, detach, exact, learn
from spikefa.comparison import compare, grid, missing
from spikefa.credit import CREDITS
from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.journal import sealed
from spikefa.readout import READOUTS
from spikefa.runs import FILE, read
from spikefa.scan import using
from spikefa.settings import by_setting
from spikefa.streams import stream
from spikefa.training import train
from tests import test_local

LIF = {"beta": 0.9}
LOCAL = {"readout": "every_step", "credit": "local"}


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=200, validation=30, test=100)


def net(*hidden, last=None):
    return nn.Sequential(*hidden, nn.Linear(3, 2), last or snn.Leaky(**LIF))


REFUSED = {
    "convolution": (lambda: net(nn.Conv1d(1, 1, 3)), TypeError, "'0' is a Conv1d.*credit='bptt'"),
    "pooling": (lambda: net(nn.Linear(3, 3), nn.MaxPool1d(1)), TypeError, "'1' is a MaxPool1d"),
    "two affine": (lambda: net(nn.Linear(3, 3)), TypeError, "'1' is a Linear here"),
    "no neuron at the end": (lambda: nn.Sequential(nn.Linear(3, 2)), TypeError, "ends with '0'"),
    "synaptic": (lambda: net(nn.Linear(3, 3), snn.Synaptic(0.5, 0.9)), TypeError, "'1' is a Synaptic"),
    "recurrent": (lambda: net(nn.Linear(3, 3), snn.RLeaky(0.9, linear_features=3)), TypeError, "'1' is a RLeaky"),
    "inhibition": (lambda: net(nn.Linear(3, 3), snn.Leaky(0.9, inhibition=True)), ValueError, "'1' has inhibition"),
    "reset_delay": (lambda: net(nn.Linear(3, 3), snn.Leaky(0.9, reset_delay=False)), ValueError, "reset_delay=False"),
    "learn_beta": (lambda: net(nn.Linear(3, 3), snn.Leaky(0.9, learn_beta=True)), ValueError, "'1' has learn_beta"),
    "read-out to zero": (lambda: net(last=snn.Leaky(0.9, reset_mechanism="zero")), ValueError, "'none' or 'subtract'"),
    "read-out's betas": (lambda: net(last=snn.Leaky(torch.tensor([0.5, 0.9]))), ValueError, "one beta"),
    "parametrized": (
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), snn.Leaky(0.9)),
        TypeError,
        "unparametrized",
    ),
}


@pytest.mark.filterwarnings("ignore:Inhibition")
@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_follow_is_refused_with_a_way_out(name):
    make, kind, message = REFUSED[name]
    with pytest.raises(kind, match=f"(?s){message}"):
        ThreeFactor(make())


def test_a_shared_layer_is_refused():
    shared = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="comes twice"):
        ThreeFactor(net(shared, snn.Leaky(0.9), shared, snn.Leaky(0.9)))


def test_errors_without_a_step_or_of_another_shape_are_refused():
    learner = ThreeFactor(net())
    with pytest.raises(ValueError, match="no step has been made"):
        learner.learn(torch.zeros(4, 2))
    learner.step(torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"error of \(4, 3\).*\(4, 2\)"):
        learner.learn(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="at least one time step"):
        learn(net(), torch.zeros(0, 4, 3), lambda spk, mem: mem)


@pytest.mark.parametrize(("before", "after"), [(3, 2), (3, 1), (1, 3)])
def test_another_batch_needs_a_reset_and_one_example_is_a_batch(before, after):
    learner = ThreeFactor(net())
    learner.step(torch.ones(before, 3))
    with pytest.raises(ValueError, match=rf"{after} examples after a step of {before}: call reset\(\) before"):
        learner.step(torch.ones(after, 3))
    learner.reset()
    assert learner.step(torch.ones(after, 3))[1].shape == (after, 2)
    with pytest.raises(ValueError, match=r"\[B, in\] at a step, not \(3,\): \[1, in\]"):
        learner.step(torch.ones(3))


@pytest.mark.parametrize(("theirs", "ours"), [(torch.float64, torch.float32), (torch.float32, torch.float64)])
def test_an_error_of_another_precision_is_refused(theirs, ours):
    each = net(nn.Linear(3, 3), snn.Leaky(**LIF)).to(ours)
    with pytest.raises(TypeError, match=rf"error of {theirs}, but the read-out's mem is {ours}: give error.to"):
        learn(each, torch.ones(3, 4, 3, dtype=ours), lambda spk, mem: mem.to(theirs))
    assert all(p.grad is None for p in each.parameters())


CHANGES = {
    "attach": ("fa", lambda each: attach(detach(each), "dfa")),
    "detach": ("dfa", detach),
    "a pathway where there was none": (None, lambda each: attach(each, "dfa")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_pathways_that_change_during_a_sequence_are_noticed_and_reset_reads_them_anew(name):
    rule, change = CHANGES[name]
    x, nets = torch.ones(5, 4, 3), [net(*(m for _ in range(2) for m in (nn.Linear(3, 3), snn.Leaky(0.5))))]
    nets.append(copy.deepcopy(nets[0]))
    if rule:
        attach(nets[0], rule)
    learner = ThreeFactor(nets[0])
    learner.step(x[0])
    change(nets[0])
    for go_on in (lambda: learner.step(x[1]), lambda: learner.learn(torch.ones(4, 2))):
        with pytest.raises(ValueError, match=r"pathway of '2' is another .*call reset\(\) after it"):
            go_on()
    learner.reset()
    for now in x:
        learner.learn(learner.step(now)[1])
    learn(attach(nets[1], "dfa") if name != "detach" else nets[1], x, lambda spk, mem: mem)
    assert all(a.grad.equal(b.grad) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))
    assert nets[0][0].weight.grad.any()


def test_exact_during_a_sequence_is_noticed():
    learner = ThreeFactor(attach(net(nn.Linear(3, 3), snn.Leaky(**LIF)), "fa"))
    learner.step(torch.ones(4, 3))
    with exact(learner.net), pytest.raises(ValueError, match=r"\(attach, detach or exact came between\)"):
        learner.learn(torch.ones(4, 2))
    learner.learn(torch.ones(4, 2))


@pytest.mark.parametrize("rule", ["fa", "dfa", "dfa:error=sum"])
def test_inside_exact_no_pathway_is_used(rule):
    x, nets = torch.ones(5, 4, 3), [net(nn.Linear(3, 3), snn.Leaky(**LIF))]
    nets.append(copy.deepcopy(nets[0]))
    attach(nets[0], rule)
    with exact(nets[0]):
        learn(nets[0], x, lambda spk, mem: mem)
    learn(nets[1], x, lambda spk, mem: mem)
    assert all(a.grad.equal(b.grad) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def test_frozen_parameters_get_no_gradient():
    frozen = attach(net(nn.Linear(3, 3), snn.Leaky(**LIF)), "kp")
    frozen[0].weight.requires_grad_(requires_grad=False)
    frozen[2].bias.requires_grad_(requires_grad=False)
    learn(frozen, torch.ones(3, 4, 3), lambda spk, mem: mem)
    without = [name for name, p in frozen.named_parameters() if p.grad is None]
    assert without == ["0.weight", "2.bias"]


@pytest.mark.parametrize("name", [name for name, readout in READOUTS.items() if readout.stepwise])
def test_the_loss_of_a_stepwise_readout_is_the_mean_of_its_steps(name):
    readout, y = READOUTS[name], torch.tensor([0, 1, 2, 1])
    label, labels = (y.view(-1, 1), y.view(-1, 1).expand(-1, 7)) if readout.framewise else (y, y)
    spk, mem = torch.rand(7, 4, 3).round(), torch.randn(7, 4, 3)
    steps = [readout.loss(readout(spk[t : t + 1], mem[t : t + 1]), label) for t in range(7)]
    assert torch.allclose(readout.loss(readout(spk, mem), labels), torch.stack(steps).mean())


def test_every_step_is_the_cross_entropy_of_every_step():
    mem, y = torch.randn(7, 4, 3), torch.tensor([0, 1, 2, 1])
    readout = READOUTS["every_step"]
    expected = F.cross_entropy(mem.flatten(0, 1), y.repeat(7))
    assert torch.allclose(readout.loss(readout(mem, mem), y), expected)


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa", "kp"])
@pytest.mark.filterwarnings("ignore::spikefa.rules.kp.NoDecay")
def test_both_ways_have_one_loss_and_with_one_hidden_layer_one_gradient(digits, rule):
    experiment = Experiment(rule=rule, network="mlp:depth=1,width=20", **LOCAL)
    first = experiment.build(digits)
    nets, x, y = (first, copy.deepcopy(first)), digits.train.x[:9], digits.train.y[:9]
    losses = [
        credit.backward(each, experiment.encode(x, stream(0, "n")), y, READOUTS["every_step"])
        for each, credit in zip(nets, CREDITS.values(), strict=True)
    ]
    assert torch.allclose(*losses)
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-3, atol=1e-6)


def test_digits_are_learned_and_the_distance_from_backpropagation_is_recorded(digits):
    fields = {"network": "mlp:depth=2,width=40", "rule": "fa", "epochs": 6, "lr": 5e-3, "steps": 5, "batch_size": 20}
    start, *_, end = train(Experiment(**fields, **LOCAL), digits)
    assert end.accuracy["test"] > max(0.6, start.accuracy["test"])
    assert start.credit["layers"].keys() == {"fc1.weight", "fc2.weight", "out.weight"}
    assert 0.5 < start.credit["layers"]["fc1.weight"] < 0.99999
    assert min(start.credit["layers"][name] for name in ("fc2.weight", "out.weight")) > 0.99999
    assert 0.5 < start.credit["cosine"] < 1
    *_, through_time = train(Experiment(**fields | {"epochs": 1}, readout="every_step"), digits)
    assert through_time.credit == {}


def test_a_comparison_of_both_ways_keeps_them_apart_and_finds_what_was_recorded_before(tmp_path):
    fields = {"credit": ["bptt", "local"], "readout": "every_step", "epochs": 1, "steps": 2, "network": "mlp:depth=1"}
    experiments = grid(fields | {"dataset": "digits:train=60,validation=20,test=20"})
    list(compare(experiments, tmp_path))
    assert [label.rpartition(", ")[2] for label in by_setting(read(tmp_path))] == ["credit=bptt", "credit=local"]
    path, lines = tmp_path / FILE, []
    for line in map(json.loads, (tmp_path / FILE).read_text().splitlines()):
        if line.get("experiment", {}).get("credit") == "bptt":
            del line["experiment"]["credit"]  # as it was written before there was such a field
        lines.append(sealed({name: value for name, value in line.items() if name != "crc"}))
    path.write_bytes(b"".join(lines))
    assert missing(experiments, path) == ()
    assert len(by_setting(read(tmp_path))) == 2


def test_a_network_that_cannot_learn_so_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(ValueError, match=r"'convnet' under 'bp' cannot be built: 'conv1' is a Conv2d.*credit='bptt'"):
        list(compare(grid({"network": "convnet", **LOCAL}), tmp_path))


def test_snntorch_s_float32_spikes_round_what_comes_back_through_time_in_plain_torch(monkeypatch):
    monkeypatch.setattr(test_local, "wide", test_local.SURROGATES.get)
    assert test_local.off(test_local.both("fa")) < 1e-10  # a kernel has the precision of the currents
    with using("reference"):
        assert 1e-10 < test_local.off(test_local.both("fa")) < 1e-7
