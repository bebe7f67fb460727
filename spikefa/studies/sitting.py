"""One sitting of ``spikefa reproduce`` at the terminal: measure what is missing, judge, draw, write the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from spikefa.environment import environment
from spikefa.lock import alone
from spikefa.names import nearest, resolve
from spikefa.studies import STUDIES
from spikefa.studies.claim import Claim
from spikefa.studies.page import page, results
from spikefa.studies.rows import append, plain, read
from spikefa.studies.study import SIZES, Case, Size, Study

console = Console(highlight=False)


def sit(
    names: Sequence[str],
    size: str,
    seeds: Sequence[int] | None,
    only: Sequence[str],
    out: Path,
    device: str,
    command: str,
    measure: bool = True,
) -> int:
    """Run studies: rows that ``out`` does not hold are measured, each is on the disk before the next one starts.

    Args:
        names: of :data:`~spikefa.studies.STUDIES`, or ``package.module:Class``; all if there is none.
        size: of :data:`~spikefa.studies.study.SIZES`; a study that has no such size is left alone, if it is not named.
        seeds: which; as many as each study asks for if absent.
        only: names of cases, all if there is none; a study that has none of them is left alone.
        out: the folder; the page is written beside it, ``out.md``.
        device: where networks are trained.
        command: what the user typed, for the record.
        measure: False to judge, draw and write alone.

    Returns:
        The exit status: 0, or 1 if a case failed. A claim that does not hold is a finding, and no failure.

    Raises:
        ValueError: no such study, size or case; or another process measures the same.
        OSError: ``out`` cannot be written.
    """
    chosen, out = _size(size), out.resolve()
    studies = _sized({name.rpartition(":")[2]: _study(name) for name in names or STUDIES}, chosen, told=bool(names))
    _known(only, studies, chosen)
    planned = {name: _planned(study, chosen, seeds, only) for name, study in studies.items()}
    failed = 0
    for name, study in studies.items():
        if not planned[name]:
            continue
        path = out / name / f"{chosen}.jsonl"
        if measure:
            with alone(path):
                failed += sum(_measured(planned[name], path, device, command))
        found = results(out, name, study, chosen)
        console.print(_table(f"{name}, {chosen}", study.claims(found)))
        draw(study, chosen, out, name)
    target = out.with_name(f"{out.name}.md")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(out, {name: make() for name, make in STUDIES.items()} | studies), encoding="utf-8")
    console.print(f"page: {target}", soft_wrap=True)
    return 1 if failed else 0


def seeds(given: Sequence[str]) -> list[int]:
    """Seeds as they were typed, each once.

    Raises:
        ValueError: one of them is no whole number, at least 0.

    Example:
        >>> seeds(["3", "1", "3"])
        [3, 1]
    """
    for number in given:
        if not number.isdecimal():
            raise ValueError(f"seed must be a whole number, at least 0, not {number!r}")
    return [int(number) for number in dict.fromkeys(given)]


def draw(study: Study, size: Size, folder: Path, name: str) -> list[Path]:
    """Draw the figures of what a folder holds of a study: ``folder/name/size/*.png``."""
    import matplotlib.style

    from spikefa.figures import STYLE

    place = folder / name / size
    written = []
    with matplotlib.style.context(["default", STYLE]):
        for title, figure in study.figures(results(folder, name, study, size)).items():
            place.mkdir(parents=True, exist_ok=True)
            written.append(place / f"{title}.png")
            figure.savefig(written[-1], dpi=100, metadata={"Software": None})
    return written


def _size(size: str) -> Size:
    for known in SIZES:
        if size == known:
            return known
    raise ValueError(f"no size is called {size!r}{nearest(size, SIZES)}: there are {', '.join(SIZES)}")


def _sized(studies: Mapping[str, Study], size: Size, told: bool) -> dict[str, Study]:
    """Those that have the size; all must, if the user told which."""
    for name, study in studies.items():
        if told and size not in study.seeds:
            raise ValueError(f"{name} has no size {size!r}: there are {', '.join(study.seeds)}")
    return {name: study for name, study in studies.items() if size in study.seeds}


def _study(name: str) -> Study:
    made = resolve(name, STUDIES, "study")()
    if not isinstance(made, Study):
        raise TypeError(f"{name} makes a {type(made).__name__}, not a spikefa.studies.Study")
    return made


def _known(only: Sequence[str], studies: Mapping[str, Study], size: Size) -> None:
    """Each case that is wanted is one of some study."""
    cases = [case.name for study in studies.values() for case in study.cases(size)] if only else []
    for wanted in only:
        if wanted not in cases:
            asked = " or ".join(studies)
            raise ValueError(f"no case {wanted!r}{nearest(wanted, cases)} in {asked}: there are {'; '.join(cases)}")


def _planned(study: Study, size: Size, seeds: Sequence[int] | None, only: Sequence[str]) -> list[tuple[Case, int]]:
    kept = [case for case in study.cases(size) if not only or case.name in only]
    return [(case, seed) for seed in (seeds or range(study.seeds[size])) for case in kept]


def _measured(planned: Sequence[tuple[Case, int]], path: Path, device: str, command: str) -> Iterator[bool]:
    """Measure what is missing; for each row whether it failed."""
    held = {(row.case, row.seed): row for row in read(path)}
    kept = {key for key, row in held.items() if not row.error}
    todo = [(c, s) for c, s in planned if (c.name, s) not in kept or held[c.name, s].parameters != plain(c.parameters)]
    if len(todo) < len(planned):
        console.print(f"{len(planned) - len(todo)} of {len(planned)} rows are in {path} already", soft_wrap=True)
    if not todo:
        return
    setting = environment(device, command, (seed for _, seed in todo))
    append(path, setting)
    for number, (case, seed) in enumerate(todo, start=1):
        with console.status(f"{number} of {len(todo)}: {case.name}, seed {seed}"):
            row = case.run(seed, device, setting["id"])
        append(path, row)
        said = f"failed: {row.error}" if row.error else f"{row.seconds:.1f} s"
        console.print(f"{number} of {len(todo)}: {case.name}, seed {seed}: {said}", markup=False, soft_wrap=True)
        yield bool(row.error)


def _table(title: str, claims: Sequence[Claim]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    for header in ("claim", "published", "measured", "holds if", "verdict"):
        table.add_column(header)
    for claim in claims:
        table.add_row(claim.says, claim.published, claim.measured, claim.range, claim.verdict)
    return table
