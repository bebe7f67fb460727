import io
import re
import xml.etree.ElementTree as tree

import pytest
import torch
from matplotlib.colors import to_hex
from rich.console import Console

from spikefa.figures import FIGURES
from spikefa.palette import strokes
from spikefa.report import markdown, table, write
from spikefa.report.entries import entries
from spikefa.report.page import page
from spikefa.representations import save
from spikefa.runs import read
from spikefa.similarity import gram
from spikefa.summary import summarise
from spikefa.tables import cells
from tests.conftest import COMPARED as RULES
from tests.conftest import embedded_in, page_of
from tests.synthetic import run
from tests.synthetic import write as write_runs

CURVES = ["accuracy", "alignment", "gradient_angle", "loss"]


def test_every_file_is_written(folder):
    names = {f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    found = {str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()}
    assert found == names | {"report.html", "table.csv", "table.md"}


def test_every_rule_is_in_every_table(runs, folder):
    frame = summarise(runs)
    html = (folder / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    csv = (folder / "table.csv").read_text(encoding="utf-8")
    for rule in RULES:
        assert f'<span>{rule}</span></span></th><td>2<span class="seeds">' in html
        assert f"| {rule} | 2 |" in markdown(frame)
        assert f",{rule},,,2,0,0," in csv
    assert csv.startswith("setting,rule,")
    assert markdown(frame).startswith("**digits, mlp:depth=2,width=128**\n\n| rule |")


def test_the_terminal_table_fits_80_columns():
    rules = ["bp", "fbp:period=1000", "kp"]
    row = dict.fromkeys(summarise([]).columns, -12.345) | {
        "setting": "digits",
        "seeds": 10,
        "failed": 0,
        "incomplete": 0,
    }
    frame = summarise([]).astype(object)
    for at, rule in enumerate(rules):
        frame.loc[at] = row | {"rule": rule, "accuracy": 1.0, "accuracy_low": 1.0, "accuracy_high": 1.0}
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(frame))
    lines = console.export_text().splitlines()
    assert all(len(line) <= 80 for line in lines)
    rows = "".join(f"{line}\n" for line in lines)
    for start in (r"fbp:\S+", "kp"):  # the mean beside the rule's name, the interval below
        assert re.search(
            rf"^{start} +10 +100\.0 +−12\.3 .*\n.*\[100\.0, 100\.0\] +\[−12\.3, −12\.3\]", rows, re.MULTILINE
        )


def test_the_page_needs_no_other_file(folder):
    html = (folder / "report.html").read_text(encoding="utf-8")
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)
    assert not re.findall(r"https?://|(?<!^)//\w|<link|<img|@import|\bsrc=|fetch\(|XMLHttp|import\(", without_names)
    assert set(re.findall(r'href="(.)', html)) == {"#"}
    assert len(re.findall(r"<figure[^>]*><svg", html)) == len(FIGURES)


def test_ids_are_unique_and_every_reference_has_its_target(two):
    html = (two / "report.html").read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', html)) <= {
        pair for i in ids for pair in ((i, ""), ("", i))
    }


def test_every_figure_of_the_page_is_well_formed(folder):
    html = (folder / "report.html").read_text(encoding="utf-8")
    figures = re.findall(r"<figure[^>]*>(<svg.*?</svg>)\s*<figcaption>", html, flags=re.DOTALL)
    assert len(figures) == len(FIGURES)
    assert all(tree.fromstring(svg).get("viewBox") for svg in figures)


def test_everything_is_escaped(tmp_path):
    lines = run("<script>alert(1)</script>", 0, network="<b>&net$name", end="done")
    lines += run("fa:$x^^$", 0, network="<b>&net$name")
    lines += [*run("kp", 0, network="<b>&net$name", end="incomplete")]
    error = {"error": "<i>loss</i> & nan", "traceback": "</pre><script>"}
    lines.append({"kind": "failed", "key": lines[-1]["key"], "epoch": 3} | error)
    html = page_of(tmp_path, *lines)
    assert not re.findall(r"<b>&|<i>loss|</pre><script", html)
    assert re.findall(r"<script[^>]*>", html) == ['<script type="application/json" id="data">', "<script>"]
    assert len(re.findall(r"</script>", html)) == 2
    assert "<script>alert(1)</script>" in embedded_in(tmp_path)["rules"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html.replace("<wbr>", "")
    assert "&lt;b&gt;&amp;net$name" in html
    assert "&lt;i&gt;loss&lt;/i&gt; &amp; nan" in html


def test_the_same_runs_give_the_same_bytes(runs, folder, tmp_path):
    write(runs, tmp_path)
    for path in folder.rglob("*.*"):
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


def test_a_section_and_a_folder_of_figures_for_every_setting(two):
    html = (two / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"<h2>(\w+), mlp", html) == ["digits", "fashion"]
    assert [path.name[:8] for path in sorted((two / "figures").iterdir())] == ["1-digits", "2-fashio"]
    assert "<th>dataset</th><td>digits, fashion</td>" in html


def test_unfinished_runs_are_listed_with_their_reason(tmp_path):
    html = page_of(tmp_path, *run("bp", 0), *run("sal", 7, end="failed"), *run("kp", 8, end="incomplete"))
    rows = re.sub("<a [^>]*>|</a>", "", html)
    assert "<td>sal</td><td>7</td><td>failed</td><td>Diverged: loss is nan at epoch 3, batch 17</td>" in rows
    assert "<td>kp</td><td>8</td><td>incomplete</td><td>stopped after epoch 3</td>" in rows
    assert "0 (1 failed)" in html
    done = [entry for entry in entries({"digits": read(tmp_path)}) if entry.run.state == "done"]
    assert "Failed and incomplete" not in page(done, {}, {})


def test_a_run_that_failed_at_once_is_reported_without_figures(tmp_path):
    start, *_, failed = run("sal", 0, end="failed")
    html = page_of(tmp_path, start, failed)
    assert "Diverged: loss is nan" in html
    assert "<figure" not in html


def test_settings_data_and_environment_are_on_the_page(folder):
    html = (folder / "report.html").read_text(encoding="utf-8")
    for words in (
        "<th>lr</th><td>0.001</td>",
        "<th>seed</th><td>0, 1</td>",
        "stratified 1,197/300/300",
        "torch 2.13.0",
    ):
        assert words in html
    assert "<code>spikefa compare --rule bp fa fbp:period=100 --seed 0 1 2 --out runs/first</code>" in html


def test_no_runs_cannot_be_reported(tmp_path):
    with pytest.raises(ValueError, match="there are no runs"):
        write([], tmp_path)


def test_a_rule_has_the_same_stroke_in_every_figure_and_table(runs, drawn, folder):
    expected = {rule: stroke.color for rule, stroke in strokes(RULES).items()}
    for name in CURVES:
        for axes in drawn[name].axes:
            lines = {line.get_label(): to_hex(line.get_color()) for line in axes.lines if line.get_label() in RULES}
            assert lines == expected, name
    points = [to_hex(box.lines[0].get_color()) for box in drawn["accuracy_against_moved"].axes[0].containers]
    assert points == list(expected.values())
    html = (folder / "report.html").read_text(encoding="utf-8")
    swatches = re.findall(r'stroke="(#\w+)"[^>]*/></svg><span>([^/]+)</span>', html.replace("<wbr>", ""))
    assert {rule: color for color, rule in swatches} == expected


def test_a_rule_keeps_its_stroke_where_a_setting_lacks_others(two):
    html = (two / "report.html").read_text(encoding="utf-8")
    swatches = re.findall(r'stroke="(#\w+)"[^>]*/></svg><span>usf<', html)
    assert len(swatches) == 2
    assert swatches[0] == swatches[1] == strokes(["usf"])["usf"].color
    for path in two.glob("figures/*/*.svg"):
        assert swatches[0] in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("missing", [["bp"], ["fa"]])
def test_a_report_does_without_representations(tmp_path, missing):
    lines = [*run("bp", 0), *run("fa", 0)]
    for each in read(write_runs(tmp_path, *lines)):
        if each.rule not in missing:
            save({"lif1": gram(torch.randn(9, 3))}, tmp_path, each.key)
    html = write(read(tmp_path), tmp_path).read_text(encoding="utf-8")
    assert "CKA" not in html


def test_large_counts_are_said_in_thousands():
    row = dict.fromkeys(summarise([]).columns, 1.0) | {"rule": "fa"}
    words = [cells(row | {"accumulates": n})[7] for n in (0.0, 12.34, 999.4, 999.6, 51_234.5, 2.5e6, 3e9, float("nan"))]
    assert words == ["0", "12.3", "999", "1k", "51.2k", "2.5M", "3G", "–"]
    assert cells(row | {"cost": 12.3})[8] == "12"
    assert cells(row | {"cost": 1.26})[8] == "1.3"
