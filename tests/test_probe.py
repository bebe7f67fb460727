"""Looking at the gradient between epochs: it changes nothing, and counts for no time."""

import time
from dataclasses import replace

import pytest

from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.sitting import sit
from spikefa.training import train

SMALL = {"network": "mlp:depth=2,width=16", "epochs": 2, "batch_size": 25, "steps": 4}
UPDATES = 4  # per epoch: 100 images in batches of 25


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](train=100, validation=30, test=40)


def test_probing_the_gradient_changes_nothing_in_training(digits):
    experiment = Experiment(**SMALL | {"rule": "sal:every=3,steps=40,replicas=2", "encoding": "poisson"})
    *_, plain = train(experiment, digits)
    *_, probed = train(experiment, digits, probe=3)
    assert [update for update, _ in probed.angles] == [6]
    assert repr(replace(probed, angles=(), seconds=0, work=0)) == repr(replace(plain, seconds=0, work=0))


def test_the_angle_after_the_last_update_of_an_epoch_is_that_of_the_epoch(digits):
    first, second = list(train(Experiment(**SMALL | {"rule": "fa"}), digits, probe=UPDATES))[1:]
    assert first.angles == ((UPDATES, first.gradient["angle"]),)
    assert second.angles == ((2 * UPDATES, second.gradient["angle"]),)
    assert (first.updates, second.updates) == (UPDATES, 2 * UPDATES)


def test_the_time_for_probing_is_not_counted_as_training(digits, monkeypatch):
    monkeypatch.setattr("spikefa.training.angle", lambda *_: time.sleep(1) or 0.0)
    *_, last = train(Experiment(**SMALL | {"epochs": 1}), digits, probe=1)
    assert len(last.angles) == UPDATES
    assert last.seconds < UPDATES


@pytest.mark.parametrize("probe", [0, -1, 1.5, True])
def test_a_probe_that_is_no_number_of_updates_is_refused(digits, probe):
    with pytest.raises(ValueError, match="probe must be a whole number"):
        next(train(Experiment(), digits, probe=probe))


def test_what_acts_on_new_runs_alone_says_so(tmp_path, capsys):
    given = {"rule": "bp", "seed": [0], "epochs": 1, "network": "mlp:depth=1,width=8", "steps": 2, "out": tmp_path}
    assert sit(None, given, "spikefa compare") == 0
    assert sit(None, given | {"seed": [0, 1], "probe": 5, "checkpoints": True}, "spikefa compare") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "already: --probe and --checkpoints act on the others alone" in said
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1, "of the new run"
