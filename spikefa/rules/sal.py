"""Spike-based alignment learning: B learns from the spike times that W causes, in phases of noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from spikefa.noise.leaky import LeakyNeuron
from spikefa.noise.pair import Neuron, pair
from spikefa.noise.phase import NoisePhase
from spikefa.noise.stdp import mirrored_window
from spikefa.noise.stochastic import StochasticNeuron
from spikefa.options import Range, flag, positive, whole, within
from spikefa.streams import stream

NEURONS: dict[str, type[Neuron]] = {"stochastic": StochasticNeuron, "lif": LeakyNeuron}
"""The neurons that a noise phase can be held with."""


@final
class SpikeAlignment(NoisePhase):
    """Spike-based alignment learning: an STDP window on the feedback synapse moves B towards W.

    In a noise phase the two populations that the layer connects are driven by noise alone, both W and B transmitting
    (:func:`~spikefa.noise.pair.pair`), and B changes once by the window's mean over replicas
    (:func:`~spikefa.noise.stdp.mirrored_window`):

    ΔB_lk = η_n / (2 T_ref) ⟨ Σ_t S_l(t) x_k(t) − S_k(t) x_l(t) ⟩,  η_n = η, or η N / (N + n) after n phases

    ⟨ΔB⟩ ∝ W − B, so the mean moves to W; what remains is noise, of a variance proportional to ``eta / replicas``.
    Convolutions take part through the matrix of their receptive field; as the window changes sign with its two ends,
    it does not matter that those of a transposed convolution change places.

    The neurons of the phase are the authors' stochastic ones, *not* the LIF neurons of the network. ``neuron=lif`` has
    LIF neurons that fire as often (:class:`~spikefa.noise.leaky.LeakyNeuron`). With them B settles beside W if the two
    ends fire at different rates. Measured for 10 → 10 neurons, W ~ N(0, 0.4), T_ref = 10: B, averaged over 25 phases of
    1000 steps and 128 replicas with η = 0.8, after 15 of them from B = W, and the line fitted through B against W, its
    offset in standard deviations of W; mean ± standard deviation over five seeds:

    ==========  ============  ============  =============  =============  =============  ==============
    neuron      biases b_k,l  rates × 21    cosine         ‖B‖/‖W‖        slope          offset
    ==========  ============  ============  =============  =============  =============  ==============
    stochastic  0, 0          1.02, 1.02    0.9999±0.0000  0.999±0.001    0.999±0.001    −0.001±0.001
    stochastic  1, 1          1.46, 1.44    0.9998±0.0000  0.999±0.002    0.999±0.002    −0.000±0.003
    stochastic  −1, 1         0.58, 1.43    0.9998±0.0001  1.001±0.003    1.001±0.003    −0.001±0.002
    stochastic  1, −1         1.44, 0.59    0.9998±0.0001  1.000±0.001    1.000±0.001    0.000±0.002
    lif         0, 0          0.94, 0.94    0.9993±0.0002  1.003±0.004    1.002±0.005    −0.001±0.006
    lif         1, 1          1.36, 1.35    0.9986±0.0005  0.998±0.006    0.996±0.007    −0.003±0.005
    lif         −1, 1         0.43, 1.34    0.9959±0.0016  1.031±0.023    1.026±0.021    0.015±0.013
    lif         1, −1         1.36, 0.42    0.9954±0.0023  0.978±0.017    0.973±0.023    −0.026±0.008
    ==========  ============  ============  =============  =============  =============  ==============

    Biases come on top of the centring below. The first 100 steps of each phase were left out; with them even stochastic
    neurons with biases −1, 1 have an offset, −0.057±0.014 for phases of 200 steps, as the ends take a while to reach
    their rates.

    Phases are what it costs, in proportion to ``steps`` · ``replicas`` / ``every``. B following the W of a 200 → 200
    layer, recorded while bp trained the third of six hidden layers on Fashion-MNIST (Adam, lr 1e-3, 782 updates). One
    seed, and the last line's η and N were chosen on this very recording:

    =================================  ===========================  ============================  ====
    options                            updates until cosine > 0.95  mean cosine, updates 420–780  cost
    =================================  ===========================  ============================  ====
    ``every=10,eta=0.2``, the default  140                          0.991                         1
    ``every=20,eta=0.4``               140                          0.981                         1/2
    ``every=40,eta=0.4``               280                          0.978                         1/4
    ``every=40,eta=1.0,anneal=5``      160                          0.983                         1/4
    =================================  ===========================  ============================  ====

    Ours, not the paper's: in the phase every neuron's bias is minus half the sum of its own incoming weights, so that
    its drive is centred. W = B is a fixed point for any bias, but with zero bias (``centred=False``) some neurons of a
    wide layer fire at the refractory limit, where spikes no longer tell of weights, and B runs away from W there
    (cosine 0.946 after 60 phases from B = W in the 128 → 128 layer of the digits mlp that bp trained for ten epochs,
    seed 0; 0.995 centred).

    **Uses:** the spikes of the layer's two ends during the noise phase: local to the synapse. ``centred`` also uses the
    sum of a neuron's incoming weights, a single number that is local to the neuron, to drive it; learning sees spikes
    alone.

    Reference:
        Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike timing for robust local gradients",
        Nature Communications 17, 8699, 2026. https://arxiv.org/abs/2503.02642

    Args:
        weight: W₀, ``[out, in, ...]``.
        generator: draws B₀ and the seed of the noise.
        eta: learning rate η; per phase W − B shrinks by about 0.6 η for ``steps=2000``.
        anneal: N, the phases after which η has halved; constant if absent. The scatter of B around a W at rest then
            goes to zero, but so does the pace at which B follows a W that moves.
        every: updates, or epochs, from one noise phase to the next.
        per: what ``every`` counts, ``update`` or ``epoch``.
        steps: length of a phase in time steps.
        replicas: independent copies of the layer simulated side by side.
        refractory: T_ref, refractory time, length of a post-synaptic potential and time constant of the window, steps.
        neuron: ``stochastic`` or ``lif``.
        centred: whether biases centre the drive, or are zero.
        mismatch: standard deviation of the neurons' thresholds, in units of the drive u: each neuron of a phase has an
            offset of its own, the same in every phase. From B = W, in 30 phases of 2000 steps, a mismatch of 1 leaves a
            cosine of 0.9998 for stochastic neurons (0.9999 without), of 0.997 for LIF neurons (0.999 without); phases
            of 500 steps 0.998 and 0.987 (0.999 and 0.997 without).

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> weight = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
        >>> pathway = SpikeAlignment(weight, torch.Generator().manual_seed(1), every=1, eta=0.4)
        >>> for update in range(8):
        ...     pathway.step(weight)
        >>> bool(torch.cosine_similarity(pathway.weight.flatten(), weight.flatten(), dim=0) > 0.9)
        True
    """

    search: ClassVar[Mapping[str, Range]] = {"eta": Range(0.02, 1.0, log=True)}

    def __init__(
        self,
        weight: Tensor,
        generator: torch.Generator,
        *,
        eta: float = 0.2,
        anneal: int | None = None,
        every: int = 10,
        per: str = "update",
        steps: int = 2000,
        replicas: int = 32,
        refractory: int = 10,
        neuron: str = "stochastic",
        centred: bool = True,
        mismatch: float = 0.0,
    ) -> None:
        super().__init__(weight, generator, every=every, per=per)
        whole(steps=steps, replicas=replicas, refractory=refractory, **({} if anneal is None else {"anneal": anneal}))
        positive(eta=eta)
        if neuron not in NEURONS:
            raise ValueError(f"neuron must be {' or '.join(NEURONS)}, not {neuron!r}")
        flag(centred=centred)
        within(0, math.inf, mismatch=mismatch)
        self.eta, self.anneal, self.steps, self.replicas = eta, anneal, steps, replicas
        self.refractory, self.neuron, self.centred, self.mismatch = refractory, neuron, centred, mismatch

    def simulate(self, weight: Tensor, feedback: Tensor, noise: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Spikes of the two populations, which drive each other through W and B."""
        half = -0.5 if self.centred else 0.0
        below, above = half * feedback.sum(0), half * weight.sum(1)
        if self.mismatch:
            draws = stream(int(self.seed), "mismatch")
            below, above = (b - self.mismatch * torch.randn(b.shape, generator=draws).to(b) for b in (below, above))
        neuron = NEURONS[self.neuron](self.refractory)
        return pair(weight, feedback, noise, neuron, steps=self.steps, replicas=self.replicas, bias=(below, above))

    def learn(self, feedback: Tensor, recording: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
        """B + η_n times the window of all spikes, divided by the length of its kernel, 2 T_ref; in B's precision."""
        phases = max(int(self.count) - 1, 0) // self.every
        eta = self.eta if self.anneal is None else self.eta * self.anneal / (self.anneal + phases)
        if feedback.dtype != torch.float32:  # which is the window's precision where spikes are booleans
            recording = ((lower.to(feedback.dtype), upper.to(feedback.dtype)) for lower, upper in recording)
        return feedback + eta * mirrored_window(recording, self.refractory) / (2 * self.refractory)

    def extra_repr(self) -> str:
        """The options, for printing."""
        names = ("eta", "anneal", "every", "per", "steps", "replicas", "refractory", "neuron", "centred", "mismatch")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)
