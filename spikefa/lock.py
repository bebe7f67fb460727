"""One writer at a time to a file of results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing to the same file, whose lines would mix with ours; freed when we end or die.

    Args:
        path: the file; the lock is beside it, with the ending ``.lock``. Its folder is made if it is not there.

    Raises:
        ValueError: another process has it.
        OSError: the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with alone(Path(tempfile.mkdtemp()) / "runs.jsonl"):
        ...     pass
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(path.with_suffix(".lock")).acquire(timeout=0)
    except Timeout:
        raise ValueError(f"another spikefa writes to {path} now: wait for it, or choose another --out") from None
    with held:
        yield
