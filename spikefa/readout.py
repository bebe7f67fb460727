"""Read-outs: the neuron at the end of a network, and the class scores that are read from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import snntorch as snn
from torch import Tensor
from torch.nn import functional as F

from spikefa.datasets.dataset import UNLABELLED


class Part(NamedTuple):
    """The rows of a batch that one of several processes takes, and the weight of their mean loss in the mean of all."""

    rows: slice
    weight: float


@dataclass(frozen=True)
class Readout:
    """A way to read classes from the last layer.

    Attributes:
        scores: takes the read-out neurons' spikes and membranes, ``[T, B, classes]`` each, to scores ``[B, classes]``,
            for the loss and argmax.
        spiking: whether the neurons fire and reset, or only integrate.
        loss: takes scores and labels ``[B]`` to the training loss, a mean over the batch.
        stepwise: whether the loss of a sequence is the mean over its steps of the loss of each alone, so that there is
            an error at every step before the last one is known; ``credit="local"`` needs it.
        framewise: whether it is for data with a label at each step, ``[B, T]``: its scores are ``[B, classes, T]``, and
            the loss is a mean over the labelled steps.
        recorded: takes spikes, membranes and labels to the training loss, where it is no function of the scores, as
            :mod:`spikefa.losses` has them; ``loss`` is not used then.
    """

    scores: Callable[[Tensor, Tensor], Tensor]
    spiking: bool
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy
    stepwise: bool = False
    framewise: bool = False
    recorded: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None

    def cost(self, spk: Tensor, mem: Tensor, labels: Tensor) -> Tensor:
        """The training loss of recordings ``[T, B, classes]`` with labels ``[B]``."""
        return self.loss(self(spk, mem), labels) if self.recorded is None else self.recorded(spk, mem, labels)

    def __call__(self, spk: Tensor, mem: Tensor) -> Tensor:
        """The scores ``[B, classes]`` of recordings ``[T, B, classes]``; ``[B, classes, T]`` if framewise."""
        return self.scores(spk, mem)

    def weighted(self, weight: float) -> Readout:
        """The same with ``weight`` times the loss."""
        recorded = self.recorded
        return replace(
            self,
            loss=lambda scores, y: weight * self.loss(scores, y),
            recorded=recorded and (lambda spk, mem, y: weight * recorded(spk, mem, y)),
        )

    def neuron(self, beta: float) -> snn.Leaky:
        """The neuron to end a network with: returns ``(spk, mem)``, keeps its state itself."""
        mechanism = "subtract" if self.spiking else "none"
        return snn.Leaky(beta=beta, reset_mechanism=mechanism, init_hidden=True, output=True)


def spike_count(spk: Tensor, mem: Tensor) -> Tensor:
    """Number of spikes of each output neuron.

    Reference:
        Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proc. IEEE 111, 2023.
        https://arxiv.org/abs/2109.12894
    """
    return spk.sum(0)


def mean_membrane(spk: Tensor, mem: Tensor) -> Tensor:
    """Membrane of a leaky integrator that does not fire, averaged over time.

    Reference:
        Neftci, Mostafa, Zenke, "Surrogate gradient learning in spiking neural networks", IEEE Signal Processing
        Magazine 36, 2019. https://arxiv.org/abs/1901.09948
    """
    return mem.mean(0)


def first_spike(spk: Tensor, mem: Tensor) -> Tensor:
    """Minus the time of each output neuron's first spike, in steps; minus T if it stays silent.

    t₁ = Σ_t Π_{s ≤ t} (1 − S_s). The gradient of this form is the change that one spike more or less would make: a
    spike put u steps before the first one would bring it forward by u.

    Reference:
        The idea: Mostafa, "Supervised learning based on temporal coding in spiking neural networks", IEEE TNNLS 29,
        2018. https://arxiv.org/abs/1606.08165. The product form is ours.

    Example:
        >>> import torch
        >>> first_spike(torch.tensor([0.0, 0.0, 1.0, 1.0]).reshape(4, 1, 1), torch.zeros(4, 1, 1))
        tensor([[-2.]])
    """
    return -(1 - spk).cumprod(0).sum(0)


def every_step(spk: Tensor, mem: Tensor) -> Tensor:
    """Log-probabilities by the membranes of each step alone, averaged over time: cross-entropy at every step.

    The loss, −scores of the label, is the mean over the steps of the cross-entropy of each step's membranes.

    Reference:
        Bellec et al., "A solution to the learning dilemma for recurrent networks of spiking neurons", Nature
        Communications 11, 3625, 2020. https://doi.org/10.1038/s41467-020-17236-y

    Example:
        >>> import torch
        >>> every_step(torch.zeros(5, 1, 4), torch.zeros(5, 1, 4)).exp()
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    return mem.log_softmax(-1).mean(0)


def framewise(spk: Tensor, mem: Tensor) -> Tensor:
    """Log-probabilities at each step by its membranes, ``[B, classes, T]``: for data with a label at each step.

    Reference:
        The term: Graves, Schmidhuber, "Framewise phoneme classification with bidirectional LSTM and other neural
        network architectures", Neural Networks 18, 2005. https://doi.org/10.1016/j.neunet.2005.06.042

    Example:
        >>> import torch
        >>> framewise(torch.zeros(5, 1, 4), torch.zeros(5, 1, 4)).shape
        torch.Size([1, 4, 5])
    """
    return mem.log_softmax(-1).permute(1, 2, 0)


def labelled_nll(scores: Tensor, y: Tensor) -> Tensor:
    """Minus the mean score of the labels, over the steps that have one; zero if there is none.

    Args:
        scores: log-probabilities, ``[B, classes, T]``.
        y: labels, ``[B, T]``, or ``UNLABELLED``.
    """
    total = F.nll_loss(scores, y, ignore_index=UNLABELLED, reduction="sum")
    return total / max(int((y != UNLABELLED).sum()), 1)


READOUTS: dict[str, Readout] = {
    "membrane": Readout(mean_membrane, spiking=False),
    "rate": Readout(spike_count, spiking=True),
    "first_spike": Readout(first_spike, spiking=True),
    "every_step": Readout(every_step, spiking=False, loss=F.nll_loss, stepwise=True),
    "framewise": Readout(framewise, spiking=False, loss=labelled_nll, stepwise=True, framewise=True),
}
