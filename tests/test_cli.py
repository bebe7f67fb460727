"""The command as a user meets it: in a process of its own, by what it prints and how it exits."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TINY = ["--network", "mlp:depth=1,width=8", "--steps", "2"]


def spikefa(*words, cwd, **environment):
    command = [sys.executable, "-c", "from spikefa.cli import main; main()", *map(str, words)]
    known = {name: value for name, value in os.environ.items() if name != "SPIKEFA_DATA"}
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env=known | {"COLUMNS": "100"} | environment, timeout=300
    )


def test_compare_prints_the_table_and_where_the_report_is(tmp_path):
    done = spikefa("compare", "--rule", "bp", "fbp:period=5", "--seed", "0", "1", "--epochs", "2", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fbp:period=5" in done.stdout
    assert "report: runs/report.html" in done.stdout
    for name in ("runs.jsonl", "report.html", "table.csv", "figures/accuracy.svg", "figures/accuracy.png"):
        assert (tmp_path / "runs" / name).stat().st_size > 0
    again = spikefa("report", "runs", cwd=tmp_path)
    assert again.returncode == 0
    assert "fbp:period=5" in again.stdout


def test_a_study_file_sets_options_and_the_command_line_wins(tmp_path):
    study = 'rule = ["bp", "fa"]\nseed = 3\nepochs = 1\nsteps = 2\nnetwork = "mlp:depth=1,width=8"\nout = "here"\n'
    (tmp_path / "study.toml").write_text(study)
    done = spikefa("compare", "study.toml", "--seed", "4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    recorded = [json.loads(line) for line in (tmp_path / "here" / "runs.jsonl").read_text().splitlines()]
    starts = [line["experiment"] for line in recorded if line["kind"] == "start"]
    assert [(start["rule"], start["seed"], start["epochs"]) for start in starts] == [("bp", 4, 1), ("fa", 4, 1)]


def test_a_run_that_diverges_gives_status_1_and_its_reason(tmp_path):
    done = spikefa(
        "compare", "--rule", "bp", "--seed", "0", "--lr", "1e37", "0.001", "--epochs", "1", *TINY, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "Diverged" in done.stdout
    assert "the loss is" in done.stdout


WRONG = {
    "rule": (["compare", "--rule", "fpb"], ["'fpb'", "did you mean 'fbp'?"]),
    "rule option": (["compare", "--rule", "fbp:periot=3"], ["'periot'", "did you mean 'period'?"]),
    "rule option value": (["compare", "--rule", "fbp:period=0"], ["period", "0"]),
    "remedy": (["compare", "--remedy", "weight_nrom"], ["'weight_nrom'", "did you mean 'weight_norm'?"]),
    "remedy's option": (["compare", "--remedy", "readout_decay:rate=abc"], ["rate", "'abc'"]),
    "data set": (["compare", "--dataset", "digit"], ["'digit'", "did you mean 'digits'?"]),
    "network": (["compare", "--network", "mlq"], ["'mlq'", "did you mean 'mlp'?"]),
    "encoding": (["compare", "--encoding", "poison"], ["'poison'", "did you mean 'poisson'?"]),
    "credit": (["compare", "--credit", "bptt", "local"], ["credit='local'", "'membrane'", "give readout every_step"]),
    "read-out": (["compare", "--readout", "rates"], ["'rates'", "did you mean 'rate'?"]),
    "epochs": (["compare", "--epochs", "-3"], ["epochs", "-3"]),
    "part of an epoch": (["compare", "--epochs", "1.5"], ["epochs", "1.5"]),
    "truth": (["compare", "truth.toml"], ["epochs", "True"]),
    "no threads": (["compare", "--threads", "0"], ["threads", "'0'"]),
    "no probe": (["compare", "--probe", "0"], ["probe", "'0'"]),
    "path": (["compare", "path.toml"], ["out", "3"]),
    "no rule": (["compare", "none.toml"], ["rule has no value"]),
    "option's kind": (["compare", "--rule", "sal:eta=abc"], ["eta", "'abc'"]),
    "network's option": (["compare", "--network", "mlp:width=abc"], ["width", "'abc'"]),
    "makes no rule": (["compare", "--rule", "operator:is_"], ["operator:is_", "makes a bool"]),
    "not a rule": (["compare", "--rule", "os:getcwd"], ["os:getcwd", "(weight, generator)"]),
    "not a number": (["compare", "--epochs", "ten"], ["ten", "epochs"]),
    "option": (["compare", "--rul", "bp"], ["--rul", "--rule"]),
    "device": (["compare", "--device", "cudda"], ["'cudda'", "--device cpu"]),
    "data folder": (["compare", "--dataset", "mnist", "--data", "nowhere"], ["nowhere"]),
    "empty data folder": (["compare", "--dataset", "mnist", "--data", "."], ["train-images-idx3-ubyte"]),
    "trust in nothing": (["compare", "--trust", "my.rules:Best"], ["no", "--trust my.rules:Best"]),
    "study missing": (["compare", "study.toml"], ["study.toml"]),
    "study broken": (["compare", "broken.toml"], ["broken.toml", "not TOML"]),
    "study key": (["compare", "key.toml"], ["'epoch'", "did you mean 'epochs'?"]),
    "unwritable": (["compare", "--out", "broken.toml/runs"], ["broken.toml/runs", "--out"]),
    "unwritable figures": (["validate", "fa", "--figures", "broken.toml/x"], ["broken.toml/x", "give another place"]),
    "unwritable claims": (["reproduce", "song2021", "--out", "broken.toml"], ["broken.toml", "give another place"]),
    "checked rule's option": (["check", "fbp:period=0"], ["period", "0"]),
    "no runs": (["report", "nowhere"], ["nowhere"]),
    "torn": (["report", "torn"], ["runs.jsonl", "--mend"]),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_and_status_2(tmp_path, monkeypatch, says, words, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)
    (tmp_path / "broken.toml").write_text("rule = [")
    (tmp_path / "key.toml").write_text("epoch = 3")
    (tmp_path / "truth.toml").write_text("epochs = true")
    (tmp_path / "path.toml").write_text("out = 3")
    (tmp_path / "none.toml").write_text("rule = []")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "runs.jsonl").write_text('{"kind": "environment", "id": "1"}\n{"kind": "sta')
    status, _, printed = says(*words)
    assert status == 2, printed
    assert len(printed.strip().splitlines()) == 1, printed
    assert all(word in printed for word in said), printed


def test_wrong_input_ends_a_process_with_status_2(tmp_path):
    done = spikefa("compare", "--rule", "fpb", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [done.stderr.strip()]


def test_the_traceback_is_there_for_those_who_ask(tmp_path):
    done = spikefa("compare", "--rule", "fpb", "--traceback", cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_mend_drops_the_torn_line(tmp_path):
    done = spikefa("compare", "--rule", "bp", "--seed", "0", "--epochs", "1", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "runs" / "runs.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind": "sta')
    assert spikefa("report", "runs", cwd=tmp_path).returncode == 2
    assert spikefa("report", "runs", "--mend", cwd=tmp_path).returncode == 0
    assert path.read_bytes() == whole


def test_a_killed_comparison_goes_on_where_it_was(tmp_path):
    words = ["compare", "--rule", "bp", "--seed", "0", "1", "--epochs", "20", *TINY]
    command = [sys.executable, "-c", "from spikefa.cli import main; main()", *words]
    path = tmp_path / "runs" / "runs.jsonl"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        wait_for(path, 3)
        process.send_signal(signal.SIGKILL)
    assert '"done"' not in path.read_text(), "the process was to be killed in its first run"
    done = spikefa(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert path.read_text().count('"done"') == 2


def test_an_interrupted_comparison_says_so_and_leaves_its_file_whole(tmp_path):
    command = [sys.executable, "-c", "from spikefa.cli import main; main()", "compare", "--epochs", "500", *TINY]
    path = tmp_path / "runs" / "runs.jsonl"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        wait_for(path, 3)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    assert said.strip().splitlines() == ["spikefa: stopped; the same command again goes on from here"]
    assert path.read_bytes().endswith(b"}\n")


def wait_for(path, epochs):
    for _ in range(6000):
        if path.exists() and path.read_text().count('"epoch"') > epochs:
            return
        time.sleep(0.01)


def test_list_names_everything_with_its_source(tmp_path):
    done = spikefa("list", cwd=tmp_path)
    assert done.returncode == 0
    for word in (
        "bp",
        "fa",
        "frsf",
        "fbp",
        "sal",
        "weight_norm",
        "digits",
        "fashion_mnist",
        "mlp",
        "convnet",
        "Lillicrap",
        "Goupy",
    ):
        assert word in done.stdout


def test_a_reader_that_stops_early_is_no_fault(tmp_path):
    listing = f"{sys.executable} -u -c 'from spikefa.cli import main; main()' list"
    script = f"{listing} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.stdout.splitlines() == ["rules", "0"]
    assert done.stderr == ""


def test_help_tells_the_options(tmp_path):
    done = spikefa("compare", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--rule", "--seed", "--dataset", "--out", "--threads", "--jobs"))


def test_check_prints_a_line_a_check_and_says_by_its_status_whether_one_is_broken():
    root = Path(__file__).parents[1]
    done = spikefa("check", "fa", "--only", "forward", "poison", cwd=root)
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["forward", "holds"], ["poison", "holds"]]
    done = spikefa("check", "tests.testing.wrong_claims:FollowsW", "--only", "forward", "reads", cwd=root)
    assert done.returncode == 1
    assert "reads        broken: check 'reads', layer 'linear': after step 1 B has followed W" in done.stdout


def test_help_does_not_wait_for_torch():
    code = "import sys, spikefa.cli; sys.exit(bool({'torch', 'numba', 'matplotlib', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
