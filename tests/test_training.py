"""Training: repeatable, silent towards the rest of the process, and measured as an oracle measures it."""

import math
import random
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import snntorch as snn
import torch
from torch.nn import functional as F

from spikefa import Feedback, adapt
from spikefa.datasets import DATASETS, Dataset, Split
from spikefa.encoding import ENCODINGS
from spikefa.experiment import Experiment
from spikefa.measurement import PROBE, measure
from spikefa.readout import READOUTS
from spikefa.rules.kp import NoDecay
from spikefa.sequence import run
from spikefa.streams import stream
from spikefa.training import Diverged, train

pytestmark = pytest.mark.filterwarnings("ignore::spikefa.rules.kp.NoDecay")
SMALL = {"network": "mlp:depth=2,width=16", "epochs": 2, "batch_size": 25, "steps": 4}
UPDATES = 4  # per epoch: 100 images in batches of 25


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=100, validation=30, test=40)


def records(digits, **fields):
    """Every number of a run but the seconds; as text, in which nan equals nan."""
    return [repr(replace(epoch, seconds=0, work=0)) for epoch in train(Experiment(**SMALL | fields), digits)]


def test_a_run_gives_the_same_numbers_again(digits, rule):
    torch.manual_seed(1)
    first = records(digits, rule=rule, encoding="poisson")
    torch.manual_seed(2)
    assert records(digits, rule=rule, encoding="poisson") == first


@pytest.mark.parametrize(
    "field", [{"seed": 1}, {"lr": 2e-3}, {"weight_decay": 1}, {"steps": 5}, {"batch_size": 20}], ids=str
)
def test_a_run_with_other_settings_gives_other_numbers(digits, field):
    assert records(digits, **field)[-1] != records(digits)[-1]


def test_global_generators_are_neither_used_nor_moved(digits, rule):
    def states():
        return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002

    before = states()
    records(digits, rule=rule, encoding="poisson")
    assert states() == before


@pytest.mark.parametrize("network", ["mlp:depth=3,width=16", "convnet:channels=2,width=16"])
def test_copying_at_every_update_gives_the_records_of_backpropagation(digits, network):
    found = [
        re.sub(r", 'drift': [^}]+", "", record) for record in records(digits, rule="fbp:period=1", network=network)
    ]
    assert found == records(digits, network=network)
    assert "moved=1.0" in found[-1]
    assert records(digits, rule="fbp:period=2", network=network) != found


def test_records_are_those_of_a_plain_loop(digits):
    """Adam, as AdamW without decay is, on the cross-entropy of the scores; epoch 0 is the start, loss the mean."""
    experiment = Experiment(**SMALL, rule="fbp:period=3", encoding="poisson", lr=0.02)
    net, order, noise = experiment.build(digits), stream(0, "order"), stream(0, "input")
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for record in train(experiment, digits):
        losses = []
        for x, y in digits.train.batches(25, order) if record.epoch else ():
            losses.append(F.cross_entropy(experiment.scores(net, x, noise), y))
            optimizer.zero_grad()
            losses[-1].backward()
            optimizer.step()
            adapt(net)
        expected = measure(experiment, net, digits, record.epoch, record.epoch * UPDATES)
        mean = sum(loss.item() for loss in losses) / len(losses) if losses else math.nan
        assert repr(replace(record, seconds=0.0, work=0.0)) == repr(replace(expected, loss=mean))
    assert record.epoch == 2
    assert record.seconds > 0
    assert record.work > 0


@pytest.mark.parametrize(
    ("rule", "bits"),
    [("bp", lambda u: 32 * u), ("fa", lambda u: 0), ("sal:steps=20", lambda u: 0), ("kp", lambda u: 0)]
    + [(name, lambda u: u) for name in ("usf", "brsf", "frsf")]
    + [(f"fbp:period={period}", lambda u, period=period: u // period * 32) for period in (1, 3, 100)],
)
def test_moved_is_the_share_of_what_backpropagation_moves(digits, rule, bits):
    """16·16 + 16·10 routed weights of 32 bits; those of the first layer have no pathway."""
    for record in train(Experiment(**SMALL, rule=rule), digits):
        updates = record.epoch * UPDATES
        assert record.bits == bits(updates) * (16 * 16 + 16 * 10)
        signs_alone = rule in ("usf", "brsf", "frsf")
        assert record.words == (0 if signs_alone else bits(updates) // 32 * (16 * 16 + 16 * 10))
        assert record.moved == pytest.approx(bits(updates) / (32 * updates) if updates else 0)


def test_accuracy_is_counted_on_the_split_it_is_named_after(digits):
    experiment = Experiment(**SMALL)
    net = experiment.build(digits)

    def counted(split):
        scores = [experiment.scores(net, x[None], stream(0, "evaluation")) for x in split.x]
        right = [int(score.argmax()) == label for score, label in zip(scores, split.y.tolist(), strict=True)]
        return sum(right) / len(right)

    found = measure(experiment, net, digits, 0, 0).accuracy
    train = Split(digits.train.x[:30], digits.train.y[:30])  # as many as validation has
    assert found == {"train": counted(train), "validation": counted(digits.validation), "test": counted(digits.test)}
    assert len(set(found.values())) == 3


def test_training_looks_at_no_other_split(digits):
    nothing = Split(torch.zeros(40, 1, 8, 8), torch.zeros(40, dtype=torch.int64))
    blind = Dataset("blind", digits.train, nothing, nothing, classes=10, note="only to train on")
    seen = zip(train(Experiment(**SMALL), digits), train(Experiment(**SMALL), blind), strict=True)
    assert all(repr((a.loss, a.gradient, a.rates)) == repr((b.loss, b.gradient, b.rates)) for a, b in seen)


def test_measuring_changes_nothing(digits, rule):
    experiment = Experiment(**SMALL, rule=rule)
    net = experiment.build(digits)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first = measure(experiment, net, digits, 1, 5)
    assert repr(measure(experiment, net, digits, 1, 5)) == repr(first)
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_rates_and_angles_are_taken_from_the_first_training_images(digits):
    x, y = digits.train.x[:PROBE], digits.train.y[:PROBE]
    experiments = [Experiment(**SMALL, rule=rule) for rule in ("fa", "bp")]
    routed, true = (experiment.build(digits) for experiment in experiments)
    found = measure(experiments[0], routed, digits, 0, 0)
    for net, experiment in zip((routed, true), experiments, strict=True):
        F.cross_entropy(experiment.scores(net, x, stream(0, "probe")), y).backward()
    for name, angle in found.gradient["layers"].items():
        a, b = (net.get_submodule(name).weight.grad.double().ravel() for net in (routed, true))
        assert angle == pytest.approx(math.degrees(math.acos(a @ b / a.norm() / b.norm())))
    assert list(found.gradient["layers"]) == ["fc1", "fc2"]
    spk = [run(net, x.expand(4, -1, -1, -1, -1)) for net in (routed[:3], routed[:5])]
    assert list(found.rates.values()) == pytest.approx([(layer > 0).double().mean().item() for layer in spk])


@pytest.mark.parametrize(("rule", "exact"), [("bp", True), ("fbp:period=1", True), ("fa", False), ("frsf", False)])
def test_the_gradient_angle_is_zero_for_backpropagation_alone(digits, rule, exact):
    for record in train(Experiment(**SMALL, rule=rule), digits):
        assert (record.gradient["angle"] < 0.1) == exact
        assert record.gradient["angle"] > 10 or exact


def test_divergence_is_reported_after_the_epochs_before_it(digits):
    epochs = train(Experiment(**SMALL | {"batch_size": 100, "lr": 1e37}), digits)
    assert [next(epochs).epoch, next(epochs).epoch] == [0, 1]
    with pytest.raises(Diverged, match=r"the loss is (nan|inf) at epoch 2, batch 1: try a smaller lr"):
        next(epochs)


class Exploding(Feedback):
    """A pathway that makes gradients overflow while the loss is finite."""

    def __init__(self, weight, generator):
        super().__init__()

    def forward(self, weight):
        return torch.full_like(weight, 3e38)


def test_gradients_that_overflow_while_the_loss_is_finite_are_found(digits):
    epochs = train(Experiment(**SMALL | {"batch_size": 10_000, "rule": f"{__name__}:Exploding"}), digits)
    assert next(epochs).epoch == 0
    with pytest.raises(Diverged, match=r"the error that .*:Exploding sends back through layer 'out' has norm"):
        next(epochs)


def test_kolen_pollack_without_weight_decay_is_warned_of_once_and_aligns_with_it(digits):
    with pytest.warns(NoDecay, match="no weight decay") as caught:
        *_, without = train(Experiment(**SMALL, rule="kp", lr=0.01), digits)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        *_, end = train(Experiment(**SMALL | {"epochs": 30}, rule="kp", lr=0.01, weight_decay=3), digits)
    assert min(layer["cosine"] for layer in end.alignment.values()) > 0.95
    assert max(layer["cosine"] for layer in without.alignment.values()) < 0.6


OF_IMAGES = {name: name for name in ENCODINGS if name != "events"} | {
    "spikegen.latency": "spikegen.latency:bypass=true"
}


@pytest.mark.parametrize("readout", [name for name, readout in READOUTS.items() if not readout.framewise])
@pytest.mark.parametrize("encoding", OF_IMAGES.values())
@pytest.mark.parametrize("network", ["mlp:width=16", "convnet:channels=2,width=16"])
def test_every_encoding_and_read_out_trains(digits, network, encoding, readout):
    *_, end = train(Experiment(**SMALL | {"network": network, "encoding": encoding, "readout": readout}), digits)
    assert math.isfinite(end.loss)
    assert all(0 <= value <= 1 for value in (*end.accuracy.values(), *end.rates.values()))
    assert math.isfinite(end.gradient["angle"])


def test_every_rule_learns_the_digits(rule):
    """Far above chance, 0.1, within eight epochs."""
    digits = DATASETS["digits"](train=400, validation=100, test=200)
    start, *_, end = train(Experiment(rule=rule, network="mlp:depth=1", epochs=8, lr=5e-3, steps=5), digits)
    assert end.accuracy["test"] > max(0.6, start.accuracy["test"])
    assert end.loss < math.log(10)


def test_neurons_are_not_kept_alive_and_those_of_others_are_left_alone(digits):
    own = snn.Leaky(beta=0.9)
    before = list(snn.SpikingNeuron.instances)
    for _ in range(2):
        records(digits)
    assert [id(neuron) for neuron in snn.SpikingNeuron.instances] == [id(neuron) for neuron in before]
    assert any(neuron is own for neuron in snn.SpikingNeuron.instances)
