"""Frozen backpropagation's study: what each arm moves, what claims compare, where figures put their points."""

import math

import pytest
import torch

from spikefa.assignment import rules_by_pattern
from spikefa.experiment import Experiment
from spikefa.studies import STUDIES, Results, Row, Verdict
from spikefa.studies.goupy2025 import copies
from spikefa.studies.goupy2025.arms import REDUCTIONS, REFERENCES, SETTINGS, arms, transported, transports
from spikefa.studies.goupy2025.figures import accuracy_against, at_every_copy, drift, reductions

STUDY = STUDIES["goupy2025"]()
SETTING = "Fashion-MNIST, rate"
SMALL = {"dataset": "digits", "network": "mlp:depth=3,width=20", "steps": 3, "epochs": 1, "batch_size": 64, "lr": 0.01}


def row(arm, seed=0, test=80.0, words=1000, moved=1.0, left=0.0, setting=SETTING):
    values = {
        "test": test + seed,
        "words": words,
        "moved": moved,
        "drift": {"fc2": [0.0, left], "fc3": [0.0, left / 2], "out": [0.0, 9.0]},
        "rms": {"fc2": 0.2, "fc3": 0.2, "out": 0.1},
    }
    return Row(f"{setting}: {arm}", {"lr": 1e-3}, seed, values)


def seeds(arm, **values):
    return [row(arm, seed, **values) for seed in range(3)]


def claim(results, part):
    (found,) = (claim for claim in STUDY.claims(results) if part in claim.says)
    return found


@pytest.mark.parametrize("size", STUDY.seeds)
def test_cases_of_a_setting_differ_in_their_rule_alone(size):
    cases = STUDY.cases(size)
    assert len({case.name for case in cases}) == len(cases)
    for setting in SETTINGS[size]:
        own = [dict(case.parameters) for case in cases if case.name.startswith(f"{setting}: ")]
        rules = [fields.pop("rule") for fields in own]
        assert all(fields == own[0] for fields in own)
        assert {"bp", "fa", "usf", "frsf"} < set(rules)
        assert all(Experiment(rule=rule, **own[0]).rule == rule for rule in rules)


@pytest.mark.parametrize("by", REDUCTIONS)
@pytest.mark.parametrize("scheme", ["cyclic", "random", "topk"])
def test_a_part_moves_exactly_what_its_reduction_says(scheme, by):
    (make,) = rules_by_pattern(transports()[f"{scheme}, {by:,}×"]).values()
    draws = torch.Generator().manual_seed(0)
    weight = torch.randn(100, 100, generator=draws)
    pathway = make(weight, draws)
    for _ in range(30):
        pathway.step(weight + torch.randn(100, 100, generator=draws))
    assert int(pathway.words) == 30 * 10_000 / by


def test_quick_copies_everything_only_where_the_updates_allow_it():
    assert {"full, 10×", "full, 100×"} == {name for name in arms("quick", SETTING) if name.startswith("full")}
    assert "full, 10,000×" in arms("paper", SETTING)


def test_a_case_keeps_its_drift_and_the_scale_of_w():
    found = transported(0, rule="fbp:period=5", **SMALL)
    assert set(found["drift"]) == set(found["rms"]) == {"fc2", "fc3", "out"}
    assert all(over[0] == 0 < over[1] < 1 for over in found["drift"].values())
    assert found["rms"]["fc2"] == pytest.approx(2 / 20**0.5, rel=0.15)
    whole = transported(0, rule="bp", **SMALL)
    assert whole["drift"] == {}
    assert whole["words"] / found["words"] == pytest.approx(19 / 3)  # 19 updates, of which three copy


@pytest.mark.parametrize("scheme", ["full", "topk,fraction=0.1"])
def test_followed_copies_are_those_of_a_comparison(scheme):
    fields = {**SMALL, "epochs": 2, "rule": f"fbp:period=19,transport={scheme}"}  # 19 updates an epoch
    found, trained = copies.followed(1, **fields), transported(1, **fields)
    by_layer = [over[1:] for layer, over in trained["drift"].items() if layer != "out"]
    assert found["drift"] == pytest.approx([sum(drifts) / 2 for drifts in zip(*by_layer, strict=True)], rel=1e-12)
    assert found["largest"] == pytest.approx({layer: max(trained["drift"][layer]) for layer in ("fc2", "fc3")})
    assert found["rms"] == {layer: trained["rms"][layer] for layer in ("fc2", "fc3")}
    assert found["period"] == 19


@pytest.mark.parametrize(
    ("rule", "message"), [("fa", "fa in mlp.*: follow an fbp"), ("fbp:period=20", "copies for the first time after")]
)
def test_without_a_copy_there_is_nothing_to_follow(rule, message):
    with pytest.raises(ValueError, match=message):
        copies.followed(0, **{**SMALL, "rule": rule})


def test_a_copy_that_is_followed_is_compared_with_what_adam_may_do_between_two():
    row = Row("c", {"lr": 1e-3}, 0, {"period": 100, "largest": {"a": 0.1, "b": 0.3}, "rms": {"a": 0.2, "b": 0.1}})
    assert copies.against_reach(row.values["largest"], row, row.values["period"]) == pytest.approx(0.03 / 0.1)


def following(arm, drifts, seed=0):
    values = {"period": 10, "drift": drifts, "largest": {"fc2": max(drifts)}, "rms": {"fc2": 0.2}}
    return Row(copies.case(SETTING, arm), {"lr": 1e-3}, seed, values)


def test_every_copy_is_judged_and_drawn_where_copies_were_followed():
    rows = [*seeds("bp"), following("full, 10×", [0.04, 0.02]), following("topk, 1,000×", [0.1, 0.2])]
    assert not any(
        "all copies" in claim.says or "every copy" in claim.says for claim in STUDY.claims(Results(rows[:3]))
    )
    rows += [following("topk, 1,000×", [0.3, 0.2], 1), following("cyclic, 1,000×", [0.3, 0.4])]
    results = Results(rows)
    assert claim(results, "largest of all copies").values == pytest.approx([0.04 * 0.2 / 0.01])
    assert claim(results, "mean over all copies").values == pytest.approx([0.15 - 0.35])
    assert "drift_at_every_copy" in STUDY.figures(results)
    (axes,) = at_every_copy(results).axes
    drawn = {line.get_label(): (line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines}
    assert drawn["full, 10×"] == ([10, 20], [0.04, 0.02])
    assert drawn["topk, 1,000×"] == ([10, 20], pytest.approx([0.2, 0.2]))


def test_words_and_bits_are_relative_to_backpropagation_of_the_same_seed():
    results = Results([*seeds("bp"), *seeds("topk, 1,000×", words=1, moved=0.002), *seeds("fa", words=0, moved=0.0)])
    assert reductions(results, SETTING, f"{SETTING}: topk, 1,000×", "words") == [1000] * 3
    assert reductions(results, SETTING, f"{SETTING}: topk, 1,000×", "bits") == [500] * 3
    assert reductions(results, SETTING, f"{SETTING}: fa", "bits") == [math.inf] * 3


@pytest.mark.parametrize(("loss", "verdict"), [(0.2, Verdict.HOLDS), (0.9, Verdict.FAILS)])
def test_losses_are_paired_by_seed(loss, verdict):
    found = claim(Results([*seeds("bp"), *seeds("topk, 1,000×", test=80 - loss)]), "topk, 1,000×, minus bp")
    assert list(found.values) == pytest.approx([-loss] * 3)
    assert found.verdict == verdict


def test_a_rule_above_another_has_a_positive_difference():
    results = Results([*seeds("bp"), *seeds("topk, 1,000×", test=79), *seeds("fa", test=60)])
    assert claim(results, "topk, 1,000×, minus fa").verdict == Verdict.HOLDS
    assert claim(results, "tell rules apart").verdict == Verdict.HOLDS
    assert claim(results, "topk, 1,000×, minus usf").verdict == Verdict.ABSENT


def test_drift_is_judged_against_adams_step_in_the_hidden_layer_where_it_is_largest():
    results = Results([*seeds("bp"), *seeds("full, 10×", left=0.025)])
    assert claim(results, "10 lr / rms").values == pytest.approx([0.025 * 0.2 / 0.01] * 3)


def test_of_two_schemes_the_drift_is_compared_seed_by_seed():
    results = Results([*seeds("bp"), *seeds("topk, 1,000×", left=0.1), row("cyclic, 1,000×", 1, left=0.3)])
    assert claim(results, "topk minus cyclic").values == pytest.approx([(0.1 - 0.3) * 0.75])


def test_settings_without_backpropagation_have_no_claims():
    assert not STUDY.claims(Results(seeds("fa")))
    assert STUDY.figures(Results([])) == {}


def test_a_line_goes_by_what_was_moved_whatever_the_option_that_moved_it():
    rows = [*seeds("bp"), *seeds("threshold, θ 0.03", words=10), *seeds("threshold, θ 1", words=100)]
    (line,) = (bars.lines[0] for bars in accuracy_against(Results(rows), "words").axes[0].containers)
    assert line.get_xdata().tolist() == [10, 100]


def test_figures_have_a_panel_a_setting_and_points_where_the_reductions_are():
    rows = [*seeds("bp"), *seeds("fa", test=60, words=0, moved=0.0), *seeds("never copied", words=0, moved=0.0)]
    rows += [*seeds("topk, 100×", words=10, moved=0.02), *seeds("topk, 1,000×", words=1, moved=0.002, left=0.2)]
    rows += seeds("bp", setting="CIFAR-10, rate")
    figure = accuracy_against(Results(rows), "bits")
    assert [axes.get_title() for axes in figure.axes] == [SETTING, "CIFAR-10, rate"]
    (line,) = (bars.lines[0] for bars in figure.axes[0].containers)
    assert line.get_xdata().tolist() == pytest.approx([50, 500])
    assert {"bp", "fa", "never copied", "topk"} == {text.get_text() for text in figure.legends[0].get_texts()}
    (line,) = (bars.lines[0] for bars in drift(Results(rows)).axes[0].containers)
    assert line.get_ydata().tolist() == pytest.approx([0, 0.15])
    assert set(STUDY.figures(Results(rows))) == {"accuracy_against_words", "accuracy_against_bits", "drift"}


def test_in_bits_a_rule_that_reads_signs_is_a_point_and_in_words_a_line_of_no_words():
    rows = [*seeds("bp"), *seeds("usf", words=0, moved=1 / 32), *seeds("fa", words=0, moved=0.0)]
    (bars,) = accuracy_against(Results(rows), "bits").axes[0].containers
    assert (bars.get_label(), bars.lines[0].get_xdata().tolist()) == ("usf", [32.0])
    axes = accuracy_against(Results(rows), "words").axes[0]
    assert (len(axes.containers), len(axes.lines)) == (0, 3)


def test_a_threshold_beyond_the_axes_is_not_drawn():
    rows = [*seeds("bp", words=10**6), *seeds("threshold, θ 0.3", words=10), *seeds("threshold, θ 1", words=1)]
    assert not accuracy_against(Results(rows), "words").axes[0].containers


def test_long_trains_every_scheme_in_every_setting():
    for setting in SETTINGS["long"]:
        assert set(arms("long", setting)) - set(REFERENCES) == set(transports()) - {"full, 10,000×"}
