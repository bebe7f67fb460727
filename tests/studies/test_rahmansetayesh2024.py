"""The parts of the study obey their laws; every case runs, much reduced, and gives what claims and figures read."""

import math
from itertools import islice

import pytest
import torch

from spikefa import routed
from spikefa.studies import STUDIES, Results
from spikefa.studies.rahmansetayesh2024 import closed_loop, open_loop, steps

STUDY = STUDIES["rahmansetayesh2024"]()
REDUCED = {"updates": 24, "batch": 20, "samples": 3, "batches": 3}


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    """Random images of which each class has its own mean, in place of MNIST."""

    def images(split, labels, seed):
        draw = torch.Generator().manual_seed(seed)
        y = torch.randint(10, (1000,), generator=draw)
        x = (torch.rand(10, 225, generator=draw)[y] + torch.rand(1000, 225, generator=draw)) / 2
        return x, y[torch.randperm(1000, generator=draw)] if labels == "shuffled" else y

    monkeypatch.setattr(closed_loop, "images", images)


def reduced(case):
    parameters = {name: REDUCED.get(name, value) for name, value in case.parameters.items()}
    return type(case)(case.name, case.measure, parameters)


def test_every_case_runs_and_claims_and_figures_are_made_of_it():
    cases = [reduced(case) for case in STUDY.cases("quick")]
    rows = [case.run(0) for case in cases]
    assert not [row.error for row in rows if row.error]
    claims = STUDY.claims(Results(rows))
    early = [claim for claim in claims if "after all updates" in claim.says]
    assert all(len(claim.values) == 1 for claim in claims if claim not in early)
    assert not any(claim.values for claim in early)
    assert len({claim.says for claim in claims}) == len(claims)
    assert len(STUDY.figures(Results(rows))) == 5


def test_nothing_measured_leaves_every_claim_open_and_draws_nothing():
    assert {str(claim.verdict) for claim in STUDY.claims(Results([]))} == {"not measured"}
    assert not STUDY.figures(Results([]))


def test_the_paper_size_is_the_published_one():
    cases = {case.name: case.parameters for case in STUDY.cases("paper")}
    assert cases["closed loop, rate: FA"]["updates"] == 6000
    assert cases["closed loop, rate: FA"]["batch"] == 1000
    assert {p["updates"] for name, p in cases.items() if name.startswith("open loop")} == {2000}


def remembered(signal):
    """What one value of a signal has of the one before."""
    return (signal[1:] * signal[:-1]).sum() / signal[:-1].square().sum()


@pytest.mark.parametrize("condition", list(open_loop.CONDITIONS))
def test_a_condition_imposes_the_correlations_that_it_names(condition):
    signals = open_loop.CONDITIONS[condition]
    pairs = list(islice(open_loop.imposed(**signals, draw=torch.Generator().manual_seed(0)), 40))
    x, error = (torch.stack(part) for part in zip(*pairs, strict=True))
    assert remembered(x) == pytest.approx(signals["x"], abs=0.05)
    if signals["error"] is None:
        assert error.equal(x)
    else:
        rho = math.cos(2 * math.pi / 100) if signals["error"] == "turns" else signals["error"]
        assert remembered(error) == pytest.approx(rho, abs=0.05)
        assert (error * x).mean() == pytest.approx(0, abs=0.1)


def test_the_terms_of_relu_account_for_all():
    found = open_loop.measure(0, "relu", 0.9, 0.9, updates=60)
    assert found["explained"] == pytest.approx(1, abs=1e-3)
    assert found["linear"]["by_skew"] == pytest.approx(0, abs=1e-5 * found["linear"]["by_symmetric"])


def test_a_linear_network_ends_as_m_alone_says_once_its_start_is_outgrown():
    found = open_loop.measure(0, "linear", 1.0, None, updates=300)
    assert found["angle"] == pytest.approx(found["linear"]["angle"], abs=0.5)


@pytest.mark.parametrize("unit", ["rate", "lif"])
def test_arms_start_alike_with_rows_of_norm_one(unit):
    fa, bp = closed_loop.network(unit, "fa", 3), closed_loop.network(unit, "bp", 3)
    for own, other in zip(routed(fa).values(), routed(bp).values(), strict=True):
        assert own.weight.equal(other.weight)
        torch.testing.assert_close(own.weight.norm(dim=1), torch.ones(len(own.weight)))
        torch.testing.assert_close(own.feedback.weight.norm(dim=1), torch.ones(len(own.weight)))


def test_normalisation_keeps_all_norms_and_without_it_they_change():
    own = {"unit": "rate", "updates": 20, "batch": 100, "rate": 0.01}
    assert closed_loop.measure(0, normalised=True, **own)["grown"] == pytest.approx(dict.fromkeys("01234", 1.0))
    assert max(closed_loop.measure(0, **own)["grown"].values()) > 1.01


def test_backpropagation_has_no_angle_to_the_true_gradient_and_learns():
    found = closed_loop.measure(0, "rate", updates=200, batch=100, rule="bp", rate=0.005)
    assert max(found["gradient"].values()) < 0.1
    assert found["test"] > 30


def test_the_order_is_fixed_and_reshuffled_labels_are_a_batchs_own():
    plain, again = (list(islice(closed_loop.batches("train", "true", 0, 500), 4)) for _ in range(2))
    new = list(islice(closed_loop.batches("train", "reshuffled", 0, 500), 4))
    for (x, y), (x_again, y_again), (x_new, y_new) in zip(plain, again, new, strict=True):
        assert x.equal(x_again)
        assert y.equal(y_again)
        assert x.equal(x_new)
        assert y.sort().values.equal(y_new.sort().values)
    assert plain[0][0].equal(plain[2][0])
    assert not new[0][1].equal(new[2][1])


@pytest.mark.parametrize("unit", open_loop.UNITS)
def test_both_kinds_of_update_take_the_same_total_step_of_the_same_sample(unit):
    own = {"unit": unit, "x": 0.0, "error": 0.0, "samples": 1}
    begun = steps.measure(0, every=1, rate=0.0, **own)["angle"]
    step, sample = (steps.measure(0, every=every, rate=2e-5, **own)["angle"] - begun for every in (1, 20))
    assert step == pytest.approx(sample, rel=0.15)
    assert abs(sample) > 1e-4


def test_updates_at_each_step_align_a_linear_network_as_derived_and_updates_after_samples_do_not():
    own = {"unit": "linear", "x": 0.0, "error": 0.0, "rate": 0.1}
    assert steps.measure(0, every=20, samples=60, **own)["angle"] == pytest.approx(90, abs=9)
    assert steps.measure(0, every=1, samples=60, **own)["angle"] == pytest.approx(56.1, abs=9)
