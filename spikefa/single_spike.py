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
    place, and one that is taken away leaves its place to the next step at which the membrane is above threshold. In the
    one deep network in which both were tried, it learned much less with the product outside the graph, as resets are.

    It has two states, which are handed on as those of ``snn.Synaptic`` are, ``spk, spent, mem = neuron(cur, spent,
    mem)``, or kept (``init_hidden``): ``spent`` is 1 once it has fired. :func:`spikefa.reset`, ``reset_mem`` and
    ``snntorch.utils.reset`` put both back, the last one only as the next step begins: before a network is copied or a
    loop is compiled, use one of the former. :func:`spikefa.run` scans it by the kernels of ``snn.Leaky``; in a
    module of your own under ``run``, its states do not come with its spikes; ``output=True`` gives the membrane.

    Reference:
        At most one spike a neuron: Mostafa, "Supervised learning based on temporal coding in spiking neural networks",
        IEEE TNNLS 29, 2018. https://arxiv.org/abs/1606.08165; with frozen feedback Goupy, Tirilly, Bilasco, "Frozen
        backpropagation: relaxing weight symmetry in temporally-coded deep spiking neural networks", 2025.
        https://arxiv.org/abs/2505.13741. The surrogate gradient of the product is ours.

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
        self._left, self._followed = self.mem, False

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
        elif self._followed and not self.mem.requires_grad:  # detached as snnTorch does
            self.spent = self.spent.detach()
        before = self.spent if self.spent.shape == input_.shape else torch.zeros_like(input_)
        given = super().forward(input_)
        spk = (given[0] if isinstance(given, tuple) else given) * (1 - before)
        self.spent, self._left, self._followed = before + spk, self.mem, self.mem.requires_grad
        return (spk, self.spent, self.mem) if isinstance(given, tuple) else spk


def changed(neuron: SingleSpike) -> bool:
    """Whether something was set on a neuron, after it was built, that it does not have.

    Example:
        >>> neuron = SingleSpike(beta=0.5)
        >>> neuron.inhibition = True
        >>> changed(neuron), changed(SingleSpike(beta=0.5))
        (True, False)
    """
    set_later = neuron.inhibition or neuron.state_quant or neuron.reset_mechanism != "none" or not neuron.reset_delay
    if set_later or torch.compiler.is_compiling():  # which cannot ask for a number
        return bool(set_later)
    return bool((neuron.graded_spikes_factor != 1).any())


def once(spk: Tensor) -> Tensor:
    """The first spike of each neuron: spk[t] Π_{s<t} (1 − spk[s]), of zeros and ones.

    A loop over small tensors, which stay in a CPU's cache: six to eight times as fast as sums over the whole sequence,
    and more than ten times as torch's own product, whose gradient is slow where there are zeros.

    Args:
        spk: spikes, ``[T, B, ...]``, of neurons that may fire again.

    Example:
        >>> once(torch.tensor([0.0, 1.0, 1.0]))
        tensor([0., 1., 0.])
    """
    silent, firsts = torch.ones_like(spk[0]), []
    for now in spk.unbind():
        firsts.append(now * silent)
        silent = silent - firsts[-1]
    return torch.stack(firsts)
