"""What was measured over the epochs of runs, as tidy tables for figures."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from spikefa.runs import Run
from spikefa.settings import finished

if TYPE_CHECKING:
    from pandas import DataFrame


def curves(runs: Iterable[Run], *field: str) -> "DataFrame":
    """One field of every epoch of the finished runs, tidy: rule, seed, epoch, value. Null values are left out.

    Args:
        runs: of one setting.
        field: the way to the value, `"accuracy", "test"` or `"alignment", "fc2", "cosine"`.

    Example:
        >>> run = Run("3f", {"rule": "fa", "seed": 0}, {}, epochs=({"epoch": 0, "loss": 2.3},), state="done")
        >>> curves([run], "loss").to_dict("records")
        [{'rule': 'fa', 'seed': 0, 'epoch': 0, 'value': 2.3}]
    """
    import pandas

    points = [
        (run.rule, run.seed, epoch["epoch"], value(epoch, *field)) for run in finished(runs) for epoch in run.epochs
    ]
    kept = [point for point in points if not math.isnan(point[-1])]
    return pandas.DataFrame(kept, columns=["rule", "seed", "epoch", "value"])


def angles(runs: Iterable[Run]) -> "DataFrame":
    """The angle of the routed to the true gradient, tidy as `curves`: of every epoch, and between where it was probed.

    Example:
        >>> epochs = ({"epoch": 0, "updates": 0}, {"epoch": 1, "updates": 4, "angles": [[2, 80.0]]})
        >>> angles([Run("3f", {"rule": "fa", "seed": 0}, {}, epochs=epochs, state="done")])[["epoch", "value"]].values
        array([[ 0.5, 80. ]])
    """
    import pandas

    points = [(run.rule, run.seed, *point) for run in finished(runs) for point in course(run)]
    return pandas.DataFrame(points, columns=["rule", "seed", "epoch", "value"]).sort_values("epoch", kind="stable")


def course(run: Run) -> list[tuple[float, float]]:
    """The same of one run, finished or not, as `(epoch, degrees)` in their order.

    A probe at the last update of an epoch is left out, for the epoch's own angle stands there: it is the same, or, of a
    rule that adapts once an epoch, of the moment after.

    Example:
        >>> epochs = ({"epoch": 0, "updates": 0}, {"epoch": 1, "updates": 4, "angles": [[2, 80.0], [4, 70.0]]})
        >>> course(Run("3f", {"rule": "fa", "seed": 0}, {}, epochs=epochs, state="failed"))
        [(0.5, 80.0)]
    """
    found: list[tuple[float, float]] = []
    before = 0
    for epoch in run.epochs:
        now = epoch.get("updates") or before
        within = [(at, a) for at, a in epoch.get("angles") or () if at != now and a is not None]
        found += [(epoch["epoch"] + (at - now) / (now - before), a) for at, a in within]
        found.append((epoch["epoch"], value(epoch, "gradient", "angle")))
        before = now
    return [point for point in found if not math.isnan(point[1])]


def value(epoch: Mapping[str, Any], *field: str) -> float:
    """One number of an epoch; nan if it is null, infinite or was not measured.

    Example:
        >>> value({"gradient": {"angle": 88.5}}, "gradient", "angle"), value({"loss": None}, "loss")
        (88.5, nan)
    """
    found: Any = epoch
    for name in field:
        found = found.get(name) if isinstance(found, Mapping) else None
    return float(found) if found is not None and math.isfinite(found) else math.nan
