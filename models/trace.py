"""What a simulation recorded, and the first place where two recordings part.

Two simulations of one network may differ in a million values of which a single one is the cause. `difference` names
the first: its time, population, variable and neuron. It needs NumPy alone, so that a torch and a Brian2 network leave
the same kind of trace.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Trace:
    """Variables of populations over time.

    Args:
        arrays: (population, variable) to its values `[T, ...]`, in the order in which a step computes them:
            membranes "v" and spikes "spk" (bool) as `[T, B, N]` (step, sample, neuron), weights, forward "w" and
            feedback "b", as `[T, out, in]`.
        units: the unit of each variable, "1" where it has none.
        dt: the time step, in ms.
        every: the steps from one record of a variable to the next, 1 where it is not named: weights that change once in
            100 steps are recorded once in 100 steps, `[T / 100, out, in]`, as they are after these.

    Raises:
        ValueError: where arrays disagree on the number of steps, or there is none, or a variable has no unit.
        TypeError: where values are no array of bool or real numbers.

    Example:
        >>> trace = Trace({("layer_1", "spk"): np.zeros((5, 1, 3), bool)}, units={"spk": "1"}, dt=1.0)
        >>> trace["layer_1", "spk"].shape
        (5, 1, 3)
    """

    arrays: Mapping[tuple[str, str], NDArray[Any]]
    units: Mapping[str, str]
    dt: float
    every: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, values in self.arrays.items():
            if not isinstance(values, np.ndarray) or values.ndim == 0 or values.dtype.kind not in "biuf":
                raise TypeError(f"{key} must be an array [T, ...] of bool or real numbers, got {values!r}")
        lengths = {key: len(values) * self.steps(key[1]) for key, values in self.arrays.items()}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            raise ValueError(f"a trace needs one number of steps, got {lengths}: record every variable once per step")
        if missing := {variable for _, variable in self.arrays} - set(self.units):
            raise ValueError(f"no unit for {sorted(missing)}: add it to units, '1' where it is dimensionless")

    def __getitem__(self, key: tuple[str, str]) -> NDArray[Any]:
        return self.arrays[key]

    def steps(self, variable: str) -> int:
        """The steps from one record of a variable to the next."""
        return self.every.get(variable, 1)

    def step(self, variable: str, record: int) -> int:
        """The step after which a variable was recorded: what is recorded once in 100 steps, first after step 99."""
        return (record + 1) * self.steps(variable) - 1

    def save(self, path: Path) -> None:
        """Writes it to a compressed `.npz` file, which holds numbers and text only."""
        told = json.dumps({"units": dict(self.units), "dt": self.dt, "every": dict(self.every)})
        np.savez_compressed(path, allow_pickle=False, told=told, **{".".join(key): a for key, a in self.arrays.items()})

    @classmethod
    def load(cls, path: Path) -> "Trace":
        """Reads what `save` wrote.

        Example:
            >>> import tempfile
            >>> trace = Trace({("layer_1", "v"): np.zeros((5, 1, 3))}, units={"v": "1"}, dt=1.0)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     trace.save(Path(folder) / "zeros.npz")
            ...     difference(trace, Trace.load(Path(folder) / "zeros.npz")) is None
            True
        """
        with np.load(path, allow_pickle=False) as file:
            arrays = {tuple(name.rsplit(".", 1)): file[name] for name in file.files if name != "told"}
            return cls(arrays, **json.loads(str(file["told"])))


@dataclass(frozen=True)
class Difference:
    """The first place where two traces part.

    Args:
        time: in ms.
        population: the population, such as "layer_1".
        variable: the variable, such as "v".
        index: (sample, neuron), or (out, in) of a weight.
        values: the value in the first trace and in the second.
        unit: of the values, "1" where they have none.
    """

    time: float
    population: str
    variable: str
    index: tuple[int, ...]
    values: tuple[float, float]
    unit: str

    def __str__(self) -> str:
        place = f"{self.population}.{self.variable}{list(self.index)}"
        return f"{place} at {self.time:g} ms: {self.values[0]!r} and {self.values[1]!r} ({self.unit})"


def difference(a: Trace, b: Trace, tolerance: float = 0.0, relative: bool = False) -> Difference | None:
    """Says where two traces first part: the earliest step, and within it the order of `a`'s arrays.

    Values agree where they are equal or |a − b| ≤ tolerance, spikes only where they are equal, NaN with nothing.

    Args:
        a: one trace.
        b: another one, of the same variables, shapes, units and time step.
        tolerance: the largest absolute difference that counts as none, in the variable's unit.
        relative: whether the tolerance is in units of the largest magnitude that the variable of a population has in
            `a` instead.

    Returns:
        The first difference, or None where the traces agree everywhere.

    Raises:
        ValueError: where the two cannot be compared, or the tolerance is negative or NaN.

    Example:
        >>> v = np.zeros((5, 1, 3))
        >>> other = v.copy()
        >>> other[2:, 0, 1] = 0.5
        >>> a, b = (Trace({("layer_1", "v"): values}, units={"v": "1"}, dt=1.0) for values in (v, other))
        >>> print(difference(a, b))
        layer_1.v[0, 1] at 2 ms: 0.0 and 0.5 (1)
        >>> difference(a, b, tolerance=0.5) is None
        True
    """
    _check_comparable(a, b)
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be 0 or more, got {tolerance}")
    scales = {key: size(values) if relative else 1.0 for key, values in a.arrays.items()}
    places = {key: np.argwhere(_parted(a[key], b[key], tolerance * scales[key])) for key in a.arrays}
    firsts = [(where[0].tolist(), key) for key, where in places.items() if len(where)]
    if not firsts:
        return None
    place, key = min(firsts, key=lambda first: a.step(first[1][1], first[0][0]))
    values = float(a[key][tuple(place)]), float(b[key][tuple(place)])
    return Difference(a.step(key[1], place[0]) * a.dt, *key, tuple(place[1:]), values, a.units[key[1]])


def size(values: NDArray[Any]) -> float:
    """The largest finite magnitude among values, 0 where there is none.

    Example:
        >>> size(np.array([1.0, -3.0, np.nan]))
        3.0
    """
    magnitudes = np.abs(values.astype(np.float64))
    return float(magnitudes[np.isfinite(magnitudes)].max(initial=0.0))


def _parted(a: NDArray[Any], b: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """True where values differ; spikes (bool) have no tolerance."""
    if bool in (a.dtype, b.dtype):
        tolerance = 0.0
    with np.errstate(invalid="ignore"):  # inf - inf
        near = np.abs(a.astype(np.float64) - b.astype(np.float64)) <= tolerance
    parted: NDArray[np.bool_] = ~(near | (a == b))
    return parted


def _check_comparable(a: Trace, b: Trace) -> None:
    if a.dt != b.dt:
        raise ValueError(f"time steps differ: {a.dt} ms and {b.dt} ms; simulate both with the same dt")
    shapes = [{key: (np.shape(t[key]), t.units[key[1]], t.steps(key[1])) for key in t.arrays} for t in (a, b)]
    if unlike := {key for key in shapes[0] | shapes[1] if shapes[0].get(key) != shapes[1].get(key)}:
        told = {key: tuple(s.get(key) for s in shapes) for key in sorted(unlike)}
        raise ValueError(
            f"traces of different variables, shapes, units or steps: {told}; record the same ones on both sides"
        )
