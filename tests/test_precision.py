"""Products in bfloat16: what is rounded, what is not, and how far gradients are from those in float32."""

import pytest
import torch

from spikefa.agreement import cosine
from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.rules import RULES
from spikefa.streams import stream
from spikefa.training import train

SMALL = {"network": "mlp:depth=2,width=32", "epochs": 1, "batch_size": 25, "steps": 5}


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=100, validation=30, test=40)


def gradients(digits, **fields):
    """Loss and gradients of one batch at the start, and the precisions in which layers multiplied."""
    experiment, seen = Experiment(**SMALL | fields), []
    net = experiment.build(digits)
    for layer in net:
        if isinstance(layer, torch.nn.Linear):
            layer.register_forward_hook(lambda *call: seen.append(call[-1].dtype))
    loss = experiment.backward(net, digits.train.x[:25], digits.train.y[:25], stream(0, "input"))
    return loss, [p.grad for p in net.parameters() if p.grad is not None], seen


@pytest.mark.parametrize("name", ["bp", "fa", "dfa", "kp", "usf_sn", "fbp", "sal"])
@pytest.mark.filterwarnings("ignore::spikefa.rules.kp.NoDecay")
def test_gradients_are_float32_and_near_those_in_float32(digits, name):
    loss, found, seen = gradients(digits, rule=name, precision="bfloat16")
    true_loss, true, plain = gradients(digits, rule=name)
    assert set(seen) == {torch.bfloat16}
    assert set(plain) == {torch.float32}
    assert {g.dtype for g in (loss, *found)} == {torch.float32}
    assert float(loss) == pytest.approx(float(true_loss), rel=0.02)
    assert loss != true_loss
    assert cosine(list(zip(found, true, strict=True))) > 0.98


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.filterwarnings("ignore::spikefa.rules.kp.NoDecay")
def test_every_rule_trains(digits, name):
    *_, end = train(Experiment(**SMALL | {"rule": name, "precision": "bfloat16", "lr": 0.01, "epochs": 6}), digits)
    assert end.accuracy["train"] > 0.3  # of ten classes


def test_the_read_out_reads_float32(digits):
    experiment = Experiment(**SMALL | {"precision": "bfloat16"})
    scores = experiment.scores(experiment.build(digits), digits.train.x[:5], stream(0, "input"))
    assert scores.dtype == torch.float32


def test_the_local_form_does_not_take_it():
    with pytest.raises(ValueError, match="precision='bfloat16' goes with credit bptt"):
        Experiment(precision="bfloat16", credit="local", readout="every_step")


def test_other_precisions_are_refused():
    with pytest.raises(ValueError, match="float16"):
        Experiment(precision="float16")


def test_an_experiment_of_before_keeps_its_key():
    assert Experiment().key == Experiment(precision="float32").key != Experiment(precision="bfloat16").key
