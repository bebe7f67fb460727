"""What TensorBoard reads back is what the comparison recorded."""

import math
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from spikefa import attach
from spikefa.comparison import compare, grid, load
from spikefa.experiment import Experiment
from spikefa.frame import flat
from spikefa.measurement import Epoch
from spikefa.runs import read
from spikefa.sitting import sit
from spikefa.tensorboard import BINS, Board, histograms
from spikefa.training import train

pytest.importorskip("tensorboard", reason="pip install 'spikefa[tensorboard]'")
TINY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 2}


def accumulated(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (place,) = folder.iterdir()
    events = EventAccumulator(str(place), size_guidance={"scalars": 0, "histograms": 0})
    return events.Reload()


def scalars(events):
    return {tag: [(found.step, found.value) for found in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_every_number_of_every_epoch_is_a_scalar(tmp_path, monkeypatch):
    monkeypatch.setattr("spikefa.sitting.show", lambda *_: 0)  # the report takes longest
    told = TINY | {"rule": "fbp:period=5", "seed": 3, "out": str(tmp_path), "tensorboard": True}
    assert sit(None, told, "spikefa compare") == 0
    (run,) = read(tmp_path)
    expected = {}
    for epoch in run.epochs:
        for name, value in flat(epoch, joint="/").items():
            if name not in ("kind", "key", "epoch", "angles") and math.isfinite(value):
                expected.setdefault(name, []).append((epoch["epoch"], pytest.approx(value, rel=1e-6)))
    found = scalars(accumulated(tmp_path / "tensorboard"))
    assert found == expected
    wanted = {"loss", "accuracy/test", "gradient/angle", "alignment/out/cosine", "rates/lif1", "moved", "bits"}
    assert wanted <= found.keys()
    assert (tmp_path / "tensorboard" / f"fbp_period=5-seed3-{run.key}").is_dir()


def test_the_histograms_are_those_of_w_and_of_b(tmp_path):
    net = torch.nn.Sequential(torch.nn.Linear(30, 20), torch.nn.Linear(20, 10))
    attach(net, "fa")
    experiment = Experiment(rule="fa", epochs=1)
    record = Epoch(0, {}, {}, {}, {}, {}, {}, 0, 0, 0.0, histograms=histograms(net))
    with Board(tmp_path) as board:
        board.add(experiment, record)
    events = accumulated(tmp_path)
    tensors = {"W/0": net[0].weight, "W/1": net[1].weight, "B/1": net[1].feedback.weight}
    assert sorted(events.Tags()["histograms"]) == sorted(tensors)
    for tag, tensor in tensors.items():
        (event,) = events.Histograms(tag)
        values, found = tensor.detach().double().numpy().ravel(), event.histogram_value
        counts, edges = np.histogram(values, bins=BINS)
        assert found.bucket[1:] == counts.tolist()
        np.testing.assert_allclose(found.bucket_limit, edges)
        expected = [values.min(), values.max(), values.size, values.sum(), (values**2).sum()]
        assert [found.min, found.max, found.num, found.sum, found.sum_squares] == pytest.approx(expected)


def test_histograms_follow_the_weights_and_cost_nothing_unless_asked_for():
    data, experiment = load("digits"), Experiment(**TINY, rule="kp", weight_decay=0.01)
    plain, watched = list(train(experiment, data)), list(train(experiment, data, weights=True))
    assert not any(record.histograms for record in plain)
    for name in ("W/fc1", "W/out", "B/out"):
        assert len({record.histograms[name].sum_squares for record in watched}) == 3, "W and B learn"
    for one, other in zip(plain, watched, strict=True):
        assert one.accuracy == other.accuracy
        assert one.loss == other.loss or math.isnan(one.loss)


def test_the_file_of_the_runs_holds_no_histograms(tmp_path):
    events = [event for _, event in compare(grid(TINY), tmp_path, weights=True)]
    assert all(event.histograms for event in events)
    recorded = set(asdict(replace(events[0], representations={}))) - {"histograms", "representations"}
    assert {name for epoch in read(tmp_path)[0].epochs for name in epoch} == recorded | {"kind", "key"}


def test_a_run_that_starts_again_replaces_its_epochs(tmp_path):
    experiment = Experiment(rule="fa", epochs=3)
    for loss, epochs in ((1.0, range(3)), (2.0, range(4))):
        with Board(tmp_path) as board:
            for epoch in epochs:
                board.add(experiment, Epoch(epoch, {}, {}, {}, {}, {}, {}, 0, 0, 0.0, loss=loss))
    assert scalars(accumulated(tmp_path))["loss"] == [(epoch, 2.0) for epoch in range(4)]


def test_what_is_not_finite_is_left_out(tmp_path):
    layer = torch.nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[math.nan, 1.0], [math.inf, 3.0]])
    found = histograms(torch.nn.Sequential(layer))["W/0"]
    assert (found.num, found.min, found.max) == (2, 1.0, 3.0)


def test_a_missing_package_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install 'spikefa\[tensorboard\]'"):
        sit(None, TINY | {"rule": "bp", "out": str(tmp_path), "tensorboard": True}, "")
    assert (tmp_path / "runs.jsonl").read_bytes() == b"", "nothing has been trained"


def test_it_is_on_or_off(tmp_path):
    with pytest.raises(ValueError, match="tensorboard must be true or false, not 'yes'"):
        sit(None, TINY | {"rule": "bp", "out": str(tmp_path), "tensorboard": "yes"}, "")
