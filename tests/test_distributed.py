"""Two processes that train together give what one gives, to rounding, and hold the same W and B to the last bit."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spikefa import RULES
from spikefa.datasets import DATASETS, Events, Split
from spikefa.datasets.dataset import UNLABELLED
from spikefa.readout import labelled_nll
from spikefa.runs import read
from spikefa.team import _split, _tensors, part
from tests import ranks
from tests.conftest import OPTIONS, VARIANTS

ROOT = Path(__file__).parents[1]
SMALL = {"network": "mlp:depth=2,width=12", "epochs": 2, "batch_size": 33, "steps": 3, "lr": 0.01, "weight_decay": 0.1}
CONVNET = SMALL | {"network": "convnet:channels=2,width=8"}
NAMES = [*(f"{name}:{OPTIONS[name]}" if name in OPTIONS else name for name in RULES), *VARIANTS.values()]
TRAININGS = {
    **{name: SMALL | {"rule": name} for name in NAMES},
    "convolutions": CONVNET | {"rule": "fa:dense=true"},
    "mixed": CONVNET | {"rule": "conv*=kp/*=dfa", "epochs": 1},
    "poisson": SMALL | {"rule": "kp", "encoding": "poisson"},
    "remedy": SMALL | {"rule": "fa", "remedy": "weight_norm+weight_noise:std=0.01", "seed": 3},
    "local": SMALL | {"rule": "kp", "credit": "local", "readout": "every_step"},
    "events": SMALL | {"rule": "fa", "dataset": "shd", "batch_size": 4},
    "sgd": SMALL | {"rule": "bp", "optimizer": "sgd:momentum=0.9"},
}
FAILING = {
    "diverges": SMALL | {"rule": "bp", "lr": 1e37},
    "differs": SMALL | {"rule": "tests.ranks:own"},
    "mixes": SMALL | {"rule": "bp", "network": "tests.ranks:normed"},
    "goes on": SMALL | {"rule": "bp"},
}


def started(folder, trainings, **environment):
    """The two processes, each with its output on a pipe."""
    (folder / "fields").write_text(json.dumps(list(trainings)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "GLOO_SOCKET_IFNAME": "lo"}
    shared = os.environ | place | environment | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    return [
        subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "ranks.py"), str(folder)],
            env=shared | {"RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What two processes gave, for every training."""
    folder, trainings = tmp_path_factory.mktemp("ranks"), TRAININGS | FAILING
    processes = started(folder, trainings.values())
    said = [process.communicate(timeout=200)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    return dict(zip(trainings, json.loads((folder / "found").read_text()), strict=True))


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](**ranks.DATA)


def close(found, true, where=""):
    """Numbers agree to rounding, whatever they are nested in."""
    if isinstance(true, dict):
        assert found.keys() == true.keys(), where
        for name in true:
            close(found[name], true[name], f"{where}.{name}")
    elif isinstance(true, list | tuple):
        assert len(found) == len(true), where
        for at, pair in enumerate(zip(found, true, strict=True)):
            close(*pair, f"{where}[{at}]")
    else:  # angles near 0 are arc cosines near 1, whose rounding they enlarge
        same = math.isnan(true) and math.isnan(found)
        assert same or found == pytest.approx(true, rel=2e-4, abs=0.05 if "angle" in where else 1e-4), where


@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.filterwarnings("ignore::UserWarning:spikefa", "ignore::spikefa.rules.kp.NoDecay")
def test_the_records_are_those_of_one_process_to_rounding(found, digits, name):
    true = ranks.trained(TRAININGS[name], digits)
    for two, one in zip(found[name], true, strict=True):
        assert one["epoch"] == 0 or two["loss"] == pytest.approx(one["loss"], rel=1e-5)
        close(two, one)
    assert true[-1]["angles"], "measured within the epoch, too"


def test_a_failure_that_all_know_of_is_told_and_the_next_training_goes_on(found):
    assert found["diverges"].startswith("Diverged: the loss is")
    assert found["goes on"][-1]["loss"] == found["bp"][-1]["loss"]


def test_a_pathway_that_differs_by_a_bit_between_processes_is_noticed(found):
    assert found["differs"].startswith("Known: the processes hold different weights")


def test_batch_norm_is_refused_for_it_would_see_parts_of_batches(found):
    assert found["mixes"].startswith("Known: batch norm (1) would see parts of batches")


@pytest.mark.parametrize("count", [1, 2, 5, 64])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_parts_of_a_batch_are_all_of_it_once_and_weighted_by_their_size(count, size):
    parts = [part(torch.arange(count), rank, size) for rank in range(size)]
    taken = [row for each in parts if each.weight for row in range(count)[each.rows]]
    assert taken == list(range(count))
    values = torch.rand(count, dtype=torch.float64)
    mean = sum(each.weight * values[each.rows].mean() for each in parts) / size
    assert torch.allclose(mean, values.mean())


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("labelled", [0.0, 0.1, 0.6])
def test_parts_with_labels_of_each_step_are_weighted_by_the_labelled_steps(size, labelled):
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(5, 3, 7, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (5, 7), generator=generator)
    y[torch.rand(5, 7, generator=generator) >= labelled] = UNLABELLED
    y[:2] = UNLABELLED  # so that some part has no label at all
    parts = [part(y, rank, size) for rank in range(size)]
    mean = sum(each.weight * labelled_nll(scores[each.rows], y[each.rows]) for each in parts) / size
    torch.testing.assert_close(mean, labelled_nll(scores, y))


@pytest.mark.parametrize("values", [(), ([0.5, 2.0], [3.0])], ids=["ones", "values"])
def test_lists_of_events_arrive_as_they_were_sent(values):
    lists = zip([[0.1, 0.9], [0.5]], [[5, 1], [3]], *[values] * bool(values), strict=True)
    sent = Split(Events.of(lists, place=(2, 3), window=1.5), torch.tensor([1, 0]))
    came = _split(_tensors(sent), (sent.x.place, sent.x.window))
    assert came.y.equal(sent.y)
    assert came.x.window == 1.5
    assert came.x.binned(4).equal(sent.x.binned(4))
    assert (came.x.value is None) == (not values)


def test_images_arrive_as_they_were_sent():
    sent = Split(torch.rand(2, 1, 3), torch.tensor([1, 0]))
    came = _split(_tensors(sent), None)
    assert came.x.equal(sent.x)
    assert came.y.equal(sent.y)


def test_if_one_process_dies_the_other_ends_and_says_so(tmp_path):
    first, second = started(tmp_path, [SMALL | {"rule": "tests.ranks:dying"}, SMALL])
    said = first.communicate(timeout=200)[1]
    assert second.wait(timeout=10) == 9
    assert first.returncode == 1
    assert "spikefa: process 0 of 2 stops: RuntimeError:" in said
    assert "If another process is gone, its own message says why" in said
    assert not (tmp_path / "found").exists(), "it does not go on with the next training"


@pytest.mark.slow
def test_if_one_process_stops_the_other_waits_no_longer_than_it_was_told(tmp_path):
    first, second = started(tmp_path, [SMALL | {"rule": "tests.ranks:stopping"}], PATIENCE="10")
    try:
        said = first.communicate(timeout=200)[1]
    finally:
        second.send_signal(signal.SIGKILL)
    assert first.returncode == 1
    assert "spikefa: process 0 of 2 stops" in said


def torchrun(*words, cwd):
    """The command in two processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "spikefa", *words]
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=400)


@pytest.mark.slow
def test_a_comparison_under_torchrun_is_printed_and_written_once(tmp_path):
    words = ["compare", "--rule", "bp", "kp", "--seed", "0", "--epochs", "2", "--steps", "2", "--weight-decay", "0.1"]
    words += ["--network", "mlp:width=8", "--out"]
    done = torchrun(*words, "two", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report: two/report.html") == 1
    subprocess.run([sys.executable, "-m", "spikefa", *words, "one"], cwd=tmp_path, check=True, timeout=200)
    two, one = read(tmp_path / "two"), read(tmp_path / "one")
    assert [run.key for run in two] == [run.key for run in one]
    for pair in zip(two, one, strict=True):
        found, true = ([epoch["loss"] for epoch in run.epochs[1:]] for run in pair)
        assert found == pytest.approx(true, rel=1e-5)


@pytest.mark.slow
def test_wrong_input_under_torchrun_is_said_once(tmp_path):
    done = torchrun("compare", "--rule", "fpb", cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.count("did you mean 'fbp'?") == 1
