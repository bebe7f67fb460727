"""What the README, CONTRIBUTING and the pages of the site show runs as it stands."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from spikefa.cli import app

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))]
EXAMPLES = sorted(ROOT.glob("docs/examples/*.py"))
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks():
    return [(page, number, code) for page in PAGES for number, code in enumerate(PYTHON.findall(read(page)))]


def commands():
    """Every line of a shell block that calls spikefa, without what follows a # and what goes to another program."""
    for page in PAGES:
        for block in SHELL.findall(read(page)):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if "spikefa" in words:
                    ends = [place for place, word in enumerate(words) if word in ("|", ">", "&&", "&")] or [len(words)]
                    yield page, words[words.index("spikefa") + 1 : ends[0]]


@pytest.mark.parametrize(("page", "number", "code"), blocks(), ids=lambda value: str(value)[:12].strip())
def test_python_blocks_run(page, number, code):
    if "brian2" in code:
        pytest.importorskip("brian2", reason="this block needs Brian2")
    exec(compile(code, f"{page}, block {number}", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize(("page", "words"), commands(), ids=lambda value: " ".join(value)[:60])
def test_commands_are_understood(page, words):
    app.parse_args(words, exit_on_error=False, print_error=False)


def test_there_are_blocks_to_run():
    assert {"README.md", "CONTRIBUTING.md", "docs/neuron.md", "docs/choosing.md"} <= {page for page, _, _ in blocks()}
    assert len(list(commands())) >= 10


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example, tmp_path, monkeypatch, capsys):
    if "brian2" in example.read_text():
        pytest.importorskip("brian2", reason="this example needs Brian2")
    monkeypatch.setattr(sys, "argv", [str(example), str(tmp_path)])
    monkeypatch.syspath_prepend(example.parent)
    runpy.run_path(str(example), run_name="__main__")
    said = capsys.readouterr().out
    expected = {"own_network": "report.html", "own_plasticity": "a step late: False feedback.b"}
    assert expected[example.stem] in said


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page):
    found = [link for link in LINK.findall(read(page)) if not (ROOT / page).parent.joinpath(link).exists()]
    assert found == []


def test_every_page_is_in_the_site():
    """Named in a table of contents, or made of the README's parts."""
    contents = "\n".join(re.findall(r"\{toctree\}.*?```", read("docs/index.md"), re.DOTALL))
    pages = {page.removeprefix("docs/").removesuffix(".md") for page in PAGES if page.startswith("docs/")}
    own = {page for page in pages if not page.endswith("/discussion") and page != "index"}
    assert own <= set(contents.split())


def test_every_page_that_the_site_names_exists():
    """But for the line that names the page itself, ``Start here <self>``."""
    contents = re.findall(r"\{toctree\}(.*?)```", read("docs/index.md"), re.DOTALL)
    lines = "\n".join(contents).splitlines()
    named = [line for line in lines if line and not line.startswith(":") and "<self>" not in line]
    assert "choosing" in named
    assert [name for name in named if not (ROOT / "docs" / f"{name}.md").exists()] == []
