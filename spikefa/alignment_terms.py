"""Why W comes to align with a fixed B: the terms of ΔW that point along B, lag by lag.

Below a layer W with fixed feedback B, W₀ takes the gradient G[k] = δ₀[k]ᵀ x[k] at update k, with the hidden error
δ₀ = f' ⊙ (δ B). What update k − o has done to W₀ is in the activity at update k, and so in ΔW: in a linear network

    ΔW = −η Σ_k δ[k]ᵀ x[k] W₀[0]ᵀ + η² Σ_o Σ_k M_o[k] B,      M_o[k] = δ[k]ᵀ x[k] x[k−o]ᵀ δ[k−o],      o ≥ 1,

and the term of lag o has the inner product ⟨M_o B, B⟩ = tr(M_o B Bᵀ) with B. So a symmetric positive M aligns W with B,
and a skew-symmetric one adds what is exactly orthogonal to B. For ReLU, too, without biases and at any signals,

    ⟨M_o[k] B, B⟩ becomes ⟨G[k], G[k−o]⟩,      ⟨ΔW, B⟩ = ½ (‖W₀[K]‖² − ‖W₀[0]‖² − η² Σ_k ‖G[k]‖²),

the autocorrelation of the gradient of the layer *below*: no loss need fall for it. With other units, such as LIF, the
first is what an update does as the surrogate gradient sees it.

Reference:
    RahmanSetayesh, Ghazizadeh, Marvasti, "The underlying mechanisms of alignment in error backpropagation through
    arbitrary weights", Neurocomputing, 2024. Preprint: https://doi.org/10.1101/2021.06.12.447639. The forms with G are
    ours.
"""

from __future__ import annotations

import torch
from torch import Tensor


def lag_matrix(error: Tensor, x: Tensor, before: Tensor) -> Tensor:
    """M = δ[k]ᵀ x[k] x[k−o]ᵀ δ[k−o], ``[out, out]``.

    Args:
        error: δ[k] at the layer's output, ``[B, out]``.
        x: the input of the layer below, ``[B, in]``.
        before: x[k−o]ᵀ δ[k−o], ``[in, out]``; their sum over o for the sum over all lags.

    Example:
        >>> error, x = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0]])
        >>> lag_matrix(error, x, x.T @ error)
        tensor([[4., 0.],
                [0., 0.]])
    """
    return (error.T @ x) @ before


def term(m: Tensor, feedback: Tensor) -> float:
    """⟨M B, B⟩, what M adds to the inner product of W with B; of M's skew-symmetric part nothing.

    Args:
        m: ``[out, out]``; ``feedback``: B in W's layout, ``[out, in]``.

    Example:
        >>> feedback = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> term(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), feedback), term(torch.eye(2), feedback)
        (0.0, 30.0)
    """
    return float(((m @ feedback) * feedback).sum())


def by_lag(gradients: Tensor) -> Tensor:
    """Σ_k ⟨G[k], G[k−o]⟩ for each lag o = 0 … K−1, by one Fourier transform.

    Args:
        gradients: G, one an update, ``[K, ...]``.

    Returns:
        ``[K]``, float64. Times η², the terms of ⟨ΔW, B⟩ at lags o ≥ 1.

    Example:
        >>> by_lag(torch.tensor([[1.0], [2.0], [3.0]])).round(decimals=6)
        tensor([14.,  8.,  3.], dtype=torch.float64)
    """
    updates = len(gradients)
    power = torch.zeros(updates + 1, dtype=torch.float64)
    for part in gradients.reshape(updates, -1).split(256, dim=1):
        spectrum = torch.fft.rfft(part.double(), n=2 * updates, dim=0)
        power += spectrum.abs().square().sum(1)
    sums: Tensor = torch.fft.irfft(power, n=2 * updates)
    return sums[:updates]
