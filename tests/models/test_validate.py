"""`spikefa validate`: what it prints, for the rules, for a trained network, for what is wrong."""

import re
import sys

import numpy as np
import pytest
import torch

pytest.importorskip("brian2", reason="the reference models need Brian2")

from safetensors.torch import save_file

from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.readout import READOUTS
from spikefa.sequence import run
from spikefa.validation import VALIDATIONS, lif, network, sitting


class Trapped:
    """What, unpickled, would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def nothing():
    """No case at all."""
    return []


@pytest.fixture
def validate(says):
    """`validate(words)`: the status and what was printed."""
    return lambda *words: says("validate", *words)[:2]


def two():
    """Cases enough to see what is printed; tests/models/test_reference.py runs them all."""
    return [case for case in lif.cases() if case.name in ("lif", "lif-zero")]


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setitem(VALIDATIONS, "lif", two)


@pytest.fixture
def checkpoint(tmp_path):
    """The state of a network at its start, with feedback weights beside it."""
    net = Experiment(rule="fa", network="mlp:depth=1,width=20").build(load("digits"))
    torch.save(net.state_dict(), tmp_path / "start.pt")
    save_file(net.state_dict(), tmp_path / "start.safetensors")
    torch.save(net.state_dict() | {"lif1.reset_mechanism_val": torch.tensor(1)}, tmp_path / "zero.pt")
    torch.save(Trapped(tmp_path / "sprung"), tmp_path / "object.pt")
    (tmp_path / "text.pt").write_text("no tensors")
    return tmp_path


def test_a_rule_that_agrees_gives_status_0(validate, few, tmp_path):
    status, said = validate("lif", "--figures", tmp_path / "figures")
    assert status == 0
    assert re.search(r"lif-zero +\d+ +0 +\d\.\de-1\d +– +1e-09 +agrees", said)
    assert len(list((tmp_path / "figures").glob("*.png"))) == len(two())


def test_a_rule_that_differs_gives_status_1_and_the_place(validate, few, monkeypatch):
    monkeypatch.setitem(lif.KINDS, "lif", lambda n: lif.snn.Leaky(beta=0.9, threshold=torch.rand(n)))
    status, said = validate("lif")
    assert status == 1
    assert re.search(r"lif: DIFFERS.*\n  first: layer_1\.\w+\[\d+, \d+\] at \d+ ms: \S+ and \S+ \(1\)", said)


def test_cases_of_ones_own(validate):
    assert validate(f"{__name__}:two")[0] == 0


@pytest.mark.parametrize("file", ["start.pt", "start.safetensors"])
def test_a_trained_network(validate, checkpoint, file, monkeypatch):
    if file.endswith("safetensors"):
        monkeypatch.setattr(torch, "load", None)  # which reads such files in later versions than the oldest allowed
    status, said = validate("--checkpoint", checkpoint / file, "--network", "mlp:depth=1,width=20", "--images", 12)
    assert status == 0
    assert "64 → 20 → 10 neurons, 10 steps × 12" in said
    assert "predictions: 12 of 12 are the same" in said


def test_predictions_are_the_read_outs_own_of_the_first_test_images(checkpoint):
    experiment = Experiment(network="mlp:depth=1,width=20", dataset="digits")
    case, labels = network.trained(checkpoint / "start.pt", experiment, images=30)
    first = load("digits").test
    assert labels.equal(first.y[:30])
    net = experiment.build(load("digits")).double().eval()  # the weights that the checkpoint was made from
    spk, mem = run(net, first.x[:30].double().expand(experiment.steps, -1, -1, -1, -1))
    expected = READOUTS["membrane"](spk, mem).argmax(1)
    assert (network.predictions(case.twin(), experiment) == expected.numpy()).all()


@pytest.mark.parametrize("differs", ["membranes", "predictions"])
def test_a_trained_network_that_differs_gives_status_1(validate, checkpoint, monkeypatch, differs):
    def reference(case):
        found = case.twin()
        found["layer_1", "v"][3] += 1e-6 * (differs == "membranes")
        return found

    monkeypatch.setattr(network.Network, "reference", reference)
    answers = iter([np.zeros(12), np.eye(12)[0] * (differs == "predictions")])
    monkeypatch.setattr(sitting, "predictions", lambda *_: next(answers))
    words = "--checkpoint", checkpoint / "start.pt", "--network", "mlp:depth=1,width=20", "--images", 12
    status, said = validate(*words)
    assert status == 1
    assert ("DIFFERS" in said) == (differs == "membranes")
    assert f"predictions: {11 if differs == 'predictions' else 12} of 12 are the same" in said


def test_a_checkpoint_in_float64_is_not_rounded(checkpoint):
    saved = {name: values.double() for name, values in torch.load(checkpoint / "start.pt").items()}
    saved["fc1.weight"] = saved["fc1.weight"] + 1e-12
    torch.save(saved, checkpoint / "fine.pt")
    experiment = Experiment(network="mlp:depth=1,width=20", dataset="digits")
    case, _ = network.trained(checkpoint / "fine.pt", experiment, images=1)
    assert torch.equal(case.net.fc1.weight, saved["fc1.weight"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sla"], "no validation is called 'sla'"),
        (["lif", "--target", "nump"], r"no target is called 'nump' \(did you mean 'numpy'\?\)"),
        (["--checkpoint", "none.pt"], "there is no checkpoint none.pt"),
        (["--checkpoint", "start.pt"], "mlp on digits: .* in one of the two only"),
        (["--checkpoint", "start.pt", "--network", "mlp:depth=1,width=30"], r"another network .* size mismatch"),
        (
            ["--checkpoint", "zero.pt", "--network", "mlp:depth=1,width=20"],
            "reset_mechanism='zero' of lif1, which here has 'subtract': name the network",
        ),
        (
            ["--checkpoint", "start.pt", "--network", "mlp:depth=1,width=20", "--readout", "rate"],
            "reset_mechanism='none' of readout, which here has 'subtract': name the network",
        ),
        (["--checkpoint", "text.pt"], "text.pt cannot be read as a state_dict"),
        (["--checkpoint", "object.pt"], "object.pt cannot be read as a state_dict"),
        (["lif", "--checkpoint", "start.pt"], "rules or a checkpoint, not both"),
        (["--checkpoint", "start.pt", "--images", "0"], "images must be"),
        (
            ["--checkpoint", "start.pt", "--images", "99999"],
            r"digits has \d+ test images, not the 99999 asked for",
        ),
        (["tests.models.test_validate:nothing"], r"nothing must be a function that returns a list of .* got \[\]"),
        (["spikefa.validation.kp:Kp"], r"kp:Kp must be a function that returns a list of .* got Kp\("),
        (["lif", "--figures", "text.pt"], "cannot use text.pt"),
        (["--checkpoint", "none.pt", "--figures", "text.pt"], "cannot use text.pt"),
        (["lif", "--network", "convnet", "--images", "5"], "--network, --images would do nothing for rules: give --ch"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(validate, checkpoint, monkeypatch, words, message):
    monkeypatch.chdir(checkpoint)
    status, said = validate(*words)
    assert status == 2
    assert re.search(message, said)
    assert said.count("\n") == 1
    assert not (checkpoint / "sprung").exists()


def test_an_interrupt_promises_nothing(validate, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sitting, "sit", interrupted)
    assert validate("lif") == (130, "spikefa: stopped\n")


def test_without_brian2_the_way_out_is_named(validate, monkeypatch):
    monkeypatch.setitem(sys.modules, "brian2.only", None)
    status, said = validate("lif")
    assert (status, "pip install 'spikefa[brian2]'" in said) == (2, True)
