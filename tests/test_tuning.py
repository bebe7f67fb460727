"""Tuning: the same budget for every rule, chosen on validation data alone, compared across what was chosen."""

import tomllib
from dataclasses import replace

import pytest

from spikefa.asked import asked
from spikefa.comparison import compare, grid, missing
from spikefa.runs import Run, read
from spikefa.settings import by_setting
from spikefa.sitting import sit
from spikefa.summary import summarise
from spikefa.tables import markdown
from spikefa.training import train
from spikefa.tuning import Tuning

OPTIONS = {"rule": ["bp", "fa"], "lr": [0.1, 0.01, 0.001], "seed": [0, 1], "epochs": 3}
TUNING = Tuning(("lr",), seed=9, epochs=1)
TASK = ("rule", "dataset", "network", "encoding", "readout", "steps", "remedy", "seed", "epochs")
PAIRS = [(rule, seed) for rule in ("bp", "fa") for seed in (0, 1)]
TINY = {"rule": ["bp", "fa"], "lr": [0.1, 1e-6], "seed": [0, 1], "epochs": 1, "steps": 2, "network": "mlp:width=8"}


def tried(scores, state="done"):
    """The trials as if they had run, with the validation accuracies given by (rule, lr); test accuracy contradicts."""
    for trial in TUNING.trials(OPTIONS):
        score = scores.get((trial.rule, trial.lr), 0.0)
        epoch = {"epoch": 1, "accuracy": {"validation": score, "test": 1 - score}}
        yield Run(trial.key, trial.model_dump(), {}, epochs=(epoch,), state=state)


def test_every_rule_tries_every_value_once_at_the_trials_seed_and_length():
    trials = TUNING.trials(OPTIONS)
    assert {(t.rule, t.lr) for t in trials} == {(r, lr) for r in OPTIONS["rule"] for lr in OPTIONS["lr"]}
    assert len(trials) == 6
    assert {(t.seed, t.epochs) for t in trials} == {(9, 1)}


def test_each_rule_gets_its_best_value_on_validation_data():
    chosen = TUNING.chosen(OPTIONS, tried({("bp", 0.01): 0.8, ("bp", 0.1): 0.7, ("fa", 0.1): 0.3}))
    assert {(e.rule, e.lr) for e in chosen} == {("bp", 0.01), ("fa", 0.1)}
    assert sorted((e.rule, e.seed) for e in chosen) == [("bp", 0), ("bp", 1), ("fa", 0), ("fa", 1)]
    assert {e.epochs for e in chosen} == {3}


def test_of_equal_trials_the_earliest_counts_in_whatever_order_they_ended():
    for runs in (list(tried({})), list(tried({}))[::-1]):
        assert {e.lr for e in TUNING.chosen(OPTIONS, runs)} == {0.1}


def test_settings_choose_apart():
    options = OPTIONS | {"steps": [5, 6]}
    runs = []
    for trial in TUNING.trials(options):
        score = float(trial.lr == (0.1 if trial.steps == 5 else 0.001))
        runs.append(Run(trial.key, {}, {}, epochs=({"epoch": 1, "accuracy": {"validation": score}},), state="done"))
    assert {(e.steps, e.lr) for e in TUNING.chosen(options, runs)} == {(5, 0.1), (6, 0.001)}


def test_a_rule_whose_trials_all_failed_is_left_out_and_named():
    runs = [replace(run, state="failed", error="Diverged: nan") if run.rule == "fa" else run for run in tried({})]
    assert {e.rule for e in TUNING.chosen(OPTIONS, runs)} == {"bp"}
    assert TUNING.lost(OPTIONS, runs) == {
        "fa": "3 of 3 trials failed, the last with Diverged: nan: give lr other values, or leave it out"
    }
    assert TUNING.remarks(OPTIONS, runs) == {}


def test_a_partly_failed_budget_is_remarked_on_for_that_rule_alone():
    runs = [
        replace(run, state="failed") if (run.rule, run.experiment["lr"]) == ("fa", 0.1) else run for run in tried({})
    ]
    chosen = TUNING.chosen(OPTIONS, runs)
    assert {(e.rule, e.lr) for e in chosen} == {("bp", 0.1), ("fa", 0.01)}
    assert TUNING.remarks(OPTIONS, runs) == {e.key: "1 of 3 trials failed" for e in chosen if e.rule == "fa"}
    assert TUNING.lost(OPTIONS, runs) == {}


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        (("lt",), {}, r"tune='lt' is nothing to tune \(did you mean 'lr'\?\)"),
        *(((name,), {}, f"tune='{name}' is nothing to tune") for name in TASK),
        (("lr",), {"lr": 0.1}, "give lr several values"),
        (("lr",), {"lr": [0.1]}, "give lr several values"),
        (("lr",), {"seed": ["8", "9"]}, "tuning seed 9 is one of the comparison's"),
    ],
)
def test_refusals(fields, options, message):
    with pytest.raises(ValueError, match=message):
        Tuning(fields, seed=9).trials(OPTIONS | options)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tune_seed = 7", "tune_seed=7 would do nothing without tune: give tune too"),
        ("tune_epochs = 2", "tune_epochs=2 would do nothing without tune: .*or leave tune_epochs out"),
        *((f"tune = {value}", f"tune must be lr, .*not {said}") for value, said in [(5, 5), ("true", True)]),
        ("tune = []", r"tune must be lr, weight_decay or batch_size, or several of these, not \[\]"),
        ("tune = [5]", "tune=5 is nothing to tune"),
    ],
)
def test_a_tuning_that_cannot_be_is_refused_as_it_stands_in_a_file_and_as_it_is_typed(tmp_path, line, message):
    study = tmp_path / "study.toml"
    study.write_text(line)
    for where in ((study, {}), (None, tomllib.loads(line))):
        with pytest.raises(ValueError, match=message):
            asked(*where)


def test_a_tuned_comparison_is_one_table_and_pairs_with_bp_across_what_was_chosen(tmp_path):
    list(compare(TUNING.trials(TINY), tmp_path / "tuning"))
    chosen = [
        e.model_copy(update={"lr": 0.1 if e.rule == "bp" else 1e-6}) for e in grid(TINY | {"lr": 0.1})
    ]  # as if they had
    words = {"lr": TUNING.words(TINY)}
    list(compare(chosen, tmp_path, tuning=words))
    runs = read(tmp_path)
    assert len(by_setting(runs)) == 1
    frame = summarise(runs)
    assert frame["tuned"].to_list() == ["lr=0.1", "lr=1e-06"]
    score = {run.rule + str(run.seed): run.epochs[1]["accuracy"]["test"] for run in runs}
    paired = [100 * (score[f"fa{seed}"] - score[f"bp{seed}"]) for seed in (0, 1)]
    assert frame["points"][1] == pytest.approx(sum(paired) / 2)
    assert (
        "Chosen for each rule, lr of 0.1, 1e-06 by validation accuracy within 1 epoch, seed 9: bp lr=0.1; fa"
        in markdown(frame)
    )
    assert missing(chosen, tmp_path / "runs.jsonl", words) == ()
    assert len(missing(chosen, tmp_path / "runs.jsonl")) == 4  # not tuned, they would stand in another table


def chosen_run(rule, seed, lr, words, **fields):
    """A finished run of a tuned comparison; its epochs hold no more than a summary needs."""
    epoch = {"epoch": 1, "accuracy": {"validation": 0.5, "test": 0.5}}
    experiment = {"rule": rule, "seed": seed, "dataset": "digits", "network": "mlp", "lr": lr}
    return Run(f"{rule}{seed}{lr}", experiment, {}, tuning={"lr": words}, epochs=(epoch,), state="done", **fields)


def test_a_widened_tuning_is_a_setting_of_its_own():
    narrow, wide = (TUNING.words({"lr": values}) for values in ([0.01, 0.001], [0.1, 0.01, 0.001]))
    runs = [chosen_run(rule, seed, lr, how) for how, lr in ((narrow, 0.001), (wide, 0.1)) for rule, seed in PAIRS]
    groups = by_setting(runs)
    assert list(groups) == [
        "digits, mlp, tuned lr of 0.01, 0.001 by validation accuracy within 1 epoch, seed 9",
        "digits, mlp, tuned lr of 0.1, 0.01, 0.001 by validation accuracy within 1 epoch, seed 9",
    ]
    frame = summarise(runs)
    assert frame["seeds"].to_list() == [2, 2, 2, 2]
    assert frame["tuned"].to_list() == ["lr=0.001", "lr=0.001", "lr=0.1", "lr=0.1"]
    assert list(by_setting(runs[:4])) == ["digits, mlp"], "said only where it differs"


def test_the_words_name_every_candidate_of_every_field():
    options = {"lr": ["0.001", 0.01], "weight_decay": [0, 1.0]}
    said = "lr of 0.001, 0.01 and weight_decay of 0.0, 1.0 by validation accuracy within 2 epochs, seed 100"
    assert Tuning(("lr", "weight_decay"), epochs=2).words(options) == said


def test_recorded_words_without_candidates_are_one_setting():
    runs = [chosen_run(rule, seed, 0.1, "lr by validation accuracy within 1 epoch, seed 9") for rule, seed in PAIRS]
    assert list(by_setting(runs)) == ["digits, mlp"]
    assert summarise(runs)["seeds"].to_list() == [2, 2]


def test_untuned_runs_beside_tuned_ones_have_a_label_of_their_own():
    tuned = chosen_run("fa", 0, 0.1, "lr of 0.1, 0.2")
    runs = [tuned, Run("k", tuned.experiment, {}, state="done")]
    assert list(by_setting(runs)) == ["digits, mlp, tuned lr of 0.1, 0.2", "digits, mlp, lr=0.1"]


def test_a_comparison_untuned_and_tuned_to_the_same_value_stands_in_two_tables(tmp_path):
    (experiment,) = grid(TINY | {"rule": "bp", "lr": 0.1, "seed": 0})
    path, words = tmp_path / "runs.jsonl", {"lr": TUNING.words(TINY)}
    list(compare([experiment], tmp_path))
    list(compare([experiment], tmp_path, tuning=words))
    runs = read(tmp_path)
    assert [(run.key, run.state, len(run.epochs)) for run in runs] == [(experiment.key, "done", 2)] * 2
    assert [run.tuning for run in runs] == [{}, words]
    assert len(by_setting(runs)) == 2
    assert missing([experiment], path) == missing([experiment], path, words) == ()


def test_what_a_rule_chose_anew_in_the_same_setting_replaces_what_it_chose_before(tmp_path):
    first, second = grid(TINY | {"rule": "bp", "lr": [0.1, 0.01], "seed": 0})
    words = {"lr": TUNING.words(TINY)}
    list(compare([first], tmp_path, tuning=words))
    list(compare([second], tmp_path, tuning=words))
    assert [run.key for run in read(tmp_path)] == [second.key]
    assert missing([first, second], tmp_path / "runs.jsonl", words) == (first,)


def test_a_sitting_goes_on_without_the_rule_that_cannot_be_tuned_and_ends_with_status_1(tmp_path, monkeypatch, capsys):
    def trained(experiment, *rest):
        if experiment.rule == "fa" or experiment.lr == 0.1:
            raise ArithmeticError("out of range")
        return train(experiment, *rest)

    monkeypatch.setattr("spikefa.attempt.train", trained)
    monkeypatch.setattr("spikefa.report.write", lambda runs, folder: folder)
    assert sit(None, TINY | {"seed": [0], "out": str(tmp_path), "tune": "lr"}, "") == 1
    said = capsys.readouterr().out
    assert "left out: fa: 2 of 2 trials failed, the last with ArithmeticError: out of range: give lr other" in said
    (run,) = read(tmp_path)
    assert (run.rule, run.state, run.remark) == ("bp", "done", "1 of 2 trials failed")
    assert summarise([run])["tuned"].to_list() == ["lr=1e-06 (1 of 2 trials failed)"]


def test_a_sitting_of_which_nothing_can_be_tuned_ends_with_status_1(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("spikefa.attempt.train", lambda *_: 1 / 0)
    assert sit(None, TINY | {"rule": "fa", "out": str(tmp_path), "tune": "lr"}, "") == 1
    assert "left out: fa: 2 of 2 trials failed" in capsys.readouterr().out
