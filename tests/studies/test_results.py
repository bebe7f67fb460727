"""The results that are committed: the page is made from them, and what does not hold is discussed."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from spikefa.studies import STUDIES, Results, Verdict
from spikefa.studies.page import page, results, summary
from spikefa.studies.rows import read

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "results"
MADE = {name: make() for name, make in STUDIES.items()}
KEPT = [(name, size) for name in MADE for size in STUDIES[name].seeds if (FOLDER / name / f"{size}.jsonl").exists()]


def test_every_study_has_results():
    assert {name for name, _ in KEPT} == set(STUDIES)


def test_the_page_is_made_from_the_rows():
    assert (ROOT / "docs" / "results.md").read_text() == page(FOLDER, MADE), (
        "spikefa reproduce --page --out docs/results"
    )


def test_the_readme_has_the_summary():
    assert summary(FOLDER, MADE) in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(("name", "size"), KEPT)
def test_no_row_is_stale_or_failed(name, size):
    rows = read(FOLDER / name / f"{size}.jsonl")
    assert not [row for row in rows if row.error]
    assert len(results(FOLDER, name, MADE[name], size).rows) == len(rows), (
        "rows of cases that are no more, or have changed"
    )


@pytest.mark.parametrize(("name", "size"), KEPT)
def test_every_size_that_was_run_is_whole_with_three_seeds(name, size):
    found = results(FOLDER, name, MADE[name], size)
    assert {case.name for case in MADE[name].cases(size) if len(found.of(case.name)) < 3} == set()


@pytest.mark.parametrize(("name", "size"), KEPT)
def test_no_claim_is_decided_by_a_seed_that_it_leaves_out(name, size):
    """Each case fails in one seed: claims are what they were, or open."""
    rows = results(FOLDER, name, MADE[name], size).rows
    before = {claim.says: list(claim.values) for claim in MADE[name].claims(Results(rows))}
    for case in dict.fromkeys(row.case for row in rows):
        last = max(row.seed for row in rows if row.case == case)
        failed = [replace(row, values={}, error="x") if (row.case, row.seed) == (case, last) else row for row in rows]
        for claim in MADE[name].claims(Results(failed)):
            assert list(claim.values) == before[claim.says] or math.isnan(claim.interval.mean), (case, claim.says)


@pytest.mark.parametrize(("name", "size"), KEPT)
def test_what_does_not_hold_is_discussed(name, size):
    claims = MADE[name].claims(results(FOLDER, name, MADE[name], size))
    failed = [claim.says for claim in claims if claim.verdict is Verdict.FAILS]
    text = " ".join((FOLDER / name / "discussion.md").read_text().split()) if failed else ""
    assert [says for says in failed if says not in text] == []


@pytest.mark.parametrize("name", STUDIES)
def test_claims_are_stated_once_with_a_source_and_a_reason(name):
    claims = MADE[name].claims(results(FOLDER, name, MADE[name], "quick"))
    assert len({claim.says for claim in claims}) == len(claims)
    assert all(claim.why and claim.published for claim in claims)
