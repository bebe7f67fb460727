"""Recordings that are spikes already: lists of events, which become input over time a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefa.datasets.integrity import DataError


@dataclass(frozen=True, eq=False)
class Events:
    """N recordings of one length, each a list of events; a list takes far less memory than steps × inputs numbers.

    Args:
        time: when, ``[M]``, in ``[0, window)``, of any real dtype; the order of events does not matter.
        unit: at which input, ``[M]``, counted through an example of shape ``place``, row by row.
        starts: where each recording begins in these lists, and the end of the last one, ``[N + 1]``, int64.
        place: shape of the input at one step, such as ``(700,)`` or ``(2, 34, 34)``.
        window: how long a recording is, in the unit of ``time``.
        value: what each event adds, ``[M]``; None where each adds 1.

    Example:
        >>> two = Events.of([([0.1, 0.9], [0, 1]), ([0.5], [1])], place=(2,), window=1.0)
        >>> two.binned(2).tolist()  # [T, N, 2]
        [[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]]
    """

    time: Tensor
    unit: Tensor
    starts: Tensor
    place: tuple[int, ...]
    window: float
    value: Tensor | None = None

    @classmethod
    def of(
        cls,
        recordings: Iterable[tuple[Any, ...]],
        place: tuple[int, ...],
        window: float,
        name: str = "events",
        way_out: str = "replace the file",
    ) -> Events:
        """Join recordings, after a look at every event.

        Args:
            recordings: ``(time, unit)`` or ``(time, unit, value)`` of each, three lists of one length.
            place: as above; ``window``: as above.
            name: of the file, for the error message; ``way_out``: for events that come too late.

        Raises:
            DataError: with the recording's number: lists of different lengths; a time that is no number, negative, or
                not before the end of the window; an input that there is not.
        """
        lists = [
            _checked(list(map(np.asarray, recording)), prod(place), window, f"{name}: recording {number}", way_out)
            for number, recording in enumerate(recordings)
        ]
        starts = np.cumsum([0, *(len(one[0]) for one in lists)], dtype=np.int64)
        columns = [torch.from_numpy(np.concatenate(column)) for column in zip(*lists, strict=True)]
        time, unit, *value = columns or [torch.zeros(0), torch.zeros(0, dtype=torch.int32)]
        return cls(time, unit, torch.from_numpy(starts), place, window, *value)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, *place)``, as for a tensor of images."""
        return (len(self), *self.place)

    @property
    def device(self) -> torch.device:
        """Where the lists lie."""
        return self.time.device

    def __getitem__(self, chosen: Tensor | slice) -> Events:
        """The recordings chosen by a slice, numbers or a mask, as for a tensor."""
        numbers = torch.arange(len(self), device=self.device)[chosen]
        counts = self.starts.diff()[numbers]
        starts = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
        shift = (self.starts[numbers] - starts[:-1]).repeat_interleave(counts)
        kept = shift + torch.arange(len(shift), device=self.device)
        value = None if self.value is None else self.value[kept]
        return replace(self, time=self.time[kept], unit=self.unit[kept], starts=starts, value=value)

    def to(self, device: torch.device | str) -> Events:
        """The same on another device."""
        value = None if self.value is None else self.value.to(device)
        lists = {name: getattr(self, name).to(device) for name in ("time", "unit", "starts")}
        return replace(self, **lists, value=value)

    def binned(self, steps: int) -> Tensor:
        """Input over time, ``[T, N, *place]``, float32: what the events of each step add up to.

        Step ⌊t T / window⌋ has the event of time t, so steps are of one length and no event is lost.

        Args:
            steps: number of time steps T.
        """
        step = (self.time.double() * steps / self.window).long().clamp_(max=steps - 1)
        example = torch.arange(len(self), device=self.device).repeat_interleave(self.starts.diff())
        at = (step * len(self) + example) * prod(self.place) + self.unit
        added = torch.ones(len(at), device=self.device) if self.value is None else self.value.float()
        total = torch.zeros(steps * len(self) * prod(self.place), device=self.device)
        return total.scatter_add_(0, at, added).view(steps, *self.shape)

    def __repr__(self) -> str:
        return f"Events({len(self)} recordings of {len(self.time):,} events at {self.place})"


Examples = Tensor | Events
"""What a batch is made of: images ``[B, ...]``, or recordings of spikes."""


def _checked(columns: list[NDArray[Any]], units: int, window: float, where: str, way_out: str) -> list[NDArray[Any]]:
    """The columns of a recording, in the dtypes that torch can reckon with."""
    time, unit, *value = columns
    if len({column.shape for column in columns}) > 1 or time.ndim != 1:
        shapes = " and ".join(str(column.shape) for column in columns)
        raise DataError(f"{where}: expected times and inputs in lists of one length, found {shapes}; {way_out}")
    if len(time):
        _check(time, unit, units, window, where, way_out)
    whole = time.dtype.kind in "iu"
    return [time.astype(np.int32) if whole else time, unit.astype(np.int32 if units > 1 << 15 else np.int16), *value]


def _check(time: NDArray[Any], unit: NDArray[Any], units: int, window: float, where: str, way_out: str) -> None:
    if unit.dtype.kind not in "iu" or time.dtype.kind not in "iuf":
        raise DataError(f"{where}: expected whole inputs at times, found {unit.dtype} at {time.dtype}; {way_out}")
    if not (fine := np.isfinite(time) & (time >= 0)).all():
        raise DataError(f"{where}: expected times of 0 or later, found {time[fine.argmin()]}; {way_out}")
    if (last := float(time.max())) >= window:
        raise DataError(f"{where}: an event at {last:g} is not before the end of the window, {window:g}; {way_out}")
    if not (fine := (unit >= 0) & (unit < units)).all():
        raise DataError(f"{where}: expected inputs from 0 to {units - 1}, found {unit[fine.argmin()]}; {way_out}")
