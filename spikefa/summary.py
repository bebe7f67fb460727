"""Statistics of finished runs: select on validation, report test, pair by seed, show the interval.

How much an interval over n seeds can tell: a percentile bootstrap resamples the n values it has and knows nothing
beyond them. With n = 3 the 95 % interval *is* the range from the smallest to the largest value (a resample is three
times the smallest with probability 1/27 > 2.5 %). It shows how far three seeds scatter; as a statement about the mean
over all seeds it is too narrow: for normal scatter it holds the true mean in 75 % of cases, not 95 % (n = 2: 50 %,
n = 5: 84 %, n = 10: 90 %). Two rules that do not differ get disjoint intervals of three seeds one time in ten. Paired
differences are the sharper instrument, since the rules of a seed share start and batches. For a paper take 5 or more.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from spikefa.curves import value
from spikefa.runs import Run
from spikefa.settings import by_setting, choice, finished

if TYPE_CHECKING:
    from pandas import DataFrame

REFERENCE = "bp"
RESAMPLES = 9999
"""Of the bootstrap."""
COLUMNS = (
    *("setting", "rule", "tuned", "tuning", "seeds", "failed", "incomplete"),
    *("accuracy", "accuracy_low", "accuracy_high", "points", "points_low", "points_high"),
    *("alignment", "angle", "moved", "words", "bits", "accumulates", "multiplies", "cost", "seconds"),
)


class Interval(NamedTuple):
    """A mean over seeds and where it may lie."""

    mean: float
    low: float
    high: float


def best_epoch(run: Run) -> Mapping[str, Any]:
    """The trained epoch of the best validation accuracy, the earliest if tied; test accuracy is never looked at.

    Args:
        run: a run with at least one epoch; epoch 0, the state before training, is taken only if there is no other.

    Raises:
        ValueError: the run has no epoch.

    Example:
        >>> epochs = [{"epoch": e, "accuracy": {"validation": v}} for e, v in enumerate([0.9, 0.5, 0.7, 0.7])]
        >>> best_epoch(Run("3f", {"rule": "fa", "seed": 0}, {}, epochs=tuple(epochs)))["epoch"]
        2
    """
    if not run.epochs:
        raise ValueError(f"the run {run.key!r} ({run.rule}, seed {run.seed}) has no epoch to select from")
    trained = [epoch for epoch in run.epochs if epoch["epoch"] > 0]
    return max(trained or run.epochs, key=lambda epoch: float(epoch["accuracy"]["validation"]))


def interval(values: Iterable[float], confidence: float = 0.95, seed: int = 0) -> Interval:
    """Mean and percentile bootstrap interval; what n = 3 can and cannot tell stands at the top of this module.

    Args:
        values: one value a seed.
        confidence: the mass of bootstrap means that the interval holds.
        seed: of the resampling, so that the same values give the same interval.

    Returns:
        Mean, low, high. The bounds of a single value are nan; without values, or with a nan among them, all three are.

    Raises:
        ValueError: the confidence is not between 0 and 1.

    Example:
        >>> interval([1.0, 2.0, 3.0])
        Interval(mean=2.0, low=1.0, high=3.0)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, but must lie between 0 and 1, for example 0.95")
    sample = [float(value) for value in values]
    if not sample or any(map(math.isnan, sample)):
        return Interval(math.nan, math.nan, math.nan)
    return _bootstrap([sample], confidence, seed)[0]


def intervals(samples: Iterable[Sequence[float]], confidence: float = 0.95, seed: int = 0) -> list[Interval]:
    """The `interval` of each sample, in much less time than one by one: resamples of one size are drawn once.

    Example:
        >>> intervals([[1.0, 2.0, 3.0], [5.0]])
        [Interval(mean=2.0, low=1.0, high=3.0), Interval(mean=5.0, low=nan, high=nan)]
    """
    listed = [list(map(float, sample)) for sample in samples]
    found = [interval((), confidence)] * len(listed)
    for size in sorted({len(sample) for sample in listed} - {0}):
        places = [at for at, sample in enumerate(listed) if len(sample) == size and not any(map(math.isnan, sample))]
        for start in range(0, len(places), 100):  # which bounds the memory
            batch = places[start : start + 100]
            for at, one in zip(batch, _bootstrap([listed[at] for at in batch], confidence, seed), strict=True):
                found[at] = one
    return found


def summarise(runs: Iterable[Run]) -> "DataFrame":
    """One row for every rule of every setting, in the order of appearance. Only finished runs enter the numbers.

    | column | over the seeds |
    | --- | --- |
    | `setting`, `rule` | what was compared |
    | `tuned`, `tuning` | the values that the rule chose for itself, and how |
    | `seeds`, `failed`, `incomplete` | number of runs that finished, failed, never ended |
    | `accuracy`, `accuracy_low`, `accuracy_high` | test accuracy at the best epoch, a fraction; with 95 % interval |
    | `points`, `points_low`, `points_high` | the same minus bp's of the same seed, in percentage points |
    | `alignment` | cosine of W and B at the best epoch, mean over the layers where they compare; bp 1 |
    | `angle` | angle to the true gradient at the best epoch, in degrees |
    | `words`, `bits`, `moved` | numbers and bits moved up to the last epoch; bits relative to bp in as many updates |
    | `accumulates`, `multiplies` | synaptic operations per image at the best epoch: of spikes, of analog inputs |
    | `cost` | time per update relative to bp's of the same seed: see `relative_cost` |
    | `seconds` | time of all epochs |

    What a run did not measure (null in the file) is left out of a mean; a mean of nothing is nan.

    Example:
        >>> summarise([]).columns[:4].to_list()
        ['setting', 'rule', 'tuned', 'tuning']
    """
    import pandas

    rows = []
    for label, group in by_setting(runs).items():
        reference = [run for run in finished(group) if run.rule == REFERENCE]
        rules = dict.fromkeys(run.rule for run in group)
        rows += [_row(label, rule, [run for run in group if run.rule == rule], reference) for rule in rules]
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def relative_cost(runs: Iterable[Run], reference: Iterable[Run]) -> float:
    """Time per update relative to the reference's: the median over the epochs of all seeds; 1 as fast, 2 half as fast.

    An epoch is compared with the same one of the same seed, if both had batches of one size on one machine. What counts
    on a CPU is the time that the processors worked, which other programs disturb less than the clock; else, and where
    one of the two lacks it, the clock. nan if there is no such pair.

    Args:
        runs: of one rule; ``reference``: of bp, in the same setting.

    Example:
        >>> def timed(*seconds):
        ...     epochs = tuple({"epoch": at, "seconds": spent} for at, spent in enumerate(seconds))
        ...     return Run("3f", {"rule": "fa", "seed": 0}, {}, epochs=epochs)
        >>> relative_cost([timed(0.0, 3.0, 9.0, 3.0)], [timed(0.0, 2.0, 2.0, 2.0)])
        1.5
    """
    of_bp = {_pace(run, epoch): epoch for run in reference for epoch in run.epochs}
    met = [(run, epoch, of_bp.get(_pace(run, epoch), {})) for run in runs for epoch in run.epochs]
    ratios = [own / other for own, other in (_times(*found) for found in met) if own > 0 and other > 0]
    return median(ratios) if ratios else math.nan


def _times(run: Run, *epochs: Mapping[str, Any]) -> tuple[float, ...]:
    """The time of each of these epochs of one device, by one measure, which all have."""
    is_cpu = str(run.environment.get("device", "")).startswith("cpu")
    known = "work" if is_cpu and all("work" in epoch for epoch in epochs) else "seconds"
    return tuple(value(epoch, known) for epoch in epochs)


def _pace(run: Run, epoch: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two epochs must share for their times to be comparable."""
    machine = (run.environment.get(name) for name in ("device", "threads", "platform", "host"))
    return run.seed, epoch["epoch"], run.experiment.get("batch_size"), *machine


def _row(setting: str, rule: str, runs: Sequence[Run], reference: Sequence[Run]) -> dict[str, Any]:
    done = finished(runs)
    best = [best_epoch(run) for run in done]
    scores, of_bp = _scores(done), _scores(reference)
    points = [100 * (score - of_bp[seed]) for seed, score in scores.items() if seed in of_bp]
    states = [run.state for run in runs]
    return {
        "setting": setting,
        "rule": rule,
        **choice(runs),
        "seeds": len(done),
        "failed": states.count("failed"),
        "incomplete": states.count("incomplete"),
        **_bounds("accuracy", interval(scores.values())),
        **_bounds("points", interval(points)),
        "alignment": mean(_alignment(epoch) for epoch in best),
        "angle": mean(value(epoch, "gradient", "angle") for epoch in best),
        **{sent: mean(value(run.epochs[-1], sent) for run in done) for sent in ("moved", "words", "bits")},
        **{kind: mean(_operations(epoch, kind) for epoch in best) for kind in ("accumulates", "multiplies")},
        "cost": relative_cost(done, reference),
        "seconds": mean(math.fsum(epoch.get("seconds") or 0.0 for epoch in run.epochs) for run in done),
    }


def _scores(runs: Iterable[Run]) -> dict[int, float]:
    """Test accuracy at the best epoch, by seed."""
    return {run.seed: float(best_epoch(run)["accuracy"]["test"]) for run in finished(runs)}


def _alignment(epoch: Mapping[str, Any]) -> float:
    return mean(value(epoch, "alignment", layer, "cosine") for layer in epoch.get("alignment") or ())


def _operations(epoch: Mapping[str, Any], kind: str) -> float:
    """Of all layers together; nan if they were not counted."""
    layers = epoch.get("operations") or {}
    return math.fsum(value(layers, layer, kind) for layer in layers) if layers else math.nan


def mean(values: Iterable[float]) -> float:
    """The mean of what is not nan; nan of nothing.

    Example:
        >>> mean([1.0, math.nan, 3.0]), mean([])
        (2.0, nan)
    """
    known = [number for number in values if not math.isnan(number)]
    return math.fsum(known) / len(known) if known else math.nan


def _bounds(name: str, found: Interval) -> dict[str, float]:
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


def _bootstrap(samples: Sequence[Sequence[float]], confidence: float, seed: int) -> list[Interval]:
    """Of samples of one size; relative to the first value of each, so that constant values give exactly themselves."""
    import numpy

    first = [sample[0] for sample in samples]
    offsets = numpy.array([[value - sample[0] for value in sample] for sample in samples])
    means = [sample[0] + math.fsum(row) / len(row) for sample, row in zip(samples, offsets.tolist(), strict=True)]
    if offsets.shape[1] == 1:
        return [Interval(mean, math.nan, math.nan) for mean in means]
    drawn = numpy.random.default_rng(seed).integers(0, len(offsets[0]), (RESAMPLES, len(offsets[0])))
    weights = numpy.stack([(drawn == at).mean(axis=1) for at in range(len(offsets[0]))])
    low, high = numpy.percentile(offsets @ weights, [50 - 50 * confidence, 50 + 50 * confidence], axis=1).tolist()
    return [Interval(m, f + lo, f + hi) for m, f, lo, hi in zip(means, first, low, high, strict=True)]
