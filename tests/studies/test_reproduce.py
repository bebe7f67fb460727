import json
import math
from dataclasses import replace
from typing import ClassVar

import pytest

from spikefa.studies import sitting
from spikefa.studies.rows import Row, append, read
from tests.locked import held
from tests.studies import toy

NAME = "tests.studies.toy:Toy"


@pytest.fixture
def reproduce(tmp_path, says):
    def run(*words):
        return says("reproduce", *words, "--out", tmp_path / "runs")[:2]

    run.file, run.page = tmp_path / "runs" / "Toy" / "quick.jsonl", tmp_path / "runs.md"
    return run


def test_every_case_is_measured_for_every_seed_and_the_claims_are_judged(reproduce):
    status, said = reproduce(NAME)
    assert status == 0
    assert [(row.case, row.seed) for row in read(reproduce.file)] == [
        (c, s) for s in range(3) for c in ("double", "one")
    ]
    page = reproduce.page.read_text()
    assert "| twice is two | 2 [D] | 2.02 [1.97, 2.07], 3 seeds | 1.9 to 2.1: theory | **holds** |" in page
    assert "| twice is three | 3 [P] | 2.02 [1.97, 2.07], 3 seeds | 2.9 to 3.1: theory | **does not hold** |" in page
    assert "more \\| less" in page
    assert "**not decidable at this size**" in page
    assert "| Toy | quick | 1 | 1 | 1 | 0 | – |" in page
    assert f"### Size quick: `spikefa reproduce {NAME}`" in page
    assert "(runs/Toy/quick/twice.png)" in page
    assert (reproduce.file.parent / "quick" / "twice.png").exists()
    assert "does not hold" in said


def test_what_is_there_is_not_measured_again(reproduce, monkeypatch):
    reproduce(NAME, "--seed", "0", "1")
    before = reproduce.file.read_text()
    monkeypatch.setattr(toy, "double", None)
    _, said = reproduce(NAME, "--seed", "0", "1")
    assert "4 of 4 rows" in said
    assert reproduce.file.read_text() == before


def test_a_case_whose_parameters_changed_is_measured_again_and_its_old_rows_do_not_count(reproduce, monkeypatch):
    reproduce(NAME)
    monkeypatch.setattr(toy.Toy, "by", 3)
    _, said = reproduce(NAME, "--page")
    assert "0 seeds" in said
    reproduce(NAME)
    assert {row.parameters["by"] for row in read(reproduce.file) if row.case == "double"} == {3}
    assert "| twice is three | 3 [P] | 3.03 [2.96, 3.1], 3 seeds |" in reproduce.page.read_text()


def test_parameters_are_the_same_after_they_were_rounded(reproduce, monkeypatch):
    monkeypatch.setattr(toy.Toy, "by", 2 / 3)
    reproduce(NAME)
    _, said = reproduce(NAME)
    assert "6 of 6 rows" in said
    assert "0 seeds" not in said


def test_one_row_alone(reproduce):
    reproduce(NAME, "--only", "one", "--seed", "7")
    (row,) = read(reproduce.file)
    assert (row.case, row.seed, row.values["device"]) == ("one", 7, "cpu")
    assert row.values["curve"][1] is None


def test_one_row_of_several_studies_leaves_those_alone_that_do_not_have_it(reproduce):
    status, _ = reproduce(NAME, "tests.studies.toy:Unlucky", "--only", "one", "--seed", "0")
    assert status == 0
    status, said = reproduce(NAME, "song2021", "--only", "one", "--seed", "7")
    assert status == 0
    assert "song2021, quick" not in said
    assert not (reproduce.file.parents[1] / "song2021").exists()


def test_laws_are_counted_apart_from_claims(reproduce, monkeypatch):
    claims = toy.Toy.claims
    monkeypatch.setattr(
        toy.Toy, "claims", lambda self, rows: [replace(claim, law=True) for claim in claims(self, rows)]
    )
    reproduce(NAME)
    assert "| Toy | quick | 0 | 0 | 0 | 0 | 1 of 3 |" in reproduce.page.read_text()
    assert "**holds** (law)" in reproduce.page.read_text()


def test_a_torn_last_line_is_measured_again(reproduce):
    reproduce(NAME)
    whole = reproduce.file.read_text()
    reproduce.file.write_text(whole[:-20])
    reproduce(NAME)
    lines = reproduce.file.read_text().splitlines()
    assert all(json.loads(line) for line in lines)
    assert len(read(reproduce.file)) == 6


def test_a_case_that_raises_is_recorded_and_the_others_go_on(reproduce):
    status, said = reproduce("tests.studies.toy:Unlucky", "--seed", "0")
    assert status == 1
    assert "ArithmeticError: thirteen (double, line" in said
    failed, went_on = read(reproduce.file.parents[1] / "Unlucky" / "quick.jsonl")
    assert failed.error.startswith("ArithmeticError")
    assert went_on.values["twice"] == 1


def test_a_claim_does_not_hold_by_leaving_out_a_seed_that_failed(reproduce, monkeypatch):
    reproduce(NAME, "--seed", "0", "1")
    append(reproduce.file, Row("double", {"by": 2}, 2, error="Diverged: the loss is nan"))
    reproduce(NAME, "--page")
    assert "| twice is two | 2 [D] | –, 3 seeds |" in reproduce.page.read_text()


@pytest.mark.parametrize("seeds", [["-1"], ["x"], ["1.5"]])
def test_seeds_that_are_none_are_refused_before_anything_is_measured(reproduce, seeds):
    status, said = reproduce(NAME, "--seed", *seeds)
    assert status == 2
    assert f"seed must be a whole number, at least 0, not {seeds[0]!r}" in said
    assert not reproduce.file.exists()


def test_a_seed_given_twice_is_measured_once(reproduce):
    reproduce(NAME, "--seed", "1", "1")
    assert len(reproduce.file.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["song2012"], "no study is called 'song2012'"),
        ([NAME, "--size", "papr"], "no size is called 'papr' (did you mean 'paper'?)"),
        ([NAME, "--size", "long"], "Toy has no size 'long': there are quick, paper"),
        ([NAME, "--only", "doble"], "no case 'doble' (did you mean 'double'?)"),
        ([NAME, "--seed", "x"], "'x'"),
        (["spikefa.studies:Claim"], "Claim"),
    ],
)
def test_wrong_words_are_named(reproduce, words, wanted):
    status, said = reproduce(*words)
    assert status == 2
    assert wanted in said


def test_studies_that_lack_a_size_are_left_alone_unless_they_are_named(tmp_path, monkeypatch):
    class Long(toy.Toy):
        seeds: ClassVar = {"long": 1}

    monkeypatch.setattr(sitting, "STUDIES", {"toy": toy.Toy, "other": Long})
    assert sitting.sit([], "long", None, [], tmp_path / "kept", "cpu", "test") == 0
    assert [path.name for path in (tmp_path / "kept").glob("*/*.jsonl")] == ["long.jsonl"]
    assert "Size long" in (tmp_path / "kept.md").read_text()


def test_a_line_that_is_no_row_is_named_with_its_place(reproduce):
    reproduce(NAME, "--seed", "0")
    text = reproduce.file.read_text()
    reproduce.file.write_text("{}\n" + text)
    status, said = reproduce(NAME)
    assert status == 2
    assert "quick.jsonl, line 1" in said


def test_numbers_are_kept_short_and_finite(tmp_path):
    append(tmp_path / "x.jsonl", toy.Case("c", lambda seed: {"a": 1 / 3, "b": [math.inf], "c": True}, {}).run(0))
    (row,) = read(tmp_path / "x.jsonl")
    assert row.values == {"a": 0.333333, "b": [None], "c": True}


def test_two_processes_do_not_write_to_the_same_rows(reproduce):
    reproduce.file.parent.mkdir(parents=True)
    with held(reproduce.file):
        status, said = reproduce(NAME)
        assert status == 2
        assert said.splitlines() == [
            f"spikefa: another spikefa writes to {reproduce.file} now: wait for it, or choose another --out"
        ]
        assert not reproduce.file.exists()
    assert reproduce(NAME)[0] == 0, "and let in when the first is gone"
