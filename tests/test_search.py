"""Tuning by search: the same budget for every rule, on validation data alone, repeatable, and not lost by a kill."""

import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

optuna = pytest.importorskip("optuna")

from spikefa.comparison import load  # noqa: E402
from spikefa.runs import read  # noqa: E402
from spikefa.search import trials  # noqa: E402
from spikefa.search.sitting import sit  # noqa: E402
from spikefa.search.space import LR  # noqa: E402
from spikefa.search.trials import Plan, best, ended, search  # noqa: E402
from spikefa.settings import by_setting  # noqa: E402
from spikefa.sitting import sit as compare  # noqa: E402
from spikefa.training import train  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:spikefa", "ignore::spikefa.rules.kp.NoDecay")
ROOT = Path(__file__).parents[1]
TINY = {"dataset": "tests.untouchable:digits", "network": "mlp:depth=2,width=8", "steps": 2, "epochs": 1}
TASK = """
rule = ["bp", "kp", "mirror:stimuli=2,replicas=2"]
seed = [0, 1]
lr = 0.01
dataset = "digits:train=100,validation=40,test=40"
network = "mlp:depth=2,width=8"
steps = 2
epochs = 1
"""


@pytest.fixture
def data():
    return load(TINY["dataset"])


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(TASK)
    return path


def tried(found):
    """What a search is made of: values and scores, in order, by rule."""
    return {rule: [(t.params, t.value, t.user_attrs.get("error")) for t in each] for rule, each in found.items()}


def test_every_rule_has_the_same_budget_and_range_of_lr_and_no_test_image_is_looked_at(data, tmp_path):
    plan = Plan(TINY, ("bp", "kp", "sal:steps=20,replicas=2"), budget=3)
    events = list(search(plan, data, tmp_path))
    assert [rule for rule, _ in events] == [rule for rule in plan.rules for _ in range(3)]
    found = ended(plan, tmp_path)
    assert {rule: len(each) for rule, each in found.items()} == dict.fromkeys(plan.rules, 3)
    assert {t.distributions["lr"] for each in found.values() for t in each} == {
        optuna.distributions.FloatDistribution(LR.low, LR.high, log=True)
    }
    assert [set(each[0].params) for each in found.values()] == [{"lr"}, {"lr", "weight_decay"}, {"lr", "eta"}]
    assert all(t.state == optuna.trial.TrialState.COMPLETE for each in found.values() for t in each)
    assert found["bp"][0].params == {"lr": 0.001}, "the first trial has what stands in the study, or the default"
    assert all(len({t.params["lr"] for t in each}) == 3 for each in found.values()), "no value is tried twice"
    assert list(search(plan, data, tmp_path)) == [], "the budget is spent"


def test_the_score_is_the_best_validation_accuracy_of_the_trial(data, tmp_path):
    plan = Plan(TINY | {"epochs": 3}, ("fa",), budget=2)
    list(search(plan, data, tmp_path))
    for trial in ended(plan, tmp_path)["fa"]:
        whole = load("digits:train=100,validation=40,test=40")
        records = list(train(plan.experiment("fa", trial.params), whole))
        course = [record.accuracy["validation"] for record in records]
        assert trial.user_attrs["validation"] == course
        assert trial.value == max(course[1:])
    assert plan.first("fa").seed == 100


def pretended(*accuracies):
    """Takes the place of training: epochs with these validation accuracies, or one that depends on the experiment."""

    def train(experiment, *rest):
        last = int(experiment.key, 16) % 1000 / 1000
        return iter([SimpleNamespace(accuracy={"validation": a}) for a in accuracies or (0.0, last)])

    return train


def test_the_state_before_training_is_no_score(data, tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "train", pretended(0.9, 0.5, 0.7, 0.6))
    ((_, trial),) = search(Plan(TINY, ("fa",), budget=1), data, tmp_path)
    assert trial.value == 0.7


def test_a_search_interrupted_anywhere_tries_what_it_would_have_tried(data, tmp_path, monkeypatch):
    plan = Plan(TINY, ("stdwi:duration=50,replicas=2",), budget=8)
    monkeypatch.setattr(trials, "train", pretended())
    list(search(plan, data, tmp_path / "whole"))
    suggest, calls = optuna.trial.Trial._suggest, []

    def now_and_then(function):
        def called(*arguments):
            calls.append(1)
            if len(calls) % 5 == 0:  # a trial takes four calls
                raise KeyboardInterrupt
            return function(*arguments)

        return called

    monkeypatch.setattr(optuna.trial.Trial, "_suggest", now_and_then(suggest))
    monkeypatch.setattr(trials, "train", now_and_then(pretended()))
    interrupted = 0
    while interrupted < 100:
        try:
            list(search(plan, data, tmp_path / "parts"))
            break
        except KeyboardInterrupt:
            interrupted += 1
    assert interrupted > 6
    assert tried(ended(plan, tmp_path / "parts")) == tried(ended(plan, tmp_path / "whole"))


@pytest.mark.slow
def test_a_killed_search_goes_on_where_it_was(study, tmp_path):
    command = [sys.executable, "-m", "spikefa", "tune", str(study), "--budget", "3", "--out"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, "here"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if "trial 2 of 3" in line:
                process.send_signal(signal.SIGKILL)
                break
    done = subprocess.run(
        [*command, "here"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert "bp, trial 1 of 3" not in done.stdout
    assert sit(study, 3, tmp_path / "undisturbed", 100, {}, "") == 0
    table = r"^\[\[rule\]\][\s\S]*"
    two = [(tmp_path / name / "tuned.toml").read_text() for name in ("here", "undisturbed")]
    assert re.findall(table, two[0], re.MULTILINE) == re.findall(table, two[1], re.MULTILINE) != []


def test_what_was_chosen_is_a_study_that_compare_runs_as_one_table(study, tmp_path, monkeypatch):
    monkeypatch.setattr("spikefa.report.write", lambda runs, folder: folder)
    assert sit(study, 2, tmp_path / "tuned", 100, {}, "spikefa tune") == 0
    written = tmp_path / "tuned" / "tuned.toml"
    found = tomllib.loads(written.read_text())
    assert [table["name"].partition(":")[0] for table in found["rule"]] == ["bp", "kp", "mirror"]
    assert compare(written, {"out": str(tmp_path / "runs")}, "") == 0
    runs = read(tmp_path / "runs")
    assert [(run.seed, run.rule.partition(":")[0]) for run in runs] == [
        (seed, name) for seed in (0, 1) for name in ("bp", "kp", "mirror")
    ]
    for run in runs:
        (table,) = [table for table in found["rule"] if table["name"] == run.rule]
        assert run.experiment["lr"] == table["lr"]
        assert run.experiment["weight_decay"] == table.get("weight_decay", 0)
        assert run.tuning == dict.fromkeys(("lr", "weight_decay"), found["tuned"])
    assert len(by_setting(runs)) == 1, "pairs with bp across what was chosen"
    for seed in (0, 1):
        starts = [run.epochs[0]["accuracy"] for run in runs if run.seed == seed]
        assert all(start == starts[0] for start in starts), "the same weights at the start"


def test_a_trial_that_fails_counts_and_is_remarked_on(data, study, tmp_path, monkeypatch, capsys):
    def trained(experiment, *rest):
        if experiment.rule == "kp" or (experiment.rule == "bp" and experiment.lr == 0.01):
            raise ArithmeticError("out of range")
        return train(experiment, *rest)

    monkeypatch.setattr(trials, "train", trained)
    assert sit(study, 2, tmp_path, 100, {}, "") == 1
    text = (tmp_path / "tuned.toml").read_text()
    assert [t["name"].partition(":")[0] for t in tomllib.loads(text)["rule"]] == ["bp", "mirror"]
    assert tomllib.loads(text)["rule"][0]["remark"] == "1 of 2 trials failed"
    assert "# kp is left out: 2 of 2 trials failed" in text
    said = capsys.readouterr().out
    assert "bp, trial 1 of 2: lr=0.01  failed: ArithmeticError: out of range" in said
    assert "left out: kp: all trials failed, the last with ArithmeticError: out of range" in said


def test_of_equal_trials_the_earliest_counts():
    made = [
        optuna.trial.create_trial(
            value=v, params={"lr": lr}, distributions={"lr": optuna.distributions.FloatDistribution(0, 1)}
        )
        for v, lr in ((0.5, 0.1), (0.7, 0.2), (0.7, 0.3))
    ]
    assert best(made).params == {"lr": 0.2}
    assert best([]) is None


WRONG = {
    "no budget": ({"budget": "0"}, "", "budget must be a whole number, at least 1, not '0'"),
    "part of a trial": ({"budget": "1.5"}, "", "budget must be"),
    "no epochs": ({"place": {"epochs": "0"}}, "", "epochs must be"),
    "a seed of the study": ({"seed": "1"}, "", "the trials' seed 1 is one of the study's"),
    "unknown rule": ({}, 'rule = "fpb"', "did you mean 'fbp'"),
    "several settings": ({}, "steps = [2, 3]", r"steps has several values, \[2, 3\]"),
    "several to begin at": ({}, "lr = [0.05, 0.1]", r"lr has several values, \[0.05, 0.1\]: give it one, at which"),
    "nothing to begin at": ({}, "lr = []", r"lr has no value, \[\]: give it one, .* or leave it out"),
    "no rule": ({}, "rule = []", "rule must be one name or several"),
    "tuned already": ({}, "rule = [{name = 'bp'}]", "rule must be one name or several"),
    "grid": ({}, 'tune = "lr"', "'tune', which is not an option"),
}


@pytest.mark.parametrize(("options", "line", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_refused_before_anything_is_trained(study, tmp_path, options, line, message):
    kept = [each for each in TASK.splitlines() if each.partition(" =")[0] != line.partition(" =")[0]]
    study.write_text("\n".join([*kept, line]))
    chosen = {"budget": "2", "seed": "100", "place": {}} | options
    with pytest.raises(ValueError, match=message):
        sit(study, chosen["budget"], tmp_path / "out", chosen["seed"], chosen["place"], "")
    assert not (tmp_path / "out").exists()


def test_a_list_of_one_value_is_that_value(study, tmp_path, monkeypatch, capsys):
    study.write_text(TASK.replace("lr = 0.01", "lr = [0.05]").replace("steps = 2", "steps = [2]"))
    monkeypatch.setattr(trials, "train", pretended())
    assert sit(study, 1, tmp_path / "out", 100, {}, "") == 0
    assert "bp, trial 1 of 1: lr=0.05  val" in capsys.readouterr().out


def test_a_database_of_another_study_is_refused(data, tmp_path):
    list(search(Plan(TINY, ("bp",), budget=1), data, tmp_path))
    for other in (TINY | {"steps": 3}, TINY | {"weight_decay": 0.1}):
        with pytest.raises(ValueError, match=r"tuning.db has trials of 'bp' with other (steps|weight_decay)"):
            list(search(Plan(other, ("bp",), budget=1), data, tmp_path))
    assert len(list(search(Plan(TINY, ("bp",), budget=2), data, tmp_path))) == 1, "a larger budget goes on"


def test_a_second_process_is_refused(data, tmp_path):
    first = search(Plan(TINY, ("bp",), budget=2), data, tmp_path)
    next(first)
    with pytest.raises(ValueError, match="another spikefa writes to"):
        next(search(Plan(TINY, ("bp",), budget=2), data, tmp_path))
