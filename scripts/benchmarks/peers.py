"""The same network in the words of neighbouring packages, which are optional."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .workloads import BETA, Integrator, Neurons

DECAY = 1 - BETA


def spikingjelly(net: nn.Sequential) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """Multi-step mode: every layer sees the whole sequence; the implementation of the neuron is its own choice.

    Its integrator scales the current by 0.1, which is undone behind.
    """
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    def convert(module: nn.Module) -> nn.Module:
        if isinstance(module, Neurons):
            return neuron.LIFNode(
                tau=1 / DECAY,
                decay_input=False,
                v_reset=None,
                surrogate_function=surrogate.ATan(2.0),
                detach_reset=True,
                step_mode="m",
            )
        if isinstance(module, Integrator):
            return neuron.NonSpikingLIFNode(tau=1 / DECAY, decode="mean-mem")
        return layer.SeqToANNContainer(module)

    whole = nn.Sequential(*map(convert, net))

    def scores(x: Tensor) -> Tensor:
        functional.reset_net(whole)
        return whole(x) / DECAY

    return whole, scores


def norse(net: nn.Sequential) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """``SequentialState`` of neurons over the whole sequence; linear layers see it as it is, others are lifted.

    Its neurons scale the current by dt/tau = 0.1; so is their threshold, and the integrator's scale is undone behind.
    """
    from norse.torch import LIFBoxParameters, Lift, SequentialState
    from norse.torch.functional.leaky_integrator_box import LIBoxParameters, LIBoxState, li_box_feed_forward_step
    from norse.torch.functional.lif_box import LIFBoxFeedForwardState, lif_box_feed_forward_step
    from norse.torch.functional.reset import reset_subtract
    from norse.torch.module.snn import SNN

    dt, zero = 0.001, torch.tensor(0.0)
    rate = torch.tensor(DECAY / dt)

    def convert(module: nn.Module) -> nn.Module:
        if isinstance(module, Neurons):
            lif = LIFBoxParameters(rate, zero, torch.tensor(DECAY), reset_method=reset_subtract)
            return SNN(lif_box_feed_forward_step, lambda x: LIFBoxFeedForwardState(torch.zeros_like(x[0])), lif, dt)
        if isinstance(module, Integrator):
            leaky = LIBoxParameters(rate, zero)
            return SNN(li_box_feed_forward_step, lambda x: LIBoxState(torch.zeros_like(x[0])), leaky, dt)
        return module if isinstance(module, nn.Linear) else Lift(module)

    whole = SequentialState(*map(convert, net))
    return whole, lambda x: whole(x)[0].mean(0) / DECAY
