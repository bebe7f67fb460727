"""The three-factor local form of learning: forward in time, step by step, with memory that does not grow with T.

For one hidden layer and a read-out that leaks with κ it equals backpropagation through time through the same pathways:

    ε_j[t]  = β ε_j[t−1] + s_j[t]              presynaptic trace
    ψ_i[t]  = surrogate'(mem_i[t] − threshold)  postsynaptic
    L_i[t]  = Σ_k B_ki δ_k[t]                  learning signal, δ[t] = ∂loss/∂mem[t] of the read-out
    ∂W_ij   = Σ_t L_i[t] F(ψ_i ε_j)[t]         F the low-pass filter κ

So does ``dfa``, at any depth, since it sends the read-out's error to each layer. In a deeper stack under other rules
the layers below the last hidden one are approximate: the error of a spike comes back at several later steps through
several ψ, of which no step knows the pairs. Here F is the product of the filters of all layers above (κ, and β of
each), and a layer passes down L times its ψ averaged by its own F. Measured as the cosine to the routed gradient over
all weights below the read-out, mean of 8 untrained networks of 40 neurons a layer (bp and fa, reset subtract and zero,
two seeds; 20 steps, β and κ 0.9, batch 16), random spikes / digits::

    hidden layers                       2              3              6
    no filter                      0.75 / 0.82    0.56 / 0.60    0.13 / 0.18
    the read-out's κ               0.79 / 0.82    0.58 / 0.61    0.16 / 0.19
    all filters above, ψ of now    0.96 / 0.95    0.94 / 0.91    0.52 / 0.68
    all filters above, ψ averaged  0.97 / 0.95    0.96 / 0.91    0.82 / 0.80    (this one)
      of these, reset subtract     0.99 / 1.00    0.99 / 0.99    0.87 / 0.95
      of these, reset zero         0.95 / 0.89    0.92 / 0.83    0.76 / 0.64    (F does not see the resets above)

With β = 0.5 in the hidden layers this one has 0.98 / 0.99, 0.98 / 0.97 and 0.88 / 0.89. The mean of the filters has its
size as well as its direction only roughly: in deep stacks with reset zero the lower layers' gradients are too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from spikefa.chain import filters, pathway, source, units_of
from spikefa.eligibility import Eligible

Error = Callable[[Tensor, Tensor], Tensor]
"""Takes the read-out's spikes and membranes of a step, ``[B, classes]`` each, to ∂loss/∂mem of that step."""


@final
class ThreeFactor:
    """Learning online, by eligibility traces and the read-out's error of each step, without a graph over time.

    Equal to ``run(net, x)`` and ``backward()`` for one hidden layer, and under ``dfa`` for any number; elsewhere an
    approximation, whose quality stands at the top of this module. The gradients of the read-out are always exact, and
    a B that is a parameter (``kp``) gets those of its W. A reset to zero, or β by neuron, in a layer that another one
    sends its error through is left out of the filter, which has the mean β.

    Memory: for each example and synapse below the read-out one number per layer above; nothing of the past.

    **Uses:** traces of spikes below, the neuron's own membrane, and the error of now through B: causal and, but for the
    error's broadcast, local.

    Reference:
        Bellec et al., "A solution to the learning dilemma for recurrent networks of spiking neurons", Nature
        Communications 11, 3625, 2020. https://doi.org/10.1038/s41467-020-17236-y
        Kaiser, Mostafa, Neftci, "Synaptic plasticity dynamics for deep continuous local learning (DECOLLE)", Frontiers
        in Neuroscience 14, 2020. https://doi.org/10.3389/fnins.2020.00424

    Args:
        net: ``nn.Sequential``, nested or not, of ``nn.Linear`` and ``snn.Leaky`` in turn, attached or not; the last
            neuron reads out. ``nn.Flatten`` and ``nn.Identity`` may stand anywhere. Its neurons' own states are neither
            read nor written.

    Raises:
        TypeError: a layer or neuron of another kind.
        ValueError: settings of a neuron, a layer or a pathway that the local form cannot follow.

    Example:
        >>> import snntorch as snn
        >>> net = nn.Sequential(nn.Linear(2, 3), snn.Leaky(0.9), nn.Linear(3, 1), snn.Leaky(0.9))
        >>> learner = ThreeFactor(net)
        >>> for x in torch.ones(5, 4, 2):
        ...     spk, mem = learner.step(x)
        ...     learner.learn(mem - 1)  # the error of ½ Σ (mem − 1)²
        >>> net[0].weight.grad.shape
        torch.Size([3, 2])
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.reset()

    def reset(self) -> None:
        """A sequence begins, through the pathways that the network has now; gradients that have been added stay.

        Raises:
            TypeError, ValueError: as for a new one.
        """
        self.entry, self.units = units_of(self.net)
        self.sources = [0, *(source(self.units, at) for at in range(1, len(self.units)))]
        self.pathways = [pathway(unit.layer) for unit in self.units]
        chains = filters(self.units, self.sources)
        last = len(self.units) - 1
        self.layers = [Eligible(u.layer, u.neuron, chains[at], at == last) for at, u in enumerate(self.units)]

    @property
    def nbytes(self) -> int:
        """Bytes of all states: the same after every step."""
        return sum(state.nbytes for layer in self.layers for state in layer.states)

    @torch.no_grad()
    def step(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """One time step: input ``[B, ...]``; the read-out's ``spk, mem``, ``[B, classes]`` each.

        Raises:
            ValueError: the input is no batch of vectors, or of another size than that of the step before; the pathways
                are others than when the sequence began.
        """
        self._check_pathways()
        for module in self.entry:
            x = module(x)
        before = self.layers[0].mem
        if x.dim() != 2:
            raise ValueError(f"the first layer takes [B, in] at a step, not {tuple(x.shape)}: [1, in] for one example")
        if before is not None and len(before) != len(x):
            raise ValueError(f"{len(x)} examples after a step of {len(before)}: call reset() before another batch")
        for layer in self.layers:
            x, mem = layer.step(x)
        return x, mem.clone()

    @torch.no_grad()
    def learn(self, error: Tensor) -> None:
        """Add to ``.grad`` of each parameter what the step just made owes to its error; a step without adds nothing.

        Args:
            error: ∂loss/∂mem of the read-out at this step, ``[B, classes]``.

        Raises:
            TypeError: the error has another dtype than the read-out's membranes.
            ValueError: no step has been made, or the error has another shape than the read-out's membranes; the
                pathways are others than when the sequence began.
        """
        self._check_pathways()
        mem = self.layers[-1].mem
        if mem is None or mem.shape != error.shape:
            made = "no step has been made" if mem is None else f"the read-out's mem is {tuple(mem.shape)}"
            raise ValueError(f"an error of {tuple(error.shape)}, but {made}: call step(x), then learn(∂loss/∂mem)")
        if mem.dtype != error.dtype:
            raise TypeError(
                f"an error of {error.dtype}, but the read-out's mem is {mem.dtype}: give error.to(mem.dtype), or a "
                f"network and an input in the error's precision"
            )
        for unit, layer, signal in zip(self.units, self.layers, self._signals(error), strict=True):
            _add(unit.layer, layer.gradient(signal))

    def _check_pathways(self) -> None:
        """Refuse to go on through pathways for which these traces are not: ``dfa`` has other filters than ``fa``."""
        for unit, before in zip(self.units, self.pathways, strict=True):
            if pathway(unit.layer) is not before:
                raise ValueError(
                    f"the pathway of {unit.name!r} is another than when the sequence began (attach, detach or exact "
                    f"came between): call reset() after it, which begins a sequence anew"
                )

    def _signals(self, error: Tensor) -> list[Tensor]:
        """The learning signal of each layer, from that of the layer which its error comes from."""
        signals = [error] * len(self.layers)
        for at in range(len(self.layers) - 1, 0, -1):
            above = self.sources[at]
            signals[at - 1] = self.layers[above].passed(signals[above]) @ _back(self.units[at].layer).to(error)
        return signals


def learn(net: nn.Module, x: Tensor, error: Error) -> tuple[Tensor, Tensor]:
    """Learn from a whole sequence, from rest: what ``run(net, x)``, a loss and ``backward()`` do, forward in time.

    Args:
        net: as :class:`ThreeFactor` takes it; to ``.grad`` of its parameters is added.
        x: input over time, ``[T, B, ...]``.
        error: called at each step.

    Returns:
        The read-out's ``spk, mem``, ``[T, B, classes]`` each.

    Raises:
        TypeError, ValueError: as :class:`ThreeFactor` does; and an ``x`` without time steps.

    Example:
        >>> import snntorch as snn
        >>> net = nn.Sequential(nn.Linear(2, 3), snn.Leaky(0.9), nn.Linear(3, 1), snn.Leaky(0.9))
        >>> spk, mem = learn(net, torch.ones(5, 4, 2), lambda spk, mem: mem - 1)
        >>> mem.shape
        torch.Size([5, 4, 1])
    """
    if x.dim() < 2 or len(x) == 0:
        raise ValueError(f"x must be [T, B, ...] with at least one time step, not {tuple(x.shape)}")
    learner, recorded = ThreeFactor(net), []
    for now in x:
        recorded.append(learner.step(now))
        learner.learn(error(*recorded[-1]))
    spk, mem = (torch.stack(states) for states in zip(*recorded, strict=True))
    return spk, mem


def _back(layer: nn.Linear) -> Tensor:
    """B as the layer uses it."""
    own = pathway(layer)
    return layer.weight if own is None else own(layer.weight)


def _add(layer: nn.Linear, gradient: Tensor) -> None:
    """Add to ``.grad`` of W and bias, and of a B that learns with W, as a routed layer's backward pass does."""
    weight = gradient[:, : layer.in_features].contiguous()
    if layer.bias is not None and layer.bias.requires_grad:
        torch.autograd.backward(layer.bias, gradient[:, -1].contiguous())
    if not layer.weight.requires_grad:
        return
    torch.autograd.backward(layer.weight, weight)
    if (own := pathway(layer)) is not None:
        with torch.enable_grad():
            feedback = own(layer.weight.detach())
        if feedback.requires_grad:
            torch.autograd.backward(feedback, weight.clone())
