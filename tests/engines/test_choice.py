"""Options of the engines: what cannot be is one line and status 2; study files have them too."""

import pickle
import socket
import sys
from concurrent.futures import Future

import pytest
import torch

from spikefa.attempt import Job
from spikefa.engines import Here, Processes, choose
from spikefa.engines import dask as module
from spikefa.engines.executed import Executed
from spikefa.experiment import Experiment

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    NOBODY = f"tcp://127.0.0.1:{free.getsockname()[1]}"

WRONG = {
    "no jobs": (["--jobs", "0"], ["jobs", "'0'"]),
    "part of a job": (["--jobs", "1.5"], ["jobs", "'1.5'"]),
    "in a study": (["jobs.toml"], ["jobs", "True"]),
    "engine": (["--engine", "dsak"], ["'dsak'", "did you mean 'dask'?"]),
    "no scheduler": (["--engine", "dask"], ["--scheduler tcp://"]),
    "idle scheduler": (["--scheduler", NOBODY], [NOBODY, "--engine dask"]),
    "nobody there": (["--engine", "dask", "--scheduler", NOBODY], [NOBODY, "within", "dask scheduler"]),
    "no address": (["--engine", "dask", "--scheduler", "foo://bar"], ["foo://bar", "tcp://"]),
    "no device": (["device.toml", "--engine", "dask", "--scheduler", NOBODY], ["device must be a name", "not 5"]),
    "no file": (["--engine", "dask", "--scheduler", "nowhere.json"], ["nowhere.json"]),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_and_status_2(tmp_path, monkeypatch, says, words, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "ANSWER", 0.5)
    (tmp_path / "jobs.toml").write_text("jobs = true")
    (tmp_path / "device.toml").write_text("device = 5")
    status, _, printed = says("compare", *words)
    assert status == 2, printed
    assert len(printed.strip().splitlines()) == 1, printed
    assert all(word in printed for word in said), printed


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'spikefa\[dask\]'"):
        choose("dask", scheduler=NOBODY)


def test_one_job_is_trained_in_this_process_and_several_in_others():
    assert isinstance(choose(), Here)
    assert isinstance(choose(jobs="1"), Here)
    assert isinstance(choose(jobs=2, threads="1"), Processes)


def test_a_machine_without_a_gpu_can_hand_jobs_over_to_those_that_have_one(monkeypatch):
    def none(device):
        raise RuntimeError("Found no NVIDIA driver on your system")

    monkeypatch.setattr(torch.cuda, "get_device_name", none)
    engine = AtOnce()
    ((_, (begun,)), (_, done)) = engine.run([Job(Experiment(), device="cuda:3", command="without a GPU")])
    assert (begun.environment["device"], done) == ("cuda:3", [])


class AtOnce(Executed):
    """Jobs that end as soon as they are handed over, elsewhere."""

    room, threads = 1, None

    def submit(self, job):
        future = Future()
        future.set_result(pickle.dumps(([], [])))
        return future

    def recover(self):
        raise ConnectionError

    def close(self):
        pass
