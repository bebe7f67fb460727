"""The linear network's steps, compiled: two products with vectors of n numbers a step, whatever the width."""

from __future__ import annotations

import numpy as np

from spikefa.scan.compiled import compiled


@compiled
def descend(both, z_beta, z_b, products, y, lr, decay, scalars, vectors, losses):
    """As many steps as ``losses`` is long; each is given the mean squared error before it.

    ``both`` is ``[n, 2n]``, K beside the Gram matrix of Z(0); ``products`` are p, b·β(0) and b·b; ``scalars`` c and k,
    ``vectors`` a, u and what ``both`` makes of each: all moved on.
    """
    n, (p, b_beta, b_b), kept = len(y), products, 1 - lr * decay
    root, (a, u, kernel_a, gram_u), (c, k) = np.sqrt(p), vectors, scalars
    shift, product = np.empty(n), np.empty(2 * n)
    for t in range(len(losses)):
        along, loss = (c * b_beta + k * b_b - np.dot(z_b, u) / root) / root, 0.0
        for i in range(n):
            error = (c * z_beta[i] + k * z_b[i] - gram_u[i] / root - kernel_a[i] * along) / root - y[i]
            loss += error * error
            shift[i] = lr * 2 / n * error
        losses[t] = loss / n
        product[:] = 0
        for i in range(n):
            for j in range(2 * n):
                product[j] += shift[i] * both[i, j]
        c, k = kept * c, kept * k + np.dot(a, product[:n]) / p
        for i in range(n):
            a[i] += shift[i]
            u[i] = kept * u[i] + shift[i]
            kernel_a[i] += product[i]
            gram_u[i] = kept * gram_u[i] + product[n + i]
    scalars[0], scalars[1] = c, k
