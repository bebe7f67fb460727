"""The file of a checkpoint: whole or not there, and read only if it is what was written."""

import json
import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import spikefa
from spikefa.checkpoint import FORMAT, Checkpoint, _digest
from spikefa.packing import pack, unpack
from spikefa.streams import stream
from spikefa.tensorboard import histograms


def contents(file):
    with safe_open(file, "pt") as opened:
        return json.loads(opened.metadata()["spikefa"]), load_file(file)


def write(file, told, tensors, digest=None):
    """A file with these contents, and a digest that fits them unless another is given."""
    text = told if isinstance(told, str) else json.dumps(told)
    save_file(tensors, file, {"spikefa": text, "sha256": digest or _digest(text, tensors)})


def entry(told, name):
    """The part of the JSON that is called so."""
    return next(value for key, value in told["checkpoint"]["dict"] if key == name)


def test_what_is_read_is_what_was_written(trained, file):
    wrote, found = trained.checkpoint({"threads": 1}), Checkpoint.read(file)
    assert repr(found.history) == repr(wrote.history)
    assert (found.experiment, found.origin, found.shape, found.classes) == (
        trained.experiment.model_dump(),
        {"threads": 1},
        (1, 8, 8),
        10,
    )
    (plain, ours), (other, theirs) = pack(found.state), pack(wrote.state)
    assert plain == other
    assert all(value.equal(theirs[name]) and value.dtype == theirs[name].dtype for name, value in ours.items())


def test_histograms_are_left_out_for_they_would_soon_be_too_long_to_be_read(trained, tmp_path):
    wrote = trained.checkpoint()
    seen = tuple(replace(record, histograms=histograms(trained.net)) for record in wrote.history)
    for name, history in (("plain", wrote.history), ("watched", seen)):
        replace(wrote, history=history).save(tmp_path / name)
    assert contents(tmp_path / "plain")[0] == contents(tmp_path / "watched")[0]
    many = tuple(replace(seen[1], epoch=number) for number in range(1000))
    replace(wrote, history=many).save(tmp_path / "long")
    assert Checkpoint.read(tmp_path / "long").epoch == 999


def test_a_checkpoint_that_is_too_long_names_what_makes_it_so(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("spikefa.checkpoint.MOST", 2**10)
    with pytest.raises(ValueError, match="could not be read again: probe less often, or train for fewer epochs"):
        trained.checkpoint().save(tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_nested_state_of_all_kinds_survives():
    state = {"a": [1, -0.0, True, None, "x", (), {}], 3: {"b": (torch.ones(2, dtype=torch.bfloat16), {4: [0.1]})}}
    plain, tensors = pack(state | {"inf": -float("inf"), "empty": torch.zeros(0, 3)})
    found = unpack(json.loads(json.dumps(plain, allow_nan=False)), tensors)
    assert repr(found) == repr(state | {"inf": -float("inf"), "empty": torch.zeros(0, 3)})
    assert not tensors


@pytest.mark.parametrize("value", [object(), torch.Generator(), {1.5: 2}, {(1, 2): 3}, b"bytes", 1j, {1}])
def test_what_only_unpickling_could_bring_back_is_refused_with_its_place(value):
    with pytest.raises(TypeError, match=r"^a/1.* a checkpoint cannot hold"):
        pack({"a": [0, value]})


def test_names_that_would_fall_together_are_refused():
    with pytest.raises(ValueError, match="two tensors of the state are called a/b"):
        pack({"a": {"b": torch.ones(1)}, "a/b": torch.ones(1)})


def test_a_network_is_loaded_with_its_pathways_and_scores_as_it_did(trained, file, few):
    net, experiment = spikefa.load(file)
    assert experiment == trained.experiment
    assert all(value.equal(net.state_dict()[name]) for name, value in trained.net.state_dict().items())
    x = few.test.x
    assert experiment.scores(net, x, stream(0, "")).equal(experiment.scores(trained.net, x, stream(0, "")))


@pytest.mark.parametrize("fails", ["open", "fsync", "replace"])
def test_a_file_that_cannot_be_written_whole_leaves_the_one_before(trained, file, monkeypatch, fails):
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    place = {"open": (Path, "open"), "fsync": (os, "fsync"), "replace": (Path, "replace")}[fails]
    checkpoint = trained.checkpoint({"threads": 2})
    with monkeypatch.context() as patch:
        patch.setattr(*place, full)
        with pytest.raises(OSError, match="No space"):
            checkpoint.save(file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_every_truncation_is_refused(file):
    whole = file.read_bytes()
    for length in [0, 3, 8, 9, 100, *range(200, len(whole), 997), len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=f"{file} is no checkpoint .*if you delete it"):
            Checkpoint.read(file)


def test_every_flipped_bit_is_found(file):
    whole = file.read_bytes()
    for place in range(0, len(whole), 499):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="is no checkpoint"):
            Checkpoint.read(file)


@pytest.mark.parametrize("size", [0, 2**24 + 1, 2**40, 2**63 - 1, 2**64 - 1], ids=str)
def test_a_header_of_an_absurd_size_is_not_read(file, size):
    file.write_bytes(struct.pack("<Q", size) + file.read_bytes()[8:])
    with pytest.raises(ValueError, match=f"its header is to have {size:,} bytes, in a file of"):
        Checkpoint.read(file)


def nested(told):
    return '{"format": 1, "checkpoint": ' + "[" * 100_000 + "]" * 100_000 + "}"


def edited(change):
    """The JSON, changed in place."""

    def edit(told):
        change(told)
        return told

    return edit


WRONG_JSON = {
    "newer": (edited(lambda told: told.update(format=FORMAT + 1)), "format 2, and this spikefa reads format 1"),
    "no format": (edited(lambda told: told.pop("format")), "format"),
    "no json": (lambda told: "{", "can read: "),
    "a list": (lambda told: "[]", "can read: "),
    "nested": (nested, "can read: "),
    "nan": (lambda told: '{"format": 1, "checkpoint": NaN}', "NaN, which is no JSON"),
    "digits": (lambda told: '{"format": 1, "checkpoint": ' + "9" * 5000 + "}", "can read: "),
    "another kind": (edited(lambda told: told.update(checkpoint={"code": "x"})), "no state that was saved: .*code"),
    "extra field": (edited(lambda told: told["checkpoint"]["dict"].append(["run", "x"])), "run: Extra inputs"),
    "lacks a field": (edited(lambda told: told["checkpoint"]["dict"].pop()), "holds state/input, .* which nothing"),
    "no class": (edited(lambda told: told["checkpoint"]["dict"][3].__setitem__(1, 0)), "in 0 classes are none"),
    "no pixels": (edited(lambda told: entry(told, "shape")["tuple"].__setitem__(0, 0)), r"shape \(0, 8, 8\) in"),
    "two of a name": (
        edited(lambda told: told["checkpoint"]["dict"].append(["classes", 3])),
        "no state that was saved",
    ),
    "no history": (edited(lambda told: told["checkpoint"]["dict"][4].__setitem__(1, {"tuple": []})), "holds history/"),
    "gap": (edited(lambda told: entry(told, "history").pop(1)), "do not follow each other"),
    "text for a number": (
        edited(lambda told: entry(told, "history")[1]["dict"].__setitem__(0, ["epoch", "1"])),
        "epoch: Input should be a valid integer",
    ),
    "accuracy": (
        edited(lambda told: entry(told, "history")[1]["dict"].__setitem__(1, ["accuracy", {"dict": []}])),
        "lacks its accuracy",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG_JSON.values(), ids=WRONG_JSON)
def test_wrong_json_is_refused_with_its_place(file, change, message):
    told, tensors = contents(file)
    write(file, change(told), tensors)
    with pytest.raises(ValueError, match=f"{file} is no checkpoint .*{message}"):
        Checkpoint.read(file)


def without(name):
    return lambda tensors: tensors.pop(name)


WEIGHT = "state/network/fc1.weight"
WRONG_TENSORS = {
    "one more": (lambda tensors: tensors.update(more=torch.ones(1)), "holds more, which nothing in it refers to"),
    "one less": (without(WEIGHT), "state/network/fc1.weight is no state that was saved"),
    "nan": (lambda tensors: tensors[WEIGHT].fill_(torch.nan), "state/network/fc1.weight is not a number"),
}


@pytest.mark.parametrize(("change", "message"), WRONG_TENSORS.values(), ids=WRONG_TENSORS)
def test_wrong_tensors_are_refused_with_their_place(file, change, message):
    told, tensors = contents(file)
    change(tensors)
    write(file, told, tensors)
    with pytest.raises(ValueError, match=f"{file} is no checkpoint .*{message}"):
        Checkpoint.read(file)


def test_a_change_is_found_by_the_digest(file):
    told, tensors = contents(file)
    digest = _digest(json.dumps(told), tensors)
    write(file, told, {**tensors, WEIGHT: tensors[WEIGHT] + 1e-3}, digest)
    with pytest.raises(ValueError, match="changed or damaged"):
        Checkpoint.read(file)


def test_a_plain_safetensors_file_and_a_missing_one_are_told_apart(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "plain.safetensors")
    with pytest.raises(ValueError, match="nothing about a training"):
        Checkpoint.read(tmp_path / "plain.safetensors")
    with pytest.raises(FileNotFoundError, match="compare --checkpoints writes them"):
        Checkpoint.read(tmp_path / "none.safetensors")
