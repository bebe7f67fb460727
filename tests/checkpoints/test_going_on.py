"""A training that was stopped and goes on, from a file alone, gives what one that never stopped gives, bit for bit."""

from dataclasses import replace

import pytest
import torch

from spikefa.checkpoint import Checkpoint
from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.packing import pack
from spikefa.silence import SilentLayer
from spikefa.training import Training, train

pytestmark = [
    pytest.mark.filterwarnings("ignore::spikefa.rules.kp.NoDecay"),
    pytest.mark.filterwarnings("ignore::spikefa.silence.SilentLayer"),
]
OWN = "tests.checkpoints.parts"
SMALL = {"network": "mlp:depth=2,width=8", "epochs": 4, "batch_size": 20, "steps": 3, "lr": 0.01}
STOP = 2  # epochs of three updates: after the sixth of twelve
CASES = {
    "fbp": {"rule": "fbp:period=5"},
    "fbp under way": {"rule": "fbp:period=5,late=2"},
    "fbp lost": {"rule": "fbp:period=2,lost=0.3"},
    "fbp cyclic": {"rule": "fbp:period=2,transport=cyclic,fraction=0.3"},
    "fbp random": {"rule": "fbp:period=2,transport=random,fraction=0.3,rescale=true"},
    "fbp threshold": {"rule": "fbp:period=4,transport=threshold,threshold=0.01,late=3,lost=0.2"},
    "fbp topk": {"rule": "fbp:period=4,transport=topk,fraction=0.2"},
    "sal": {"rule": "sal:every=4,steps=50,replicas=2,anneal=1,mismatch=0.2"},
    "sal lif": {"rule": "sal:every=1,per=epoch,steps=50,replicas=2,neuron=lif"},
    "stdwi": {"rule": "stdwi:every=4,duration=50,replicas=2"},
    "mirror lif": {"rule": "mirror:every=4,stimuli=2,replicas=3,neuron=lif"},
    "rdd": {"rule": "rdd:steps=400,replicas=2"},
    "rdd squares": {"rule": "rdd:every=4,per=update,steps=400,replicas=2,fit=squares"},
    "kp": {"rule": "kp", "weight_decay": 0.1},
    "dfa sum": {"rule": "dfa:error=sum", "network": "convnet:channels=2,width=8"},
    "several": {"rule": "fc1=fbp:period=4/out=brsf"},
    "of one's own": {"rule": "tests.testing.sound:Diary"},
    "weight_norm": {"rule": "fa", "remedy": "weight_norm"},
    "norm_limit": {"rule": "fa", "remedy": "norm_limit:factor=1.05"},
    "readout_decay": {"rule": "fa", "remedy": "readout_decay:rate=0.1,until=8"},
    "weight_noise": {"rule": "fa", "remedy": "weight_noise:std=0.1+weight_norm"},
    "sgd": {"rule": "fa", "optimizer": "sgd:momentum=0.9", "lr": 0.1},
    "rmsprop": {"rule": "fa", "optimizer": f"{OWN}:rmsprop"},
    "poisson": {"rule": "kp", "encoding": "poisson", "weight_decay": 0.1},
    "local": {"rule": "sal:every=4,steps=50,replicas=2", "credit": "local", "readout": "every_step"},
    "recurrent": {"rule": "*=fa/recurrent=fbp:period=4", "network": f"{OWN}:recurrent"},
    "bfloat16": {"rule": "fbp:period=4", "precision": "bfloat16"},
}
"""State of every kind, in the middle of something when the training stops."""


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=60, validation=20, test=20)


@pytest.fixture(scope="module")
def halves(digits, tmp_path_factory):
    """`halves(fields)`: a training of four epochs in one go, the path of its checkpoint after two, and its twin."""
    done = {}

    def run(fields, probe=None):
        experiment = Experiment(**SMALL | fields)
        if experiment not in done:
            whole, path = Training(experiment, digits, probe=probe), tmp_path_factory.mktemp("run") / "halfway.st"
            for record in whole.epochs():
                if record.epoch == STOP:
                    whole.checkpoint().save(path)
            done[experiment] = whole, path
        torch.manual_seed(99)
        return *done[experiment], Training(experiment, digits, probe=probe)

    return run


def told(records):
    """Every number but the times; as text, in which nan equals nan."""
    return [repr(replace(record, seconds=0, work=0)) for record in records]


def state(training):
    found = training.checkpoint()
    return pack([found.state, [record.representations for record in found.history]])


def same(one, other):
    (plain, ours), (other_plain, theirs) = state(one), state(other)
    return (
        told(one.history) == told(other.history)
        and plain == other_plain
        and all(value.equal(theirs[name]) for name, value in ours.items())
    )


def goes_on(halves, fields, probe=None):
    whole, path, twin = halves(fields, probe)
    twin.restore(Checkpoint.read(path))
    assert [record.epoch for record in twin.epochs()] == [3, 4]
    assert same(whole, twin)


def test_every_rule_goes_on(halves, rule):
    goes_on(halves, {"rule": rule})


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_every_kind_of_state_goes_on(halves, fields):
    goes_on(halves, fields)


def test_measurements_within_an_epoch_go_on(halves):
    goes_on(halves, {"rule": "fa", "seed": 1}, probe=4)


def test_taking_a_checkpoint_changes_nothing(halves, digits):
    whole, path, _ = halves({"rule": "fbp:period=4"})
    assert told(whole.history) == told(train(whole.experiment, digits))
    assert told(train(whole.experiment, digits, start=Checkpoint.read(path))) == told(whole.history[3:])


def test_a_checkpoint_serves_twice_and_does_not_follow_the_training(halves):
    whole, path, twin = halves({"rule": "kp", "weight_decay": 0.1})
    kept = Checkpoint.read(path)
    twin.restore(kept)
    list(twin.epochs())
    third = Training(whole.experiment, whole.data)
    third.restore(kept)
    list(third.epochs())
    assert same(third, whole)


def test_a_checkpoint_in_memory_stays_as_it_was(digits):
    training = Training(Experiment(**SMALL | {"rule": "fbp:period=1", "remedy": "weight_noise", "epochs": 2}), digits)
    epochs = training.epochs()
    for _ in range(2):
        next(epochs)
    taken = training.checkpoint()
    before = {name: value.clone() for name, value in pack(taken.state)[1].items()}
    list(epochs)
    assert all(value.equal(before[name]) for name, value in pack(taken.state)[1].items())
    assert taken.epoch == 1


BROKEN = (
    {
        "optimizer": ({"rule": "fa"}, ["optimizer"]),
        "momentum": ({"rule": "fa", "optimizer": "sgd:momentum=0.9", "lr": 0.1}, ["optimizer"]),
        "order": ({"rule": "fa"}, ["order"]),
        "input": ({"rule": "fa", "encoding": "poisson"}, ["input"]),
        "updates of the remedy": ({"rule": "fa", "remedy": "readout_decay:rate=0.1,until=8"}, ["remedy"]),
        "updates of noise": ({"rule": "fa", "remedy": "weight_noise:std=0.1"}, ["remedy"]),
    }
    | {
        f"{name}'s {key}": (CASES[name], ["network", key])
        for name, keys in {
            "fbp": "drift",
            "fbp under way": "under_way updates words bits",
            "fbp random": "weight updates",
            "fbp lost": "updates",
            "sal": "weight count",
            "stdwi": "weight count",
            "mirror lif": "weight count",
            "rdd": "weight lines windows",
            "rdd squares": "lines count",
            "kp": "weight",
            "of one's own": "weight _extra_state",
        }.items()
        for key in keys.split()
    }
    | {"brsf's updates": ({"rule": "brsf"}, ["network", "updates"]), "W": ({"rule": "fa"}, ["network", "fc1.weight"])}
)


@pytest.mark.parametrize(("fields", "lost"), BROKEN.values(), ids=BROKEN)
def test_what_is_kept_matters(halves, fields, lost):
    """With one part as it is at the start, the training goes on otherwise."""
    whole, path, twin = halves(fields)
    kept, (part, *key) = Checkpoint.read(path), lost
    fresh = twin.checkpoint().state[part]
    if not key:
        kept.state[part] = fresh
    else:
        (name,) = key
        chosen = [found for found in fresh if found == name or found.endswith(f".feedback.{name}")]
        assert chosen
        kept.state[part] |= {found: fresh[found] for found in chosen}
    twin.restore(kept)
    list(twin.epochs())
    assert not same(whole, twin)


def test_a_warning_that_was_given_is_not_given_again(halves, recwarn):
    _, path, twin = halves({"network": "mlp:depth=1,width=8,gain=0.001"})
    twin.restore(Checkpoint.read(path))
    recwarn.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.filters", [])
        list(twin.epochs())
    assert not [warning for warning in recwarn if warning.category is SilentLayer]
