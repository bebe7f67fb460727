"""On a cluster, a real one of two workers on this machine: the same numbers, whoever dies on the way."""

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("distributed", reason="the engine dask needs Dask")

from spikefa.comparison import Failed, compare, grid
from spikefa.engines import Dask, Here, choose
from spikefa.engines import dask as module
from spikefa.runs import FILE, read
from tests.engines.cluster import ROOT, cluster, until
from tests.engines.deadly import deadly, ends, numbers

pytestmark = pytest.mark.filterwarnings("ignore::spikefa.engines.dask.Hindered")  # workers come after the scheduler
TINY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 2}


def test_a_run_that_kills_its_worker_is_done_by_the_other_and_all_is_the_same_to_the_last_bit(tmp_path):
    experiments = grid(TINY | {"rule": ["bp", deadly(tmp_path / "deaths"), "fa"], "seed": [0, 1]})
    with cluster(tmp_path / "cluster") as machines, choose("dask", scheduler=machines.address) as engine:
        list(compare(experiments, tmp_path / "cluster_runs", engine=engine))
        assert [worker.poll() for worker in machines.workers].count(-signal.SIGKILL) == 1
    list(compare(experiments, tmp_path / "here", engine=Here()))
    assert numbers(tmp_path / "cluster_runs") == numbers(tmp_path / "here"), "and in the same order"
    assert set(ends(tmp_path / "cluster_runs").values()) == {1}
    assert len(ends(tmp_path / "cluster_runs")) == 6


@pytest.mark.slow
def test_a_scheduler_that_comes_back_gets_again_what_is_not_done(tmp_path):
    experiments = grid(TINY | {"epochs": 5, "seed": list(range(12))})
    lost = pytest.warns(module.Hindered, match=r"lost the scheduler at .*: waiting 60 s")
    with cluster(tmp_path / "cluster") as machines, Dask(machines.address) as engine, lost:
        until_killed(experiments, tmp_path / "runs", engine, machines, start=True)
    assert set(ends(tmp_path / "runs").values()) == {1}
    assert len(ends(tmp_path / "runs")) == 12
    assert {run.state for run in read(tmp_path / "runs")} == {"done"}


@pytest.mark.slow
def test_a_study_goes_on_with_another_scheduler_after_one_that_stayed_away(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RETURN", 2.0)
    experiments = grid(TINY | {"epochs": 5, "seed": list(range(12))})
    with cluster(tmp_path / "cluster") as machines:
        lost = (
            pytest.warns(module.Hindered, match="lost the"),
            pytest.raises(ConnectionError, match="no scheduler answers"),
        )
        with Dask(machines.address) as engine, lost[0], lost[1]:
            until_killed(experiments, tmp_path / "runs", engine, machines)
        before = set(ends(tmp_path / "runs"))
        assert 3 <= len(before) < 12
        machines.start()
        with Dask(machines.address) as engine:
            again = {e.key for e, _ in compare(experiments, tmp_path / "runs", engine=engine)}
    assert not again & before
    assert set(ends(tmp_path / "runs").values()) == {1}
    assert {run.state for run in read(tmp_path / "runs")} == {"done"}


@pytest.mark.slow
def test_the_command_with_a_worker_killed_from_outside(tmp_path):
    words = ["--rule", "bp", "fa", "--seed", *map(str, range(25)), "--epochs", "2", "--out", str(tmp_path / "runs")]
    words += ["--network", "mlp:depth=1,width=8", "--steps", "2", "--engine", "dask"]
    command = [sys.executable, "-c", "from spikefa.cli import main; main()", "compare", *words, "--scheduler"]
    path = tmp_path / "runs" / FILE
    with (
        cluster(tmp_path / "cluster") as machines,
        subprocess.Popen([*command, machines.address], cwd=ROOT, stdout=-3, stderr=subprocess.PIPE) as process,
    ):
        until(lambda: path.exists() and path.read_text().count('"done"') >= 5)
        os.kill(machines.workers[0].pid, signal.SIGKILL)
        said = process.communicate(timeout=250)[1].decode()
    assert process.returncode == 0, said
    assert len(ends(tmp_path / "runs")) == 50
    assert set(ends(tmp_path / "runs").values()) == {1}
    assert {run.state for run in read(tmp_path / "runs")} == {"done"}


def until_killed(experiments, folder, engine, machines, start=False):
    """Compare, and kill the whole cluster when three runs have ended; start it again or not."""
    done = 0
    for _, event in compare(experiments, folder, engine=engine):
        assert not isinstance(event, Failed)
        done += event.epoch == 5
        if done == 3 and event.epoch == 5:
            machines.kill()
            if start:
                machines.start()
