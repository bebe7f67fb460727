"""Regression discontinuity: B is the causal effect of a neuron's spike on the neurons above, found at its threshold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, final

import torch
from torch import Tensor

from spikefa.feedback import spread
from spikefa.noise.crossing import Windows, responses, windows
from spikefa.noise.exponential import synapse
from spikefa.noise.fit import compose, online, squares
from spikefa.noise.lif import lif
from spikefa.noise.phase import NoisePhase
from spikefa.noise.poisson import poisson_groups
from spikefa.noise.transmission import transmitted
from spikefa.options import Range, positive, whole

FITS = {"online": online, "squares": squares}
"""How the lines are fitted."""

THRESHOLD = 1.0
"""θ, of both populations."""

MEMBRANE = {"threshold": THRESHOLD, "decay": 0.3, "gain": 0.6}
"""Per step of 1 ms by Euler's method: 1 − (g_L + g_D) dt and g_D dt, for g_L = 100/s and g_D = 600/s."""

NEURON: dict[str, Any] = {**MEMBRANE, "reset": -1.0, "refractory": 3}
"""Both populations'."""

SYNAPSE = synapse(fall=10.0, rise=3.0)
"""All synapses', in steps of 1 ms."""

PIECE = 2**22
"""Numbers in a piece of a recording, steps × replicas × neurons: a phase of a wide layer comes in several pieces."""

RESPONSES = 2**22
"""Numbers in a matrix of responses, windows × upper neurons: a piece with more is learned from in several parts."""


class Recording(NamedTuple):
    """A piece of a phase: some of its replicas, for the whole time.

    Attributes:
        v, cur, spk: membranes, currents and spikes of the lower population, ``[T, B, K]``.
        x: filtered spikes of the upper one, ``[T, B, L]``.
    """

    v: Tensor
    cur: Tensor
    spk: Tensor
    x: Tensor


@final
class RegressionDiscontinuity(NoisePhase):
    """Regression discontinuity design: what a neuron causes above is the jump in what it sees there at its threshold.

    An input that just drives a neuron i over its threshold differs from one that just does not by little but the spike.
    So when the drive u of i comes near, |θ − u| ≤ α, a window opens, and over it two things are taken:

        u_max = max u, without reset;  R_ij = mean of j's filtered spikes, minus their value just before
        R_ij ≈ c₂ u_max + c₀ if i spiked in the window, else c₃ u_max + c₁
        β_ij = (c₂ θ + c₀) − (c₃ θ + c₁);  B_ij = β_ij std(B₀) / std(β)

    In a phase both populations are LIF neurons: dv/dt = −g_L v + g_D (cur − v), by Euler's method with dt = 1 ms (v ←
    0.3 v + 0.6 cur; the exact step would be 0.50 v + 0.43 cur), threshold 1, reset −1, 3 ms refractory. Spikes are
    filtered by (e^(−t/10) − e^(−t/3)) / 7. A fifth of the lower neurons gets spikes of weight 4 at 200 Hz, and after
    100 ms another fifth; the upper ones hear the lower ones alone. They are *not* the neurons of the network. B starts
    random, and of a neuron that has not had windows of both kinds it stays so. Lines are kept from phase to phase.

    ``fit="online"`` is the paper's: one gradient step a window. As u_max spans a few tenths, slopes hardly move in
    thousands of windows, and β is little more than a difference of two means: precise, but a neuron whose input is
    correlated with another's gets a share of that one's effect. ``fit="squares"``, ours, is recursive least squares: a
    smaller share, but a far larger variance. Of twins that share 80 % of their input, where one has an effect and the
    other none, the other is given 0.40 to 0.47 of it online, 0.00 to 0.18 by squares, whose lines are not quite
    straight, and 0.73 by the covariance of spikes and responses.

    Weights in the copy have the standard deviation ``scale`` at every width. The authors' 0.2 · n_in is 10 at 50 inputs
    and 40 at 200; between 20 and 400 nothing is gained or lost there, but below some 10 (0.2 √n_in, or a narrow
    receptive field under 0.2 · n_in) the upper neurons are nearly silent. Silent or saturated ones answer to one sign
    of weights only, which bends β: r ends at 0.94 to 0.96, not at 1. Measured with Gaussian W, noise of 64 s simulated
    per phase, means of three seeds (standard deviation at most 0.01), one thread:

        layer, fit            phases   cosine          Pearson's r     signs           seconds
        50 → 30, online       1 5 20   .85 .88 .90     .91 .94 .94     .89 .94 .96     0.25 1.1 4.3
        50 → 30, squares      1 5 20   .60 .82 .89     .60 .83 .91     .70 .82 .89     0.2 1.0 4.2
        200 → 200, online     1 5 20   .82 .92 .95     .85 .95 .96     .82 .89 .92     0.9 4.5 19
        200 → 200, squares    1 5 20   .34 .63 .83     .34 .63 .83     .61 .72 .82     1.0 4.7 19

    For comparison, sal with its defaults is at .14, .65 and .95 after 0.6, 3 and 10 s of the 200 → 200 layer: slower at
    first, twice as fast to .95, and with no such bend.

    **Uses:** drive and spikes of a lower neuron, filtered spikes of an upper one, during the noise phase: local to the
    synapse. std(β) is one number for the layer, as is std(B₀), that of W₀, which sets the size of B for good. The
    spiking copy is scaled by std(W), one more number of the whole layer, made of W at every phase.

    Reference:
        Guerguiev, Kording, Richards, "Spike-based causal inference for weight alignment", ICLR 2020.
        https://arxiv.org/abs/1910.01689

    Args:
        weight: W₀, ``[out, in, ...]``.
        generator: draws B₀ and the seed of the noise.
        every: updates, or epochs, from one phase to the next.
        per: what ``every`` counts, ``update`` or ``epoch``.
        steps: length of a phase in ms; ``replicas``: independent copies of the layer simulated side by side.
        scale: standard deviation of the weights in the copy, W · scale / std(W).
        window: length of a window in ms; ``alpha``: α.
        fit: ``online`` or ``squares``.
        eta: η; the step of a fit online, and what least squares forget at each window.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> weight = torch.randn(6, 20, generator=torch.Generator().manual_seed(0))
        >>> pathway = RegressionDiscontinuity(weight, torch.Generator().manual_seed(1))
        >>> pathway.epoch(weight)
        >>> bool(torch.cosine_similarity(pathway.weight.flatten(), weight.flatten(), dim=0) > 0.7)
        True
    """

    search: ClassVar[Mapping[str, Range]] = {
        "eta": Range(1e-4, 0.1, log=True),
        "alpha": Range(0.02, 0.5, log=True),
    }
    lines: Tensor
    windows: Tensor
    size: Tensor
    _after: tuple[Tensor, Tensor]

    def __init__(
        self,
        weight: Tensor,
        generator: torch.Generator,
        *,
        every: int = 1,
        per: str = "epoch",
        steps: int = 500,
        replicas: int = 128,
        scale: float = 20.0,
        window: int = 30,
        alpha: float = 0.1,
        fit: str = "online",
        eta: float = 1e-3,
    ) -> None:
        super().__init__(weight, generator, every=every, per=per)
        whole(steps=steps, replicas=replicas, window=window)
        positive(scale=scale, alpha=alpha, eta=eta)
        if steps <= window:
            raise ValueError(f"a phase of steps={steps} ms has no room for a window of {window} ms: lengthen the phase")
        if fit not in FITS:
            raise ValueError(f"fit must be one of {', '.join(FITS)}, not {fit!r}")
        if eta > 0.1:
            raise ValueError(f"eta must be at most 0.1, not {eta!r}: a larger step overshoots where u_max is large")
        self.steps, self.replicas, self.scale = steps, replicas, scale
        self.window, self.alpha, self.fit, self.eta = window, alpha, fit, eta
        upper, lower = weight.flatten(1).shape
        columns = upper + 2 * (fit == "squares")
        precision = torch.promote_types(weight.dtype, torch.float32)
        self.register_buffer("lines", torch.zeros(2 * lower, 2, columns, device=weight.device, dtype=precision))
        self.register_buffer("windows", torch.zeros(2 * lower, dtype=torch.int64, device=weight.device))
        self.register_buffer("size", spread(self.weight))

    def simulate(self, weight: Tensor, feedback: Tensor, noise: torch.Generator) -> Iterator[Recording]:
        """The lower population under Poisson spikes, the upper one under what comes of them through W."""
        upper, lower = weight.shape
        up = weight * (self.scale / weight.std(correction=0).clamp(min=torch.finfo(weight.dtype).tiny))
        most = max(1, PIECE // (self.steps * (lower + upper)))
        for start in range(0, self.replicas, most):
            count = min(most, self.replicas - start)
            given = poisson_groups(lower, noise, steps=self.steps, replicas=count, hold=100, rate=0.2).to(weight)
            cur = 4 * SYNAPSE(given)[0]
            spk, v = lif(cur, **NEURON)
            yield Recording(v, cur, spk, SYNAPSE(lif(SYNAPSE(transmitted(spk, up))[0], **NEURON)[0])[0])

    def learn(self, feedback: Tensor, recording: Iterator[Recording]) -> Tensor:
        """B from the lines as this recording moves them; ``lines`` itself moves when the phase is over."""
        lines, count = self.lines.to(feedback), self.windows
        for piece in recording:
            found = windows(piece.v, piece.cur, piece.spk, length=self.window, alpha=self.alpha, **MEMBRANE)
            line = found.neuron + found.spiked * feedback.shape[1]
            u = torch.stack([found.peak, torch.ones_like(found.peak)], 1)
            left, gain = compose(line, len(lines), *FITS[self.fit](u, self.eta))
            lines, count = left @ lines, count + line.bincount(minlength=len(lines))
            for part in torch.arange(len(line), device=line.device).split(max(1, RESPONSES // feedback.shape[0])):
                target = responses(piece.x, Windows(*(field[part] for field in found)), self.window)
                if self.fit == "squares":
                    target = torch.cat([target, u[part]], 1)
                lines.index_add_(0, line[part], gain[part, :, None] * target[:, None])
        self._after = lines, count
        return self._scaled(feedback, lines, count)

    def effects(self) -> Tensor:
        """β, the effects as the lines have them now, ``[L, K]``; zero where there has been no window."""
        return self._jumps(self.lines.to(torch.promote_types(self.lines.dtype, torch.float32)))

    def measures(self, weight: Tensor) -> dict[str, float]:
        """``windows``: how many a lower neuron has had so far, on average, of the kind it has had fewer of."""
        return {"windows": float(self.windows.view(2, -1).amin(0).float().mean())}

    def extra_repr(self) -> str:
        """The options, for printing."""
        names = ("steps", "replicas", "scale", "window", "alpha", "fit", "eta")
        return ", ".join([super().extra_repr(), *(f"{name}={getattr(self, name)}" for name in names)])

    def _pass(self, weight: Tensor) -> None:
        super()._pass(weight)
        if self.count % self.every == 0:
            self.lines.copy_(self._after[0])
            self.windows.copy_(self._after[1])

    def _jumps(self, lines: Tensor) -> Tensor:
        """The jump at the threshold between the lines of the windows without and with a spike."""
        if self.fit == "squares":
            lines = torch.linalg.pinv(lines[..., -2:].double(), hermitian=True) @ lines[..., :-2].double()
        without, with_spike = (THRESHOLD * lines[:, 0] + lines[:, 1]).chunk(2)
        return (with_spike - without).T

    def _scaled(self, feedback: Tensor, lines: Tensor, count: Tensor) -> Tensor:
        """B, with the size of B₀, where both lines have had windows; as it was elsewhere, and where β tells nothing."""
        known = (count.view(2, -1) > 0).all(0)
        if not known.any():
            return feedback
        beta = self._jumps(lines).to(feedback)
        std = beta[:, known].std(correction=0)
        return torch.where(known & (std > 0), beta * (self.size.to(std) / std), feedback)
