"""Products with a matrix of few non-zeros: three ways to compute what is dense in torch.

All are one operation, ``out[r] = Σ_k value[k] · rows[index[k]]`` over the non-zeros k of row r: with the weights as
rows it is the forward product, with the errors as rows and the spikes by neuron the gradient of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Product = Callable[[], Tensor]


def products(sparse: Tensor, rows: Tensor) -> dict[str, Product]:
    """Ways to compute ``sparse @ rows``, given the non-zeros as lists.

    Args:
        sparse: ``[R, K]``, mostly zeros.
        rows: ``[K, N]``, contiguous.
    """
    csr = sparse.to_sparse_csr()
    starts, index, values = csr.crow_indices(), csr.col_indices(), csr.values()
    ones = bool((values == 1).all())
    weights = None if ones else values
    found: dict[str, Product] = {
        "torch.sparse": lambda: csr @ rows,
        "embedding_bag": lambda: F.embedding_bag(
            index, rows, starts, mode="sum", include_last_offset=True, per_sample_weights=weights
        ),
    }
    if find_spec("numba"):
        kernel = gather_add()
        arrays = [array.numpy() for array in (starts, index.int(), values, rows)]
        out = np.empty((len(sparse), rows.shape[1]), dtype=np.float32)
        found["numba"] = lambda: torch.from_numpy(kernel(*arrays, ones, out))
    return found


@cache
def gather_add() -> Callable[..., np.ndarray]:
    """The kernel, compiled once: threads share the rows of the result."""
    import numba

    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))

    @numba.njit(parallel=True, fastmath=True, error_model="numpy")
    def kernel(starts, index, values, rows, ones, out):  # type: ignore[no-untyped-def]
        for r in numba.prange(len(out)):
            total = out[r]
            total[:] = 0
            for k in range(starts[r], starts[r + 1]):
                row = rows[index[k]]
                if ones:
                    for n in range(len(total)):
                        total[n] += row[n]
                else:
                    value = values[k]
                    for n in range(len(total)):
                        total[n] += value * row[n]
        return out

    return kernel
