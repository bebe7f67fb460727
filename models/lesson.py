"""What a reference model learns with and from: a network with its rates, and samples one after the other."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import brian2.only as b2
import numpy as np
from numpy.typing import NDArray

from .layer import DT, Layer


@dataclass(frozen=True, eq=False)
class Learner:
    """A network before it learns, and how it learns.

    Args:
        hidden: the LIF layer, with reset by subtraction or none.
        readout: the leaky read-out, without reset; its threshold is not used.
        eta: the learning rate.
        decay: of weights and biases, in units of eta.
        batch: samples from one update to the next.
        below: hidden layers under that one, from the bottom up; for a rule whose error goes to each of them directly.

    Raises:
        ValueError: for a setting with which the three-factor rule is not the gradient, with the way out.

    Example:
        >>> Learner(Layer(np.eye(2)), Layer(np.eye(2), reset_mechanism="none"), eta=0.1).rates
        {'eta': 0.1, 'decay': 0.0, 'batch': 1}
    """

    hidden: Layer
    readout: Layer
    eta: float
    decay: float = 0.0
    batch: int = 1
    below: tuple[Layer, ...] = ()

    def __post_init__(self) -> None:
        for layer in self.layers:
            if (
                layer.alpha is not None
                or layer.recurrent is not None
                or np.size(layer.beta) + np.size(layer.threshold) > 2
            ):
                raise ValueError("a layer that learns has one beta, one threshold, no synaptic current, no recurrence")
        if any(layer.once for layer in self.layers):
            raise ValueError("a layer that fires once cannot learn here: of its product the three factors know nothing")
        if any(layer.reset_mechanism == "zero" for layer in self.layers[:-1]):
            raise ValueError("reset_mechanism='zero' cuts a memory that eps keeps: use 'subtract' or 'none'")
        if self.readout.reset_mechanism != "none":
            raise ValueError(f"the read-out must have reset_mechanism='none', got {self.readout.reset_mechanism!r}")
        if any(np.shape(above.weight)[1] != len(under.weight) for under, above in pairwise(self.layers)):
            shapes = tuple(np.shape(layer.weight) for layer in self.layers)
            raise ValueError(f"a layer must take what the one below gives, got weights of shapes {shapes}")
        if not self.eta >= 0 or not self.decay >= 0 or not self.batch >= 1:
            raise ValueError(f"eta and decay must be 0 or more and batch at least 1, got {self.rates}")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All, from the bottom up."""
        return (*self.below, self.hidden, self.readout)

    @property
    def rates(self) -> dict[str, float]:
        """What an update of a weight reads beside its own state."""
        return {"eta": self.eta, "decay": self.decay, "batch": self.batch}


@dataclass(frozen=True, eq=False)
class Lesson:
    """Samples, presented one after the other.

    Args:
        stimulus: `[T, S, N]`, currents or spikes of N inputs over T steps, S samples; dimensionless.
        labels: `[S]`, the classes, from 0.

    Raises:
        ValueError: where shapes do not fit, or the stimulus is not finite.

    Example:
        >>> Lesson(np.ones((20, 3, 2)), np.array([0, 1, 0])).sample
        20. * msecond
    """

    stimulus: NDArray[np.floating]
    labels: NDArray[np.integer]

    def __post_init__(self) -> None:
        if np.ndim(self.stimulus) != 3 or 0 in np.shape(self.stimulus) or not np.isfinite(self.stimulus).all():
            raise ValueError(f"stimulus must be finite and [T, S, N], none 0, got shape {np.shape(self.stimulus)}")
        if np.shape(self.labels) != np.shape(self.stimulus)[1:2]:
            raise ValueError(f"labels must be [S], one per sample, got shape {np.shape(self.labels)}")

    @property
    def sample(self) -> b2.Quantity:
        """How long a sample takes."""
        return len(self.stimulus) * DT

    @property
    def duration(self) -> b2.Quantity:
        """How long all take, and a step more, in which the last batch's update is made."""
        return self.stimulus.shape[1] * self.sample + DT

    def series(self, classes: int) -> dict[str, Any]:
        """For the equations: the input and the targets, sample after sample, and how long one of these takes."""
        steps, samples, size = self.stimulus.shape
        series = np.swapaxes(self.stimulus, 0, 1).reshape(samples * steps, size).astype(np.float64)
        return {
            "stimulus": b2.TimedArray(series, dt=DT),
            "target": b2.TimedArray(np.eye(classes)[self.labels], dt=self.sample),
            "sample": self.sample,
        }

    def check(self, learner: Learner) -> None:
        """Refuses a network that this lesson does not fit.

        Raises:
            ValueError: it has another number of inputs or of classes, or the last batch would not be full.
        """
        inputs, classes = np.shape(learner.layers[0].weight)[1], len(learner.readout.weight)
        _, samples, size = self.stimulus.shape
        if size != inputs:
            raise ValueError(f"the network has {inputs} inputs, the stimulus {size}: weights are [out, in]")
        if self.labels.min() < 0 or self.labels.max() >= classes:
            raise ValueError(f"labels must be from 0 to {classes - 1}, got {self.labels.min()} to {self.labels.max()}")
        if samples % learner.batch:
            raise ValueError(f"{samples} samples are no whole number of batches of {learner.batch}: leave some out")
