import math
import random
from dataclasses import replace

import pytest

from spikefa.curves import curves
from spikefa.runs import Run, read
from spikefa.settings import by_setting
from spikefa.summary import best_epoch, interval, relative_cost, summarise
from tests.synthetic import epoch, run, write


def finished(rule, seed, *epochs, state="done", **setting):
    return Run(f"{rule}{seed}", {"rule": rule, "seed": seed, **setting}, {}, epochs=epochs, state=state)


def row(runs, rule):
    frame = summarise(runs)
    return frame[frame["rule"] == rule].iloc[0]


@pytest.mark.parametrize("value", [0.1, 0.7, 1 / 3, -2.5, 0.0])
@pytest.mark.parametrize("n", [2, 3, 10])
def test_interval_of_constant_values_is_exactly_that_constant(value, n):
    assert interval([value] * n) == (value, value, value)


def test_interval_of_three_values_is_their_range():
    assert interval([0.3, 0.9, 0.5]) == pytest.approx((1.7 / 3, 0.3, 0.9))


def test_interval_of_one_value_or_none_has_no_bounds():
    assert interval([0.5]).mean == 0.5
    assert all(map(math.isnan, [*interval([0.5])[1:], *interval([]), *interval([0.5, math.nan])]))


def test_interval_is_the_same_every_time_and_grows_with_confidence():
    values = [random.Random(1).gauss(0, 1) for _ in range(8)] + [0.1, 0.7, -0.4]
    wide, narrow = interval(values, confidence=0.99), interval(values, confidence=0.5)
    assert wide == interval(values, confidence=0.99)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(ValueError, match=f"confidence is {confidence}, but must lie between"):
        interval([1.0, 2.0], confidence=confidence)


@pytest.mark.parametrize("seed", range(20))
def test_best_epoch_never_looks_at_test_accuracy(seed):
    chance = random.Random(seed)
    validation = [chance.choice([0.5, 0.6, 0.7]) for _ in range(8)]
    picks = set()
    for _ in range(5):
        epochs = [epoch("k", number, value, chance.random()) for number, value in enumerate(validation)]
        picks.add(best_epoch(finished("fa", 0, *epochs))["epoch"])
    assert picks == {validation.index(max(validation[1:]), 1)}


def test_the_state_before_training_is_taken_only_if_there_is_no_other():
    before, after = epoch("k", 0, 0.9, 0.9), epoch("k", 1, 0.1, 0.1)
    assert best_epoch(finished("fa", 0, before, after)) is after
    assert best_epoch(finished("fa", 0, before)) is before
    with pytest.raises(ValueError, match="has no epoch to select from"):
        best_epoch(finished("fa", 0))


def test_paired_difference_of_identical_runs_is_zero_however_the_seeds_scatter():
    scores = [0.1, 0.9, 0.5]
    runs = [finished(rule, s, epoch("k", 1, t, t)) for rule in ("bp", "fa") for s, t in enumerate(scores)]
    found = row(runs, "fa")
    assert (found["points"], found["points_low"], found["points_high"]) == (0, 0, 0)
    assert found["accuracy_low"] < found["accuracy_high"]


def test_paired_difference_pairs_by_seed_and_setting_not_by_order():
    bp = [finished("bp", s, epoch("k", 1, t, t), lr=lr) for lr in (1, 2) for s, t in ((0, 0.5), (1, 0.7 + 0.1 * lr))]
    fa = [finished("fa", s, epoch("k", 1, t, t), lr=1) for s, t in ((1, 0.7), (0, 0.4), (2, 0.1))]
    found = row([*fa, *bp], "fa")
    assert (found["points"], found["points_low"], found["points_high"]) == pytest.approx((-10, -10, -10))


def test_without_bp_there_is_no_difference():
    found = row([finished("fa", 0, epoch("k", 1, 0.5, 0.5))], "fa")
    assert math.isnan(found["points"])
    assert found["accuracy"] == 0.5


def test_failed_and_incomplete_runs_count_but_enter_no_number(tmp_path):
    good = [*run("bp", 0), *run("fa", 0), *run("fa", 1)]
    bad = [*run("fa", 2, end="failed"), *run("fa", 3, end="incomplete"), *run("kp", 0, end="failed")]
    alone, mixed = (read(write(tmp_path / name, *good, *more)) for name, more in (("a", []), ("b", bad)))
    counts = ["failed", "incomplete"]
    assert row(mixed, "fa").drop(counts).equals(row(alone, "fa").drop(counts))
    assert row(mixed, "fa")[["seeds", "failed", "incomplete"]].to_list() == [2, 1, 1]
    assert row(mixed, "kp")["seeds"] == 0
    assert math.isnan(row(mixed, "kp")["accuracy"])
    assert curves(mixed, "accuracy", "test").equals(curves(alone, "accuracy", "test"))


def test_every_column_is_taken_where_it_belongs():
    layers = {"fc2": {"cosine": 0.2}, "fc3": {"cosine": 0.6}, "fc4": {"cosine": None}}
    best = epoch("k", 1, 0.9, 0.8, alignment=layers, gradient={"angle": 40.0}, moved=0.1, seconds=2.0)
    last = epoch(
        "k", 2, 0.5, 0.99, alignment={"fc2": {"cosine": 0.0}}, gradient={"angle": 10.0}, moved=0.3, seconds=3.0
    )
    found = row([finished("fa", 0, best, last)], "fa")
    assert found["accuracy"] == 0.8
    assert found["alignment"] == pytest.approx(0.4)
    assert (found["angle"], found["moved"], found["seconds"]) == (40.0, 0.3, 5.0)


def timed(rule, seed, *seconds, **fields):
    epochs = [epoch("k", at, 0.5, 0.5, seconds=spent) for at, spent in enumerate(seconds)]
    return Run(f"{rule}{seed}", {"rule": rule, "seed": seed} | fields, {"device": "cpu"}, epochs=tuple(epochs))


def test_cost_pairs_epochs_of_one_seed_and_takes_the_median():
    bp = [timed("bp", 0, 0, 1, 2, 1), timed("bp", 1, 0, 10, 10, 10)]
    assert relative_cost([timed("fa", 0, 0, 2, 4, 2), timed("fa", 1, 0, 30, 30, 30)], bp) == 2.5
    assert relative_cost([timed("fa", 0, 0, 2, 400, 2)], bp) == 2, "one slow epoch is no matter"
    assert relative_cost(bp, bp) == 1


def test_cost_needs_a_pair_of_one_machine_and_one_size_of_batch():
    (bp,) = [timed("bp", 0, 0, 1, batch_size=64)]
    assert relative_cost([timed("fa", 0, 0, 3, batch_size=64)], [bp]) == 3
    assert math.isnan(relative_cost([timed("fa", 0, 0, 3, batch_size=32)], [bp]))
    assert math.isnan(relative_cost([timed("fa", 1, 0, 3, batch_size=64)], [bp]))
    assert math.isnan(relative_cost([timed("fa", 0, 0, None, batch_size=64)], [bp]))
    elsewhere = replace(timed("fa", 0, 0, 3, batch_size=64), environment={"device": "cuda"})
    assert math.isnan(relative_cost([elsewhere], [bp]))


def test_cost_compares_no_two_machines_that_are_alike_but_for_their_name():
    bp, fa = (timed(rule, 0, 0, seconds) for rule, seconds in (("bp", 1), ("fa", 3)))
    on = [{"device": "cpu", "platform": "Linux", "host": host} for host in ("one", "two")]
    assert relative_cost([replace(fa, environment=on[0])], [replace(bp, environment=on[0])]) == 3
    assert math.isnan(relative_cost([replace(fa, environment=on[1])], [replace(bp, environment=on[0])]))


@pytest.mark.parametrize("older", ["bp", "fa"])
def test_cost_is_by_the_clock_where_one_of_a_pair_lacks_the_processors_time(older):
    def run_of(rule, seconds, work):
        number = epoch("k", 1, 0.5, 0.5, seconds=seconds) | ({} if rule == older else {"work": work})
        return Run(rule, {"rule": rule, "seed": 0}, {"device": "cpu"}, epochs=(number,))

    assert relative_cost([run_of("fa", 4.0, 100.0)], [run_of("bp", 2.0, 100.0)]) == 2


def test_cost_on_a_cpu_is_in_the_processors_time_and_elsewhere_by_the_clock():
    def worked(rule, device):
        number = 1 if rule == "bp" else 3
        epochs = (epoch("k", 1, 0.5, 0.5, seconds=100 / number, work=number),)
        return Run(rule, {"rule": rule, "seed": 0}, {"device": device}, epochs=epochs)

    assert relative_cost([worked("fa", "cpu")], [worked("bp", "cpu")]) == 3
    assert relative_cost([worked("fa", "A GPU")], [worked("bp", "A GPU")]) == pytest.approx(1 / 3)


def test_cost_is_that_of_the_setting():
    def run_of(rule, lr, seconds):
        return finished(rule, 0, epoch("k", 1, 0.5, 0.5, seconds=seconds), lr=lr)

    frame = summarise([run_of("bp", 1, 2.0), run_of("fa", 1, 3.0), run_of("bp", 2, 4.0), run_of("fa", 2, 5.0)])
    assert frame["cost"].to_list() == [1, 1.5, 1, 1.25]


def test_operations_are_of_all_layers_at_the_best_epoch():
    counts = {"fc1": {"accumulates": 0.0, "multiplies": 7.0}, "fc2": {"accumulates": 2.0, "multiplies": 0.0}}
    best = epoch("k", 1, 0.9, 0.8, operations=counts | {"out": {"accumulates": 3.0, "multiplies": 0.0}}, bits=10)
    last = epoch("k", 2, 0.5, 0.9, operations={"fc1": {"accumulates": 99.0, "multiplies": 99.0}}, bits=20, words=3)
    found = row([finished("fa", 0, best, last)], "fa")
    assert (found["accumulates"], found["multiplies"], found["bits"], found["words"]) == (5, 7, 20, 3)


def test_older_files_have_no_operations():
    found = row([finished("fa", 0, epoch("k", 1, 0.5, 0.5))], "fa")
    assert math.isnan(found["accumulates"])
    assert math.isnan(found["cost"])


def test_layers_whose_b_cannot_be_compared_are_left_out_of_the_alignment():
    layers = {"fc2": {}, "fc3": {"shots": 3.0}, "out": {"cosine": 0.6}}
    assert row([finished("dfa", 0, epoch("k", 1, 0.5, 0.5, alignment=layers))], "dfa")["alignment"] == 0.6
    nothing = row([finished("dfa", 0, epoch("k", 1, 0.5, 0.5, alignment={"fc2": {}}))], "dfa")
    assert math.isnan(nothing["alignment"])


def test_what_was_not_measured_is_nan_for_bp_too():
    runs = [finished(rule, 0, epoch("k", 1, 0.5, 0.5, gradient={"angle": None})) for rule in ("bp", "fa")]
    assert math.isnan(row(runs, "bp")["alignment"]), "bp's alignment is measured as any other's"
    assert math.isnan(row(runs, "fa")["alignment"])
    assert math.isnan(row(runs, "fa")["angle"])


def test_rows_stand_in_the_order_of_appearance_by_setting(tmp_path):
    lines = [*run("fa", 0), *run("fa", 0, dataset="fashion"), *run("bp", 0), *run("bp", 0, dataset="fashion")]
    frame = summarise(read(write(tmp_path, *lines)))
    assert frame["rule"].to_list() == ["fa", "bp", "fa", "bp"]
    assert [label.split(",")[0] for label in frame["setting"]] == ["digits", "digits", "fashion", "fashion"]


def test_settings_are_told_apart_by_any_field_and_no_run_is_lost():
    runs = [finished("fa", 0, lr=lr, name=name) for lr in (0.1, 0.2) for name in (None, "x", ["x"])]
    groups = by_setting(runs)
    assert len(groups) == 6
    assert sorted(map(id, runs)) == sorted(id(run) for group in groups.values() for run in group)


def test_curves_are_tidy_and_leave_null_out(tmp_path):
    frame = curves(read(write(tmp_path, *run("fa", 0, layers=1), *run("bp", 4, layers=1))), "loss")
    assert frame.columns.to_list() == ["rule", "seed", "epoch", "value"]
    assert frame["epoch"].min() == 1  # the loss before training is null
    assert sorted(set(zip(frame["rule"], frame["seed"], strict=True))) == [("bp", 4), ("fa", 0)]
    assert curves([], "loss").empty
