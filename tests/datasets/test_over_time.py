"""Spikes over time in experiments: what goes with them and what does not, labels per step, whole comparisons."""

import copy
import json

import pytest
import torch
from torch.nn import functional as F

from spikefa.comparison import grid
from spikefa.credit import CREDITS
from spikefa.datasets import DATASETS, Dataset, Events, Split
from spikefa.datasets.dataset import UNLABELLED
from spikefa.experiment import Experiment
from spikefa.measurement import accuracy
from spikefa.over_time import NATURES
from spikefa.readout import READOUTS
from spikefa.sitting import sit
from spikefa.streams import stream
from spikefa.training import train

from .conftest import put

T = 30
ECG = {"dataset": "ecg_qtdb", "steps": T, "network": "mlp:depth=1,width=12"}


@pytest.fixture
def ecg(tmp_path, ecg_files):
    return DATASETS["ecg_qtdb"](put(tmp_path, ecg_files), validation=6)


def test_what_is_not_given_goes_with_the_data():
    shd, given = Experiment(dataset="shd:channels=140"), Experiment(dataset="shd", steps=25, readout="rate")
    assert (shd.encoding, shd.steps, shd.readout) == ("events", 100, "membrane")
    assert (given.encoding, given.steps, given.readout) == ("events", 25, "rate")
    ecg = Experiment(dataset=" ecg_qtdb : validation=50")
    assert (ecg.encoding, ecg.steps, ecg.readout) == ("events", 1301, "framewise")
    assert set(NATURES) <= set(DATASETS)
    both = grid({"dataset": ["digits", "nmnist"], "rule": ["bp"]})
    assert [(e.encoding, e.steps) for e in both] == [("current", 10), ("events", 30)]


def test_experiments_with_images_are_what_they_were():
    assert Experiment().key == "930b67b7b2"
    assert Experiment(rule="fbp:period=10", seed=1).key == "a7edef8509"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dataset": "shd", "encoding": "current"}, "'shd' has spikes over time, which the encoding 'current'"),
        ({"dataset": "nmnist:train=9", "encoding": "poisson"}, "'nmnist:train=9' has spikes .* or give events"),
        ({"dataset": "digits", "encoding": "events"}, "'digits' has images, which the encoding 'events' is not for"),
    ],
)
def test_encodings_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Experiment(**fields)


def test_data_of_a_third_party_are_refused_when_they_meet_the_encoding():
    events, images = Events.of([([0.1], [0])], (2,), 1.0), torch.zeros(1, 2)
    for name in ("current", "poisson", "latency"):
        with pytest.raises(ValueError, match="spikes over time already, which only the encoding events takes"):
            Experiment(encoding=name).encode(events, stream(0, "n"))
    with pytest.raises(ValueError, match="these are images: give encoding current"):
        Experiment(dataset="shd").encode(images, stream(0, "n"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"readout": "every_step"}, "'ecg_qtdb' have a label at each step: give readout framewise"),
        ({"steps": 10}, "'ecg_qtdb' has labels at 30 steps: give as many in the place of 10"),
    ],
)
def test_labels_at_each_step_need_their_readout_and_their_steps(ecg, fields, message):
    with pytest.raises(ValueError, match=message):
        Experiment(**(ECG | fields)).build(ecg)


def test_one_label_each_needs_another_readout():
    with pytest.raises(ValueError, match="'digits' have one label each: give readout membrane in the place of framew"):
        Experiment(readout="framewise").build(DATASETS["digits"]())


def test_the_loss_of_a_framewise_readout_is_the_mean_over_labelled_steps():
    mem, y = torch.randn(7, 4, 3), torch.randint(-1, 3, (4, 7))
    loss = READOUTS["framewise"].loss(READOUTS["framewise"](mem, mem), y)
    steps = [(t, b) for t in range(7) for b in range(4) if y[b, t] != UNLABELLED]
    assert torch.allclose(loss, torch.stack([F.cross_entropy(mem[t, b], y[b, t]) for t, b in steps]).mean())
    changed = torch.where(y.T.unsqueeze(-1) == UNLABELLED, torch.randn(7, 4, 3), mem)
    assert READOUTS["framewise"].loss(READOUTS["framewise"](mem, changed), y).equal(loss)
    none = READOUTS["framewise"].loss(READOUTS["framewise"](mem, mem), torch.full_like(y, UNLABELLED))
    assert none == 0


def test_accuracy_is_of_labelled_steps(ecg):
    experiment = Experiment(**ECG)
    net = experiment.build(ecg)
    scores = experiment.scores(net, ecg.test.x, stream(0, "n")).detach()
    assert scores.shape == (8, 6, T)
    right = [
        int(scores[b, :, t].argmax()) == int(ecg.test.y[b, t])
        for b in range(8)
        for t in range(T)
        if ecg.test.y[b, t] != UNLABELLED
    ]
    assert accuracy(experiment, net, ecg.test) == sum(right) / len(right)


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
def test_local_and_through_time_are_one_with_labels_at_each_step(ecg, rule):
    experiment = Experiment(**ECG, rule=rule, credit="local")
    first = experiment.build(ecg)
    nets, x, y = (first, copy.deepcopy(first)), ecg.train.x[:9], ecg.train.y[:9].clone()
    y[:, 3], y[2:, 5] = UNLABELLED, UNLABELLED
    losses = [
        credit.backward(net, experiment.encode(x, stream(0, "n")), y, READOUTS["framewise"])
        for net, credit in zip(nets, CREDITS.values(), strict=True)
    ]
    assert torch.allclose(*losses)
    for one, other in zip(*(net.parameters() for net in nets), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def by_its_first_event(late=0.9):
    """Twenty recordings of two classes, told apart by when alone: the rarer event comes early or late."""
    lists = [([0.1 if k % 2 else late, 0.5, 0.55], [0, 1, 1]) for k in range(20)]
    split = Split(Events.of(lists, (2,), 1.0), torch.arange(20) % 2)
    return Dataset("made", split, split, split, classes=2, note="made up")


def test_a_network_learns_from_when_events_come():
    """For the number of events at each input is the same in both classes."""
    fields = {"encoding": "events", "steps": 8, "network": "mlp:depth=1,width=30", "lr": 0.02, "readout": "rate"}
    epochs = list(train(Experiment(**fields, dataset="shd", epochs=20, batch_size=10), by_its_first_event()))
    assert epochs[-1].accuracy["test"] == 1.0
    same = list(train(Experiment(**fields, dataset="shd", epochs=1, batch_size=10), by_its_first_event(late=0.1)))
    assert same[-1].accuracy["test"] == 0.5


def put_all(folder, request):
    for name in ("shd_files", "nmnist_files", "ecg_files"):
        put(folder, request.getfixturevalue(name))
    return folder


@pytest.mark.parametrize(
    ("dataset", "fields"),
    [
        ("nmnist", {"steps": 4, "network": "convnet:blocks=1,channels=2,width=8"}),
        ("ecg_qtdb", {"steps": T, "network": "mlp:depth=1,width=8", "credit": "local"}),
        ("shd", {"steps": 9, "network": "mlp:depth=2,width=8", "readout": "every_step", "precision": "bfloat16"}),
    ],
)
@pytest.mark.filterwarnings("ignore::spikefa.silence.SilentLayer")
def test_networks_and_ways_of_credit_take_them(tmp_path, request, dataset, fields):
    options = {} if dataset == "shd" else {"validation": 20}
    data = DATASETS[dataset](put_all(tmp_path, request), **options)
    epochs, again = (list(train(Experiment(dataset=dataset, rule="fa", epochs=1, **fields), data)) for _ in range(2))
    assert 0 < epochs[1].accuracy["test"] <= 1
    assert epochs[1].loss == again[1].loss > 0
    assert epochs[1].accuracy == again[1].accuracy


def test_one_length_among_several_that_the_labels_do_not_have_is_refused_before_anything_is_trained(tmp_path, request):
    given = {"dataset": "ecg_qtdb:validation=6", "network": "mlp:depth=1,width=8", "rule": "bp", "seed": 0, "epochs": 1}
    given |= {"data": put_all(tmp_path / "data", request), "out": tmp_path / "runs", "steps": [T + 1, T]}
    with pytest.raises(ValueError, match=f"{T + 1}"):
        sit(None, given, "spikefa compare")
    assert '"start"' not in (tmp_path / "runs" / "runs.jsonl").read_text()


@pytest.mark.filterwarnings("ignore::spikefa.silence.SilentLayer")
def test_a_whole_comparison_of_the_three(tmp_path, request):
    given = {
        "network": "mlp:depth=1,width=8",
        "rule": ["bp", "fa"],
        "seed": 0,
        "epochs": 1,
        "batch_size": 8,
        "steps": T,
    }
    given |= {"dataset": ["shd:channels=70", "nmnist:validation=20", "ecg_qtdb:validation=6"]}
    given |= {"data": put_all(tmp_path / "data", request), "out": tmp_path / "runs"}
    assert sit(None, given, "spikefa compare") == 0
    lines = [json.loads(line) for line in (tmp_path / "runs" / "runs.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines].count("done") == 6
    starts = [line["experiment"] for line in lines if line["kind"] == "start"]
    assert {start["encoding"] for start in starts} == {"events"}
    assert {start["dataset"]: start["readout"] for start in starts} == dict(
        zip(given["dataset"], ("membrane", "membrane", "framewise"), strict=True)
    )
    assert all(0 <= line["accuracy"]["test"] <= 1 for line in lines if line["kind"] == "epoch")
    assert (tmp_path / "runs" / "report.html").stat().st_size > 0
