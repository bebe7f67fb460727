"""A process whose parent was killed does not live on."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = """
import os, sys, time
from spikefa.orphan import end_with_parent
end_with_parent(0.02)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(100)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a process keeps its parent's number")
def test_a_process_ends_when_its_parent_was_killed(tmp_path):
    place = {"PYTHONPATH": str(Path(__file__).parents[1])}
    words = [sys.executable, "-c", PARENT, CHILD, str(tmp_path / "child")]
    with subprocess.Popen(words, env=os.environ | place, stderr=subprocess.PIPE, text=True) as parent:
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
            time.sleep(0.02)
        assert parent.poll() is None
        parent.kill()
        said = parent.communicate(timeout=60)[1]  # which the child, too, holds open until it ends
    assert f"spikefa: process {parent.pid}, which started this one, is gone" in said
