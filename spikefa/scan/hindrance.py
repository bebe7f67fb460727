"""Why a layer of neurons cannot go through a kernel, in words."""

from __future__ import annotations

from importlib.util import find_spec

import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa.scan import dynamics, reference
from spikefa.scan.surrogates import recognise

PRECISIONS = (torch.float32, torch.float64)


def hindrance(neuron: snn.SpikingNeuron, cur: Tensor) -> str:
    """What keeps this neuron, on these currents, from the kernels; empty if nothing does.

    Example:
        >>> hindrance(snn.Lapicque(beta=0.9), torch.ones(3, 1, 1))
        'a Lapicque has no kernel'
    """
    return around(cur) or _of_neuron(neuron) or _of_currents(neuron, cur)


def around(cur: Tensor) -> str:
    """What, around these currents or any other tensor, keeps compiled code from them; empty if nothing does."""
    if torch.compiler.is_compiling():
        return "torch.compile is tracing"
    if torch._C._is_tracing():
        return "torch.jit is tracing, which would keep this input's numbers for every other"
    if torch._C._functorch.peek_interpreter_stack() is not None or torch._C._functorch.is_legacy_batchedtensor(cur):
        return "inside torch.func, which sees through torch's own operations only"
    if torch.autograd.forward_ad._current_level >= 0:
        return "inside forward-mode differentiation, for which the kernels have no rule"
    if type(cur) not in (Tensor, nn.Parameter):
        return f"currents of a class of their own, {type(cur).__name__}"
    return ""


def _of_neuron(neuron: snn.SpikingNeuron) -> str:
    if type(neuron) not in reference.KERNELS:
        return f"a {type(neuron).__name__} has no kernel"
    for setting in ("inhibition", "state_quant"):
        if getattr(neuron, setting):
            return f"the neuron uses {setting}"
    if not reference.matches(neuron):
        return "reset_mechanism was set after the neuron was built, which snnTorch itself takes no notice of"
    if not neuron.reset_delay and dynamics.of(neuron).instant and recognise(neuron.spike_grad) is None:
        return "reset_delay=False with a spike_grad that is not one of snnTorch's deterministic surrogates"
    return ""


def _of_currents(neuron: snn.SpikingNeuron, cur: Tensor) -> str:
    if cur.dtype not in PRECISIONS:
        return f"currents in {cur.dtype}; the kernels have float32 and float64"
    if not cur.numel():
        return "there are no currents"
    for name in ("beta", "threshold", "graded_spikes_factor", *(("alpha",) if type(neuron) is snn.Synaptic else ())):
        if wrong := _setting(getattr(neuron, name), cur):
            return f"{name} {wrong}"
    package = {"cpu": "numba", "cuda": "triton"}.get(cur.device.type)
    if package is None:
        return f"there are no kernels for {cur.device.type}"
    return "" if find_spec(package) else f"{package} is not installed"


def _setting(setting: Tensor, cur: Tensor) -> str:
    """What is wrong with a setting: it must hold one number, or one for every neuron."""
    if not setting.dim():
        return ""
    if setting.device != cur.device:
        return f"is on {setting.device}, the currents on {cur.device}"
    if torch.result_type(setting, cur) != cur.dtype:
        return f"in {setting.dtype} makes membranes of another precision than the currents'"
    shape, neurons = tuple(setting.shape), tuple(cur.shape[2:])
    if shape == (1,):
        return ""
    fits = len(shape) <= len(neurons) and all(
        a in (1, b) for a, b in zip(reversed(shape), reversed(neurons), strict=False)
    )
    return "" if fits else f"of shape {shape} is not one number, nor one for each of {neurons} neurons"
