"""Side by side on one machine: the same numbers, and what becomes of a run whose process dies."""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import psutil
import pytest
import torch

from spikefa.comparison import Failed, compare, grid, missing
from spikefa.engines import Here, Processes, choose
from spikefa.runs import FILE, read
from spikefa.silence import SilentLayer
from tests.engines.cluster import until
from tests.engines.deadly import deadly, ends, numbers

TINY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 2}
ROOT = Path(__file__).parents[2]


def test_side_by_side_is_the_same_to_the_last_bit_and_a_run_that_kills_its_process_is_done_again(tmp_path):
    quiet = grid(TINY | {"rule": ["bp", "fa", "sal:every=5,steps=50"], "network": "mlp:width=8,depth=1,gain=0.01"})
    deaths = grid(TINY | {"rule": deadly(tmp_path / "deaths")})
    with Processes(2, threads=1) as engine, pytest.warns(SilentLayer):
        list(compare((*deaths, *quiet), tmp_path / "two", engine=engine))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SilentLayer)
        list(compare((*deaths, *quiet), tmp_path / "one", engine=Here()))
    assert numbers(tmp_path / "one") == numbers(tmp_path / "two"), "and in the same order"
    assert len(list((tmp_path / "deaths").iterdir())) == 1
    assert set(ends(tmp_path / "two").values()) == {1}
    assert len(ends(tmp_path / "two")) == 4
    assert not _workers(psutil.Process())


@pytest.mark.slow
def test_a_run_that_kills_every_process_fails_and_the_others_go_on(tmp_path):
    rules = ["bp", deadly(tmp_path / "twice", deaths=9), "fa"]
    experiments = grid(TINY | {"rule": rules, "seed": [0, 1]})
    with Processes(2, threads=1) as engine:
        events = list(compare(experiments, tmp_path / "runs", engine=engine))
    said = [event.error for _, event in events if isinstance(event, Failed)]
    assert len(said) == 2
    assert all("tried 2 times" in error for error in said)
    assert len(list((tmp_path / "twice").iterdir())) == 4, "two runs, two processes each"
    assert [run.state for run in read(tmp_path / "runs")] == ["done", "failed", "done"] * 2
    assert set(ends(tmp_path / "runs").values()) == {1}
    assert len(missing(experiments, tmp_path / "runs" / FILE)) == 2, "failed runs are tried again next time"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_it_leaves_no_process_behind_and_keeps_what_is_done(tmp_path, number):
    words = ["--rule", "bp", "fa", "--seed", *map(str, range(40)), "--epochs", "5", "--jobs", "2"]
    words += ["--network", "mlp:depth=1,width=8", "--steps", "2", "--out", str(tmp_path)]
    code = "from spikefa.cli import main; main()"
    command = [sys.executable, "-c", code, "compare", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=-3, stderr=subprocess.PIPE, start_new_session=True) as process:
        until(lambda: (tmp_path / FILE).exists() and '"done"' in (tmp_path / FILE).read_text())
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(_workers(psutil.Process(process.pid))) == 2
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: the workers hear it too
        else:
            process.kill()
        said = process.communicate(timeout=60)[1].decode().strip()
    until(lambda: not [child for child in started if alive(child)], 20)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert said == "spikefa: stopped; the same command again goes on from here"
    assert 0 < len(ends(tmp_path)) < 80
    assert (tmp_path / FILE).read_bytes().endswith(b"}\n")


def _workers(process):
    """Its worker processes, without multiprocessing's own tracker of resources."""
    return [child for child in process.children() if "spawn_main" in " ".join(child.cmdline())]


def alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_threads_are_divided_among_the_jobs(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert [Processes(jobs).threads for jobs in (2, 3, 16)] == [4, 2, 1]
    assert Processes(2, threads=8).threads == 8


def test_each_job_has_a_gpu_of_its_own_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [lane._device for lane in Processes(2, device="cuda")._lanes] == ["cuda:0", "cuda:1"]
    assert [lane._device for lane in Processes(3, device="cuda:1")._lanes] == ["cuda:1"] * 3
    with pytest.raises(ValueError, match=r"jobs=3 is more than the 2 devices.*--jobs 2.*--device cuda:0"):
        choose(jobs=3, device="cuda")
