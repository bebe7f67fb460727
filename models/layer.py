"""A layer of spiking neurons in snnTorch's words, and what Brian2 calls the same things.

The neuron with snnTorch's default reset, per time step t, where `reset[t]` is 1 if it fired in the step before:

    Leaky       mem[t] = beta mem[t-1] + cur[t] - reset[t] threshold,    a spike where mem[t] > threshold (strictly)
    Synaptic    mem[t] = beta mem[t-1] + syn[t] - reset[t] threshold,    syn[t] = alpha syn[t-1] + cur[t]
    RLeaky, RSynaptic    the same, with V spk[t-1] added to cur[t]
    SingleSpike          Leaky without a reset, of which the first spike counts alone

The dictionary between the two packages' words:

    snnTorch                                       Brian2
    beta, alpha                                    tau_mem = -dt / ln(beta), so that exp(-dt / tau_mem) is beta; tau_syn
    mem, syn                                       v, syn, as they are at the end of a step
    reset_mechanism="subtract", reset_delay=True   v -= threshold / beta; the leak then makes it exactly threshold
    reset_mechanism="zero", reset_delay=True       Leaky: v = 0 before the step's current; others: v = 0 after it
    reset_mechanism="none"                         no reset
    SingleSpike                                    no reset; refractory for ever after a spike
    reset_delay=False                              no plain statement: refused

NIR's export of snnTorch reads tau = dt / (1 - beta), an Euler step of the same equation; with the exact step used here
that is another neuron. snnTorch keeps beta and threshold as float32: give `float(leaky.beta)`, not the literal 0.9.

Reference:
    J. K. Eshraghian, M. Ward, E. O. Neftci, X. Wang, G. Lenz, G. Dwivedi, M. Bennamoun, D. S. Jeong, W. D. Lu,
    "Training Spiking Neural Networks Using Lessons From Deep Learning", Proceedings of the IEEE 111(9), 2023,
    https://doi.org/10.1109/JPROC.2023.3308088
"""

from dataclasses import dataclass
from typing import Any

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

DT = 1 * b2.ms

RESETS = {"subtract": "v -= threshold / beta", "zero": "v = 0", "none": ""}
CLAMP = "kept = 0"
"""The reset to zero of the neurons whose membrane snnTorch clears after the step's current has come."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A dense layer and its neurons: `Linear`, then `Leaky`, `Synaptic`, `RLeaky`, `RSynaptic` or `SingleSpike`.

    Args:
        weight: W `[out, in]`, dimensionless.
        bias: `[out]`, added at each step; None for none. A recurrent neuron's own bias is a part of it.
        beta: the membrane's factor per step, 0 < beta <= 1, for all neurons or `[out]`; 1 does not leak, tau_mem = inf.
        threshold: a neuron fires where v exceeds it; finite, 0 or more, for all neurons or `[out]`.
        reset_mechanism: "subtract", "zero" or "none".
        reset_delay: snnTorch's option; only True, its default, has a Brian2 statement (unless there is no reset).
        alpha: the synaptic current's factor per step, as beta; None for a neuron without one.
        recurrent: V `[out, out]`, through which a layer hears its own spikes of the step before; None for none.
        once: whether a neuron that has fired never fires again; without a reset.

    Raises:
        ValueError: for a setting that Brian2 cannot match, with the way out.

    Example:
        >>> Layer(np.eye(2), beta=0.5).reset
        'v -= threshold / beta'
    """

    weight: NDArray[np.floating]
    bias: NDArray[np.floating] | None = None
    beta: float | NDArray[np.floating] = 0.9
    threshold: float | NDArray[np.floating] = 1.0
    reset_mechanism: str = "subtract"
    reset_delay: bool = True
    alpha: float | NDArray[np.floating] | None = None
    recurrent: NDArray[np.floating] | None = None
    once: bool = False

    def __post_init__(self) -> None:
        if np.ndim(self.weight) != 2:
            raise ValueError(f"weight must be [out, in], got shape {np.shape(self.weight)}")
        if len(wrong := np.argwhere(~np.isfinite(self.weight))):
            first = tuple(wrong[0].tolist())
            raise ValueError(f"weight must be finite, got {self.weight[first]} at {first}, {len(wrong)} such in all")
        if self.bias is not None and np.shape(self.bias) != (self.size,):
            raise ValueError(f"bias must be [{self.size}], one per neuron, got shape {np.shape(self.bias)}")
        if self.bias is not None and not np.isfinite(self.bias).all():
            raise ValueError(f"bias must be finite, got {self.bias}")
        for name, bound in {"beta": "tau_mem", "alpha": "tau_syn"}.items():
            value = getattr(self, name)
            if value is not None and not np.all((self._each(name) > 0) & (self._each(name) <= 1)):
                raise ValueError(f"{name} must be above 0 and at most 1, got {value}: no {bound} gives it")
        if not np.all((self._each("threshold") >= 0) & np.isfinite(self._each("threshold"))):
            raise ValueError(f"threshold must be finite, 0 or more, got {self.threshold}: else snnTorch resets at rest")
        if self.recurrent is not None and np.shape(self.recurrent) != (self.size, self.size):
            raise ValueError(f"recurrent must be [{self.size}, {self.size}], got shape {np.shape(self.recurrent)}")
        if self.recurrent is not None and not np.isfinite(self.recurrent).all():
            raise ValueError("recurrent must be finite")
        self._check_reset()

    @property
    def size(self) -> int:
        """The number of neurons."""
        return len(self.weight)

    @property
    def reset(self) -> str:
        """Brian2's reset statement, empty for none."""
        clears_late = self.alpha is not None or self.recurrent is not None
        return CLAMP if clears_late and self.reset_mechanism == "zero" else RESETS[self.reset_mechanism]

    def tau_mem(self, dt: b2.Quantity = DT) -> b2.Quantity:
        """The membrane time constants `[out]` with which a step of `dt` multiplies v by beta.

        Example:
            >>> Layer(np.eye(1), beta=np.exp(-1 / 20)).tau_mem(1 * b2.ms)
            array([20.]) * msecond
        """
        return _tau(self._each("beta"), dt)

    def tau_syn(self, dt: b2.Quantity = DT) -> b2.Quantity:
        """The time constants `[out]` with which a step of `dt` multiplies the synaptic current by alpha."""
        return _tau(self._each("alpha"), dt)

    def parameters(self, dt: b2.Quantity = DT) -> dict[str, Any]:
        """What each neuron is given, by Brian2's names, `[out]`."""
        found = {name: self._each(name) for name in ("beta", "threshold")} | {"tau_mem": self.tau_mem(dt)}
        bias = {} if self.bias is None else {"bias": np.asarray(self.bias)}
        return found | bias | ({} if self.alpha is None else {"tau_syn": self.tau_syn(dt)})

    def _each(self, name: str) -> NDArray[np.floating]:
        """A setting, `[out]`."""
        value = np.asarray(getattr(self, name), dtype=np.float64)
        if value.size not in (1, self.size):
            raise ValueError(f"{name} must be one number or [{self.size}], got shape {value.shape}")
        return np.broadcast_to(value.reshape(-1), (self.size,))

    def _check_reset(self) -> None:
        if self.reset_mechanism not in RESETS:
            raise ValueError(f"reset_mechanism must be one of {list(RESETS)}, got {self.reset_mechanism!r}")
        if self.once and self.reset_mechanism != "none":
            raise ValueError(
                f"a layer that fires once is not reset: reset_mechanism='none', not {self.reset_mechanism!r}"
            )
        if not self.reset_delay and self.reset_mechanism != "none":
            raise ValueError(
                f"reset_delay=False with reset_mechanism={self.reset_mechanism!r} has no plain Brian2 statement: "
                "snnTorch then returns the membrane after the reset, and skips the reset where the last step left it "
                "above threshold; use reset_delay=True (snnTorch's default) on both sides"
            )


def _tau(factor: NDArray[np.floating], dt: b2.Quantity) -> b2.Quantity:
    """The time constants with which a step of `dt` multiplies by `factor`; infinite for 1."""
    with np.errstate(divide="ignore"):
        return dt / np.abs(np.log(factor))
