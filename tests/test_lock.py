"""Two processes and one folder of results."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from spikefa.comparison import compare, grid
from spikefa.runs import FILE, TornLine, read
from spikefa.sitting import sit
from tests.engines.deadly import ends
from tests.locked import held

TINY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 1}
TORN = '{"kind": "epo'


def test_a_file_that_another_process_writes_to_is_left_alone_until_that_is_gone(tmp_path, monkeypatch):
    path = tmp_path / FILE
    path.write_text(TORN)  # the other one is in the middle of its line
    with held(path):
        for refused in (lambda: list(compare(grid(TINY), tmp_path)), lambda: sit(None, {"out": str(tmp_path)}, "")):
            with pytest.raises(ValueError, match=r"another spikefa writes to .*runs.jsonl now: wait for it"):
                refused()
        assert path.read_text() == TORN, "not even mended"
    assert len(list(compare(grid(TINY), tmp_path))) == 2, "killed, it holds nothing any more"


def test_mend_waits_for_no_writer_but_is_refused(tmp_path):
    from spikefa.cli.compare import report

    path = tmp_path / FILE
    path.write_text(TORN)
    with held(path), pytest.raises(ValueError, match="another spikefa writes"):
        report(tmp_path, mend=True)
    assert path.read_text() == TORN
    with pytest.raises(FileNotFoundError):
        report(tmp_path / "nowhere", mend=True)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.slow
def test_of_commands_started_together_one_writes_at_a_time_and_nothing_is_lost_or_twice(tmp_path):
    words = ["--rule", "bp", "fa", "--seed", *map(str, range(10)), "--epochs", "3", "--out", str(tmp_path)]
    words += ["--network", "mlp:depth=1,width=8", "--steps", "2"]
    command = [sys.executable, "-c", "from spikefa.cli import main; main()", "compare", *words]
    root = Path(__file__).parents[1]
    together = [subprocess.Popen(command, cwd=root, stdout=-3, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=280)[1] for process in together]
    statuses = Counter(process.returncode for process in together)
    assert statuses[0] >= 1
    assert statuses[0] + statuses[2] == 3
    assert all("another spikefa writes" in text for text, p in zip(said, together, strict=True) if p.returncode)
    try:
        runs = read(tmp_path)
    except TornLine:
        pytest.fail("two of them wrote at once")
    assert [run.state for run in runs] == ["done"] * 20
    assert set(ends(tmp_path).values()) == {1}
