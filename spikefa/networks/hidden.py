"""The neurons of a hidden layer: spiking, or rates in their place."""

from __future__ import annotations

from collections.abc import Callable

import snntorch as snn
from snntorch import surrogate
from torch import nn

from spikefa.names import nearest
from spikefa.single_spike import SingleSpike


def lif(beta: float, alpha: float, reset: str) -> snn.Leaky:
    """LIF neurons that keep their state, with the arctan surrogate gradient of steepness ``alpha``."""
    if reset not in ("subtract", "zero"):
        raise ValueError(f"reset must be subtract or zero, not {reset!r}")
    return snn.Leaky(beta=beta, spike_grad=surrogate.atan(alpha), reset_mechanism=reset, init_hidden=True)


def single(beta: float, alpha: float, reset: str) -> SingleSpike:
    """LIF neurons that fire once at most, with the same surrogate gradient."""
    if reset != "subtract":
        raise ValueError(f"neurons that fire once are not reset: leave reset={reset!r} out")
    return SingleSpike(beta=beta, spike_grad=surrogate.atan(alpha), init_hidden=True)


def relu(beta: float, alpha: float, reset: str) -> nn.ReLU:
    """Rectified rates, without a state; ``beta`` and ``alpha`` are not used."""
    if reset != "subtract":
        raise ValueError(f"rectifiers do not reset: leave reset={reset!r} out")
    return nn.ReLU()


NEURONS: dict[str, Callable[[float, float, str], nn.Module]] = {"lif": lif, "single": single, "relu": relu}


def hidden(neuron: str, reset: str = "subtract") -> Callable[[float, float], nn.Module]:
    """What makes the neurons of a layer from their beta and alpha.

    Of rectifiers, which have no state, one step is enough (``steps=1``): the network is then an ordinary one of rates,
    with the membranes of the read-out as its scores. Its initial weights keep the power of their inputs with a gain of
    √2.

    Reference:
        The gain: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015. https://arxiv.org/abs/1502.01852

    Args:
        neuron: ``lif``, ``single`` (:class:`~spikefa.single_spike.SingleSpike`) or ``relu``.
        reset: of LIF neurons, ``subtract`` or ``zero``.

    Raises:
        ValueError: another one.

    Example:
        >>> hidden("relu")(0.9, 2.0)
        ReLU()
    """
    if neuron not in NEURONS:
        raise ValueError(f"no neuron is called {neuron!r}{nearest(str(neuron), NEURONS)}: {', '.join(NEURONS)}")
    return lambda beta, alpha: NEURONS[neuron](beta, alpha, reset)
