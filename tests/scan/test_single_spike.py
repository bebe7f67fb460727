"""Neurons that fire once, by every implementation, against their own loop over time."""

import pytest
import torch

from spikefa import SingleSpike
from spikefa import scan as package
from spikefa.neurons import scan
from tests.neurons import loop
from tests.scan.comparison import assert_as_snntorch, currents
from tests.surrogates import exact, stock

T, B, N = 9, 3, 5
PER_NEURON = {"beta": torch.linspace(-0.1, 1.1, N), "threshold": torch.linspace(0.3, 0.9, N)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("own", [{}, PER_NEURON], ids=["shared", "per-neuron"])
@pytest.mark.parametrize("init_hidden", [True, False])
def test_a_scan_is_the_loop(forced, device, init_hidden, own, dtype):
    options = {"beta": 0.8, "threshold": 0.6, "learn_beta": True, "learn_threshold": True, "output": True} | own
    one, other = (
        SingleSpike(**options, init_hidden=init_hidden, spike_grad=make("atan")).to(dtype).to(device)
        for make in (stock, stock if dtype == torch.float32 else exact)
    )
    x = currents(T, B, N, dtype=dtype, device=device)
    assert package.implementation(one, x).name == forced
    assert_as_snntorch(other if forced == "reference" else one, x, other)


@pytest.mark.parametrize("init_hidden", [True, False])
def test_a_threshold_that_learns_by_itself_has_the_gradient_of_the_loop(forced, device, init_hidden):
    """Nothing else needs one: the membrane has no graph, and what has been spent does."""
    options = {"beta": 0.8, "threshold": 0.6, "learn_threshold": True, "output": True, "init_hidden": init_hidden}
    one = SingleSpike(**options, spike_grad=exact("atan")).double().to(device)
    x, error = (currents(T, B, N, dtype=torch.float64, device=device).detach() for _ in range(2))
    found, looped = (
        torch.autograd.grad((error * spk).sum(), one.threshold)[0] for spk in (scan(one, x)[0], loop(one, x)[0][0])
    )
    assert looped.count_nonzero()
    torch.testing.assert_close(found, looped)
