"""One scan with its own backward: the autograd side of the kernels, which is the same on a CPU and on a GPU."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple, Protocol, final

import snntorch as snn
import torch
from torch import Tensor

from spikefa.scan import dynamics, reference
from spikefa.scan.dynamics import Dynamics


class Kept(NamedTuple):
    """What backward needs of forward, each of the currents' shape; None where it needs it not.

    Only ``mem`` is kept in the common case, and that is the output itself.
    """

    mem: Tensor
    pre: Tensor | None
    syn: Tensor | None


Errors = tuple[Tensor | None, Tensor | None]
"""Of the spikes and of the membranes, where there are any."""


class Kernel(Protocol):
    """A device's kernels on contiguous ``[T, B, ...]``.

    ``settings`` are alpha, beta, threshold and graded, ``[4, 1]`` or ``[4, N]`` with one for each of N neurons.
    """

    def forward(self, cur: Tensor, settings: Tensor, equation: Dynamics, spk: Tensor | None, kept: Kept) -> None:
        """Fill ``spk`` (None without a surrogate), and what of ``kept`` is there."""

    def backward(
        self, errors: Errors, kept: Kept, settings: Tensor, equation: Dynamics, gcur: Tensor, sums: Tensor | None
    ) -> None:
        """Fill the errors of the currents; and the gradients of the settings, ``[4, B·N]``, if something learns."""


@final
class Scan(torch.autograd.Function):
    """Spikes and membranes of ``[T, B, ...]`` currents; gradients in one pass backwards through time."""

    @staticmethod
    def forward(
        ctx: Any, cur: Tensor, settings: Tensor, equation: Dynamics, kernel: Kernel, learns_alpha: bool
    ) -> tuple[Tensor | None, Tensor]:
        """Run the kernel and keep what backward needs."""
        needed, learns, *_ = ctx.needs_input_grad
        keep_pre, keep_syn = equation.instant and (needed or learns), learns and learns_alpha
        spk = torch.empty_like(cur) if equation.surrogate else None
        pre = torch.empty_like(cur) if keep_pre else None
        kept = Kept(torch.empty_like(cur), pre, torch.empty_like(cur) if keep_syn else None)
        kernel.forward(cur, settings, equation, spk, kept)
        ctx.save_for_backward(*kept, settings)
        ctx.equation, ctx.kernel = equation, kernel
        ctx.set_materialize_grads(False)
        return spk, kept.mem

    @staticmethod
    def backward(ctx: Any, gspk: Tensor | None, gmem: Tensor | None) -> tuple[Tensor | None, ...]:
        """Run the kernel's backward and add its columns up where they share a number."""
        *kept, settings = ctx.saved_tensors
        if gspk is None and gmem is None:
            return (None,) * 5
        errors = None if gspk is None else gspk.contiguous(), None if gmem is None else gmem.contiguous()
        gcur = torch.empty_like(kept[0])
        sums = kept[0].new_empty(4, kept[0][0].numel()) if ctx.needs_input_grad[1] else None
        ctx.kernel.backward(errors, Kept(*kept), settings, ctx.equation, gcur, sums)
        gsettings = None if sums is None else sums.view(4, -1, settings.shape[1]).sum(1)
        if torch.is_grad_enabled():  # by create_graph=True
            gcur, gsettings = Last.apply(kept[0], gcur, gsettings)  # type: ignore[no-untyped-call]
        return gcur, gsettings, None, None, None


@final
class Last(torch.autograd.Function):
    """Gradients that no one can differentiate again, which this says when asked to: silence would mean zero."""

    @staticmethod
    def forward(ctx: Any, mem: Tensor, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients."""
        return gradients

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> tuple[Tensor | None, ...]:
        """An error with the way out."""
        raise RuntimeError(
            "the gradients of a fused scan cannot be differentiated again: compute them within "
            "spikefa.scan.using('reference')"
        )


def packed(settings: tuple[Tensor, ...], cur: Tensor) -> Tensor:
    """Settings as the kernels take them: ``[4, 1]``, or ``[4, N]``, in the currents' precision and place."""
    if all(setting.numel() == 1 for setting in settings):
        return torch.stack([setting.reshape(1).to(cur) for setting in settings])
    return torch.stack([setting.to(cur).expand(cur.shape[2:]).flatten() for setting in settings])


def scan(neuron: snn.SpikingNeuron, cur: Tensor, kernel: Kernel) -> tuple[Tensor, Tensor]:
    """Spikes and membranes of a layer by a kernel; see :func:`spikefa.neurons.scan`.

    A ``spike_grad`` of the user's own is called once, on the membranes of all steps, by torch. If its spikes then are
    not those with which the kernel has reset the membranes, the reference does it all again, with a warning.

    Args:
        neuron: a ``Leaky``, ``SingleSpike`` or ``Synaptic`` that :func:`spikefa.scan.hindrance` finds nothing against.
        cur: currents, ``[T, B, ...]``.
        kernel: what computes it.

    Returns:
        ``spk, mem``, both of ``cur``'s shape and dtype.
    """
    equation = dynamics.of(neuron)
    beta = neuron.beta.clamp(0, 1)
    alpha = neuron.alpha.clamp(0, 1) if equation.synaptic else beta.detach()
    settings = packed((alpha, beta, neuron.threshold, neuron.graded_spikes_factor), cur)
    spk, mem = Scan.apply(cur.contiguous(), settings, equation, kernel, alpha.requires_grad)  # type: ignore[no-untyped-call]
    if spk is not None:
        return spk, mem
    spk = neuron.spike_grad(mem - neuron.threshold)
    if equation.mechanism != "none" and not spk.detach().eq(mem.detach() > neuron.threshold).all():
        warnings.warn("this spike_grad does not give 1 exactly above 0: the slow reference runs", stacklevel=3)
        return reference.scan(neuron, cur)
    return (spk * neuron.graded_spikes_factor).to(cur.dtype), mem
