"""The study of feedback in deep convolutional networks: what a case measures, and how claims are drawn from it."""

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from spikefa.datasets import Dataset, Split
from spikefa.experiment import Experiment
from spikefa.similarity import cka
from spikefa.studies import STUDIES, Results, Row, Verdict
from spikefa.studies.moskovitz2018 import arms, claims, start
from spikefa.studies.moskovitz2018.arms import ARMS, HIDDEN, KINDS, LAYERS, measured, similarities
from spikefa.studies.moskovitz2018.claims import PUBLISHED
from spikefa.studies.trained import epochs

STUDY = STUDIES["moskovitz2018"]()
SMALL = {
    "dataset": "digits:train=200,validation=50,test=50",
    "network": "convnet:blocks=2,channels=3,kernel=3,growth=1,width=12,dense=2",
    "steps": 2,
    "epochs": 1,
    "batch_size": 50,
    "lr": 1e-2,
}


@lru_cache
def small(arm, **more):
    return measured(0, **SMALL, **ARMS[arm])


@pytest.mark.parametrize("size", STUDY.seeds)
def test_cases_of_a_kind_differ_in_feedback_remedy_and_start_alone(size):
    cases = {case.name: dict(case.parameters) for case in STUDY.cases(size)}
    assert len(cases) == len(STUDY.cases(size)) == 3 + len(KINDS) * len(ARMS)
    for kind in KINDS:
        fields = [{**own, "rule": "", "remedy": "", "shift": 0} for name, own in cases.items() if name.startswith(kind)]
        assert {f"{kind}: bp", f"{kind}: fa", f"{kind}: usf_sn", f"{kind}: frsf"} <= set(cases)
        assert all(own == fields[0] for own in fields)
    for own in cases.values():
        own.pop("shift", None)
        if own:
            Experiment(**own)


def test_the_paper_size_is_architecture_1():
    fields = dict(arms.cases("paper")[0].parameters)
    blank = Split(torch.zeros(10, 3, 24, 24), torch.arange(10))
    net = Experiment(**fields).build(Dataset("cifar10", blank, blank, blank, 10, ""))
    shapes = [tuple(p.shape) for p in net.parameters()]
    assert shapes == [(64, 3, 5, 5), (64, 64, 5, 5), (384, 2304), (192, 384), (10, 192)]
    assert (fields["epochs"], fields["batch_size"], fields["steps"]) == (50, 128, 1)


def test_backpropagation_has_no_angle_and_is_like_itself():
    found = small("bp")
    for measure in ("weight_angle", "local_angle", "end_to_end_angle"):
        assert all(over == pytest.approx([0, 0], abs=1e-4) for over in found[measure].values())
    assert found["cka"] == pytest.approx(dict.fromkeys([*HIDDEN, "mean"], 1.0))
    assert all(over == pytest.approx([1, 1]) for over in found["error_ratio"].values())
    assert list(found["error_ratio"]) == list(LAYERS)


def test_similarity_is_to_backpropagation_of_the_same_seed():
    fields = {**SMALL, "rule": "frsf"}
    own, reference = (epochs(0, **fields | {"rule": rule})[-1].representations for rule in ("frsf", "bp"))
    expected = [cka(own[name], reference[name], unbiased=True) for name in own]
    found = small("frsf")["cka"]
    assert [found[layer] for layer in HIDDEN] == pytest.approx(expected, rel=1e-9)
    assert found["mean"] == pytest.approx(np.mean(expected))
    assert found["fc1"] < 1


def test_another_start_is_backpropagation_from_another_seed():
    found, reference = small("bp, other start"), epochs(0, **SMALL, rule="bp")[-1].representations
    other = epochs(1000, **SMALL, rule="bp")[-1]
    assert found["cka"] == similarities(other.representations, reference)
    assert found["curves"]["test"][1] == other.accuracy["test"]


def test_a_dense_matrix_has_a_local_angle_and_no_weights_to_compare():
    found = small("fa, dense")
    assert list(found["local_angle"]) == list(LAYERS[1:])
    assert list(found["weight_angle"]) == ["fc1", "fc2", "out"]
    assert 80 < found["local_angle"]["conv2"][0] < 100


def test_unscaled_signs_start_with_the_angles_of_scaled_ones_and_larger_errors():
    plain, unscaled = small("usf"), small("usf, unscaled")
    for measure in ("weight_angle", "local_angle", "end_to_end_angle"):
        for layer, over in plain[measure].items():
            assert unscaled[measure][layer][0] == pytest.approx(over[0], abs=0.05)
    ratios = [unscaled["error_ratio"][layer][0] / plain["error_ratio"][layer][0] for layer in reversed(LAYERS)]
    assert ratios[0] == pytest.approx(1)
    assert all(lower > 1.5 * upper for upper, lower in pairwise(ratios))


def test_initial_angles_are_of_the_feedback_that_the_names_say():
    found = start.initial_angles(3)
    for (rule, draw), angle in start.ANGLES.items():
        assert found[rule][draw] == pytest.approx(angle, abs=0.5)


@pytest.mark.parametrize("kind", start.KINDS)
def test_the_error_grows_with_depth_as_theory_says(kind):
    fields = dict(next(case for case in start.cases() if case.name == f"depth, {kind}").parameters)
    found = start.growth(0, **fields | {"dataset": "digits"})
    factor = {rule: own / found["factor"]["bp"] for rule, own in found["factor"].items()}
    assert factor["usf, unscaled"] == pytest.approx(10 / start.GAINS[kind], rel=0.1)
    assert [factor[rule] for rule in ("fa", "usf", "usf_sn")] == pytest.approx([1] * 3, rel=0.1)
    assert found["r2"]["usf, unscaled"] > 0.99
    assert all(len(norms) == start.DEPTH for norms in found["norms"].values())


def test_a_line_through_logarithms():
    assert start.geometric([2.0, 1.0, 0.5]) == pytest.approx((0.5, 1.0))
    factor, r2 = start.geometric([1.0, 3.0, 1.0, 3.0])
    assert factor > 1 > r2
    assert math.isnan(start.geometric([1.0, 1.0])[1])


def row(name, seed, test, cka=0.5, angle=80.0, conv2=85.0, agree=0.5, ratio=1.0, epochs=4):
    values = {
        "test": test + seed / 10,
        "angle": angle,
        "cka": dict.fromkeys(HIDDEN, cka) | {"mean": cka},
        "curves": {"test": [0.1, test / 100]},
        "weight_angle": {layer: [90.0, conv2] for layer in LAYERS[1:]},
        "local_angle": {layer: [37.0, conv2] for layer in LAYERS[1:]},
        "end_to_end_angle": {layer: [90.0, angle - depth] for depth, layer in enumerate(HIDDEN)},
        "sign_agreement": {layer: [0.5, agree] for layer in LAYERS[1:]},
        "error_ratio": {layer: [1.0, ratio ** (4 - depth)] for depth, layer in enumerate(LAYERS)},
    }
    return Row(name, {"epochs": epochs}, seed, values)


def rows(kind, **more):
    tests = {"bp": 70, "fa": 40, "fa, dense": 35, "usf_sn": 69, "frsf": 68, "usf": 68.5, "usf, unscaled": 68.4}
    known = {
        "bp": {"cka": 1.0, "angle": 0.0},
        "fa, dense": {"cka": 0.3, "conv2": 90.0},
        "usf_sn": {"cka": 0.9, "angle": 40.0, "conv2": 38.0},
        "frsf": {"cka": 0.9},
        "usf, unscaled": {"ratio": 5.0},
    }
    return [
        row(f"{kind}: {arm}", seed, test + seed**2 / 10, **known.get(arm, {}), **more)
        for arm, test in tests.items()
        for seed in range(3)
    ]


def verdicts(found):
    return {claim.says: claim.verdict for claim in STUDY.claims(Results(found))}


def test_claims_hold_on_what_was_published_and_fail_on_its_opposite():
    found = verdicts(rows("rate"))
    open_ = {says for says, verdict in found.items() if says.startswith("rate") and verdict is not Verdict.HOLDS}
    expected = {"norm limit", "falls with depth", "frsf at the start", "below chance", "read-out"}
    assert {says for says in open_ if not any(part in says for part in expected)} == set()
    swapped = [
        Row(r.case.replace("usf_sn", "x").replace("fa", "usf_sn").replace("x", "fa"), r.parameters, r.seed, r.values)
        for r in rows("rate")
        if r.case in ("rate: bp", "rate: fa", "rate: usf_sn")
    ]
    found = verdicts(swapped)
    for says in (
        "rate: usf_sn above fa, points",
        "rate: usf_sn as good as bp, difference in points",
        "rate: usf_sn loses less than a quarter of what fa loses, difference in points",
        "rate: CKA to bp, usf_sn above fa, mean of hidden layers",
        "rate: end to end, fa is farther from bp than usf_sn, degrees",
    ):
        assert found[says] is Verdict.FAILS, says


def test_a_quarter_of_what_fa_loses_is_the_measure_of_a_small_loss():
    (claim,) = (c for c in STUDY.claims(Results(rows("rate"))) if c.says.startswith("rate: frsf loses less"))
    assert claim.values == pytest.approx([2 - 30 / 4] * 3)


def test_only_losses_of_the_same_seed_are_compared():
    tests = {"bp": (80, 70, 60), "fa": (30, 40, 10), "usf_sn": (None, 68, 57)}
    rows = [Row(f"rate: {arm}", {}, s, {"test": t}) for arm, all in tests.items() for s, t in enumerate(all) if t]
    (claim,) = (claim for claim in claims._rankings(Results(rows), "rate") if "usf_sn loses less" in claim.says)
    assert claim.values == [2 - 30 / 4, 3 - 50 / 4]


def test_published_accuracies_are_asked_of_the_published_network_alone():
    assert not any("accuracy of" in says for says in verdicts([*rows("rate"), *rows("spiking", epochs=50)]))
    found = [claim for claim in STUDY.claims(Results(rows("rate", epochs=50))) if "accuracy of" in claim.says]
    assert [claim.published for claim in found] == [f"{percent} [P]" for percent in PUBLISHED.values()]


def test_kinds_that_were_not_measured_have_no_claims():
    found = verdicts([Row("initial angles", {}, 0, start.initial_angles(0))])
    assert found
    assert not any(says.startswith(("rate", "spiking")) for says in found)
    assert STUDY.claims(Results([])) == []
    assert STUDY.figures(Results([])) == {}


def test_figures_show_every_arm_that_was_measured():
    found = STUDY.figures(Results([*rows("rate"), *rows("spiking")]))
    assert set(found) == {"accuracy", "angles_rate", "angles_spiking", "similarity", "error_ratios", "signs"}
    axes = found["accuracy"].axes[0]
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == ["usf, unscaled", "usf", "frsf", "usf_sn", "fa, dense", "fa", "bp"]
    points = [bars.lines[0].get_xdata()[0] for bars in axes.containers]
    assert points[-2:] == pytest.approx([np.mean([40, 40.2, 40.6]), np.mean([70, 70.2, 70.6])])
    assert [axes.get_title() for axes in found["accuracy"].axes] == ["rate", "spiking"]
    (line,) = (line for line in found["similarity"].axes[0].lines if line.get_label() == "usf_sn")
    assert line.get_ydata().tolist() == pytest.approx([0.9] * 4)
