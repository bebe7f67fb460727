"""The study as a whole, from rows that are made up to be the paper's."""

import numpy as np
import pytest

from spikefa.studies import Results, Row, Verdict
from spikefa.studies.song2021 import Song2021, cases
from spikefa.studies.song2021.claims import MNIST_PUBLISHED, PUBLISHED

STUDY = Song2021()


def made_up(case, seed):
    """What the paper would have measured."""
    kept = case.parameters
    p, decay, psi = kept.get("p", 1), kept.get("decay", 0.0), kept.get("psi", "lif")
    cosine = {"linear": 0.8, "relu": 0.66, "lif": 0.6}[psi] + decay / 5 if decay else 40 / p
    if (psi, decay) in PUBLISHED and p in cases.WIDTHS and "cut" not in kept:
        cosine = PUBLISHED[psi, decay][cases.WIDTHS.index(p)][0]
    accuracy, errors = MNIST_PUBLISHED.get(decay, (0.0, 0.0))
    late = kept.get("cut") in {"linear": {16667}, "relu": {10000}, "lif": {1000}}[psi]
    values = {"cosine": cosine + seed / 1e4 + 0.1 * late, "start": 0.0, "at_cut": 0.7, "first": 100.0}
    values |= {"loss": 1e-9 if "cut" in kept else 1e-4, "straight": 0.999, "coefficient": 1.0, "drift": 0.001}
    curve = {"step": [0, 10], "loss": [100.0, 1e-3], "cosine": [0.0, cosine]}
    return values | {"accuracy": accuracy + seed / 1e5, "errors": errors + seed / 1e4, "curve": curve}


def results(size):
    return Results([Row(c.name, c.parameters, s, made_up(c, s)) for c in STUDY.cases(size) for s in range(3)])


@pytest.mark.parametrize("size", STUDY.seeds)
def test_what_the_paper_measured_bears_out_every_claim(size):
    found = STUDY.claims(results(size))
    assert {claim.says: str(claim.verdict) for claim in found if claim.verdict is not Verdict.HOLDS} == {}
    assert len({claim.says for claim in found}) == len(found)


@pytest.mark.parametrize("size", STUDY.seeds)
def test_every_case_decides_something(size):
    rows = results(size).rows
    whole = [claim.measured for claim in STUDY.claims(Results(rows))]
    for case in STUDY.cases(size):
        without = STUDY.claims(Results([row for row in rows if row.case != case.name]))
        assert [claim.measured for claim in without] != whole, case.name


def test_only_the_same_seed_is_compared():
    says, case = "lif: λ 0.05, cos at width 1280 over that at 80", "lif, width 80, λ 0.05"
    rows = [row for row in results("quick").rows if (row.case, row.seed) != (case, 0)]
    claims = STUDY.claims(Results([*rows, Row(case, {}, 7, {"cosine": 0.1})]))
    assert [len(claim.values) for claim in claims if claim.says == says] == [2]


def test_without_rows_all_is_open_and_nothing_drawn():
    assert {claim.verdict for claim in STUDY.claims(Results([]))} == {Verdict.ABSENT}
    assert STUDY.figures(Results([])) == {}


def test_the_figures_show_what_was_measured_beside_what_was_published():
    drawn = STUDY.figures(results("quick"))
    assert set(drawn) == {"alignment", "loss", "schedule", "mnist"}
    linear = drawn["alignment"].axes[0]
    shown = linear.containers[1].lines[0].get_ydata()
    np.testing.assert_allclose(shown, [mean for mean, _ in PUBLISHED["linear", 0.3]], atol=1e-3)
    assert len(drawn["schedule"].axes) == 6
    assert len(drawn["loss"].axes[0].lines) == 4 * 3
    own, published = drawn["mnist"].axes[1].lines
    assert list(published.get_ydata()) == [0.07, 0.55, 0.659]
    np.testing.assert_allclose(own.get_ydata()[3:6], results("quick").values("MNIST, small, λ 0.1", "errors"))


def test_cases_are_the_published_protocol():
    kept = {case.name: case.parameters for case in STUDY.cases("paper")}
    assert kept["relu, width 12800, λ 0.05"] == {"psi": "relu", "p": 12800, "decay": 0.05, "lr": 0.01, "curve": False}
    assert (kept["relu, λ cut late"]["cut"], kept["relu, λ cut early"]["cut"]) == (10_000, 1000)
    assert kept["MNIST, λ 0.1"] == {"decay": 0.1, "lr": 0.01, "epochs": 300, "batch": 600, "images": 60_000, "p": 1000}
    assert STUDY.seeds["paper"] == 50
