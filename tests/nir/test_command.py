"""`spikefa export`: what it writes of a trained network, and what it says."""

import re

import pytest
import torch

pytest.importorskip("nir", reason="needs the extra nir")

import nir
from safetensors import safe_open
from safetensors.torch import save_file

from spikefa import adapt
from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.nir import sitting
from spikefa.streams import stream
from spikefa.training import Training

SETTINGS = {"rule": "kp", "network": "mlp:reset=zero,width=40"}
WORDS = ["--rule", "kp", "--network", "mlp:reset=zero,width=40"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Checkpoints of networks trained on digits for an epoch, of neurons that reset to zero and that subtract."""
    folder, data = tmp_path_factory.mktemp("trained"), load("digits")
    for name, settings in {"net": SETTINGS, "subtract": {"network": "mlp:width=40"}}.items():
        experiment = Experiment(**settings, lr=0.01, weight_decay=1e-3)
        net = experiment.build(data)
        optimizer, noise = experiment.updates(net), stream(0, "input")
        for x, y in data.train.batches(64, stream(0, "order")):
            optimizer.zero_grad()
            experiment.backward(net, x, y, noise)
            optimizer.step()
            adapt(net)
        save_file(net.state_dict(), folder / f"{name}.safetensors")
        torch.save(net.state_dict(), folder / f"{name}.pt")
    return folder


@pytest.fixture
def export(monkeypatch, says, trained, tmp_path):
    """`export(words)` in the folder of the checkpoints: the status and what was printed."""

    def call(*words):
        monkeypatch.chdir(trained)
        return says("export", tmp_path / "net.nir", *words)[:2]

    return call


@pytest.mark.parametrize("more", [["--beta", "exponential"], ["--dt", "0.001"]])
@pytest.mark.parametrize("file", ["net.pt", "net.safetensors"])
def test_a_trained_network_is_the_same_in_nir(export, tmp_path, trained, file, more):
    status, said = export("--checkpoint", file, *WORDS, "--images", 100, *more)
    assert status == 0
    assert re.search(
        r"run on 100 test images: [1-9]\d,\d{3} spikes, 0 elsewhere; 100 of 100 predictions are the same", said
    )
    meaning = "−dt/ln(beta) (exponential)" if more[0] == "--beta" else "dt/(1 − beta) (euler)"
    assert f"beta is written as tau = {meaning}, a step is {'0.0001' if more[0] == '--beta' else '0.001'} s" in said
    assert "the feedback weights of kp" in said
    state = torch.load(trained / "net.pt")
    assert (nir.read(tmp_path / "net.nir").nodes["fc2"].weight == state["fc2.weight"].numpy()).all()
    with safe_open(tmp_path / "net.feedback.safetensors", "pt") as beside:
        assert beside.get_tensor("fc2").double().equal(state["fc2.feedback.weight"].double())


def test_a_checkpoint_of_a_comparison_tells_itself_what_it_is(export, trained, tmp_path):
    training = Training(Experiment(**SETTINGS, weight_decay=1e-3, epochs=1, steps=2), load("digits"))
    list(training.epochs())
    training.checkpoint().save(tmp_path / "best.safetensors")
    status, said = export("--checkpoint", tmp_path / "best.safetensors")
    assert status == 0, said
    assert "the feedback weights of kp" in said


def test_what_nir_cannot_hold_is_written_only_where_that_is_allowed_and_counted(export, tmp_path):
    words = "--checkpoint", "subtract.pt", "--network", "mlp:width=40"
    status, said = export(*words)
    assert (status, said.count("\n")) == (2, 1)
    assert "lif1 resets by subtraction" in said
    assert "--approximate" in said
    assert not (tmp_path / "net.nir").exists()
    status, said = export(*words, "--approximate")
    assert status == 0
    assert re.search(r"spikes, [1-9][\d,]* elsewhere; \d+ of 20 predictions are the same", said)


def test_a_checkpoint_of_compare_tells_what_it_was_trained_with(export, tmp_path):
    experiment = Experiment(**SETTINGS, epochs=1, steps=2, weight_decay=1e-3)
    training = Training(experiment, load("digits"))
    list(training.epochs())
    training.checkpoint().save(tmp_path / "best.safetensors")
    status, said = export("--checkpoint", tmp_path / "best.safetensors")
    assert (status, "0 elsewhere" in said, "the feedback weights of kp" in said) == (0, True, True)


def test_a_folder_that_is_missing_is_named_before_anything_is_loaded(says):
    status, _, said = says("export", "nowhere/net.nir", "--checkpoint", "none.pt")
    assert status == 2
    assert "there is no folder nowhere" in said


def test_a_file_that_fires_otherwise_gives_status_1(export, monkeypatch):
    monkeypatch.setattr(sitting, "verify", lambda *args, dt, beta: whole(*args, dt=2 * dt, beta=beta))
    assert export("--checkpoint", "net.pt", *WORDS)[0] == 1


whole = sitting.verify


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--checkpoint", "none.pt"], "there is no checkpoint none.pt"),
        (["--checkpoint", "net.pt", *WORDS[2:]], "of network=.* and rule=bp .*fc2.feedback.weight.* in one of the two"),
        (["--checkpoint", "net.pt", *WORDS, "--images", "0"], "images must be at least 1"),
        (["--checkpoint", "net.pt", *WORDS, "--beta", "half"], "beta='half': there are euler and exponential"),
        (["--checkpoint", "net.pt", "--network", "mlp:reset=none"], "reset must be subtract or zero, not None"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(export, words, message):
    status, said = export(*words)
    assert (status, said.count("\n")) == (2, 1)
    assert re.search(message, said)
