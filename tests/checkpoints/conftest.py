"""A small training that has been kept, for tests of its file."""

import pytest

from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.training import Training

FIELDS = {"rule": "fbp:period=2", "network": "mlp:depth=1,width=4", "epochs": 2, "steps": 2, "batch_size": 30}


@pytest.fixture(scope="session")
def few():
    """Sixty digits."""
    return DATASETS["digits"](train=60, validation=20, test=20)


@pytest.fixture(scope="session")
def trained(few):
    """A training of two epochs."""
    training = Training(Experiment(**FIELDS), few)
    list(training.epochs())
    return training


@pytest.fixture
def file(trained, tmp_path):
    """Its checkpoint."""
    path = tmp_path / "net.safetensors"
    trained.checkpoint({"threads": 1}).save(path)
    return path
