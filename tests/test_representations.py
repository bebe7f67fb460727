"""Representations on the disk: what a comparison saves of its last epochs, whole or not at all."""

import json
import math
import os

import pytest
import torch
from safetensors.torch import save as encoded

from spikefa.comparison import compare, grid
from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.measurement import REPRESENTED, represent
from spikefa.representations import load, save, similarities
from spikefa.runs import FILE, Run, read
from spikefa.sequence import run
from spikefa.similarity import cka, gram
from spikefa.streams import stream
from spikefa.training import train

TINY = {"network": "mlp:depth=2,width=8", "steps": 3, "epochs": 2}
FILES = "representations/*"


def test_a_file_for_every_run_that_ended(tmp_path):
    experiments = grid(TINY | {"rule": ["bp", "fa"]})
    list(compare(experiments, tmp_path))
    names = {path.name for path in tmp_path.glob(FILES)}
    assert names == {f"{experiment.key}.safetensors" for experiment in experiments}
    grams = load(tmp_path, experiments[1].key)
    assert sorted(grams) == ["lif1", "lif2"]
    assert all(gram.shape == (REPRESENTED, REPRESENTED) and gram.equal(gram.T) for gram in grams.values())
    assert "representations" not in (tmp_path / FILE).read_text()


@pytest.mark.parametrize("readout", ["membrane", "rate"])
def test_they_are_the_spike_counts_of_hidden_neurons_after_the_last_epoch(readout):
    digits = DATASETS["digits"](train=150, validation=30, test=30)
    experiment = Experiment(**TINY, encoding="poisson", readout=readout)
    net = experiment.build(digits)
    epochs = list(train(experiment, digits))
    assert [len(epoch.representations) for epoch in epochs] == [0, 0, 2]
    untrained = train(experiment.model_copy(update={"lr": 1e-30}), digits)
    *_, last = untrained
    encoded = experiment.encode(digits.train.x[:REPRESENTED], stream(0, "representations"))
    for name, end in (("lif1", 3), ("lif2", 5)):
        counts = run(net[:end], encoded).sum(0)
        assert last.representations[name].equal((counts @ counts.T).double())
        assert not epochs[-1].representations[name].equal(last.representations[name])


def test_of_a_network_of_rates_they_are_the_rates():
    digits = DATASETS["digits"](train=150, validation=30, test=30)
    experiment = Experiment(network="mlp:depth=2,width=8,neuron=relu", steps=1, epochs=1)
    net = experiment.build(digits)
    found = represent(experiment, net, digits)
    x = digits.train.x[:REPRESENTED]
    for name, end in (("relu1", 3), ("relu2", 5)):
        torch.testing.assert_close(found[name], gram(net[:end](x)), rtol=1e-5, atol=1e-4)
    assert list(found) == ["relu1", "relu2"]


def test_rules_of_a_seed_see_the_same_images(tmp_path):
    """At a learning rate that moves nothing, all rules of a seed have the same representations."""
    bp, fa, other = grid(TINY | {"rule": "bp", "lr": 1e-30, "encoding": "poisson"}) + grid(
        TINY | {"rule": "fa", "lr": 1e-30, "encoding": "poisson", "seed": [0, 1]}
    )
    list(compare([bp, fa, other], tmp_path))
    first, second, third = (load(tmp_path, experiment.key) for experiment in (bp, fa, other))
    assert all(first[name].equal(second[name]) for name in first)
    assert not any(first[name].equal(third[name]) for name in first)


def test_the_file_is_whole_before_the_run_ends(tmp_path):
    (experiment,) = grid(TINY | {"rule": "fa"})
    for _, event in compare([experiment], tmp_path):
        recorded = [json.loads(line)["kind"] for line in (tmp_path / FILE).read_text().splitlines()]
        assert "done" not in recorded
        assert bool(load(tmp_path, experiment.key)) == (event.epoch == 2)


def test_a_write_that_is_killed_leaves_no_file_and_the_run_is_trained_again(tmp_path, monkeypatch):
    experiments = grid(TINY | {"rule": "fa"})

    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda number: killed(number) if list(tmp_path.glob(FILES)) else None)
        with pytest.raises(KeyboardInterrupt):
            list(compare(experiments, tmp_path))
    assert not list(tmp_path.glob("representations/*.safetensors"))
    assert read(tmp_path)[0].state == "incomplete"
    assert [line["epoch"] for line in read(tmp_path)[0].epochs] == [0, 1], "the last epoch's line comes after the file"
    assert load(tmp_path, experiments[0].key) == {}
    list(compare(experiments, tmp_path))
    assert [path.suffix for path in tmp_path.glob(FILES)] == [".safetensors"]


def test_counts_are_kept_exactly(tmp_path):
    grams = {"lif1": torch.tensor([[2.0**24 - 1, 3], [3, 5]], dtype=torch.float64)}
    save(grams, tmp_path, "3f")
    assert load(tmp_path, "3f")["lif1"].equal(grams["lif1"])


def trained(folder, rule, seed, grams, state="done"):
    run = Run(f"{rule}{seed}", {"rule": rule, "seed": seed}, {}, state=state, folder=folder)
    save(grams, folder, run.key)
    return run


def test_rules_are_compared_with_bp_of_their_seed_and_bp_with_other_seeds(tmp_path):
    grams = {name: {"lif1": gram(torch.randn(20, 5))} for name in ("bp0", "bp1", "bp2", "fa0", "fa1")}
    runs = [trained(tmp_path, name[:2], int(name[2:]), found) for name, found in grams.items()]

    def like(a, b):
        return cka(grams[a]["lif1"].float(), grams[b]["lif1"].float(), unbiased=True)

    found = similarities(runs)
    assert found["fa"]["lif1"] == pytest.approx((like("fa0", "bp0") + like("fa1", "bp1")) / 2, abs=1e-9)
    between = [like(a, b) for a, b in (("bp0", "bp1"), ("bp0", "bp2"), ("bp1", "bp2"))]
    assert found["bp"]["lif1"] == pytest.approx(sum(between) / 3, abs=1e-9)
    assert list(found) == ["bp", "fa"]


def test_runs_without_representations_or_without_bp_are_left_out(tmp_path):
    k = {"lif1": gram(torch.randn(20, 5)), "lif2": gram(torch.zeros(20, 5))}
    fa, bp = trained(tmp_path, "fa", 0, k), trained(tmp_path, "bp", 0, k)
    assert similarities([fa]) == {}
    assert similarities([bp]) == {}
    old = Run("old", {"rule": "usf", "seed": 0}, {}, state="done", folder=tmp_path)
    lost = trained(tmp_path, "kp", 0, k, state="failed")
    found = similarities([fa, bp, old, lost, trained(tmp_path, "fa", 1, k)])
    assert list(found) == ["fa"]
    assert found["fa"]["lif1"] == pytest.approx(1)
    assert math.isnan(found["fa"]["lif2"]), "a silent layer"


def test_a_file_that_is_not_ours_is_named(tmp_path):
    save({"lif1": torch.eye(2)}, tmp_path, "3f").write_bytes(b"{}")
    with pytest.raises(ValueError, match=r"3f.safetensors is no safetensors file .*: delete it"):
        load(tmp_path, "3f")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.75, 0.999])
def test_a_changed_bit_is_seen(tmp_path, part):
    path = save({"lif1": torch.eye(4), "lif2": torch.ones(4, 4)}, tmp_path, "3f")
    data = bytearray(path.read_bytes())
    data[int(part * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"3f\.safetensors is (not as it was written|no safetensors file).*delete it"):
        load(tmp_path, "3f")


def test_files_from_before_there_was_a_checksum_are_read(tmp_path):
    path = save({"lif1": torch.eye(4)}, tmp_path, "3f")
    path.write_bytes(encoded({"lif1": torch.eye(4)}))
    assert load(tmp_path, "3f")["lif1"].equal(torch.eye(4).double())
