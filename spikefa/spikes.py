"""Where spikes are, as lists: compiled by numba, on a CPU. All that is compiled is in this file, for numba's cache."""

from __future__ import annotations

import numpy as np

from spikefa.scan.compiled import compiled


@compiled
def count(x, counts, first, last):
    """Ones in each row of x ``[R, K]`` from ``first`` to ``last``; −1, and an end, at a value that is not 0 or 1."""
    for r in range(first, last):
        row, ones, others = x[r], 0, 0
        for k in range(row.shape[0]):
            ones += row[k] == 1
            others += (row[k] != 0) & (row[k] != 1)
        counts[r] = -1 if others else ones
        if others:
            return


@compiled
def by_row(x, starts, index, first, last):
    """The columns of each row's ones, in order, at ``starts[r]`` to ``starts[r + 1]`` of ``index``."""
    found = np.empty(x.shape[1], index.dtype)
    for r in range(first, last):
        row, n = x[r], 0
        for k in range(row.shape[0]):  # without a branch on what is read: what is no one is overwritten by the next
            found[n] = k
            n += row[k] != 0
        for j in range(n):
            index[starts[r] + j] = found[j]


@compiled
def by_column(starts, index, ends, rows):
    """The same ones by column: their rows, in order, at ``ends[k]`` to ``ends[k + 1]`` of ``rows``."""
    ends[:] = 0
    for j in range(index.shape[0]):
        ends[np.uintp(index[j]) + np.uintp(1)] += 1  # numba looks for negative indices in signed ones
    for k in range(1, ends.shape[0]):
        ends[k] += ends[k - 1]
    at = ends[:-1].copy()
    for r in range(starts.shape[0] - 1):
        for j in range(starts[r], starts[r + 1]):
            column = np.uintp(index[j])
            rows[np.uintp(at[column])] = r
            at[column] += 1
