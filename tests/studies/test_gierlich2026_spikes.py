"""Two neurons, the theory of their spike times, and sampling networks: every case, smaller."""

import math

import numpy as np
import pytest

from spikefa.studies import STUDIES, Results
from spikefa.studies.claim import Verdict
from spikefa.studies.gierlich2026 import sampling, sampling_figures, simulated, timing, timing_figures, two_neurons
from spikefa.studies.rows import Row, append, read
from spikefa.studies.study import Case
from spikefa.timing import TwoNeurons

SMALLER = {
    two_neurons: {"epochs": 30, "steps": 200},
    timing: {"count": 2, "refractory": 5, "steps": 400, "replicas": 5, "points": 3},
    sampling: {"units": 3, "refractory": 10, "cycles": 4, "duration": 20, "sample": 200, "tests": 2},
}


@pytest.mark.parametrize("part", SMALLER, ids=lambda part: part.__name__.rpartition(".")[2])
def test_every_case_is_measured_and_serves_claims_and_figures(part):
    rows = []
    for case in part.cases("quick"):
        options = {n: v for n, v in SMALLER[part].items() if n in case.parameters or part is sampling}
        for seed in (0, 1):
            row = type(case)(case.name, case.measure, {**case.parameters, **options}).run(seed)
            assert not row.error
            rows.append(row)
    assert all(len(claim.values) == 2 for claim in part.claims(Results(rows)))
    assert part.figures(Results(rows))
    assert part.figures(Results([])) == {}
    assert all(claim.values == [] for claim in part.claims(Results([])))


@pytest.mark.parametrize("size", ["quick", "long", "paper"])
def test_names_are_unique(size):
    study = STUDIES["gierlich2026"]()
    names = [case.name for case in study.cases(size)]
    assert len(set(names)) == len(names)
    says = [claim.says for claim in study.claims(Results([]))]
    assert len(set(says)) == len(says)


def test_the_size_long_is_the_published_protocol_but_for_plasticity_noise_and_the_deep_network():
    study = STUDIES["gierlich2026"]()
    paper, long = ({case.name: case for case in study.cases(size)} for size in ("paper", "long"))
    assert list(paper) == list(long)
    other = {name for name in long if long[name] != paper[name]}
    assert other == {name for name in long if name.startswith(("deep", "plasticity noise"))}
    for name in other:
        if name.startswith("plasticity noise"):
            one, ten = (cases[name].parameters for cases in (paper, long))
            assert {key for key in one if one[key] != ten[key]} == {"cycles", "rate", "aligning", "decay"}
            assert ten["cycles"] == 15_001
            for rate in ("rate", "aligning", "decay"):
                assert ten[rate] == pytest.approx(10 * one[rate])


def test_the_size_paper_is_the_published_protocol():
    cases = {case.name: case.parameters for case in sampling.cases("paper")}
    found = cases["synaptic noise 0.8, sal"]
    assert (found["cycles"], found["rate"], found["aligning"], found["asymmetry"]) == (20_001, 0.01, 0.01, 0.8)
    found = cases["plasticity noise 0.05, sal"]
    assert (found["cycles"], found["rate"], found["aligning"], found["scatter"]) == (150_001, 0.001, 0.002, 0.05)
    made = sampling.WakeSleep("sal")
    assert (made.units, made.refractory, made.duration, made.bound) == (7, 50, 1000, 2.0)


def test_two_neurons_go_the_way_that_the_exact_drift_foresees():
    both = two_neurons.meet(0, [True, True], **{**two_neurons.PROTOCOL, "epochs": 300})
    one = two_neurons.meet(0, [False, True], **{**two_neurons.PROTOCOL, "epochs": 300})
    assert both["shift"] == pytest.approx(0, abs=1e-12)
    assert one["shift"] > 0.1
    assert set(one["weights"][0]) == {1.5}
    for found in (both, one):
        assert found["theory"][0][-1] - found["theory"][1][-1] < 0.7
        assert found["pace"] == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize(("rate", "verdict"), [(1, Verdict.HOLDS), (1 + 2e-5, Verdict.FAILS)])
def test_the_law_of_the_common_mean_sees_a_weight_that_gains_more_than_the_other_loses(rate, verdict, tmp_path):
    """Also in what is kept of a mean of 1.000004."""
    protocol = {**two_neurons.PROTOCOL, "epochs": 300, "steps": 500, "plastic": [1, rate]}
    for seed in (0, 1):
        append(tmp_path / "rows", Case(two_neurons.BOTH, two_neurons.meet, protocol).run(seed))
    (law,) = (claim for claim in two_neurons.claims(Results(read(tmp_path / "rows"))) if claim.law)
    assert law.verdict is verdict, law.measured


@pytest.mark.parametrize("bias", [(-1.0, 1.0), (1.0, -1.0)])
def test_the_zero_of_a_drift_that_bends_is_found_where_a_line_would_miss_it(bias):
    offs = np.linspace(-0.5, 0.5, 5)
    exact = [TwoNeurons((1.0 + off, 1.0), bias, 10).drift(10) for off in offs]
    slope, at_weight = np.polyfit(offs, exact, 1)
    assert abs(at_weight / slope) > 0.03
    assert simulated.zero(offs, exact) == pytest.approx(0, abs=1e-3)
    assert math.isnan(simulated.zero(offs, offs**2 + 1))


def test_a_case_that_failed_is_left_out_of_the_figure():
    rows = [Row("fixed point, rectangular", {}, 0, {}, 1.0, error="ValueError: no")]
    assert timing_figures.fixed_points(Results(rows)) is None
    rows.append(Row("fixed point, α, τ = T_ref/3", {}, 0, {"off": [0.1, None], "bias": [[0.0, 1.0], [0.0, 0.5]]}, 1.0))
    assert len(timing_figures.fixed_points(Results(rows)).axes) == 1


def test_a_fixed_point_s_drift_is_that_of_equal_weights_and_biases():
    """With a delay other biases have a drift there, which is the shift that the same row tells of."""
    values = timing.shift(0, "rectangular", count=3, refractory=10, delay=0.1)
    assert values["drift"] < 1e-9
    assert values["even"] < 1e-6 < 0.01 < values["shift"]


def test_the_noise_of_each_kind_has_its_levels_and_both_kinds_of_plasticity_begin_at_none():
    def row(case, dkl):
        return Row(case, {}, 0, {"dkl": dkl, "asymmetry": 0.1})

    rows = [row("synaptic noise 0.8, sal", 9), row("plasticity noise 0, sal", 1), row("plasticity noise 0.05, sal", 2)]
    rows.append(row("plasticity noise in both phases 0.8, sal", 3))
    figure = sampling_figures.against_noise(Results(rows))
    drawn = [[line.get_ydata().tolist() for line in axes.lines[:1]] for axes in figure.axes[:2]]
    assert drawn == [[[1, 2]], [[1, 3]]]
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == list(sampling_figures.NOISES.values())[1:]
