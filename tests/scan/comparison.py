"""A scan against snnTorch's own loop: spikes to the last one, membranes and all gradients to rounding."""

import snntorch as snn
import torch

from spikefa.neurons import scan
from tests.neurons import loop

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


def leaky(**options):
    return snn.Leaky(**{"beta": 0.8, "threshold": 0.6, "output": True} | options)


def synaptic(**options):
    return snn.Synaptic(**{"alpha": 0.6, "beta": 0.8, "threshold": 0.9, "output": True} | options)


KINDS = {"Leaky": leaky, "Synaptic": synaptic}


def currents(*shape, dtype=torch.float64, device="cpu"):
    return torch.randn(*shape, dtype=dtype).to(device).requires_grad_()


def gradients(states, errors, leaves):
    """Of the sum of both states times their errors; an error that is None does not come."""
    loss = sum((state * error).sum() for state, error in zip(states, errors, strict=True) if error is not None)
    found = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=True)]


def assert_close(found, expected, rtol):
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=rtol * max(1, float(b.detach().abs().max())))


def assert_as_snntorch(neuron, x, oracle=None, errors=None):
    """``oracle`` is the same neuron for snnTorch's loop, if it must be another one."""
    oracle = neuron if oracle is None else oracle
    (expected,), found = loop(oracle, x), scan(neuron, x)
    assert found[0].equal(expected[0].to(x.dtype))
    rtol = TOLERANCE[x.dtype]
    assert_close([found[1]], [expected[1]], rtol)
    errors = [torch.randn_like(x), torch.randn_like(x)] if errors is None else errors
    one, other = (
        gradients(states, errors, [x, *kind.parameters()]) for states, kind in ((found, neuron), (expected, oracle))
    )
    assert other[0].count_nonzero()
    assert_close(one, other, rtol)
