"""What a kernel has to know of a neuron: which equation, which reset, which surrogate."""

from __future__ import annotations

from typing import NamedTuple

import snntorch as snn

from spikefa.scan.surrogates import Surrogate, recognise


class Dynamics(NamedTuple):
    """The equation of a layer of neurons, without its numbers.

    Args:
        synaptic: whether a synaptic current comes before the membrane (``snn.Synaptic``).
        mechanism: reset ``subtract``, ``zero`` or ``none``.
        instant: whether the reset comes within the step of the spike (``reset_delay=False``).
        surrogate: the slope of the spikes; None where the neuron's own ``spike_grad`` makes them.

    Example:
        >>> of(snn.Leaky(beta=0.9, reset_delay=False, surrogate_disable=True))
        Dynamics(synaptic=False, mechanism='subtract', instant=True, surrogate=Surrogate(code=0, a=0.0, b=0.0))
    """

    synaptic: bool
    mechanism: str
    instant: bool
    surrogate: Surrogate | None


def of(neuron: snn.SpikingNeuron) -> Dynamics:
    """The dynamics of a ``Leaky``, ``SingleSpike`` or ``Synaptic`` neuron."""
    mechanism = neuron.reset_mechanism
    instant = not neuron.reset_delay and mechanism != "none"
    return Dynamics(type(neuron) is snn.Synaptic, mechanism, instant, recognise(neuron.spike_grad))
