"""What a reader can do with a report, in a real browser."""

import re

import pytest

from spikefa.curves import value
from spikefa.summary import interval
from tests.browser.conftest import RULES


def chart(page, title, within="#all"):
    return page.locator(f"{within} .chart", has=page.locator("b", has_text=re.compile(f"^{re.escape(title)}$")))


def line_places(figure):
    """The points of every line of a chart, in pixels of its drawing."""
    drawn = [path.get_attribute("d") for path in figure.locator("path.line").all()]
    return [[tuple(map(float, point.split())) for point in d[1:].split("L")] for d in drawn]


def ticks(figure):
    """The values at the ticks of the y-axis, and how high they stand."""
    texts = figure.locator("text[text-anchor=end]").all()
    return [(float(text.text_content().split(" ")[0]), float(text.get_attribute("y"))) for text in texts]


def button(page, rule):
    return page.locator(f".legend button[data-rule={rule!r}]")


@pytest.mark.parametrize(("rule", "epoch"), [("bp", 3), ("fa", 10), ("fbp:period=100", 1)])
def test_pointing_at_a_line_says_rule_epoch_mean_interval_and_seeds(opened, reported, rule, epoch):
    page = opened()
    for other in (other for other in RULES if other != rule):  # whose points may lie less than a pixel away
        button(page, other).click()
    figure = chart(page, "Test accuracy")
    ((x, y),) = (line[epoch] for line in line_places(figure))
    figure.locator("svg").scroll_into_view_if_needed()
    box = figure.locator("svg").bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y)
    test = [value(run.epochs[epoch], "accuracy", "test") for run in reported[0] if run.rule == rule]
    mean, low, high = (100 * number for number in interval(test))
    said = figure.locator(".tip").inner_text()
    assert said == f"{rule} epoch {epoch}: {mean:.1f} % [{low:.1f} %, {high:.1f} %], 2 seeds"


def test_the_arrow_keys_read_the_points_too(opened):
    figure = chart(opened(), "Training loss")
    figure.locator("svg").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        figure.page.keyboard.press(key)
    assert re.match(r"fa epoch [123]: [\d.]+ \[", figure.locator(".tip").inner_text())


def test_a_rule_is_switched_off_and_on_in_every_chart_by_mouse_and_by_keyboard(opened):
    page = opened()
    charts = page.locator("#all .chart")
    before = [figure.locator("path.line").count() for figure in charts.all()]
    fa = button(page, "fa")
    fa.click()
    assert fa.get_attribute("aria-pressed") == "false"
    after = [figure.locator("path.line").count() for figure in charts.all()]
    assert after == [max(0, count - 1) for count in before]
    assert sum(before) > 16
    fa.focus()
    page.keyboard.press("Space")
    assert fa.get_attribute("aria-pressed") == "true"
    assert [figure.locator("path.line").count() for figure in charts.all()] == before


def test_single_seeds_are_drawn_where_asked_for(opened):
    page = opened()
    assert page.locator("path.seed").count() == 0
    page.get_by_role("button", name="single seeds").click()
    assert chart(page, "Test accuracy").locator("path.seed").count() == 2 * len(RULES)


def test_a_log_axis_is_logarithmic_and_keeps_the_order(opened):
    figure = chart(opened(), "Training loss")
    toggle = figure.get_by_role("button", name="log y")
    assert toggle.get_attribute("aria-pressed") == "true", "the loss spans more than a factor of ten"
    powers = dict(ticks(figure))
    assert powers[1.0] < powers[0.5] < powers[0.2]
    assert (powers[0.2] - powers[1.0]) / (powers[0.5] - powers[1.0]) == pytest.approx(2.3219, rel=0.01)
    logarithmic = line_places(figure)[0]
    toggle.click()
    linear = line_places(figure)[0]
    for places in (linear, logarithmic):
        assert [y for _, y in places] == sorted(y for _, y in places), "the loss of bp falls all the time"
    assert linear != logarithmic


def test_what_a_log_axis_cannot_show_is_said(opened):
    figure = chart(opened(), "Test accuracy against bits moved")
    assert figure.locator("circle:not(.here)").count() == 4
    figure.get_by_role("button", name="log x").click()
    assert figure.locator("circle:not(.here)").count() == 2
    said = figure.locator(".note").inner_text()
    assert said == f"Not drawn, since a log x axis has no place for 0 or less: 2 points of fa, {RULES[3]}."
    figure = chart(figure.page, "Test accuracy")
    figure.get_by_role("button", name="log x").click()
    assert "4 points of bp, fa" in figure.locator(".note").inner_text(), "epoch 0"
    figure = chart(figure.page, "cos(W, B), fc2")
    whole = [len(line) for line in line_places(figure)]
    figure.get_by_role("button", name="log y").click()
    assert [len(line) for line in line_places(figure)] == [points - 1 for points in whole], "0 at epoch 0"
    assert "a log y axis has no place for 0 or less: 4 points of bp, fa" in figure.locator(".note").inner_text()


def test_each_run_has_a_page_with_settings_and_curves(opened, reported):
    page = opened()
    page.locator("#all .numbers .seeds a", has_text="1").nth(1).click()
    run = next(run for run in reported[0] if (run.rule, run.seed) == ("fa", 1))
    assert page.locator("#run h1").inner_text() == "fa, seed 1"
    assert not page.locator("#all").is_visible()
    words = page.locator("#run").inner_text()
    for name, setting in run.experiment.items():
        assert re.search(rf"^{name}\s+{re.escape(str(setting))}$", words, re.MULTILINE), name
    assert run.environment["command"] in words
    titles = page.locator("#run .chart b").all_inner_texts()
    assert titles[:4] == ["Accuracy", "Training loss", "Angle to the true gradient", "cos(W, B)"]
    shown = page.locator("#run .numbers tbody tr").nth(5).locator("td").first.inner_text()
    assert float(shown) == pytest.approx(run.epochs[5]["loss"], rel=1e-4)
    page.get_by_role("link", name="all runs").click()
    assert page.locator("#all").is_visible()


def test_the_page_of_a_failed_run_has_its_error_and_traceback(opened):
    page = opened()
    page.get_by_role("link", name="failed", exact=True).click()
    assert "Diverged: loss is nan at epoch 3, batch 17" in page.locator("#run").inner_text()
    assert "in _updates </script>" in page.locator("#run pre").inner_text()


def test_the_figures_give_way_to_the_charts_and_stand_in_for_them_without_javascript(opened):
    assert not opened().locator(".static").first.is_visible()
    plain = opened(java_script_enabled=False)
    assert plain.locator("figure.static").count() == 6
    assert all(figure.is_visible() for figure in plain.locator("figure.static").all())


@pytest.mark.parametrize("address", ["", "#run-fa-0-"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_scrolling_sideways(opened, address, scheme):
    phone = {"viewport": {"width": 375, "height": 800}, "is_mobile": True, "has_touch": True}
    page = opened(address, color_scheme=scheme, **phone)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    figure = page.locator(".chart:visible").first
    figure.locator(".canvas svg").tap()
    tip = figure.locator(".tip").bounding_box()
    assert tip["x"] >= 0
    assert tip["x"] + tip["width"] <= 375


@pytest.mark.parametrize("address", ["", "#run-fa-0-"])
def test_it_prints_with_all_numbers_and_without_buttons(opened, address):
    page = opened(address, viewport={"width": 700, "height": 1000})  # A4 without its margins
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not any(tools.is_visible() for tools in page.locator(".tools, .tip, .single").all())
    for box in page.locator(".scroll:visible").all():
        assert box.evaluate("box => box.scrollWidth <= box.clientWidth"), "no table is cut"
    assert page.locator(".numbers td:visible").count() >= 40
