"""A training too short for any noise phase says so, in place of passing for fixed random feedback."""

import warnings

import pytest

from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.noise.due import NoPhase
from spikefa.training import train


def trained(rule):
    """Two epochs of four updates."""
    fields = {"network": "mlp:depth=2,width=16", "epochs": 2, "batch_size": 25, "steps": 4}
    return list(train(Experiment(rule=rule, **fields), DATASETS["digits"](train=100, validation=30, test=40)))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("sal:every=9", "in 8 updates, 2 epochs none comes after 9 updates"),
        ("rdd:every=3", "none comes after 3 epochs"),
    ],
)
def test_a_training_too_short_for_any_phase_is_warned_of_once(rule, said):
    with pytest.warns(NoPhase, match=said) as caught:
        trained(rule)
    assert len(caught) == 1
    assert "layers fc2, out" in str(caught[0].message)


@pytest.mark.parametrize(
    "rule", ["sal:every=8,steps=20,replicas=1", "rdd:every=2,steps=200,replicas=1", "fbp:period=100"]
)
def test_a_training_with_a_phase_is_not(rule):
    with warnings.catch_warnings():
        warnings.simplefilter("error", NoPhase)
        trained(rule)
