"""The parts of gierlich2026 that train, or wire, networks: what they measure, at a reduced size, and how they judge."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from spikefa.assignment import rules_by_pattern
from spikefa.experiment import Experiment
from spikefa.names import parse
from spikefa.studies.claim import Verdict
from spikefa.studies.gierlich2026 import dale, deep, microcircuit, spike_rules
from spikefa.studies.rows import Results, Row

PARTS = (microcircuit, spike_rules, dale, deep)
TINY = {
    "microcircuit": {"students": 2, "epochs": 1},
    "spike rules": {"seconds": [0, 1]},
    "dale, learned": {"records": 4, "steps": 500},
    "dale": {"steps": 2000},
    "deep": {"epochs": 1, "steps": 2, "dataset": "digits:train=100,validation=20,test=20"},
}


def tiny(case):
    return next(given for name, given in TINY.items() if case.name.startswith(name))


@pytest.fixture(scope="module")
def results():
    """Every case of quick size, much reduced."""
    cases = [case for part in PARTS for case in part.cases("quick")]
    return Results(
        [
            Row(case.name, case.parameters, 0, case.measure(seed=0, **{**case.parameters, **tiny(case)}))
            for case in cases
        ]
    )


@pytest.mark.filterwarnings("ignore::spikefa.rules.kp.NoDecay", "ignore::spikefa.silence.SilentLayer")
def test_every_case_is_measured_and_every_claim_is_judged(results):
    assert len(results.rows) == sum(len(part.cases("quick")) for part in PARTS)
    for part in PARTS:
        for claim in part.claims(results):
            assert len(claim.values) == 1, claim.says
            assert np.isfinite(claim.values).all(), claim.says


def test_what_was_not_measured_leaves_claims_open_and_draws_nothing():
    for part in PARTS:
        assert {claim.verdict for claim in part.claims(Results([]))} == {Verdict.ABSENT}
        assert part.figures(Results([])) == {}


def test_figures_are_drawn(results, monkeypatch):
    monkeypatch.setattr(spike_rules, "SECONDS", (0, 1))
    for part in PARTS:
        assert all(isinstance(figure, Figure) for figure in part.figures(results).values())


def test_the_protocols_are_the_papers_at_paper_size():
    circuits = microcircuit.cases("paper")
    assert [case.parameters for case in circuits] == [
        {"arm": arm, "students": 20, "epochs": 150} for arm in ("sal", "copy", "fa")
    ]
    assert all(case.parameters.get("steps", 2_000_000) == 2_000_000 for case in dale.cases("paper"))
    for case in deep.cases("paper"):
        experiment = Experiment(**case.parameters)
        assert (experiment.epochs, experiment.batch_size, experiment.lr) == (100, 128, 0.01)
        assert (experiment.weight_decay == 1e-3) == (case.name == "deep, kp")


@pytest.mark.parametrize(("size", "images"), [("quick", 1197), ("paper", 40_000)])
def test_an_epoch_of_the_images_that_are_not_held_out_has_five_phases(size, images):
    every = parse(deep.rules(size)["sal everywhere"])[1]["every"]
    updates = math.ceil(images / deep.FIELDS[size]["batch_size"])
    assert updates // every == 5


@pytest.mark.parametrize("size", ["quick", "long"])
def test_smaller_deep_networks_have_as_many_phases_as_each_other(size):
    fields = deep.FIELDS[size]
    images = {"quick": 1197, "long": 18_000}[size]  # that are not held out
    updates = fields["epochs"] * math.ceil(images / fields["batch_size"])
    assert updates // parse(deep.rules(size)["sal"])[1]["every"] in (50, 54)


@pytest.mark.parametrize("size", ["quick", "long", "paper"])
def test_arms_differ_in_the_dense_layers_alone(size):
    for arm, text in deep.rules(size).items():
        patterns = list(rules_by_pattern(text))
        assert patterns == (["*"] if arm in ("bp", "fa", "sal everywhere") else ["conv*", "*"])


def test_recovering_takes_both_weights(monkeypatch):
    ends = np.array([[2.4, 1.6, 0.0], [2.6, 2.0, 0.0], [2.0, 1.4, 0.0], [2.0, 2.0, 5.0]])
    course = type("Course", (), {"loss": np.full((1, 4), 0.01), "weights": np.stack([ends, ends])})
    monkeypatch.setattr(microcircuit, "course", lambda *given, **options: course)
    found = microcircuit.measure(0, "sal")
    assert found["recovered"] == 0.5
    assert found["log_loss"] == pytest.approx(-2)


def test_what_is_made_up_for_is_one_where_effective_weights_meet():
    found = dale.learned(0, unequal=True, records=40, steps=20_000)
    late = np.mean(found["courses"]["effective"][20:])
    assert found["effective"] == pytest.approx(abs(late))
    assert found["made_up"] == pytest.approx(1 + late / -found["shift"])


def test_a_rule_that_learns_from_no_spikes_is_refused():
    with pytest.raises(TypeError, match="fa learns nothing from spikes"):
        spike_rules.measure(0, "fa")
