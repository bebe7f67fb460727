"""The data that a report's page embeds for its script, and the addresses of the runs."""

import base64
import hashlib
import math
import re

import pytest

from spikefa.curves import angles, value
from spikefa.figures import FIGURES
from spikefa.frame import flat
from spikefa.runs import read
from spikefa.summary import interval, summarise
from tests.conftest import COMPARED as RULES
from tests.conftest import embedded_in, page_of
from tests.synthetic import run


@pytest.fixture(scope="module", autouse=True)
def _one_figure():
    """What takes time is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spikefa.report.FIGURES", {"loss": FIGURES["loss"]})
        yield


def test_what_the_script_draws_are_the_numbers_of_the_table(runs, folder):
    data = embedded_in(folder)
    frame = summarise(runs).set_index("rule")
    (setting,) = data["settings"]
    assert [point["rule"] for point in setting["moved"]] == RULES
    for point in setting["moved"]:
        row = frame.loc[point["rule"]]
        expected = [row[name] for name in ("moved", "accuracy", "accuracy_low", "accuracy_high", "seeds")]
        assert [point[name] for name in ("x", "mean", "low", "high", "n")] == pytest.approx(expected, rel=1e-4)
    assert len(data["runs"]) == len(runs)
    for drawn, trained in zip(data["runs"].values(), runs, strict=True):
        assert drawn["curves"].keys() >= {"loss", "accuracy.test", "gradient.angle", "alignment.fc2.cosine"}
        for name, curve in drawn["curves"].items():
            measured = [flat(epoch)[name] for epoch in trained.epochs]
            assert [math.nan if y is None else y for y in curve] == pytest.approx(measured, rel=1e-4, nan_ok=True)
        assert data["common"] | drawn["own"] == trained.experiment


def test_the_interval_of_each_point_is_that_of_its_seeds(runs, folder):
    (setting,) = embedded_in(folder)["settings"]
    charts = {chart["name"]: chart["bounds"] for chart in setting["charts"]}
    assert [*charts][:4] == ["accuracy.test", "accuracy.train", "loss", "gradient.angle"]
    for rule in RULES:
        for at, low, high in charts["accuracy.test"][rule]:
            seeds = [run.epochs[at]["accuracy"]["test"] for run in runs if run.rule == rule]
            assert [low, high] == pytest.approx([*interval(seeds)[1:]], rel=1e-4)


def probed(lines, per_epoch, every=5):
    """These lines of a run, its gradient probed so often among so many updates: 45°, and 10° with an epoch's last."""
    for at, line in enumerate(line for line in lines if line["kind"] == "epoch"):
        now, before = per_epoch * at, per_epoch * (at - 1)
        found = [[update, 45.0 if update < now else 10.0] for update in range(before + every, now + 1, every)]
        line |= {"updates": now, "angles": found if at else []}
    return lines


def test_angles_between_epochs_are_drawn_where_they_were_measured(tmp_path):
    page_of(tmp_path, *probed(run("fa", 0), 10))
    (drawn,) = embedded_in(tmp_path)["runs"].values()
    assert drawn["curves"]["gradient.angle"]["x"][:5] == [0, 0.5, 1, 1.5, 2]
    assert drawn["curves"]["gradient.angle"]["y"][1] == 45


def test_a_probe_with_the_last_update_of_an_epoch_is_not_drawn_beside_the_epochs_own_angle(tmp_path):
    page_of(tmp_path, *probed(run("fa", 0), 10), *probed(run("fa", 1), 10))
    found = angles(read(tmp_path))
    assert 10.0 not in set(found["value"])
    assert not found.duplicated(["seed", "epoch"]).any(), "each seed counts once"
    bounds = {chart["name"]: chart["bounds"] for chart in embedded_in(tmp_path)["settings"][0]["charts"]}
    for number, low, high in bounds["gradient.angle"]["fa"]:
        seeds = [value(each.epochs[int(number)], "gradient", "angle") for each in read(tmp_path)]
        assert [low, high] == pytest.approx([*interval(seeds)[1:]] if number == int(number) else [45, 45], rel=1e-4)


def test_points_that_are_close_keep_their_places(tmp_path):
    lines = [*probed(run("fa", 0), 60_000, 60_000), *probed(run("fa", 1), 60_000, 60_000)]
    for line in lines:
        if line.get("epoch") == 10:
            line["angles"] = [[540_001, 45.0], [540_002, 46.0]]
    page_of(tmp_path, *lines)
    data = embedded_in(tmp_path)
    bounds = {chart["name"]: chart["bounds"]["fa"] for chart in data["settings"][0]["charts"]}["gradient.angle"]
    for drawn in data["runs"].values():
        x = drawn["curves"]["gradient.angle"]["x"]
        assert x[10:12] == [10 - 59_999 / 60_000, 10 - 59_998 / 60_000]
        assert [at for at, *_ in bounds] == x, "of each point its own interval, which is looked up by its place"


@pytest.mark.parametrize("end", ["failed", "incomplete"])
def test_the_page_of_a_run_that_did_not_finish_has_its_angles_too(tmp_path, end):
    page_of(tmp_path, *probed(run("fa", 0, end=end), 10))
    (drawn,) = embedded_in(tmp_path)["runs"].values()
    assert drawn["state"] == end
    assert drawn["curves"]["gradient.angle"]["x"] == [0, 0.5, 1, 1.5, 2, 2.5, 3]


def test_each_run_has_an_address_and_is_linked(two):
    html = (two / "report.html").read_text(encoding="utf-8")
    anchors = re.findall(r'<tr id="(run-[^"]+)">', html)
    assert anchors == list(embedded_in(two)["runs"])
    assert all(html.count(f'href="#{anchor}"') == 2 for anchor in anchors), "from the rule's row and from its own"


def test_further_settings_link_their_figures(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("spikefa.report.INLINE", 1)
    html = page_of(tmp_path, *run("bp", 0), *run("bp", 0, dataset="fashion"))
    linked = re.findall(r'href="(figures/[^"]+)"', html)
    assert {path.split("/")[1] for path in linked} == {"2-fashion-mlp-depth-2-width-128"}
    assert all((tmp_path / path).is_file() for path in linked)
    assert "<figure" in html


def test_a_failed_run_has_its_traceback(tmp_path):
    lines = run("sal", 7, end="failed")
    lines[-1]["traceback"] = "Traceback: in <module>"
    html = page_of(tmp_path, *lines)
    assert "<pre>Traceback: in &lt;module&gt;</pre>" in html
    (drawn,) = embedded_in(tmp_path)["runs"].values()
    assert (drawn["state"], drawn["traceback"]) == ("failed", "Traceback: in <module>")


def test_the_browser_is_told_to_run_our_script_only_and_to_load_nothing(folder):
    html = (folder / "report.html").read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in html
