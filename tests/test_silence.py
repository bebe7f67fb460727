"""Layers that do not fire are warned of, once, and a read-out in words of its own."""

import warnings

import pytest

from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.silence import SilentLayer
from spikefa.training import train

SMALL = {"network": "mlp:depth=2,width=16", "epochs": 2, "batch_size": 25, "steps": 4}


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=100, validation=30, test=40)


def trained(digits, **fields):
    return list(train(Experiment(**SMALL | fields), digits))


def test_a_silent_layer_is_warned_of_once(digits):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trained(digits, network="mlp:width=16,gain=0.01", seed=3)
    assert [warning.category for warning in caught] == [SilentLayer] * 2
    for warning, name in zip(caught, ("lif1", "lif2"), strict=True):
        assert f"layer {name!r} is silent at epoch 0 (bp, seed 3)" in str(warning.message)


@pytest.mark.parametrize(("readout", "last"), [("membrane", "nothing passes it"), ("rate", "no class has a spike")])
def test_a_silent_read_out_is_warned_of_in_other_words(digits, readout, last):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trained(digits, network="mlp:width=16,gain=0.01", readout=readout)
    *hidden, end = (str(warning.message) for warning in caught)
    assert all("nothing passes it" in message for message in hidden)
    assert last in end


def test_a_network_that_fires_is_not_warned_of(digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(digits)
