"""Files from anybody: a checkpoint, a study file and a results file cannot run code, and cannot have any imported."""

import json
import os
import pickle
import re
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch

import spikefa
from spikefa.checkpoint import Checkpoint
from spikefa.comparison import compare, grid
from spikefa.experiment import Experiment
from spikefa.names import resolve, trusting
from spikefa.restoring import told
from spikefa.runs import read
from spikefa.sitting import sit
from tests.synthetic import run, write

TINY = {"network": "mlp:depth=1,width=4", "steps": 2, "epochs": 1, "seed": [0]}


class Bomb:
    """What, unpickled, makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def sprung(tmp_path, monkeypatch):
    """`sprung()`: whether anything ran that it should not have: a module that was imported, an object unpickled."""
    mark = tmp_path / "sprung"
    (tmp_path / "evil_module.py").write_text(
        f"open({str(mark)!r}, 'w').close()\nfrom spikefa.rules import FeedbackAlignment as Rule\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield mark.exists
    sys.modules.pop("evil_module", None)


def bombs(folder, mark):
    """Files that would spring, were they unpickled."""
    plain, archive = folder / "plain", folder / "archive"
    plain.write_bytes(pickle.dumps(Bomb(mark)))
    torch.save({"fc1.weight": torch.ones(1), "more": Bomb(mark)}, archive)
    return plain, archive


READERS = {
    "Checkpoint.read": Checkpoint.read,
    "load": spikefa.load,
    "validate": lambda path: __import__("spikefa.validation.network", fromlist=["read"]).read(path),
    "told": lambda path: told(path, {}),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".st"])
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_no_file_is_unpickled(tmp_path, sprung, reader, suffix):
    for bomb in bombs(tmp_path, tmp_path / "sprung"):
        named = bomb.rename(bomb.with_suffix(suffix))
        if reader is READERS["told"]:
            assert reader(named) == Experiment()  # of a file that is no checkpoint it opens no more
        else:
            with pytest.raises(ValueError, match=str(named)):
                reader(named)
    assert not sprung()


def test_the_bombs_are_live(tmp_path, sprung):
    plain, archive = bombs(tmp_path, tmp_path / "sprung")
    pickle.loads(plain.read_bytes()).close()
    assert sprung()
    os.remove(tmp_path / "sprung")
    torch.load(archive, weights_only=False)
    assert sprung()


FIELDS = {
    "rule": "evil_module:Rule",
    "rule for a layer": "fc1=evil_module:Rule/out=fa",
    "rule with options": "evil_module:Rule:dense=true",
    "remedy": "evil_module:Rule+weight_norm",
    "dataset": "evil_module:Rule",
    "network": "evil_module:Rule:width=4",
    "encoding": "evil_module:Rule",
    "readout": "evil_module:Rule",
    "optimizer": "evil_module:Rule",
}


@pytest.mark.parametrize(("field", "name"), FIELDS.items(), ids=FIELDS)
def test_a_checkpoint_has_nothing_imported_that_is_not_trusted(trained, tmp_path, sprung, field, name):
    kept, path = trained.checkpoint(), tmp_path / "evil.safetensors"
    replace(kept, experiment=kept.experiment | {field.split()[0]: name}).save(path)
    assert Checkpoint.read(path).experiment[field.split()[0]] == name
    for reader in (spikefa.load, partial(spikefa.load, trust=("evil_module", "Rule", "evil_module:Other"))):
        with pytest.raises(ValueError, match=r"'evil_module:Rule' would import evil_module.*--trust evil_module:Rule"):
            reader(path)
    with pytest.raises(ValueError, match="would import evil_module"):
        told(path, {"steps": 3})
    assert not sprung()


def test_a_rule_that_is_trusted_is_loaded(trained, tmp_path, sprung, few):
    kept, path = trained.checkpoint(), tmp_path / "mine.safetensors"
    fields = kept.experiment | {"rule": "evil_module:Rule"}
    net = Experiment(**fields).build(few)
    replace(kept, experiment=fields, state=kept.state | {"network": net.state_dict()}).save(path)
    sys.modules.pop("evil_module")
    os.remove(tmp_path / "sprung")
    loaded, experiment = spikefa.load(path, trust=("evil_module:Rule",))
    assert sprung()
    assert experiment.rule == "evil_module:Rule"
    assert type(loaded.out.feedback).__name__ == "FeedbackAlignment"


CALLS = ["os:system", "builtins:exec", "subprocess:run", "pickle:loads", "importlib:import_module", "evil_module:Rule"]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("field", ["rule", "remedy", "network", "dataset", "encoding", "readout", "optimizer"])
def test_a_study_file_has_nothing_imported(tmp_path, sprung, says, field, name):
    study = tmp_path / "study.toml"
    study.write_text(f'{field} = ["{name}"]\nepochs = 1\n')
    status, said, _ = says("compare", study, "--out", tmp_path / "runs")
    assert status == 2
    assert f"would import {name.split(':')[0]}, and so run it" in said
    assert f"--trust {name}" in said
    assert not sprung()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["plan", "tune"])
@pytest.mark.parametrize("words", [["--trust", "evil_module:Rule"], []], ids=str)
def test_no_command_has_imported_what_stands_in_a_study_file(tmp_path, sprung, says, command, words):
    study = tmp_path / "study.toml"
    study.write_text('rule = ["evil_module:Rule"]\nepochs = 1\nseed = 0\nsteps = 2\nnetwork = "mlp:depth=1,width=4"')
    more = ["--budget", 1, "--out", tmp_path / "runs"] if command == "tune" else []
    status, said, _ = says(command, study, *words, *more)
    assert (status, sprung()) == ((0, True) if words else (2, False))
    assert words or "would import evil_module, and so run it" in said


@pytest.mark.parametrize("words", [["--trust", "evil_module:Rule"], ["--rule", "evil_module:Rule"], []], ids=str)
def test_what_is_typed_is_meant(tmp_path, sprung, says, words):
    study = tmp_path / "study.toml"
    study.write_text('rule = ["evil_module:Rule"]\nepochs = 1\nseed = 0\nsteps = 2\nnetwork = "mlp:depth=1,width=4"')
    status, _, _ = says("compare", study, "--out", tmp_path / "runs", *words)
    assert (status, sprung()) == ((0, True) if words else (2, False))


def test_names_on_the_command_line_need_no_further_word(sprung):
    assert grid({"rule": "evil_module:Rule"})[0].rule == "evil_module:Rule"
    assert sprung()


@pytest.mark.parametrize("word", ["os:system", "a=os:system/b=fa", "os:system:x=1", " os: system", "fa+os:system"])
def test_trust_is_of_whole_names(word):
    with trusting([word]):
        assert callable(resolve("os:system", {}, "rule"))
        for other in ("s:system", "os:syste", "os.path:join", "o:s"):
            with pytest.raises(ValueError, match="would import"):
                resolve(other, {}, "rule")


def test_trust_ends():
    with pytest.raises(KeyError), trusting([]):
        raise KeyError
    assert callable(resolve("os:getpid", {}, "rule"))


HOSTILE = "<script>alert(1)</script>"


def test_a_results_file_is_read_and_reported_as_text(tmp_path, sprung, says):
    names = {"rule": "evil_module:Rule", "network": "os:system", "dataset": HOSTILE, "readout": "__import__('os')"}
    lines = [line for seed in range(2) for rule in ("bp", "evil_module:Rule", HOSTILE) for line in run(rule, seed)]
    for line in lines:
        if line["kind"] == "start":
            line["experiment"] |= {name: value for name, value in names.items() if name != "rule"}
            line["data"] = HOSTILE
        if line["kind"] == "epoch":
            line["alignment"] = dict.fromkeys([HOSTILE], *list(line["alignment"].values())[:1])
    lines += run(HOSTILE, 7, end="failed")
    lines[-1]["error"] = HOSTILE
    write(tmp_path / "runs", *lines)
    path = tmp_path / "runs" / "runs.jsonl"
    path.write_text(path.read_text().replace("Linux-6.1-x86_64", HOSTILE))
    status, said, _ = says("report", tmp_path / "runs")
    assert status == 1, said  # of the run that failed
    page = (tmp_path / "runs" / "report.html").read_text()
    assert page.count("&lt;script&gt;alert(1)") > 3
    assert not re.search(r"<script>alert", page)
    assert not sprung()
    assert len(read(tmp_path / "runs")) == 7


def test_a_comparison_does_not_import_what_stands_in_its_results_file(tmp_path, sprung):
    write(tmp_path, *run("evil_module:Rule", 0))
    assert len(list(compare(grid(TINY), tmp_path))) == 2
    assert not sprung()


@pytest.mark.parametrize("suffix", [".safetensors", ".part"])
def test_a_comparison_does_not_unpickle_what_lies_in_its_folder(tmp_path, sprung, suffix):
    (experiment,) = grid(TINY)
    plain, _ = bombs(tmp_path, tmp_path / "sprung")
    place = tmp_path / "checkpoints" / experiment.key
    place.mkdir(parents=True)
    for name in ("last", "best", "last.safetensors"):
        (place / f"{name}{suffix}").write_bytes(plain.read_bytes())
    with pytest.warns(UserWarning, match="no checkpoint") if suffix == ".safetensors" else pytest.MonkeyPatch.context():
        assert len(list(compare([experiment], tmp_path, checkpoints=True))) == 2
    assert not sprung()
    assert json.loads((tmp_path / "runs.jsonl").read_text().splitlines()[-1])["kind"] == "done"


def test_a_study_file_cannot_choose_whom_a_scheduler_lets_run_programs(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('engine = "dask"\nscheduler = "tcp://10.0.0.1:8786"')
    with pytest.raises(ValueError, match=r"study.toml names a scheduler, 'tcp://10.0.0.1:8786'.*type --scheduler"):
        sit(study, {}, "")
