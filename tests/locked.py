"""A file that another process writes to."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from spikefa.lock import alone
with alone(Path(sys.argv[1])):
    print(1, flush=True)
    input()
"""


@contextmanager
def held(path):
    """Another process holds it, and is killed in the end: what it held is free then."""
    command, root = [sys.executable, "-c", HOLD, str(path)], Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"1\n"
        yield
        process.kill()
