"""A checkpoint of another experiment or another network is refused, with the place where they differ."""

import re
from dataclasses import replace

import pytest
import torch

import spikefa
from spikefa.experiment import Experiment
from spikefa.training import Training

FOREIGN = {
    "W's shape": (["network", "fc1.weight"], torch.ones(4, 63), r"network/fc1.weight is torch.float32 \(4, 63\), and"),
    "W's type": (["network", "fc1.weight"], torch.ones(4, 64).double(), "network/fc1.weight is torch.float64"),
    "B as a number": (["network", "out.feedback.weight"], 3, "network/out.feedback.weight is no tensor, and should"),
    "a key more": (["network", "fc9.weight"], torch.ones(1), "network: fc9.weight in one of the two only"),
    "moments": (["optimizer", "state", 0, "exp_avg"], torch.ones(4, 4), r"optimizer/state/0/exp_avg is .*\(4, 4\)"),
    "a weight more": (["optimizer", "state", 77], {}, "optimizer/state/77: there are 2 weights"),
    "groups": (["optimizer", "param_groups"], [], "optimizer/param_groups: it is another optimiser"),
    "a state of another kind": (["network"], 3, "not that of this training: .*no attribute"),
    "no state": (["optimizer"], {}, "not that of this training: 'param_groups'"),
    "generator's size": (["order"], torch.ones(3, dtype=torch.uint8), "RNG state"),
    "generator's type": (["order"], torch.ones(3), "RNG state must be a torch.ByteTensor"),
}


@pytest.mark.parametrize(("place", "value", "message"), FOREIGN.values(), ids=FOREIGN)
def test_state_of_something_else_is_refused_with_its_place(trained, few, place, value, message):
    kept = trained.checkpoint()
    at = kept.state
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = value
    with pytest.raises(ValueError, match=message):
        Training(trained.experiment, few).restore(kept)


@pytest.mark.parametrize("fields", [{"rule": "fa"}, {"seed": 1}, {"epochs": 3}, {"lr": 0.1}], ids=str)
def test_a_checkpoint_of_another_experiment_is_refused(trained, few, fields):
    other = Experiment(**trained.experiment.model_dump() | fields)
    with pytest.raises(ValueError, match=f"another experiment: {re.escape(next(iter(fields)))} differs"):
        Training(other, few).restore(trained.checkpoint())


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [((0.9, 0.1), True), ((0.1, 0.5, 0.5), False), ((0.1, 0.4, 0.5), True), ((0.1, 0.5, 0.4), False)],
    ids=str,
)
def test_the_first_of_the_best_epochs_is_the_best_and_the_start_is_none(trained, accuracies, best):
    start = trained.history[0]
    history = tuple(replace(start, epoch=at, accuracy={"validation": value}) for at, value in enumerate(accuracies))
    assert replace(trained.checkpoint(), history=history).is_best == best


def test_fields_that_came_later_have_the_values_they_had(trained, few):
    kept = trained.checkpoint()
    older = replace(kept, experiment={name: v for name, v in kept.experiment.items() if name != "precision"})
    Training(trained.experiment, few).restore(older)


def test_a_network_that_is_another_now_is_no_network_again(trained, tmp_path):
    kept = trained.checkpoint()
    replace(kept, experiment=kept.experiment | {"network": "mlp:depth=1,width=5"}).save(path := tmp_path / "net.st")
    with pytest.raises(
        ValueError, match=f"{path} cannot be made a network again: network/fc1.weight is .*and should be"
    ):
        spikefa.load(path)
