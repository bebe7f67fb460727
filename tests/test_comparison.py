"""The comparison's file: what is trained, what is kept, what a kill or a failure leaves behind."""

import json

import pytest
import torch

from spikefa.comparison import Failed, compare, grid, load, missing
from spikefa.measurement import Epoch
from spikefa.runs import FILE, read

TINY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 2}


def lines(folder):
    return [json.loads(line) for line in (folder / FILE).read_text().splitlines()]


def finish(experiments, folder, **options):
    return list(compare(experiments, folder, **options))


def test_grid_is_the_product_with_the_rules_of_a_seed_side_by_side():
    experiments = grid({"rule": ["bp", "fa"], "seed": (0, 1), "lr": 0.01})
    assert [(e.seed, e.rule, e.lr) for e in experiments] == [(s, r, 0.01) for s in (0, 1) for r in ("bp", "fa")]


def test_every_epoch_is_yielded_and_recorded(tmp_path):
    events = finish(grid(TINY | {"rule": ["bp", "fa"]}), tmp_path, command="spikefa compare")
    assert [(e.rule, event.epoch) for e, event in events] == [(r, n) for r in ("bp", "fa") for n in range(3)]
    runs = read(tmp_path)
    assert [run.state for run in runs] == ["done", "done"]
    assert runs[0].environment["command"] == "spikefa compare"
    assert runs[0].epochs[-1]["accuracy"] == events[2][1].accuracy
    assert "UCI digits" in runs[0].data


def test_only_what_is_missing_is_trained(tmp_path):
    finish(grid(TINY | {"rule": "bp"}), tmp_path)
    before = (tmp_path / FILE).read_bytes()
    assert finish(grid(TINY | {"rule": "bp"}), tmp_path) == []
    assert (tmp_path / FILE).read_bytes() == before, "a comparison that is complete writes nothing"
    events = finish(grid(TINY | {"rule": ["bp", "fa"]}), tmp_path)
    assert {e.rule for e, _ in events} == {"fa"}
    assert (tmp_path / FILE).read_bytes().startswith(before), "what is there is appended to"


def test_an_experiment_named_twice_is_trained_once(tmp_path):
    assert len(finish(grid(TINY | {"seed": [0, 0]}), tmp_path)) == 3


@pytest.mark.parametrize("left", [1, 40, 400])
def test_a_killed_run_is_picked_up_again_and_gives_the_same_numbers(tmp_path, left):
    experiments = grid(TINY | {"rule": ["bp", "fa"]})
    finish(experiments, tmp_path)
    whole = read(tmp_path)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-left])  # killed while it wrote
    events = finish(experiments, tmp_path)
    assert {e.rule for e, _ in events} == {"fa"}
    mended = read(tmp_path)
    assert [run.state for run in mended] == ["done", "done"]
    for old, new in zip(whole, mended, strict=True):
        assert [epoch["loss"] for epoch in old.epochs] == [epoch["loss"] for epoch in new.epochs]
        assert [epoch["accuracy"] for epoch in old.epochs] == [epoch["accuracy"] for epoch in new.epochs]


def test_a_run_that_diverges_is_recorded_and_the_others_go_on(tmp_path):
    experiments = (*grid(TINY | {"lr": 1e37}), *grid(TINY | {"rule": "fa"}))
    events = finish(experiments, tmp_path)
    failures = [(e.lr, event.error) for e, event in events if isinstance(event, Failed)]
    assert len(failures) == 1
    assert failures[0][0] == 1e37
    assert "Diverged" in failures[0][1]
    assert [run.state for run in read(tmp_path)] == ["failed", "done"]
    assert missing(experiments, tmp_path / FILE) == experiments[:1], "a failed run is missing still"


def test_not_a_number_is_written_as_null(tmp_path):
    finish(grid(TINY), tmp_path)
    starts = [line for line in lines(tmp_path) if line["kind"] == "epoch" and line["epoch"] == 0]
    assert [line["loss"] for line in starts] == [None]


def test_wrong_options_are_found_before_anything_is_trained(tmp_path):
    experiments = (*grid(TINY), *grid(TINY | {"network": "convnet:blocks=9"}))
    with pytest.raises(ValueError, match="blocks=9"):
        finish(experiments, tmp_path)
    assert lines(tmp_path) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match=r"taken.*--out"):
        finish(grid(TINY), tmp_path / "taken")


def test_a_torn_line_in_the_middle_is_not_passed_over(tmp_path):
    finish(grid(TINY), tmp_path)
    path = tmp_path / FILE
    first, second, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first, second[:20], *rest, ""]))
    with pytest.raises(ValueError, match="line 2"):
        finish(grid(TINY), tmp_path)


def test_rules_of_a_seed_start_from_the_same_network_on_the_same_images(tmp_path):
    events = finish(grid(TINY | {"rule": ["bp", "fa", "frsf", "fbp", "sal"]}), tmp_path)
    starts = [event for _, event in events if isinstance(event, Epoch) and event.epoch == 0]
    assert len(starts) == 5
    assert all(start.accuracy == starts[0].accuracy and start.rates == starts[0].rates for start in starts)


def test_the_global_generator_is_left_alone(tmp_path):
    before = torch.get_rng_state()
    finish(grid(TINY | {"rule": ["fa", "sal:every=5,steps=100"]}), tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_second_writer_is_refused(tmp_path):
    first = compare(grid(TINY), tmp_path)
    next(first)
    with pytest.raises(ValueError, match=r"another spikefa writes to .*runs.jsonl"):
        finish(grid(TINY | {"seed": 1}), tmp_path)
    list(first)
    assert len(finish(grid(TINY | {"seed": 1}), tmp_path)) == 3, "and let in when the first has ended"


def test_a_list_without_a_value_is_refused():
    with pytest.raises(ValueError, match="rule has no value"):
        grid({"rule": [], "seed": [0]})


def test_a_rule_spelled_twice_is_one_rule():
    assert len(grid({"rule": ["fbp:period=10", "fbp: period=10", "fbp:period=10,"]})) == 1


def test_load_takes_options():
    assert len(load("yin_yang:train=60,validation=30,test=30").train) == 60
