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
    """What backward needs of forward, each ``[T, M]``; None where it needs it not.

    Only ``mem`` is kept in the common case, and that is the output itself.
    """

    mem: Tensor
    pre: Tensor | None
    syn: Tensor | None


class Kernel(Protocol):
    """A device's kernels on ``[T, M]``; ``settings`` are alpha, beta, threshold, graded, of one number or M' = M/B."""

    def forward(
        self, cur: Tensor, settings: tuple[Tensor, ...], equation: Dynamics, keep_pre: bool, keep_syn: bool
    ) -> tuple[Tensor | None, Kept]:
        """``spk`` (None without a surrogate), and what backward needs."""

    def backward(
        self,
        errors: tuple[Tensor | None, Tensor | None],
        kept: Kept,
        settings: tuple[Tensor, ...],
        equation: Dynamics,
        learns: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Errors of the currents; gradients of the settings by column, ``[4, M]``, if something learns."""


@final
class Scan(torch.autograd.Function):
    """Spikes and membranes of ``[T, M]`` currents; gradients in one pass backwards through time."""

    @staticmethod
    def forward(
        ctx: Any,
        cur: Tensor,
        alpha: Tensor,
        beta: Tensor,
        threshold: Tensor,
        graded: Tensor,
        equation: Any,
        kernel: Any,
    ) -> tuple[Tensor | None, Tensor]:
        """Run the kernel and keep what backward needs."""
        settings = (alpha, beta, threshold, graded)
        needs = ctx.needs_input_grad
        spk, kept = kernel.forward(cur, settings, equation, equation.instant and any(needs), needs[1])
        ctx.save_for_backward(*kept, *settings)
        ctx.equation, ctx.kernel = equation, kernel
        ctx.set_materialize_grads(False)
        return spk, kept.mem

    @staticmethod
    def backward(ctx: Any, gspk: Tensor | None, gmem: Tensor | None) -> tuple[Tensor | None, ...]:
        """Run the kernel's backward and add its columns up to the shape of each setting."""
        *kept, alpha, beta, threshold, graded = ctx.saved_tensors
        settings = (alpha, beta, threshold, graded)
        if gspk is None and gmem is None:
            return (None,) * 7
        learns = ctx.needs_input_grad[1:5]
        with torch.no_grad():
            errors = tuple(None if error is None else error.contiguous() for error in (gspk, gmem))
            gcur, sums = ctx.kernel.backward(errors, Kept(*kept), settings, ctx.equation, any(learns))
            gradients = [
                _total(sums[row], setting) if needed else None
                for row, (needed, setting) in enumerate(zip(learns, settings, strict=True))
            ]
        if torch.is_grad_enabled():  # by create_graph=True
            gcur, *gradients = Last.apply(kept[0], gcur, *gradients)  # type: ignore[no-untyped-call]
        return gcur, *gradients, None, None


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


def _total(columns: Tensor, setting: Tensor) -> Tensor:
    """The gradients of all columns that share a number, added up."""
    return columns.view(-1, setting.numel()).sum(0) if setting.numel() > 1 else columns.sum().view(1)


def columns(setting: Tensor, cur: Tensor) -> Tensor:
    """A setting as the kernels take it: ``[1]``, or one for every neuron, in the currents' precision and place."""
    if setting.numel() == 1:
        return setting.reshape(1).to(cur)
    return setting.expand(cur.shape[2:]).reshape(-1).contiguous()


def scan(neuron: snn.SpikingNeuron, cur: Tensor, kernel: Kernel) -> tuple[Tensor, Tensor]:
    """Spikes and membranes of a layer by a kernel; see :func:`spikefa.neurons.scan`.

    A ``spike_grad`` of the user's own is called once, on the membranes of all steps, by torch. If its spikes then are
    not those with which the kernel has reset the membranes, the reference does it all again, with a warning.

    Args:
        neuron: a ``Leaky`` or ``Synaptic`` that :func:`spikefa.scan.hindrance` finds nothing against.
        cur: currents, ``[T, B, ...]``.
        kernel: what computes it.

    Returns:
        ``spk, mem``, both of ``cur``'s shape and dtype.
    """
    equation = dynamics.of(neuron)
    beta = neuron.beta.clamp(0, 1)
    alpha = neuron.alpha.clamp(0, 1) if equation.synaptic else beta.detach()
    settings = (columns(s, cur) for s in (alpha, beta, neuron.threshold, neuron.graded_spikes_factor))
    spk, mem = Scan.apply(cur.reshape(len(cur), -1).contiguous(), *settings, equation, kernel)  # type: ignore[no-untyped-call]
    mem = mem.view(cur.shape)
    if spk is not None:
        return spk.view(cur.shape), mem
    spk = neuron.spike_grad(mem - neuron.threshold)
    if equation.mechanism != "none" and not spk.detach().eq(mem.detach() > neuron.threshold).all():
        warnings.warn("this spike_grad does not give 1 exactly above 0: the slow reference runs", stacklevel=3)
        return reference.scan(neuron, cur)
    return (spk * neuron.graded_spikes_factor).to(cur.dtype), mem
