"""snnTorch's neurons as NIR's; what NIR cannot hold is refused.

=====================  =========================  ======================================================================
snnTorch               NIR                        exact
=====================  =========================  ======================================================================
Leaky, ``zero``        LIF; IF where beta is 1    yes: at rest from the next step on is at rest from now on
RLeaky, ``zero``       LIF and a loop             with ``reset_delay=False``; else the step after a spike has no input
Synaptic, ``zero``     CubaLIF                    likewise
Leaky …, ``none``      LI; I where beta is 1      yes, with a Threshold where spikes go on
Synaptic, ``none``     CubaLI                     yes, likewise
any, ``subtract``      –                          no: NIR puts v to ``v_reset``, what v had above the threshold is lost
=====================  =========================  ======================================================================

In all of them R = 1/(1 − beta), so that a step adds the current as it is, and ``v_leak`` and ``v_reset`` are 0. A loop
takes a step: it carries the spikes of the step before. Of a CubaLIF the current is updated before the membrane.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import snntorch as snn
from torch import Tensor

from spikefa.nir.clock import Array, Clock, library
from spikefa.recording import array
from spikefa.scan.reference import matches

KINDS = (snn.Leaky, snn.Synaptic, snn.RLeaky, snn.RSynaptic)
"""The neurons that NIR has; a subclass of one is another neuron."""


def neuron(name: str, module: Any, shape: tuple[int, ...], clock: Clock, approximate: bool) -> Any:
    """The NIR node of a layer of neurons, its loop left out.

    Args:
        name: of the layer, for errors.
        module: a neuron.
        shape: of the layer, without batch.
        clock: what beta is to mean.
        approximate: whether another reset may be written as one to zero; the node's metadata tell the true one.

    Raises:
        TypeError: a neuron of another kind.
        ValueError: a setting that NIR cannot hold.

    Example:
        >>> node = neuron("lif", snn.Leaky(beta=0.9, reset_mechanism="zero"), (2,), Clock(1e-3), False)
        >>> node.tau.round(6), node.r.round(4), node.v_reset
        (array([0.01, 0.01]), array([10., 10.]), array([0., 0.]))
    """
    _check(name, module, approximate)
    beta, threshold = _values(name, module.beta, shape).clip(0, 1), _values(name, module.threshold, shape)
    if (threshold < 0).any():
        raise ValueError(f"{name} has a threshold of {threshold.min():g}: at rest it would fire without end")
    told = {"metadata": {"reset_mechanism": module.reset_mechanism, "reset_delay": str(module.reset_delay)}}
    fires = {} if module.reset_mechanism == "none" else {"v_threshold": threshold, "v_reset": np.zeros(shape)}
    if isinstance(module, (snn.Synaptic, snn.RSynaptic)):
        alpha = _values(name, module.alpha, shape).clip(0, 1)
        return _current_based(name, alpha, beta, clock, fires | told)
    return _leaky(name, beta, clock, fires | told)


def _leaky(name: str, beta: Array, clock: Clock, more: dict[str, Any]) -> Any:
    nir, fires = library(), "v_threshold" in more
    if (beta == 1).all():  # the current is added once a step, and nothing leaks
        return (nir.IF if fires else nir.I)(r=np.full(beta.shape, 1 / clock.dt), **more)
    tau, r = _constants(name, "beta", beta, clock)
    return (nir.LIF if fires else nir.LI)(tau=tau, r=r, v_leak=np.zeros(beta.shape), **more)


def _current_based(name: str, alpha: Array, beta: Array, clock: Clock, more: dict[str, Any]) -> Any:
    if clock.meaning != "euler":
        raise ValueError(
            f"{name} has synaptic currents, and no solution of NIR's two equations is snnTorch's step: write beta=euler"
        )
    nir = library()
    (tau_syn, w_in), (tau_mem, r) = (_constants(name, *of, clock) for of in (("alpha", alpha), ("beta", beta)))
    kind = nir.CubaLIF if "v_threshold" in more else nir.CubaLI
    return kind(tau_syn=tau_syn, tau_mem=tau_mem, r=r, w_in=w_in, v_leak=np.zeros(beta.shape), **more)


def _constants(name: str, what: str, decay: Array, clock: Clock) -> tuple[Array, Array]:
    """The time constants of decays, s, and by how much an input is to be scaled."""
    if (decay == 1).any():
        raise ValueError(f"{name} has neurons with {what}=1, which have no time constant: give them one below 1")
    if clock.meaning == "exponential" and (decay == 0).any():
        raise ValueError(f"{name} has {what}=0, and nothing decays at once by an exponential: write beta=euler")
    return clock.tau(decay), 1 / (1 - decay)


def threshold(name: str, module: Any, shape: tuple[int, ...]) -> Any:
    """What makes spikes of the membranes of neurons that never reset."""
    return library().Threshold(threshold=_values(name, module.threshold, shape))


def _check(name: str, module: Any, approximate: bool) -> None:
    if type(module) not in KINDS:
        known = ", ".join(kind.__name__ for kind in KINDS)
        raise TypeError(f"{name} is a {type(module).__name__}, which NIR does not have: it has {known}")
    for option in ("inhibition", "state_quant"):
        if getattr(module, option):
            raise ValueError(
                f"{name} has {option}={getattr(module, option)!r}, which NIR cannot hold: build it without"
            )
    if (array(module.graded_spikes_factor) != 1).any():
        raise ValueError(f"{name} has graded_spikes_factor={module.graded_spikes_factor}: NIR's spikes are 0 or 1")
    if not matches(module):
        raise ValueError(
            f"{name} was built with another reset than reset_mechanism={module.reset_mechanism!r}, which was set later "
            f"and changes nothing: build it so"
        )
    if not approximate and (wrong := _reset(module)):
        raise ValueError(
            f"{name} {wrong}; build and train it so, or allow approximate (on the command line --approximate): "
            f"spikes then differ, and the node's metadata alone tell the true reset"
        )


def _reset(module: Any) -> str:
    """Why NIR cannot hold a neuron's reset, and what it can; empty if it can."""
    if module.reset_mechanism == "subtract":
        return "resets by subtraction, and NIR's neurons are put to v_reset: it can hold reset_mechanism='zero'"
    if module.reset_mechanism == "none" or type(module) is snn.Leaky or not module.reset_delay:
        return ""
    kind = type(module).__name__
    return (
        f"is a {kind} that loses its input in the step after a spike, and NIR's neurons do not: it can hold "
        f"reset_delay=False" + (", which snnTorch does not carry out" if kind == "RSynaptic" else "")
    )


def _values(name: str, values: Tensor, shape: tuple[int, ...]) -> Array:
    """A setting of each neuron, ``shape``, in float64."""
    found = array(values).astype(np.float64)
    try:
        return np.broadcast_to(found, shape).copy()
    except ValueError as error:
        raise ValueError(f"{name} has settings of {found.shape} for neurons of {shape}: give one for each") from error
