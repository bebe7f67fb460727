"""All implementations against snnTorch's loop, over every setting that the kernels take."""

import pytest
import torch
from snntorch import surrogate

from spikefa import scan as package
from spikefa.neurons import scan
from tests.scan.comparison import KINDS, assert_as_snntorch, assert_close, currents, gradients, leaky, synaptic
from tests.surrogates import STOCK, exact, stock

T, B, N = 7, 3, 5
DTYPES = [torch.float32, torch.float64]
LEARNED = {"learn_beta": True, "learn_threshold": True}
GRADED = {"graded_spikes_factor": torch.tensor(0.7), "learn_graded_spikes_factor": True}
PER_NEURON = {"beta": torch.linspace(-0.1, 1.1, N), "threshold": torch.linspace(0.3, 0.9, N)}


def pair(kind, dtype, device, name="atan", **options):
    """A neuron with snnTorch's surrogate, and one to compare with that does not round to float32."""
    one, other = (
        KINDS[kind](**options, spike_grad=make(name)).to(dtype).to(device)
        for make in (stock, stock if dtype == torch.float32 else exact)
    )
    return one, other


def options_of(kind, per_neuron):
    options = LEARNED | (PER_NEURON if per_neuron else {})
    if kind == "Leaky":
        return options | GRADED
    return options | {"learn_alpha": True} | ({"alpha": torch.linspace(0.2, 0.9, N)} if per_neuron else {})


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("per_neuron", [False, True], ids=["shared", "per-neuron"])
@pytest.mark.parametrize("delay", [True, False], ids=["delay", "no-delay"])
@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_reset_and_every_setting(forced, device, kind, mechanism, delay, per_neuron, dtype):
    options = {"reset_mechanism": mechanism, "reset_delay": delay} | options_of(kind, per_neuron)
    one, other = pair(kind, dtype, device, **options)
    x = currents(T, B, N, dtype=dtype, device=device)
    assert package.implementation(one, x).name == forced
    if forced == "reference":
        one = other  # which steps the neuron itself without delay, and so rounds as its surrogate does
    assert_as_snntorch(one, x, other)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("delay", [True, False], ids=["delay", "no-delay"])
@pytest.mark.parametrize("name", STOCK)
def test_every_surrogate(forced, device, name, delay, dtype):
    one, other = pair("Leaky", dtype, device, name, reset_delay=delay, **LEARNED)
    x = currents(T, B, N, dtype=dtype, device=device)
    assert package.implementation(one, x).name == forced
    assert_as_snntorch(other if forced == "reference" else one, x, other)


@pytest.mark.parametrize("kind", KINDS)
def test_no_surrogate(forced, device, kind):
    neuron = KINDS[kind](surrogate_disable=True, **LEARNED).to(device)
    assert_as_snntorch(neuron, currents(T, B, N, dtype=torch.float32, device=device))


@pytest.mark.parametrize("arrives", ["spk", "mem"])
@pytest.mark.parametrize("delay", [True, False], ids=["delay", "no-delay"])
@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_spikes_or_of_membranes_alone(forced, device, kind, delay, arrives):
    one, other = pair(kind, torch.float64, device, reset_delay=delay, **LEARNED)
    x = currents(T, B, N, device=device)
    error = torch.randn_like(x)
    errors = [error, None] if arrives == "spk" else [None, error]
    assert_as_snntorch(other if forced == "reference" else one, x, other, errors)


SHAPES = {
    "one-step": (1, 3, 5),
    "one-neuron": (6, 1, 1),
    "many-blocks": (3, 3, 701),
    "no-neurons-axis": (6, 5),
    "images": (5, 2, 3, 4, 5),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_shape(forced, device, kind, shape):
    one, other = pair(kind, torch.float64, device, **LEARNED)
    x = currents(*shape, device=device)
    assert_as_snntorch(other if forced == "reference" else one, x, other)


@pytest.mark.parametrize("beta", [torch.rand(3, 1, 1), torch.rand(3, 4, 5), torch.rand(5)], ids=lambda b: str(b.dim()))
def test_settings_spread_over_images(forced, device, beta):
    one, other = pair("Leaky", torch.float64, device, beta=beta, threshold=torch.rand(4, 1), **LEARNED)
    x = currents(T, 2, 3, 4, 5, device=device)
    assert package.implementation(one, x).name == forced
    assert_as_snntorch(other if forced == "reference" else one, x, other)


def test_currents_and_errors_in_any_memory_order(forced, device):
    one, other = pair("Leaky", torch.float64, device)
    one, x = other if forced == "reference" else one, currents(B, N, T, device=device)
    assert_as_snntorch(one, x.permute(2, 0, 1).detach().requires_grad_(), other)
    turned, straight = scan(one, x.permute(2, 0, 1)), scan(one, x.permute(2, 0, 1).contiguous())
    spread = torch.randn(B, N, dtype=x.dtype, device=device).expand(T, B, N)
    assert_close(gradients(turned, [spread] * 2, [x]), gradients(straight, [spread.clone()] * 2, [x]), 1e-12)


@pytest.mark.parametrize("name", STOCK)
@pytest.mark.parametrize("kind", KINDS)
def test_extreme_currents_give_finite_gradients(forced, device, kind, name):
    """But for snnTorch's sigmoid, whose exponential overflows; the kernels write it so that it does not."""
    if forced == "reference" and name == "sigmoid":
        pytest.skip("snnTorch's own formula")
    neuron = KINDS[kind](spike_grad=stock(name), **LEARNED).to(device)
    x = (torch.tensor([1e-30, -1e3, 1e8, -1e12]).to(device) * torch.ones(T, 2, 4, device=device)).requires_grad_()
    ones = torch.ones_like(x)
    assert all(gradient.isfinite().all() for gradient in gradients(scan(neuron, x), [ones, ones], [x]))


def test_an_infinite_current_stays_in_its_column(forced, device):
    x = torch.randn(T, B, N, dtype=torch.float64, device=device)
    x[2, 1, 3] = torch.inf
    spk, mem = scan(leaky(), x)
    expected = scan(leaky(), torch.nan_to_num(x, posinf=0))
    other = torch.ones(B, N, dtype=torch.bool)
    other[1, 3] = False
    assert mem[:, other].equal(expected[1][:, other])
    assert mem[2:, 1, 3].equal(torch.full_like(mem[2:, 1, 3], torch.inf))
    assert spk[2:, 1, 3].all()


def test_a_negative_threshold_resets_from_rest(forced, device):
    neuron = synaptic(threshold=-0.2, spike_grad=surrogate.fast_sigmoid()).to(device)
    assert_as_snntorch(neuron, currents(T, B, N, dtype=torch.float32, device=device))


@pytest.mark.parametrize("delay", [True, False], ids=["delay", "no-delay"])
@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_membrane_at_its_threshold_neither_fires_nor_is_reset(forced, device, kind, mechanism, delay):
    halves = {"beta": 0.5, "threshold": 1.0, "reset_mechanism": mechanism, "reset_delay": delay}
    neuron = KINDS[kind](**halves | ({"alpha": 0.5} if kind == "Synaptic" else {})).to(device)
    x = (torch.randint(-2, 5, (12, 8, N)) / 4).to(device).requires_grad_()
    assert (scan(neuron, x)[1] == 1).any()
    assert_as_snntorch(neuron, x)
