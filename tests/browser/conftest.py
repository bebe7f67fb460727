"""A report in Chromium; skipped where there is no Playwright or no Chromium."""

import shutil

import pytest

from spikefa.report import write
from spikefa.runs import read
from tests.synthetic import run
from tests.synthetic import write as write_runs

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
RULES = ["bp", "fa", "fbp:period=100", "</script><script>alert(1)</script>"]


@pytest.fixture(scope="session")
def browser():
    """Playwright's own Chromium, or the one on the PATH."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install 'spikefa[browser]'")
    with sync_api.sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        try:
            launched = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        except sync_api.Error as error:
            pytest.skip(f"no Chromium: put one on the PATH, or `playwright install chromium` ({error.message[:80]})")
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def reported(tmp_path_factory):
    """The runs of a comparison with two seeds and a failed run, and the page that reports them."""
    folder = tmp_path_factory.mktemp("reported")
    lines = [line for rule in RULES for seed in range(2) for line in run(rule, seed)]
    failed = run("sal", 7, end="failed")
    failed[-1]["traceback"] = "Traceback (most recent call last):\n  in _updates </script>\nDiverged: loss is nan"
    runs = read(write_runs(folder, *lines, *failed))
    return runs, write(runs, folder)


@pytest.fixture
def opened(browser, reported):
    """Opens the page; at the end there must have been neither an error nor a request."""
    contexts, faults = [], []

    def goto(address="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: (faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: faults.append(asked.url) if not asked.url.startswith("file:") else None)
        page.goto(reported[1].as_uri() + address)
        return page

    yield goto
    for context in contexts:
        context.close()
    assert not faults
