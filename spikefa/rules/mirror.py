"""The weight mirror: B learns how the responses above vary with noise below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from spikefa.noise.driven import Drive
from spikefa.noise.scaled import UpToScale
from spikefa.options import Range, positive, whole

NEURONS = ("linear", "lif")
STIMULUS = 100
"""Length of a stimulus to spiking neurons, ms."""


@final
class WeightMirror(UpToScale):
    """The weight mirror: B follows the correlation of noise below with the response above, and decays.

    After a phase of n = stimuli × replicas stimuli (n_pre, n_post below), B changes once:

    - ``neuron="linear"``:  x ~ N(0, 1),  y = W x,  B ← B + η [ ⟨y xᵀ⟩ − λ B ]
    - ``neuron="lif"``:  B ← B + η [ ⟨(n_post − ⟨n_post⟩)(n_pre − ⟨n_pre⟩)ᵀ⟩ − λ B ], n the counts of spikes in
      a stimulus of 100 ms

    Linear leaves out the upper neurons' own nonlinearity and bias. Decay alone bounds B; there is no other
    normalisation: noise has variance 1, so that ⟨y xᵀ⟩ is W on average and B goes to W / λ, with λ = 1 to W itself.
    Counts come in units of their own, so with ``lif`` B is used at the norm of B₀ (ours; see
    :class:`~spikefa.noise.scaled.UpToScale`). There the populations are those of :class:`~spikefa.noise.driven.Drive`,
    in steps of 1 ms, and the form is that of the comparison in the STDWI paper.

    What remains is noise of the sample: B settles at a cosine of 1 / √(1 + (K + 1) η λ / (n (2 − η λ))) to a fixed W
    of fan-in K, linear.

    Time course on 200 → 200 neurons, W ~ N(0, 4/200), by the defaults (a phase: 640 stimuli; 4 ms on one core, with
    ``lif`` 0.03 s of a processor, for 64 s of experience):

    ======  =====  =====  =====  =====  =====
    phases  1      2      5      10     30
    ======  =====  =====  =====  =====  =====
    linear  0.39   0.70   0.95   0.97   0.97
    lif     0.83   0.90   0.95   0.96   0.96
    ======  =====  =====  =====  =====  =====

    **Uses:** the activities, or spikes, of the layer's two ends during the noise phase, and with ``lif`` their means:
    local to the synapse. ``lif`` also uses what its spiking copy does: see
    :class:`~spikefa.rules.SpikeTimingWeightInference`.

    Reference:
        Akrout, Wilson, Humphreys, Lillicrap, Tweed, "Deep learning without weight transport", NeurIPS 2019.
        https://arxiv.org/abs/1904.05391
        Ahmad, Ambrogioni, van Gerven, "Overcoming the weight transport problem via spike-timing-dependent weight
        inference", 2020. https://arxiv.org/abs/2003.03988

    Args:
        weight: W₀, ``[out, in, ...]``.
        generator: draws B₀ and the seed of the noise.
        neuron: above, ``linear`` or ``lif``.
        eta: learning rate η, of a phase; ``decay``: λ.
        every: updates, or epochs, from one phase to the next.
        per: what ``every`` counts, ``update`` or ``epoch``.
        stimuli: in a phase, one after another.
        replicas: independent copies of the layer side by side.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> weight = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
        >>> pathway = WeightMirror(weight, torch.Generator().manual_seed(1), every=1)
        >>> for update in range(20):
        ...     pathway.step(weight)
        >>> bool((pathway(weight) - weight).abs().max() < 0.2)
        True
    """

    search: ClassVar[Mapping[str, Range]] = {"eta": Range(0.03, 0.9, log=True)}

    def __init__(
        self,
        weight: Tensor,
        generator: torch.Generator,
        *,
        neuron: str = "linear",
        eta: float = 0.3,
        decay: float = 1.0,
        every: int = 10,
        per: str = "update",
        stimuli: int = 20,
        replicas: int = 32,
    ) -> None:
        if neuron not in NEURONS:
            raise ValueError(f"neuron must be one of {', '.join(NEURONS)}, not {neuron!r}")
        super().__init__(weight, generator, every=every, per=per, rescale=neuron == "lif")
        whole(stimuli=stimuli, replicas=replicas)
        positive(eta=eta, decay=decay)
        if eta * decay >= 1:
            raise ValueError(f"eta * decay must be below 1, not {eta!r} * {decay!r}: a phase would turn B round")
        self.neuron, self.eta, self.decay, self.stimuli, self.replicas = neuron, eta, decay, stimuli, replicas

    @property
    def drive(self) -> Drive:
        """The populations of ``lif``."""
        return Drive(self.stimuli * STIMULUS, STIMULUS, 1.0, self.replicas)

    def simulate(self, weight: Tensor, feedback: Tensor, noise: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Activities below, ``[B, K]``, and above, ``[B, L]``, of one stimulus after the other."""
        if self.neuron == "lif":
            for lower, upper in self.drive(weight, noise):
                yield lower.sum(0, dtype=torch.int16).to(weight), upper.sum(0, dtype=torch.int16).to(weight)
            return
        for _ in range(self.stimuli):
            x = torch.randn(self.replicas, weight.shape[1], generator=noise, device=weight.device, dtype=weight.dtype)
            yield x, x @ weight.T

    def learn(self, feedback: Tensor, recording: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
        """B after one step towards the correlation of the phase's activities."""
        pre, post = (torch.cat(part) for part in zip(*recording, strict=True))
        if self.neuron == "lif":
            pre, post = pre - pre.mean(0), post - post.mean(0)
        return feedback + self.eta * (post.T @ pre / len(pre) - self.decay * feedback)

    def extra_repr(self) -> str:
        """The options, for printing."""
        names = ("neuron", "eta", "decay", "stimuli", "replicas")
        return ", ".join([super().extra_repr(), *(f"{name}={getattr(self, name)}" for name in names)])
