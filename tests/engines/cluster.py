"""A real Dask scheduler and real workers, in processes of their own on this machine."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Cluster:
    """Started in `folder`, where its processes write what they log; the scheduler keeps its port when restarted."""

    def __init__(self, folder):
        self.folder, self.workers = folder, []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = None

    def start(self, workers=2):
        """A scheduler, and workers, each of one thread and without a nanny, so that a dead one stays dead."""
        self.scheduler = self._process("dask_scheduler", "--port", str(self.port), "--no-dashboard")
        until(self._listens)
        self.workers = [self._process("dask_worker", self.address, *self._worker(n)) for n in range(workers)]

    def _listens(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def _worker(self, number):
        place = str(self.folder / f"worker{number}")
        return ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", place]

    def _process(self, name, *words):
        command = [sys.executable, "-m", f"distributed.cli.{name}", "--host", "127.0.0.1", *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def kill(self):
        """The scheduler and all workers, at once."""
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()


@contextmanager
def cluster(folder):
    """A cluster that is gone in the end."""
    folder.mkdir()
    made = Cluster(folder)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def until(met, seconds=120):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
