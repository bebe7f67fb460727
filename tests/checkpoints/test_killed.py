"""A comparison that keeps checkpoints, killed anywhere: it goes on, and ends with what it would have ended with."""

import json
import multiprocessing
import os
import random
import signal
import time

import pytest
import torch
from safetensors.torch import load_file

import spikefa
from spikefa.checkpoint import Checkpoint
from spikefa.comparison import compare, grid
from spikefa.journal import WriteError
from spikefa.resumption import BEST, FOLDER, LAST, Restarted
from spikefa.runs import FILE, read
from spikefa.sitting import sit

TINY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 3, "dataset": "digits:train=100,validation=40,test=40"}
EXPERIMENTS = grid(TINY | {"rule": ["fbp:period=5,late=2", "sal:every=3,steps=40,replicas=2"]})
LONGER = grid(
    TINY | {"epochs": 12, "weight_decay": 0.1, "rule": ["fbp:period=5,late=2", "sal:every=3,steps=40,replicas=2", "kp"]}
)
TIMES = ("seconds", "work")


def numbers(folder):
    """Of each run, all epochs without their times, and its representations."""
    found = {}
    for run in read(folder):
        assert run.state == "done"
        assert [epoch["epoch"] for epoch in run.epochs] == list(range(run.experiment["epochs"] + 1))
        epochs = [{name: value for name, value in epoch.items() if name not in TIMES} for epoch in run.epochs]
        grams = load_file(folder / "representations" / f"{run.key}.safetensors")
        found[run.key] = epochs, {name: gram.tolist() for name, gram in grams.items()}
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What the comparison gives that keeps no checkpoints and is never killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    list(compare(EXPERIMENTS, folder))
    return numbers(folder)


def kept(folder, experiment, name=LAST):
    return Checkpoint.read(folder / FOLDER / experiment.key / name)


def test_the_last_and_the_best_epoch_of_each_run_are_kept(tmp_path, undisturbed):
    list(compare(EXPERIMENTS, tmp_path, checkpoints=True))
    assert numbers(tmp_path) == undisturbed
    for run, experiment in zip(read(tmp_path), EXPERIMENTS, strict=True):
        accuracies = [epoch["accuracy"]["validation"] for epoch in run.epochs[1:]]
        best, last = kept(tmp_path, experiment, BEST), kept(tmp_path, experiment)
        assert (best.epoch, last.epoch) == (1 + accuracies.index(max(accuracies)), 3)
        net, same = spikefa.load(tmp_path / FOLDER / experiment.key / BEST)
        assert same == experiment
        assert all(value.equal(best.state["network"][name]) for name, value in net.state_dict().items())
        assert sorted(os.listdir(tmp_path / FOLDER / experiment.key)) == [BEST, LAST]


@pytest.mark.parametrize("events", [1, 2, 3, 4, 6, 8])
def test_a_run_goes_on_from_its_last_epoch(tmp_path, undisturbed, events):
    """Killed while an epoch is being trained, before the next line is written: three epochs and a start a run."""
    killed = compare(EXPERIMENTS, tmp_path, checkpoints=True)
    for _ in range(events):
        next(killed)
    before = read(tmp_path)[-1]
    killed.close()
    list(compare(EXPERIMENTS, tmp_path, checkpoints=True))
    assert numbers(tmp_path) == undisturbed
    after = next(run for run in read(tmp_path) if run.key == before.key)
    taken_over = before.epochs[1:-1]  # the last one had not been kept, and the start is nothing to keep
    assert [epoch["seconds"] for epoch in after.epochs[1:][: len(taken_over)]] == [e["seconds"] for e in taken_over]


def test_nothing_is_trained_twice(tmp_path, undisturbed, monkeypatch):
    first, _ = EXPERIMENTS
    killed = compare([first], tmp_path, checkpoints=True)
    for _ in range(4):
        next(killed)
    killed.close()  # the third epoch has been told of, and not been kept
    updates, step = [], torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda *args, **options: updates.append(1) or step(*args, **options))
    list(compare([first], tmp_path, checkpoints=True))
    assert len(updates) == 2  # batches of 64 of 100 images
    (tmp_path / FILE).unlink()
    list(compare([first], tmp_path, checkpoints=True))
    assert len(updates) == 2, "all is in the checkpoint, representations too"
    assert numbers(tmp_path) == {first.key: undisturbed[first.key]}


def test_without_the_option_nothing_is_kept_and_nothing_read(tmp_path, undisturbed):
    place = tmp_path / FOLDER / EXPERIMENTS[0].key
    place.mkdir(parents=True)
    (place / LAST).write_text("nonsense")
    list(compare(EXPERIMENTS, tmp_path))
    assert numbers(tmp_path) == undisturbed
    assert [path.name for path in tmp_path.glob(f"{FOLDER}/*/*")] == [LAST]


@pytest.mark.parametrize("at", [BEST, LAST])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_death_between_two_files_loses_neither(tmp_path, undisturbed, monkeypatch, at, moment):
    """The best epoch must not be passed over because it was not kept when the last one was."""
    from spikefa import checkpoint

    write, seen = checkpoint.write, []

    def dies(path, raw):
        seen.append(path.name)
        if (moment, path.name) == ("before", at) and seen.count(at) == 2:
            raise KeyboardInterrupt
        write(path, raw)
        if (moment, path.name) == ("after", at) and seen.count(at) == 2:
            raise KeyboardInterrupt

    first, _ = EXPERIMENTS
    monkeypatch.setattr(checkpoint, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        list(compare([first], tmp_path, checkpoints=True))
    monkeypatch.setattr(checkpoint, "write", write)
    list(compare([first], tmp_path, checkpoints=True))
    assert numbers(tmp_path) == {first.key: undisturbed[first.key]}
    accuracies = [epoch["accuracy"]["validation"] for epoch in read(tmp_path)[0].epochs[1:]]
    assert kept(tmp_path, first, BEST).epoch == 1 + accuracies.index(max(accuracies))


SPOILT = {
    "damaged": (lambda path, _: path.write_bytes(path.read_bytes()[:-5]), "no checkpoint that this spikefa can read"),
    "of another experiment": (lambda path, other: other.replace(path), "of another experiment: rule differs"),
    "elsewhere": (
        lambda path, _: path.with_name(BEST).replace(path),
        "versions, threads, processes were others then, and numbers may come out otherwise",
    ),
}


@pytest.mark.filterwarnings("error::spikefa.resumption.Restarted")
@pytest.mark.parametrize(("spoil", "message"), SPOILT.values(), ids=SPOILT)
def test_a_run_that_cannot_go_on_is_trained_anew_with_a_warning(tmp_path, undisturbed, monkeypatch, spoil, message):
    list(compare(EXPERIMENTS, tmp_path, checkpoints=True))
    first, second = EXPERIMENTS
    place = tmp_path / FOLDER / first.key
    found = kept(tmp_path, first)
    found.origin.update(threads=77, versions={}, processes=2)
    found.save(place / BEST)
    spoil(place / LAST, tmp_path / FOLDER / second.key / LAST)
    (tmp_path / FILE).unlink()
    with pytest.warns(Restarted, match=rf"{first.rule}, seed 0: .*{message}.*trained anew"):
        list(compare([first], tmp_path, checkpoints=True))
    assert numbers(tmp_path) == {first.key: undisturbed[first.key]}


def test_a_run_that_diverges_keeps_what_was_before(tmp_path):
    (experiment,) = grid(TINY | {"lr": 1e37, "dataset": "digits:train=64,validation=40,test=40"})
    for _ in range(2):
        list(compare([experiment], tmp_path, checkpoints=True))
        (run,) = read(tmp_path)
        assert (run.state, len(run.epochs)) == ("failed", kept(tmp_path, experiment).epoch + 1)


def test_a_folder_that_cannot_take_a_checkpoint_is_the_reason_of_a_failure(tmp_path):
    (tmp_path / FOLDER).write_text("in the way")
    events = compare(EXPERIMENTS[:1], tmp_path, checkpoints=True)
    assert [("checkpoints" in event.error) for _, event in events] == [True]


def test_the_option_comes_from_a_study_file_too(tmp_path):
    given = TINY | {"rule": "fa", "seed": 0, "epochs": 1, "out": str(tmp_path / "runs"), "checkpoints": True}
    study = tmp_path / "study.toml"
    study.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()))
    assert sit(study, {}, "") == 0
    assert len(list((tmp_path / "runs").glob(f"{FOLDER}/*/*"))) == 2
    study.write_text('checkpoints = "all"')
    with pytest.raises(ValueError, match="checkpoints must be true or false, not 'all'"):
        sit(study, {}, "")


def job(folder):
    torch.set_num_threads(1)
    list(compare(LONGER, folder, checkpoints=True))


def started(folder):
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["spikefa.comparison", "sklearn.datasets", "pytest"])  # once, not in each
    process = processes.Process(target=job, args=(folder,))
    process.start()
    return process


def epochs(path):
    return path.read_text().count('{"kind": "epoch"') if path.exists() else 0


def test_processes_that_are_killed_at_any_moment_lose_nothing(tmp_path):
    reference, folder = started(tmp_path / "undisturbed"), tmp_path / "killed"
    chance, path = random.Random(0), folder / FILE
    for _ in range(3):
        wanted, process = epochs(path) + chance.randint(3, 9), started(folder)
        while epochs(path) < wanted:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    last = started(folder)
    for process in (last, reference):
        process.join()
        assert process.exitcode == 0
    assert numbers(folder) == numbers(tmp_path / "undisturbed")
    assert epochs(path) > len(LONGER) * 13, "it went on at least once in the middle of a run"


def test_a_checkpoint_that_cannot_be_written_is_no_failure_of_its_run(tmp_path, undisturbed, monkeypatch):
    from spikefa import checkpoint

    def full(path, raw):
        raise WriteError(f"cannot write to {path} (No space left on device)")

    first, _ = EXPERIMENTS
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write", full)
        with pytest.raises(WriteError, match="No space"):
            list(compare([first], tmp_path, checkpoints=True))
    assert [run.state for run in read(tmp_path)] == ["incomplete"]
    list(compare([first], tmp_path, checkpoints=True))
    assert numbers(tmp_path) == {first.key: undisturbed[first.key]}
