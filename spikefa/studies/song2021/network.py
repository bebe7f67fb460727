"""The same experiments with networks of torch and snnTorch, as spikefa trains them: plain, of LIF neurons, on MNIST.

``attach(net, "fa")`` gives the read-out its pathway, b is drawn from N(0, 1) as the paper has it, and plain SGD takes
λ as the weight decay of the read-out alone.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, final

import snntorch as snn
import torch
from snntorch import surrogate
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa.alignment import weight_alignment
from spikefa.attachment import attach
from spikefa.comparison import load
from spikefa.datasets import Split
from spikefa.sequence import run
from spikefa.streams import stream
from spikefa.studies.song2021.descent import POINTS, course
from spikefa.studies.song2021.synthetic import draw

MEAN, SPREAD = 0.1307, 0.3081
"""Of MNIST's pixels, by which the authors standardise them."""
EXAMPLES, INPUTS = 20, 60
"""n and d of the LIF task: as 50 to 150, so that a width of 80 stands to n as the paper's 200 does."""
SCALE = 1 / (2 * math.sqrt(INPUTS))
"""Of the LIF layer's input: its currents then have half a threshold as standard deviation."""


@final
class TwoLayer(nn.Sequential):
    """Two layers without biases, ``fc``, ``hidden``, ``out``, under ``fa``: the error goes back through b.

    Args:
        hidden: what is between the layers.
        weight: W(0), ``[p, d]``; ``beta``: β(0), ``[classes, p]``; ``feedback``: b, of β's shape.

    Example:
        >>> weight, beta = torch.arange(6.0).reshape(3, 2), torch.arange(3.0).reshape(1, 3)
        >>> net = TwoLayer(nn.ReLU(), weight, beta, feedback=torch.full((1, 3), 5.0))
        >>> net.out.weight.tolist(), net.feedback.tolist()
        ([[0.0, 1.0, 2.0]], [[5.0, 5.0, 5.0]])
    """

    fc: nn.Linear
    hidden: nn.Module
    out: nn.Linear

    def __init__(self, hidden: nn.Module, weight: Tensor, beta: Tensor, feedback: Tensor) -> None:
        fc, out = (nn.utils.skip_init(nn.Linear, *w.shape[::-1], bias=False, dtype=w.dtype) for w in (weight, beta))
        super().__init__(OrderedDict(fc=fc, hidden=hidden, out=out))
        with torch.no_grad():
            fc.weight.copy_(weight)
            out.weight.copy_(beta)
            attach(self, "fa")
            self.feedback.copy_(feedback)

    @property
    def feedback(self) -> Tensor:
        """b, ``[classes, p]``."""
        return self.out.get_buffer("feedback.weight")

    def cosine(self) -> float:
        """Alignment of β and b."""
        return weight_alignment(self)["out"]["cosine"]

    def optimiser(self, lr: float, decay: float = 0.0) -> torch.optim.SGD:
        """Plain SGD, with decay λ of the read-out: β ← β − η (gradient + λ β)."""
        out: dict[str, Any] = {"params": [self.out.weight], "weight_decay": decay}
        return torch.optim.SGD([{"params": [self.fc.weight]}, out], lr=lr)


def step(optimizer: torch.optim.SGD, loss: Tensor) -> None:
    """One update along a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _normal(seed: int, purpose: str, *shape: int) -> Tensor:
    return torch.randn(shape, generator=stream(seed, f"song2021 {purpose}"))


def derivation(seed: int, p: int, lr: float, steps: int) -> Mapping[str, float]:
    """The coefficient of b in β of a plain linear network, λ = 0, beside |s|²/2p for s(t) = ∫ Xᵀe.

    β(t) − β(0) lies in the plane of b and W(0)ᵀs; the coefficient is found there by least squares.

    Returns:
        ``coefficient`` over |s|²/2p, and ``outside``: the share of β(t) − β(0) that lies outside the plane.
    """
    drawn = draw(seed, "linear", p)
    weight, beta, b = drawn.weight.T, drawn.beta, drawn.feedback
    net = TwoLayer(nn.Identity(), weight, beta[None], b[None])
    optimizer, s = net.optimiser(lr), torch.zeros_like(drawn.x[0])
    for _ in range(steps):
        error = net(drawn.x)[:, 0] / math.sqrt(p) - drawn.y
        s += lr * 2 / len(error) * drawn.x.T @ error.detach()
        step(optimizer, error.square().mean())
    moved, plane = net.out.weight.detach()[0] - beta, torch.stack([b, weight @ s], dim=1)
    found = torch.linalg.lstsq(plane, moved[:, None]).solution
    outside = float((moved - (plane @ found)[:, 0]).norm() / moved.norm())
    return {"coefficient": float(found[0]) / (float(s @ s) / (2 * p)), "outside": outside}


def lif(
    seed: int,
    p: int,
    decay: float,
    lr: float,
    steps: int,
    cut: int | None = None,
    curve: bool = False,
    time: int = 5,
) -> Mapping[str, Any]:
    """A hidden layer of LIF neurons, trained through its surrogate gradient by full batches.

    f(x) = p^(−1/2) β·ψ(W x), ψ(u) = rate(c u)/c with c = :data:`SCALE`: over the range of its currents a LIF neuron's
    rate rises about as a ReLU does, so that η and λ mean what they mean there. A random network of its kind says y.

    Args:
        seed, p, decay, lr, cut, curve: as for :func:`~spikefa.studies.song2021.descent.measure`.
        steps: how many in all; ``time``: steps of the neurons, in which currents are constant.

    Returns:
        ``cosine`` of b and β after the last step, before the first (``start``) and at the cut (``at_cut``), mean
        squared errors before the first (``first``) and after the last (``loss``), the hidden ``rate`` in spikes per
        neuron and step, and with ``curve`` that.
    """
    x = SCALE * _normal(seed, "x", EXAMPLES, INPUTS).expand(time, -1, -1)
    teacher, net = (_lif_network(seed, name, p) for name in ("teacher", "student"))
    with torch.no_grad():
        y = _mean(teacher, x)
    losses: list[float] = []
    cosines: dict[int, float] = {}
    optimizer = net.optimiser(lr, decay)
    for t in range(steps + 1):
        loss = (_mean(net, x) - y).square().mean()
        losses.append(loss.item())
        if t % max(1, steps // POINTS) == 0 or t in (cut, steps):
            cosines[t] = net.cosine()
        if t == cut:
            optimizer.param_groups[1]["weight_decay"] = 0.0
        if t < steps:
            step(optimizer, loss)
    found: dict[str, Any] = {"cosine": cosines[steps], "start": cosines[0], "first": losses[0], "loss": losses[-1]}
    found |= {"at_cut": cosines[cut]} if cut is not None else {}
    found |= {"curve": course(losses, cosines)} if curve else {}
    return found | {"rate": spikes(nn.Sequential(net.fc, net.hidden), x).mean().item()}


def _lif_network(seed: int, name: str, p: int) -> TwoLayer:
    """All from N(0, 1); the neurons keep nothing between calls of ``run``."""
    sizes = {"weight": (p, INPUTS), "beta": (1, p), "feedback": (1, p)}
    weights = {part: _normal(seed, f"lif {name} {part}", *shape) for part, shape in sizes.items()}
    return TwoLayer(snn.Leaky(beta=0.8, spike_grad=surrogate.atan()), **weights)


def _mean(net: TwoLayer, x: Tensor) -> Tensor:
    """f of all examples, ``[n]``: the read-out of the spikes, the mean over time."""
    return spikes(net, x).mean(0)[:, 0] / (SCALE * math.sqrt(net.out.in_features))


def spikes(net: nn.Sequential, x: Tensor) -> Tensor:
    """What ``run`` gives for neurons that give spikes alone, ``[T, n, ...]``."""
    out = run(net, x)
    return out if isinstance(out, Tensor) else out[0]


def mnist(
    seed: int, decay: float, lr: float, epochs: int, batch: int, images: int, p: int, device: str = "cpu"
) -> Mapping[str, float]:
    """784-p-10 ReLU on MNIST, cross-entropy of the output over √p, as the authors train it.

    Args:
        seed: of network and order; ``decay``: λ; ``lr``: η; ``p``: width.
        epochs, batch: of the training; ``images``: how many of the 60,000.
        device: where it is trained.

    Returns:
        ``accuracy`` on the 10,000 test images, the ``cosine`` of b and β, and ``errors``: the mean over 600 training
        images of the cosine of the hidden errors bᵀδ and βᵀδ, all after the last epoch.
    """
    data = load("mnist")
    parts = data.train, data.validation
    known = Split(*(torch.cat(both)[:images] for both in zip(*((part.x, part.y) for part in parts), strict=True)))
    sizes = {"weight": (p, 784), "beta": (10, p), "feedback": (10, p)}
    net = TwoLayer(nn.ReLU(), **{n: _normal(seed, f"mnist {n}", *shape) for n, shape in sizes.items()}).to(device)

    def logits(x: Tensor) -> Tensor:
        out: Tensor = net((x.flatten(1).to(device) - MEAN) / SPREAD) / math.sqrt(p)
        return out

    optimizer, order = net.optimiser(lr, decay), stream(seed, "song2021 order")
    for _ in range(epochs):
        for x, y in known.batches(batch, order):
            step(optimizer, F.cross_entropy(logits(x), y.to(device)))
    return {"accuracy": _accuracy(logits, data.test), "cosine": net.cosine(), "errors": _errors(net, logits, known)}


@torch.no_grad()
def _accuracy(logits: Callable[[Tensor], Tensor], split: Split) -> float:
    hits = sum(float((logits(x).argmax(1).cpu() == y).sum()) for x, y in split.batches(1000))
    return hits / len(split)


@torch.no_grad()
def _errors(net: TwoLayer, logits: Callable[[Tensor], Tensor], split: Split) -> float:
    x, y = next(split.batches(600))
    delta = logits(x).softmax(1).cpu() - F.one_hot(y, 10)
    return float(torch.cosine_similarity(delta @ net.feedback.cpu(), delta @ net.out.weight.cpu(), dim=1).mean())
