"""A neuron that fires once: the hidden neuron of networks that compute with the times of first spikes."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import snntorch as snn
import torch
from torch import Tensor


@final
class SingleSpike(snn.Leaky):  # type: ignore[misc]  # snnTorch has no types
    """A LIF neuron that fires at most once in a sequence.

    mem[t] = beta·mem[t−1] + cur[t], S[t] = 1 where mem[t] > threshold, spk[t] = S[t] Π_{s<t} (1 − S[s]).

    The membrane is never reset. The product is part of the graph: a spike that is put before the first one takes its
    place, and one that is taken away leaves its place to the next step at which the membrane is above threshold. With
    the product outside the graph, as snnTorch's resets are, deep networks learn much less.

    It has two states, which are handed on as those of ``snn.Synaptic`` are, ``spk, spent, mem = neuron(cur, spent,
    mem)``, or kept (``init_hidden``): ``spent`` is 1 once it has fired. :func:`spikefa.reset`, ``reset_mem`` and
    ``snntorch.utils.reset`` put both back. :func:`spikefa.run` scans it by the kernels of ``snn.Leaky``.

    Reference:
        At most one spike a neuron: Mostafa, "Supervised learning based on temporal coding in spiking neural networks",
        IEEE TNNLS 29, 2018. https://arxiv.org/abs/1606.08165; with frozen feedback Goupy, Tirilly, Bilasco, "Frozen
        backpropagation: relaxing weight symmetry in temporally-coded deep spiking neural networks", 2025.
        https://arxiv.org/abs/2505.13741. Both have gradients of spike times; the surrogate of the product is ours.

    Args:
        beta: decay of the membrane per step, one number or one per neuron; 1 for a neuron that does not leak.
        threshold: above which it fires.
        spike_grad: surrogate gradient; snnTorch's arctan if absent.
        init_hidden: whether it keeps its states itself.
        learn_beta: whether beta is a parameter; ``learn_threshold``: whether the threshold is.
        output: whether it gives its states, too, where it keeps them.

    Example:
        >>> neuron, spent, mem, spks = SingleSpike(beta=0.5), None, None, []
        >>> for cur in torch.full((4, 1), 0.8):
        ...     spk, spent, mem = neuron(cur, spent, mem)
        ...     spks.append(int(spk))
        >>> spks, mem
        ([0, 1, 0, 0], tensor([1.5000]))
    """

    spent: Tensor
    mem: Tensor

    def __init__(
        self,
        beta: float | Tensor,
        threshold: float | Tensor = 1.0,
        spike_grad: Callable[[Tensor], Tensor] | None = None,
        *,
        init_hidden: bool = False,
        learn_beta: bool = False,
        learn_threshold: bool = False,
        output: bool = False,
    ) -> None:
        super().__init__(
            beta,
            threshold,
            spike_grad,
            init_hidden=init_hidden,
            learn_beta=learn_beta,
            learn_threshold=learn_threshold,
            reset_mechanism="none",
            output=output,
        )
        self.register_buffer("spent", torch.zeros(0), persistent=False)
        self._left = self.mem

    def reset_mem(self) -> tuple[Tensor, Tensor]:
        """Both states at rest."""
        self.spent, self._left = torch.zeros_like(self.spent), super().reset_mem()
        return self.spent, self.mem

    def forward(
        self, input_: Tensor, spent: Tensor | None = None, mem: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """One step, ``[B, ...]``.

        Raises:
            TypeError: states for a neuron that keeps its own, or one of the two without the other.
        """
        if (spent is None) != (mem is None) or (self.init_hidden and mem is not None):
            raise TypeError("give a SingleSpike both its states, spent and mem, or, with init_hidden=True, none")
        if spent is not None and mem is not None:
            self.spent, self.mem = spent, mem
        elif self.mem is not self._left and not self.mem.any():  # put back as snnTorch does, which knows mem alone
            self.spent = torch.zeros_like(self.mem)
        elif not self.mem.requires_grad:  # detached as snnTorch does
            self.spent = self.spent.detach()
        before = self.spent if self.spent.shape == input_.shape else torch.zeros_like(input_)
        given = super().forward(input_)
        spk = (given[0] if isinstance(given, tuple) else given) * (1 - before)
        self.spent, self._left = before + spk, self.mem
        return (spk, self.spent, self.mem) if isinstance(given, tuple) else spk


def once(spk: Tensor) -> Tensor:
    """The first spike of each neuron: spk[t] Π_{s<t} (1 − spk[s]).

    Args:
        spk: spikes, ``[T, B, ...]``, of neurons that may fire again.

    Example:
        >>> once(torch.tensor([0.0, 1.0, 1.0]))
        tensor([0., 1., 0.])
    """
    silent = (1 - spk[:-1]).cumprod(0)
    return torch.cat([spk[:1], spk[1:] * silent])
