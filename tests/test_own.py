"""Settings of a rule's own in a study file."""

import pytest

from spikefa.comparison import grid
from spikefa.own import settled
from spikefa.runs import read
from spikefa.settings import by_setting
from spikefa.sitting import sit

TINY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 1}
STUDY = """
seed = [0, 1]
epochs = 1
steps = 2
network = "mlp:depth=1,width=8"
tuned = "by hand"
[[rule]]
name = "bp"
lr = 0.02
[[rule]]
name = "fa"
remark = "1 of 2 trials failed"
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_without_tables_it_is_the_grid():
    options = TINY | {"rule": ["bp", "fa"], "seed": [0, 1], "lr": [0.1, 0.2]}
    assert settled(options).experiments == grid(options)
    assert settled(options).tuning == settled(options).remarks == {}


def test_a_rule_with_settings_of_its_own_stands_in_the_table_of_the_others(study, tmp_path, monkeypatch):
    monkeypatch.setattr("spikefa.report.write", lambda runs, folder: folder)
    assert sit(study, {"out": str(tmp_path / "runs")}, "") == 0
    runs = read(tmp_path / "runs")
    assert [(run.seed, run.rule, run.experiment["lr"]) for run in runs] == [
        (seed, rule, lr) for seed in (0, 1) for rule, lr in (("bp", 0.02), ("fa", 0.001))
    ]
    assert {run.tuning["lr"] for run in runs} == {"by hand"}
    assert [run.remark for run in runs] == ["", "1 of 2 trials failed"] * 2
    assert len(by_setting(runs)) == 1


def test_rules_that_are_typed_take_the_place_of_the_tables(study, tmp_path, monkeypatch):
    monkeypatch.setattr("spikefa.report.write", lambda runs, folder: folder)
    assert sit(study, {"out": str(tmp_path), "rule": ["bp"], "lr": "0.3", "seed": "0"}, "") == 0
    assert [(run.experiment["lr"], run.tuning) for run in read(tmp_path)] == [(0.3, {})]


@pytest.mark.parametrize(
    ("given", "said"), [({"lr": "0.1"}, "leave lr out, or give --rule too"), ({"tune": "lr"}, "leave tune out")]
)
def test_options_that_would_override_the_tables_are_refused(study, tmp_path, given, said):
    with pytest.raises(ValueError, match=said):
        sit(study, {"out": str(tmp_path)} | given, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": [{"lr": 0.1}]}, "has no name"),
        ({"rule": [{"name": "fa", "rl": 0.1}]}, r"sets 'rl' \(did you mean 'lr'\?\)"),
        ({"rule": [{"name": "fa", "steps": 3}]}, "sets 'steps'"),
        ({"rule": [{"name": "fa", "lr": [0.1, 0.2]}]}, "several values"),
        ({"rule": [{"name": "fa", "lr": 0.1}], "lr": [0.1, 0.2]}, "lr has several values"),
        ({"rule": [{"name": "fa", "lr": 0.1}, {"name": "fa", "lr": 0.2}]}, "two tables"),
        ({"rule": [{"name": "fpb"}]}, "did you mean 'fbp'"),
        ({"rule": [{"name": "fa", "lr": -1}]}, "lr"),
    ],
)
def test_tables_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        settled(options)


def test_words_without_tables_are_refused():
    with pytest.raises(ValueError, match="there is none"):
        settled({"rule": ["fa"]}, "by hand")
