"""What the README and CONTRIBUTING show runs as it stands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def blocks():
    return [(page, number, code) for page in PAGES for number, code in enumerate(BLOCK.findall(read(page)))]


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "number", "code"), blocks(), ids=lambda value: str(value)[:12].strip())
def test_python_blocks_run(page, number, code):
    if "brian2" in code:
        pytest.importorskip("brian2", reason="this block needs Brian2")
    exec(compile(code, f"{page}, block {number}", "exec"), {"__name__": "readme"})


def test_there_are_blocks_to_run():
    assert {page for page, _, _ in blocks()} == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page):
    assert [link for link in LINK.findall(read(page)) if not (ROOT / link).exists()] == []
