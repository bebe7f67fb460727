"""What the figures show, and how the rules are told apart in them."""

import numpy as np
import pytest

from spikefa.figures import FIGURES
from spikefa.palette import INK, strokes
from spikefa.representations import similarities
from spikefa.rules import RULES as OURS
from spikefa.runs import read
from tests.conftest import COMPARED as RULES
from tests.synthetic import run
from tests.synthetic import write as write_runs

KNOWN = ["bp", "fa", "dfa", "usf", "usf_sn", "brsf", "frsf", "kp", "mirror", "stdwi", "rdd", "sal"]
KNOWN += ["fbp:period=10", "fbp:period=100"]


def test_a_rule_of_ours_keeps_its_hue_whatever_stands_beside_it():
    alone = {name: strokes([name])[name] for name in OURS}
    beside = strokes(["elsewhere:Rule", *reversed(OURS)])
    assert {name: beside[name] for name in OURS} == alone
    assert len({stroke.color for stroke in alone.values()}) == len(OURS)


def test_fourteen_rules_are_told_apart_and_kin_share_a_hue():
    drawn_as = strokes(KNOWN)
    assert len({stroke.color for stroke in drawn_as.values()}) == len(KNOWN)
    hues = {name: np.argmax([int(drawn_as[name].color[at : at + 2], 16) for at in (1, 3, 5)]) for name in KNOWN}
    assert hues["usf"] == hues["usf_sn"] == hues["brsf"] == hues["frsf"] == 1, "green"
    assert hues["fa"] == hues["dfa"] == 2, "blue"
    for kin in (["usf", "usf_sn", "brsf", "frsf"], ["fa", "dfa"], ["fbp:period=10", "fbp:period=100"]):
        assert len({drawn_as[name].dash for name in kin}) == len({drawn_as[name].marker for name in kin}) == len(kin)


def test_strokes_differ_and_bp_is_the_ink():
    rules = ["bp", *(f"rule{n}" for n in range(12)), *(f"fbp:period={n}" for n in range(3))]
    drawn_as = strokes(rules)
    assert drawn_as["bp"].color == INK
    assert len(set(drawn_as.values())) == len(rules)
    assert drawn_as == strokes([*rules, *reversed(rules)])


def test_the_band_reaches_from_the_smallest_seed_to_the_largest(runs, drawn):
    (axes,) = drawn["gradient_angle"].axes
    last = [run.epochs[-1]["gradient"]["angle"] for run in runs if run.rule == "fa"]
    band = axes.collections[RULES.index("fa")].get_paths()[0].vertices
    assert {min(last), max(last)} <= set(band[band[:, 0] == 10][:, 1])


def test_the_credit_figure_has_the_cosine_to_the_gradient_through_time_from_below_zero_to_one(runs, drawn, tmp_path):
    (axes,) = drawn["credit"].axes
    shown = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert list(shown) == RULES
    for rule, line in shown.items():
        seeds = [[epoch["credit"]["cosine"] for epoch in run.epochs] for run in runs if run.rule == rule]
        np.testing.assert_allclose(line, np.mean(seeds, axis=0))
    assert axes.get_ylim()[0] < 0 < 1 < axes.get_ylim()[1]
    lines = [line | ({"credit": {"cosine": -0.5}} if line["kind"] == "epoch" else {}) for line in run("fa", 0)]
    (axes,) = FIGURES["credit"](read(write_runs(tmp_path, *lines))).axes
    assert axes.get_ylim()[0] < -0.5


def test_names_beside_points_cover_neither_each_other_nor_a_point(tmp_path):
    rules = [f"rule{n}:gain={n}" for n in range(12)]
    figure = FIGURES["accuracy_against_moved"](read(write_runs(tmp_path, *(line for r in rules for line in run(r, 0)))))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text() in rules]
    places = [axes.transData.transform(box.lines[0].get_xydata()[0]) for box in axes.containers]
    assert len(boxes) == len(rules)
    assert not any(a.overlaps(b) for at, a in enumerate(boxes) for b in boxes[:at])
    assert not any(box.contains(*place) for box in boxes for place in places)


def test_a_long_name_is_whole_and_inside_the_frame(tmp_path):
    rules = [
        "bp",
        *(f"fc*=sal:neuron=lif,every=40,eta=0.05/{'out=fbp:period=100/' * 4}last=usf:gain={n}" for n in "12"),
    ]
    figure = FIGURES["accuracy_against_moved"](read(write_runs(tmp_path, *(line for r in rules for line in run(r, 0)))))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    named = {text.get_text().replace("\n", ""): text.get_window_extent() for text in axes.texts}
    assert min(map(len, rules[1:])) > 90
    assert set(rules) <= named.keys()
    assert all(axes.bbox.x0 <= named[rule].x0 and named[rule].x1 <= axes.bbox.x1 for rule in rules)


def test_zero_moved_stands_left_of_everything_and_is_labelled(drawn):
    (axes,) = drawn["accuracy_against_moved"].axes
    labels = dict(zip(axes.get_xticks(), (label.get_text() for label in axes.get_xticklabels()), strict=True))
    assert labels == {0.0: "0", 0.001: "0.001", 0.01: "0.01", 0.1: "0.1", 1.0: "1"}
    zero, *decades = axes.transData.transform([(tick, 0.5) for tick in labels])[:, 0]
    assert axes.get_window_extent().x0 < zero < decades[0]
    assert np.diff(decades) == pytest.approx(np.diff(decades)[0])


def test_rules_that_move_nothing_stand_side_by_side_left_of_the_break(tmp_path):
    rules = ["bp", "fa", "kp", "dfa", "usf"]
    figure = FIGURES["accuracy_against_moved"](read(write_runs(tmp_path, *(line for r in rules for line in run(r, 0)))))
    (axes,) = figure.axes
    at = dict(zip(rules, (box.lines[0].get_xdata()[0] for box in axes.containers), strict=True))
    slash = next(text.get_position()[0] for text in axes.texts if text.get_text() == "//")
    assert at["bp"] == 1
    assert at["usf"] == 0.03125
    assert axes.get_xlim()[0] < at["fa"] < at["kp"] == 0 < at["dfa"] < slash < 0.03125


def test_the_similarity_panel_says_what_was_measured(runs, drawn):
    (axes,) = drawn["similarity"].axes
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["bp, other seeds", *RULES[1:]]
    found = similarities(runs)
    said = [text.get_text() for text in axes.texts]
    assert said == [word for rule in RULES for word in (f"{found[rule]['lif1']:.2f}".replace("-", "−"), "–")], (
        "the second layer does not vary"
    )


def test_nothing_to_show_gives_no_figure(tmp_path):
    lines = [line | {"alignment": {}, "credit": {}, "gradient": None, "loss": None} for line in run("bp", 0)]
    found = {name: draw(read(write_runs(tmp_path, *lines))) for name, draw in FIGURES.items()}
    assert [name for name, figure in found.items() if figure is None] == [
        "alignment",
        "credit",
        "gradient_angle",
        "loss",
        "similarity",
    ]
    assert all(draw([]) is None for draw in FIGURES.values())


def test_angles_measured_between_epochs_stand_between_them(tmp_path):
    lines = list(run("fa", 0))
    for line in lines:
        if line["kind"] == "epoch":
            line["updates"] = 4 * line["epoch"]
            line["angles"] = [[line["updates"] - 3, 77.0]] if line["epoch"] else []
    (axes,) = FIGURES["gradient_angle"](read(write_runs(tmp_path, *lines))).axes
    x, y = axes.lines[1].get_data()
    assert list(x[:4]) == [0, 0.25, 1, 1.25]
    assert y[1] == y[3] == 77
