"""How well routed gradients and errors match the true ones, on one batch.

Nothing is changed and no second network is built: true gradients come from the same one inside ``with exact(net)``.
The measures themselves stand in :mod:`spikefa.agreement`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from spikefa.agreement import cosine, degrees, signal_to_noise, signs
from spikefa.attachment import exact, routed
from spikefa.hidden import by_layer, hidden_weights
from spikefa.routing import Routed

Call = tuple[str, Tensor, Tensor]
"""One pass through a routed layer: its name, input and output."""


def learning_alignment(
    net: nn.Module, loss: Callable[[], Tensor], readout: str | None = None
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Everything that tells how well a network learns through its pathways on one batch, in all and by layer.

    Args:
        net: the network, attached. Its parameters' ``.grad`` are not touched.
        loss: computes the loss of a batch as in training, the same at every call: states reset, noise the same.
        readout: name of the read-out layer; the one declared last, outside neurons, if absent.

    Returns:
        Over all weights that learn below the read-out ``angle``, ``sign_agreement`` and ``snr``, as
        :func:`gradient_alignment` has them. By the layer's name the same for each, and for layers with a pathway
        ``error_angle``, as :func:`error_angle` has it.

    Raises:
        ValueError: there is no such read-out, or nothing below it that learns.

    Example:
        >>> from spikefa import attach
        >>> net, x = attach(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), "bp"), torch.ones(1, 2)
        >>> total, layers = learning_alignment(net, lambda: net(x).square().sum())
        >>> total["sign_agreement"], list(layers["0"]), list(layers["1"])
        (1.0, ['angle', 'sign_agreement', 'snr'], ['error_angle'])
    """
    with _recorded(net) as calls:
        pairs, errors = _derived(net, loss, readout, calls)
    total, layers = _measured(pairs)
    for name, angle in _error_angles(net, calls, errors).items():
        layers.setdefault(name, {})["error_angle"] = angle
    return total, layers


def gradients(
    net: nn.Module, loss: Callable[[], Tensor], readout: str | None = None
) -> dict[str, tuple[Tensor, Tensor]]:
    """The routed gradient and the true one of each weight that learns below the read-out, by the layer's name.

    Of a weight that is parametrized, those of the tensors that it is computed from, one after the other as a vector.

    Args:
        net, loss, readout: as :func:`learning_alignment` takes them.

    Raises:
        ValueError: there is no such read-out, or nothing below it that learns.

    Example:
        >>> from spikefa import attach
        >>> net, x = attach(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), "bp"), torch.ones(1, 2)
        >>> [bool((found == true).all()) for found, true in gradients(net, lambda: net(x).sum()).values()]
        [True]
    """
    return _derived(net, loss, readout, [])[0]


def _derived(
    net: nn.Module, loss: Callable[[], Tensor], readout: str | None, calls: list[Call]
) -> tuple[dict[str, tuple[Tensor, Tensor]], tuple[Tensor | None, ...]]:
    """Gradients (routed, true) by layer, and the errors at the outputs in ``calls``, which the loss may fill."""
    hidden = hidden_weights(net, readout)
    weights = [p for pieces in hidden.values() for p in pieces]
    with exact(net):
        true = torch.autograd.grad(loss(), weights, allow_unused=True, materialize_grads=True)
    calls.clear()
    routed_loss = loss()
    # In one backward pass, since a pathway may keep what passes through it.
    found = torch.autograd.grad(routed_loss, [*weights, *(y for *_, y in calls)], allow_unused=True)
    filled = [torch.zeros_like(p) if g is None else g for p, g in zip(weights, found, strict=False)]
    return by_layer(hidden, filled, true), found[len(weights) :]


def gradient_alignment(
    net: nn.Module, loss: Tensor, true_loss: Tensor, readout: str | None = None
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Agreement of the routed gradient with the true one, end to end through layers and time.

    ``angle`` in degrees, ``sign_agreement`` as the fraction of weights that would be moved in the right direction by
    the sign of their gradient, of those whose true gradient is not zero,
    ``snr`` as :func:`~spikefa.agreement.signal_to_noise` in decibels.

    Args:
        net: the network, attached. Its parameters' ``.grad`` are not touched.
        loss: the loss of a batch, computed as in training.
        true_loss: the loss of the same batch in the same state, computed inside ``with exact(net)``.
        readout: name of the read-out layer; the one declared last, outside neurons, if absent.

    Returns:
        The three over all weights that learn below the read-out (whose own gradient is exact under every rule), and of
        each of them by the layer's name. nan where a gradient is zero.

    Raises:
        ValueError: there is no such read-out, or nothing below it that learns.
    """
    hidden = hidden_weights(net, readout)
    weights = [p for pieces in hidden.values() for p in pieces]
    found, true = (torch.autograd.grad(each, weights) for each in (loss, true_loss))
    return _measured(by_layer(hidden, found, true))


def _measured(pairs: dict[str, tuple[Tensor, Tensor]]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """The measures of gradients (routed, true) by layer: over all of them, and of each."""

    def measures(pairs: list[tuple[Tensor, Tensor]]) -> dict[str, float]:
        return {"angle": degrees(cosine(pairs)), "sign_agreement": signs(pairs), "snr": signal_to_noise(pairs)}

    return measures(list(pairs.values())), {name: measures([pair]) for name, pair in pairs.items()}


def gradient_angle(
    net: nn.Module, loss: Tensor, true_loss: Tensor, readout: str | None = None
) -> tuple[float, dict[str, float]]:
    """Angle between the routed gradient and the true one, end to end through layers and time.

    Args:
        net, loss, true_loss, readout: as :func:`gradient_alignment` takes them.

    Returns:
        The angle in degrees over all weights that learn below the read-out, and the angle of each of them by the
        layer's name. nan where a gradient is zero.

    Raises:
        ValueError: there is no such read-out, or nothing below it that learns.

    Example:
        >>> from spikefa import attach, exact
        >>> net = attach(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), "bp")
        >>> with exact(net):
        ...     true_loss = net(torch.ones(1, 2)).sum()
        >>> round(gradient_angle(net, net(torch.ones(1, 2)).sum(), true_loss)[0], 3)
        0.0
    """
    total, layers = gradient_alignment(net, loss, true_loss, readout)
    return total["angle"], {name: measures["angle"] for name, measures in layers.items()}


def error_angle(net: nn.Module, loss: Callable[[], Tensor]) -> dict[str, float]:
    """Local error angle of each routed layer: between Bᵀδ and Wᵀδ for the same δ, over a batch and all time steps.

    δ is the error that reaches the layer's output in training, through the pathways above. Unlike the gradient's angle
    it holds no other layer's B, and unlike the cosine of B and W it counts only the directions that errors take.

    Args:
        net: the network, attached. Its parameters' ``.grad`` are not touched.
        loss: computes the loss of a batch as in training.

    Returns:
        Degrees by the layer's name, nan where no error comes; without layers whose input gets another's error, as
        in dfa.

    Example:
        >>> from spikefa import attach
        >>> net, x = attach(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), "bp"), torch.ones(1, 2)
        >>> error_angle(net, lambda: net(x).sum())
        {'1': 0.0}
    """
    with _recorded(net) as calls:
        routed_loss = loss()
    errors = torch.autograd.grad(routed_loss, [y for *_, y in calls], allow_unused=True) if calls else ()
    return _error_angles(net, calls, errors)


@contextmanager
def _recorded(net: nn.Module) -> Iterator[list[Call]]:
    """The passes through routed layers within this context, one a time step in a loop over time.

    Without those that no error can reach, such as those of layers that are frozen and have frozen ones alone below.
    """
    calls: list[Call] = []

    def record(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def records(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if output.requires_grad:
                calls.append((name, inputs[0].detach(), output))

        return records

    hooks = [layer.register_forward_hook(record(name)) for name, layer in routed(net).items()]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _error_angles(net: nn.Module, calls: Sequence[Call], errors: Sequence[Tensor | None]) -> dict[str, float]:
    sent: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for (name, x, _), error in zip(calls, errors, strict=True):
        pair = _sent(routed(net)[name], x, error)
        if pair is not None:
            sent.setdefault(name, []).append(pair)
    return {name: degrees(cosine(pairs)) for name, pairs in sent.items()}


@torch.no_grad()
def _sent(layer: Routed, x: Tensor, error: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """Bᵀδ and Wᵀδ; None where no error came, or what the input gets is not made of it."""
    if error is None:
        return None

    def adjoint(error: Tensor, weight: Tensor) -> Tensor:
        return layer.adjoint(error, weight.to(error.dtype), x.shape, x.stride())

    through = layer.feedback.sent(error, x, layer.feedback(layer.weight), adjoint)
    return None if through is None else (through, adjoint(error, layer.weight))
