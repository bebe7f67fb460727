"""The command: ``spikefa compare``, ``report``, ``reproduce``, ``check`` and so on. Heavy imports wait until needed."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from cyclopts import App

from spikefa.cli.compare import compare, report
from spikefa.cli.export import export
from spikefa.cli.plan import plan
from spikefa.cli.reproduce import reproduce
from spikefa.cli.tune import tune
from spikefa.cli.validate import check, validate
from spikefa.complaint import guarded

app = App(
    name="spikefa",
    help="Separate feedback pathways for spiking networks: learning without weight transport.",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)
app["--help"].group = app["--version"].group = "Other"
for command in (compare, tune, plan, report, reproduce, check, validate, export):
    app.command(command)


@app.command(name="list")
def list_() -> None:
    """List the rules, remedies, data sets, networks, encodings and read-outs, each with its source."""
    from spikefa.catalogue import catalogue

    for line in catalogue():
        print(line)


def main() -> None:
    """Run the command. Wrong input gives one line and status 2; ``--traceback`` shows where it was found."""
    words = [word for word in sys.argv[1:] if word != "--traceback"]
    run = partial(app, words, exit_on_error=False, print_error=False, result_action="return_value")
    with _joined() as leads:
        status = guarded(run, words, traceback=len(words) + 1 < len(sys.argv)) if leads else 0
    sys.exit(status)


def _joined() -> AbstractContextManager[bool]:
    """Of the processes that torchrun has started, the first runs the command, the others train along."""
    if int(os.environ.get("WORLD_SIZE") or 1) < 2:
        return nullcontext(True)
    from spikefa.following import joined

    return joined()
