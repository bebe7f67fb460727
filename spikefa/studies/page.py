"""The page of a folder of results, in Markdown: claims, figures, discussion, and every row with its command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from spikefa.catalogue import first_line, reference
from spikefa.frame import flat
from spikefa.studies import STUDIES
from spikefa.studies.claim import Claim, Verdict
from spikefa.studies.rows import Results, Row, plain, read
from spikefa.studies.study import Size, Study

HEAD = """# Results

What `spikefa reproduce` measured, and which of each paper's claims it bears out. A claim is a range that stands in the
code: from the published spread or from theory, or where neither speaks one that we set, which then says *ours*. Where
one was changed or added after a first look, or seeds were added, the discussion says so. It *holds* where the 95 %
interval (Student's t) of the mean over seeds lies within, *does not hold* where it lies outside, and is *not decidable
at this size* where it reaches over an end. Rows may have more seeds than the command asks for by itself: the table
of rows names them; what a case measured over its epochs stands in its JSON line alone. Published figures: [P] the
paper's text, [A] its authors' stored results or code, [R] an independent replication, [D] a derivation. A *law* is an
identity that the code must obey whatever a paper found: laws are counted apart from claims. Figures show means over
seeds (song2021 with standard deviations; medians of sampling networks and microcircuits), bars and bands the
range, dots single seeds. This page is made from the JSON lines in `{name}/` by `spikefa reproduce --page --out {name}`,
given in the folder that holds it.
"""

RULE = "| --- | --- | ---: | ---: | ---: | ---: | ---: |"

Studies = Mapping[str, Study]
"""Studies by name."""


def results(folder: Path, name: str, study: Study, size: Size) -> Results:
    """What the folder holds of a study's present cases at a size, with their present parameters."""
    now = {case.name: plain(case.parameters) for case in study.cases(size)}
    rows = read(folder / name / f"{size}.jsonl")
    return Results([row for row in rows if now.get(row.case) == row.parameters])


def page(folder: Path, studies: Studies) -> str:
    """The whole page, in Markdown, of those studies that a folder holds; it is to lie beside the folder."""
    parts = [HEAD.format(name=folder.name), summary(folder, studies)]
    for name, study in _held(folder, studies):
        parts.append(f"## {name}: {first_line(type(study)).rstrip('.')}\n\n{reference(type(study))}\n")
        parts += [
            _section(folder, name, study, size) for size in study.seeds if results(folder, name, study, size).rows
        ]
        discussion = folder / name / "discussion.md"
        parts += [discussion.read_text(encoding="utf-8").strip() + "\n"] if discussion.exists() else []
    return "\n".join(parts)


def summary(folder: Path, studies: Studies) -> str:
    """A line for each study and size: how many of its claims hold, do not hold, are open."""
    lines = ["| study | size | claims hold | do not hold | not decidable | not measured | laws kept |", RULE]
    for name, study in _held(folder, studies):
        for size in study.seeds:
            if (found := results(folder, name, study, size)).rows:
                lines.append(f"| {name} | {size} | {' | '.join(_counted(study.claims(found)))} |")
    return "\n".join(lines) + "\n"


def _counted(claims: Sequence[Claim]) -> Iterator[str]:
    """How many claims have each verdict; and how many laws are kept, of those that were measured."""
    count = Counter(claim.verdict for claim in claims if not claim.law)
    yield from (str(count[verdict]) for verdict in Verdict)
    laws = [claim.verdict for claim in claims if claim.law and claim.verdict != Verdict.ABSENT]
    yield f"{laws.count(Verdict.HOLDS)} of {len(laws)}" if laws else "–"


def _held(folder: Path, studies: Studies) -> Iterator[tuple[str, Study]]:
    return ((name, study) for name, study in studies.items() if (folder / name).is_dir())


def _section(folder: Path, name: str, study: Study, size: Size) -> str:
    found = results(folder, name, study, size)
    command = f"spikefa reproduce {_spelled(name, study)}" + (f" --size {size}" if size != "quick" else "")
    figures = sorted((folder / name / size).glob("*.png"))
    images = "\n".join(f"![{path.stem}]({folder.name}/{name}/{size}/{path.name})" for path in figures)
    measured = [row for row in found.rows if not row.error]
    parts = [f"### Size {size}: `{command}`", claims_table(study.claims(found)), images, _rows(command, measured)]
    return "\n\n".join(part for part in parts if part) + "\n"


def claims_table(claims: Sequence[Claim]) -> str:
    """The claims in Markdown, a line each.

    Example:
        >>> claim = Claim("norms grow", "3.9 [R]", [3.0, 3.2, 3.1], 1, float("inf"), "its sign")
        >>> print(claims_table([claim]).splitlines()[2])
        | norms grow | 3.9 [R] | 3.1 [2.85, 3.35], 3 seeds | above 1: its sign | **holds** |
    """
    lines = ["| claim | published | measured | holds if the interval is | verdict |", "| --- | --- | --- | --- | --- |"]
    for claim in claims:
        cells = (
            claim.says,
            claim.published,
            claim.measured,
            f"{claim.range}: {claim.why}",
            f"**{claim.verdict}**" + " (law)" * claim.law,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _rows(command: str, rows: Sequence[Row]) -> str:
    """Every case that was measured: means and standard deviations over seeds of its plain numbers."""
    lines = ["| case | seeds | seconds | measured, mean (sd) |", "| --- | --- | ---: | --- |"]
    for case in dict.fromkeys(row.case for row in rows):
        own = [row for row in rows if row.case == case]
        seeds = " ".join(str(row.seed) for row in sorted(own, key=lambda row: row.seed))
        given = [_numbers(row) for row in own]
        numbers = ", ".join(_number(name, given) for name in given[0])
        lines.append(
            f"| {case.replace('|', '/')} | {seeds} | {np.mean([row.seconds for row in own]):.3g} | {numbers} |"
        )
    again = f"One row again: `{command} --only 'CASE' --seed SEED --out ELSEWHERE`."
    return f"<details><summary>All rows</summary>\n\n{again}\n\n" + "\n".join(lines) + "\n\n</details>"


def _spelled(name: str, study: Study) -> str:
    """What to type for a study: a third party's is ``package.module:Class``."""
    return name if name in STUDIES else f"{type(study).__module__}:{type(study).__qualname__}"


def _numbers(row: Row) -> dict[str, float]:
    """The plain numbers of a row, also those by layer or rule, but no lists, which are over epochs, and no nan.

    Example:
        >>> _numbers(Row("c", {}, 0, {"test": 90.0, "rms": {"fc2": 0.1}, "curve": [1, 2], "cosine": None, "ok": True}))
        {'test': 90.0, 'rms fc2': 0.1}
    """
    found = {name: value for name, value in flat(row.values, joint=" ").items() if isinstance(value, int | float)}
    return {name: value for name, value in found.items() if not isinstance(value, bool) and not np.isnan(value)}


def _number(name: str, rows: Sequence[Mapping[str, float]]) -> str:
    values = [row[name] for row in rows if name in row]
    spread = f" ({np.std(values, ddof=1):.2g})" if len(values) > 1 else ""
    return f"{name} {np.mean(values):.4g}{spread}".replace("-", "−")
