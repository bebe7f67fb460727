"""The paper's synthetic experiments: two-layer networks under feedback alignment, seen from the n examples.

f(x) = p^(−1/2) β·ψ(W x), trained by full batches on the mean squared error; with g = (2/n)(f − y)

    β ← β − η p^(−1/2) ψ(XW)ᵀ g − η λ β
    W ← W − η p^(−1/2) Xᵀ [(g bᵀ) ⊙ ψ'(XW)]

W is seen through Z = XW alone, and Z moves by K = XXᵀ, so that no step costs anything in d: the ReLU takes n²p, the
linear network n² whatever its width. This is the same arithmetic; tests compare it with ``attach(net, "fa")``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefa.streams import stream
from spikefa.studies.song2021 import kernels

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """What a seed draws: all from N(0, 1), but for the targets.

    Args:
        x: examples, ``[n, d]``; ``y``: their targets, ``[n]``.
        weight: W(0), ``[d, p]``; ``beta``: β(0), ``[p]``; ``feedback``: b, ``[p]``. All float64.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    beta: Tensor
    feedback: Tensor


def draw(seed: int, psi: str, p: int, n: int = 50, d: int = 150) -> Draw:
    """The data of a seed and a network; linear: y = X θ, ReLU: a random network of the same width says y.

    Raises:
        ValueError: a ψ that is neither.

    Example:
        >>> draw(0, "linear", p=7).weight.shape
        torch.Size([150, 7])
    """
    if psi not in NETWORKS:
        raise ValueError(f"no network has psi {psi!r}: there are {', '.join(NETWORKS)}")

    def normal(purpose: str, *shape: int) -> Tensor:
        return torch.randn(shape, generator=stream(seed, f"song2021 {purpose}"), dtype=torch.float64)

    x = normal("x", n, d)
    if psi == "linear":
        y = x @ normal("teacher", d)
    else:
        y = (x @ normal("teacher", d, p)).relu() @ normal("teacher's readout", p) / math.sqrt(p)
    return Draw(x, y, normal("weight", d, p), normal("beta", p), normal("feedback", p))


class Network(ABC):
    """A two-layer network as its examples see it."""

    @abstractmethod
    def descend(self, y: Vector, lr: float, decay: float, steps: int) -> Vector:
        """Take ``steps`` steps of both layers towards ``y``, with λ = ``decay``: the mean squared error before each."""

    @abstractmethod
    def vectors(self) -> tuple[Tensor, Tensor]:
        """β and b, ``[p]`` both."""

    def cosine(self) -> float:
        """Alignment: the cosine of β and b."""
        return float(torch.cosine_similarity(*self.vectors(), dim=0))


@final
class Linear(Network):
    """ψ(u) = u, in float64, exactly: W = W(0) − p^(−1/2) Xᵀa bᵀ and β = c β(0) − p^(−1/2) Z(0)ᵀu + k b.

    So a step moves a and u, of n numbers each, and c and k. Without decay k is |s|²/2p, s = Xᵀa, but for the η² of a
    step.
    """

    def __init__(self, drawn: Draw) -> None:
        z, beta, b = drawn.x @ drawn.weight, drawn.beta, drawn.feedback
        self.z, self.beta, self.b = z, beta, b
        self.both = np.hstack([(matrix @ matrix.T).numpy() for matrix in (drawn.x, z)])
        self.products = np.array([len(b), float(b @ beta), float(b @ b)])
        self.scalars, self.state = np.array([1.0, 0.0]), np.zeros((4, len(z)))

    def descend(self, y: Vector, lr: float, decay: float, steps: int) -> Vector:
        """``steps`` steps: the mean squared error before each."""
        losses = np.empty(steps)
        at_start = (self.z @ self.beta).numpy(), (self.z @ self.b).numpy()
        kernels.descend(self.both, *at_start, self.products, y, lr, decay, self.scalars, self.state, losses)
        return losses

    def vectors(self) -> tuple[Tensor, Tensor]:
        """β and b, ``[p]`` both."""
        (c, k), (_, u, _, _) = self.scalars, self.state
        return c * self.beta - self.z.T @ torch.from_numpy(u) / math.sqrt(len(self.b)) + k * self.b, self.b

    @property
    def coefficient(self) -> float:
        """k over |s|²/2p."""
        a, _, kernel_a, _ = self.state
        return float(self.scalars[1]) / (float(a @ kernel_a) / (2 * len(self.b)))


@final
class Relu(Network):
    """ψ(u) = max(u, 0), in float32 as the authors' code is, or in another ``dtype``."""

    def __init__(self, drawn: Draw, dtype: torch.dtype = torch.float32) -> None:
        self.z = (drawn.x @ drawn.weight).to(dtype)
        self.kernel = (drawn.x @ drawn.x.T).to(dtype)
        self.beta, self.b = drawn.beta.to(dtype), drawn.feedback.to(dtype)
        self.root = math.sqrt(len(self.b))
        self.psi = self.z.relu()

    def descend(self, y: Vector, lr: float, decay: float, steps: int) -> Vector:
        """``steps`` steps: the mean squared error before each."""
        return np.array([self._step(y, lr, decay) for _ in range(steps)])

    def _step(self, y: Vector, lr: float, decay: float) -> float:
        torch.clamp(self.z, min=0, out=self.psi)
        error = (self.psi @ self.beta / self.root).double().numpy() - y
        g = torch.from_numpy(2 / len(y) * error).to(self.z) / self.root
        self.beta = (1 - lr * decay) * self.beta - lr * (g @ self.psi)
        self.z.addcmul_((self.kernel * g) @ self.psi.sign(), self.b, value=-lr)
        return float(error @ error) / len(y)

    def vectors(self) -> tuple[Tensor, Tensor]:
        """β and b, ``[p]`` both."""
        return self.beta, self.b


NETWORKS: dict[str, type[Linear | Relu]] = {"linear": Linear, "relu": Relu}
"""By their ψ."""
