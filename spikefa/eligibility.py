"""The eligibility of one layer's synapses, stepped forward in time: what each did for its neuron, as traces."""

from __future__ import annotations

from typing import final

import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa.scan.reference import integrate


@final
class Eligible:
    """An affine layer and its LIF neurons over time, with the traces that the local form of learning needs.

    ε_j[t] = β ε_j[t−1] + s_j[t]; ψ_i[t] = surrogate'(mem_i[t] − threshold); z_ij = F(ψ_i ε_j). A bias is a synapse from
    a neuron that always fires. Where the membrane's decay differs between neurons or steps (β by neuron, a reset to
    zero, which is a decay by 0), ε is a trace of each synapse. F is a chain of low-pass filters,
    f[t] = κ f[t−1] + its input.

    Memory: ``[B, out, in]`` numbers for each filter, and the same for ε by synapse; nothing grows with time.

    Args:
        layer: the affine layer, ``[out, in]``.
        neuron: its neurons.
        filters: the decays of F, from the first to the last; none for a read-out, whose ψ is 1.
        readout: whether these are the read-out's neurons.

    Example:
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> own = Eligible(layer, snn.Leaky(beta=0.5, reset_mechanism="none"), (), readout=True)
        >>> for _ in range(3):
        ...     spk, mem = own.step(torch.ones(1, 1))
        >>> own.gradient(torch.ones(1, 1))
        tensor([[1.7500]])
    """

    def __init__(self, layer: nn.Linear, neuron: snn.Leaky, filters: tuple[float, ...], readout: bool) -> None:
        self.layer, self.neuron, self.filters, self.readout = layer, neuron, filters, readout
        self.by_synapse = neuron.beta.numel() > 1 or neuron.reset_mechanism == "zero"
        self.reset()

    def reset(self) -> None:
        """A sequence begins: all states are zero."""
        self.mem: Tensor | None = None
        self.trace = self.psi = torch.zeros(())
        self.filtered: list[Tensor] = []
        self.mean: list[Tensor] = []
        self.weight = [0.0] * len(self.filters)

    @property
    def states(self) -> list[Tensor]:
        """Everything that is kept from step to step."""
        return [] if self.mem is None else [self.mem, self.trace, self.psi, *self.filtered, *self.mean]

    def step(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """One time step: spikes or data ``[B, in]`` in, ``spk, mem`` out, ``[B, out]`` each."""
        neuron, cur = self.neuron, nn.functional.linear(s, self.layer.weight, self.layer.bias)
        mem = torch.zeros_like(cur) if self.mem is None else self.mem
        beta = neuron.beta.clamp(0, 1)
        pre = s if self.layer.bias is None else torch.cat([s, s.new_ones(len(s), 1)], 1)
        self._trace(pre, beta.expand_as(mem) * self._kept(mem) if self.by_synapse else beta)
        self.mem = integrate(neuron, beta, mem, cur)
        spk = self._fire(self.mem)
        self._filter()
        return spk.to(cur.dtype), self.mem

    def gradient(self, signal: Tensor) -> Tensor:
        """Σ_b L_i z_ij for the learning signal L, ``[B, out]``: ``[out, in]``, and a last column for the bias."""
        if self.filters:
            return (signal.unsqueeze(2) * self.filtered[-1]).sum(0)  # four times as fast as einsum, on a CPU
        signal = signal if self.readout else signal * self.psi
        return (signal.unsqueeze(2) * self.trace).sum(0) if self.by_synapse else signal.T @ self.trace

    def passed(self, signal: Tensor) -> Tensor:
        """The learning signal as this layer passes it down, times ψ averaged by the filters above; a read-out's is it.

        The average stands for the ψ of the steps at which what is eligible below arrived here.
        """
        if self.readout:
            return signal
        return signal * (self.mean[-1] / self.weight[-1] if self.filters else self.psi)

    def _kept(self, mem: Tensor) -> Tensor:
        """What the reset leaves of ∂mem: everything, unless it sets mem to zero."""
        zero = self.neuron.reset_mechanism == "zero"
        return 1 - self.neuron.mem_reset(mem).to(mem.dtype) if zero else torch.ones_like(mem)

    def _trace(self, pre: Tensor, decay: Tensor) -> None:
        if self.by_synapse:
            pre, decay = pre.unsqueeze(1), decay.unsqueeze(2)
        self.trace = (decay * self.trace + pre) if self.trace.dim() else pre + 0 * decay

    def _fire(self, mem: Tensor) -> Tensor:
        """The spikes; and ψ, the neuron's own surrogate at work on one step."""
        if self.readout:
            return self.neuron.fire(mem)  # type: ignore[no-any-return]
        with torch.enable_grad():
            here = mem.detach().requires_grad_()
            spk: Tensor = self.neuron.fire(here)
            (self.psi,) = torch.autograd.grad(spk.sum(), here) if spk.requires_grad else (torch.zeros_like(mem),)
        return spk.detach()

    def _filter(self) -> None:
        if not self.filters:
            return
        if not self.filtered:
            blank = self.trace.new_zeros(*self.psi.shape, self.trace.shape[-1])
            self.filtered = [blank.clone() for _ in self.filters]
            self.mean = [torch.zeros_like(self.psi) for _ in self.filters]
        self._eligible(self.filters[0])
        self.mean[0].mul_(self.filters[0]).add_(self.psi)
        self.weight[0] = self.filters[0] * self.weight[0] + 1
        for at, decay in enumerate(self.filters[1:], start=1):
            self.filtered[at].mul_(decay).add_(self.filtered[at - 1])
            self.mean[at].mul_(decay).add_(self.mean[at - 1])
            self.weight[at] = decay * self.weight[at] + self.weight[at - 1]

    def _eligible(self, decay: float) -> None:
        """z ← κ z + ψ ε, in place."""
        trace = self.trace if self.by_synapse else self.trace.unsqueeze(1)
        self.filtered[0].mul_(decay).addcmul_(self.psi.unsqueeze(2), trace)
