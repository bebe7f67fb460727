"""The measures as torchmetrics, to log them in a training loop of your own; needs ``pip install "spikefa[metrics]"``.

Each gathers over batches, and over processes by torchmetrics' own synchronisation: what N processes give together is
what one gives that has seen all their batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn

from spikefa.agreement import cosine, degrees, signal_to_noise, signs
from spikefa.alignment import MEASURES, weight_alignment
from spikefa.gradients import gradients
from spikefa.hidden import hidden_weights
from spikefa.names import nearest
from spikefa.operations import synaptic_operations
from spikefa.similarity import CONSTANT, gram, unbiased_hsic

try:
    from torchmetrics import Metric
except ImportError as error:
    raise ImportError('spikefa.metrics needs torchmetrics: pip install "spikefa[metrics]"') from error


@final
class WeightAlignment(Metric):
    """Alignment of B and W, the mean over layers and updates: ``cosine``, ``pearson``, ``norm_ratio``, …

    Layers whose B cannot be compared with W are left out, as are nan values; a mean of nothing is nan.

    Args:
        measure: which of those that :func:`~spikefa.weight_alignment` gives; a rule's own are among them.

    Example:
        >>> from spikefa import attach
        >>> metric = WeightAlignment("sign_agreement")
        >>> metric.update(attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "usf"))
        >>> metric.compute()
        tensor(1., dtype=torch.float64)
    """

    full_state_update = False
    total: Tensor
    layers: Tensor

    def __init__(self, measure: str = "cosine", **options: Any) -> None:
        super().__init__(**options)
        self.measure = measure
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("layers", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, net: nn.Module) -> None:
        """Measure the network as it stands.

        Raises:
            ValueError: nothing in this network has that measure.
        """
        layers = weight_alignment(net).values()
        there = list(dict.fromkeys([*MEASURES, *(name for layer in layers for name in layer)]))
        if self.measure not in there:
            raise ValueError(
                f"no measure of this network is called {self.measure!r}{nearest(self.measure, there)}: "
                f"there are {', '.join(there)}"
            )
        found = [layer[self.measure] for layer in layers if self.measure in layer]
        known = [value for value in found if value == value]
        self.total += sum(known)
        self.layers += len(known)

    def compute(self) -> Tensor:
        """The mean so far."""
        return self.total / self.layers


@final
class GradientAlignment(Metric):
    """Agreement of the routed gradient with the true one, each summed over batches: the direction that they stand for.

    The sum over processes is what data-parallel training takes its step along. Of it ``angle`` in degrees,
    ``sign_agreement`` and ``snr`` in decibels, over all weights that learn below the read-out.

    Args:
        net: the network, attached; its shapes are taken, it is not kept.
        readout: name of the read-out layer; the one declared last if absent.

    Example:
        >>> from spikefa import attach
        >>> net, x = attach(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), "bp"), torch.ones(1, 2)
        >>> metric = GradientAlignment(net)
        >>> metric.update(net, lambda: net(x).square().sum())
        >>> {name: round(float(value), 3) for name, value in metric.compute().items()}
        {'angle': 0.0, 'sign_agreement': 1.0, 'snr': inf}
    """

    full_state_update = False
    found: Tensor
    true: Tensor

    def __init__(self, net: nn.Module, readout: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.readout = readout
        size = sum(p.numel() for pieces in hidden_weights(net, readout).values() for p in pieces)
        for name in ("found", "true"):
            self.add_state(name, torch.zeros(size, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, net: nn.Module, loss: Callable[[], Tensor], examples: int = 1) -> None:
        """Add the gradients of a batch.

        Args:
            net: the network, whose ``.grad`` are not touched.
            loss: computes the batch's loss, the same at every call: states reset, noise the same.
            examples: its size, where ``loss`` is a mean and batches differ in size.
        """
        with torch.enable_grad():  # which torchmetrics takes away
            pairs = gradients(net, loss, self.readout).values()
        for state, side in ((self.found, 0), (self.true, 1)):
            state += examples * torch.cat([pair[side].detach().double().flatten() for pair in pairs])

    def compute(self) -> dict[str, Tensor]:
        """The measures of the sums so far."""
        pairs = [(self.found, self.true)]
        measures = {"angle": degrees(cosine(pairs)), "sign_agreement": signs(pairs), "snr": signal_to_noise(pairs)}
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in measures.items()}


@final
class SynapticOperations(Metric):
    """Synaptic operations per example of all affine layers: ``accumulates`` of spikes, ``multiplies`` of analog inputs.

    As :func:`~spikefa.operations.synaptic_operations` counts them, the mean over all examples so far.

    Example:
        >>> net, metric = nn.Linear(3, 5), SynapticOperations()
        >>> metric.update(net, lambda: net(torch.tensor([[1.0, 0.0, 1.0]])), examples=1)
        >>> metric.compute()["accumulates"]
        tensor(10., dtype=torch.float64)
    """

    full_state_update = False
    operations: Tensor
    examples: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("operations", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("examples", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, net: nn.Module, compute: Callable[[], Any], examples: int) -> None:
        """Count those of a batch of ``examples``, on which ``compute`` runs the network."""
        counted = synaptic_operations(net, compute, examples).values()
        self.operations += examples * torch.tensor([*counted], dtype=torch.float64).sum(0).to(self.operations)
        self.examples += examples

    def compute(self) -> dict[str, Tensor]:
        """Both per example."""
        accumulates, multiplies = self.operations / self.examples
        return {"accumulates": accumulates, "multiplies": multiplies}


@final
class MinibatchCKA(Metric):
    """Unbiased linear CKA of two representations over minibatches, without the Gram matrix of all examples.

    Means of unbiased HSIC over batches of a size: Σ HSIC(K, L) / √(Σ HSIC(K, K) Σ HSIC(L, L)). nan if one is constant,
    as :func:`~spikefa.similarity.cka` has it.

    Reference:
        Nguyen, Raghu, Kornblith, "Do wide and deep networks learn the same things?", ICLR 2021.
        https://arxiv.org/abs/2010.15327

    Example:
        >>> x = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
        >>> metric = MinibatchCKA()
        >>> for batch in x.split(10):
        ...     metric.update(batch, 3 * batch.flip(1))
        >>> round(float(metric.compute()), 6)
        1.0
    """

    full_state_update = False
    hsic: Tensor
    power: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("hsic", torch.zeros(3, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("power", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, a: Tensor, b: Tensor) -> None:
        """Add a batch of activations, ``[N, ...]`` both, of the same N examples, four at least.

        Raises:
            ValueError: the batches differ in size, or are too small.
        """
        if len(a) != len(b) or len(a) < 4:
            raise ValueError(f"batches of {len(a)} and {len(b)} examples: give the same four or more to both")
        k, m = gram(a), gram(b)
        values = [unbiased_hsic(*pair) for pair in ((k, m), (k, k), (m, m))]
        self.hsic += torch.tensor(values, dtype=torch.float64).to(self.hsic)
        self.power += torch.stack([k.square().mean(), m.square().mean()]).to(self.power)

    def compute(self) -> Tensor:
        """CKA of all batches so far."""
        both, a, b = self.hsic
        if bool((self.hsic[1:] <= CONSTANT * self.power).any()):
            return torch.full_like(both, torch.nan)
        return torch.as_tensor(both / (a * b).sqrt())
