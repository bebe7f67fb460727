"""What users lean on besides equality: their own surrogates, threads, memory, silence, copies, errors."""

import copy
import multiprocessing

import pytest
import snntorch as snn
import torch
from snntorch import surrogate
from torch import nn

from spikefa import run, scan
from spikefa.neurons import scan as run_neuron
from spikefa.scan import cpu, kernels
from tests.scan.comparison import KINDS, assert_close, currents, gradients, leaky, synaptic

T, B, N = 9, 4, 6


def clipped(mem):
    """A surrogate whose error is not linear in the error that comes."""
    return surrogate.custom_surrogate(lambda mem, error, spk: error.clamp(-0.1, 0.1) / (1 + mem.abs()))(mem)


def both(neuron, x, leaves=None):
    """States and gradients by the kernel and by the reference."""
    leaves = [x, *neuron.parameters()] if leaves is None else leaves
    found, errors = run_neuron(neuron, x), [torch.randn_like(x), torch.randn_like(x)]
    with scan.using("reference"):
        expected = run_neuron(neuron, x)
    return found, expected, gradients(found, errors, leaves), gradients(expected, errors, leaves)


@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_surrogate_of_ones_own_makes_the_spikes_and_their_errors(forced, device, kind, mechanism):
    options = {"reset_mechanism": mechanism, "learn_beta": True, "learn_threshold": True}
    neuron = KINDS[kind](spike_grad=clipped, **options).to(device)
    x = currents(T, B, N, dtype=torch.float32, device=device)
    assert scan.implementation(neuron, x).name == forced
    found, expected, one, other = both(neuron, x)
    assert found[0].equal(expected[0])
    assert_close(one, other, 2e-5)


def test_one_that_does_not_fire_above_threshold_runs_slowly_with_a_warning():
    neuron, x = leaky(spike_grad=torch.sigmoid), currents(T, B, N, dtype=torch.float32)
    with pytest.warns(UserWarning, match="does not give 1 exactly above 0: the slow reference runs"):
        found = run_neuron(neuron, x)
    with scan.using("reference"):
        expected = run_neuron(neuron, x)
    assert all(a.equal(b) for a, b in zip(found, expected, strict=True))
    found, expected, *_ = both(leaky(spike_grad=torch.sigmoid, reset_mechanism="none"), x)
    assert_close(found, expected, 1e-6)  # nothing is reset, so that nothing can differ, nor is there a warning


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_threads_gives_the_same_to_the_last_bit(monkeypatch, kind, threads):
    monkeypatch.setattr("spikefa.threads.WORK", 1)
    neuron = KINDS[kind](learn_beta=True, learn_threshold=True)
    x, errors = currents(5, 4, 7 * kernels.BLOCK // 4 + 3, dtype=torch.float32), None
    before, results = torch.get_num_threads(), []
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            states = run_neuron(neuron, x)
            errors = [torch.randn_like(x), torch.randn_like(x)] if errors is None else errors
            results.append([*states, *gradients(states, errors, [x, *neuron.parameters()])])
    finally:
        torch.set_num_threads(before)
    assert all(a.equal(b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_for_every_neuron_goes_on_over_the_ends_of_blocks(kind):
    """Neuron after neuron, sample after sample: no block begins with the first neuron, but for the first."""
    one, other = torch.rand(2, 7)
    neuron = KINDS[kind](beta=one, threshold=0.5 + other, learn_beta=True, learn_threshold=True)
    x = currents(3, 2 * kernels.BLOCK // 7, 7, dtype=torch.float32)
    found, expected, gradient, reference = both(neuron, x)
    assert found[0].equal(expected[0])
    assert_close([found[1], *gradient], [expected[1], *reference], 2e-5)


def _sum_of_spikes():
    torch.set_num_threads(2)
    return float(run_neuron(leaky(), torch.ones(3, 2, kernels.BLOCK))[0].sum())  # too few for torch to share out


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_threads_are_made_anew_after_a_fork(monkeypatch):
    monkeypatch.setattr("spikefa.threads.WORK", 1)
    before = torch.get_num_threads()
    expected = _sum_of_spikes()
    torch.set_num_threads(before)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_sum_of_spikes).get(60) == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_silence_decays_to_zero_and_not_into_denormal_numbers(kind, dtype):
    x = torch.zeros(2500, 1, 3, dtype=dtype)
    x[0] = 0.5
    x.requires_grad_()
    neuron = KINDS[kind](beta=0.3, **{"alpha": 0.2} if kind == "Synaptic" else {})
    spk, mem = run_neuron(neuron, x)
    (error,) = torch.autograd.grad(mem[-1].sum(), x)
    for found in (mem.detach(), error):
        assert not ((found != 0) & (found.abs() < torch.finfo(dtype).tiny)).any()
        assert found.count_nonzero()
    assert not spk.any()


def test_with_a_threshold_of_zero_the_smallest_membrane_still_fires():
    x = torch.zeros(300, 1, 1)
    x[0] = 1e-30
    neuron = leaky(beta=0.5, threshold=0.0, reset_mechanism="none")
    found, expected, *_ = both(neuron, x.requires_grad_())
    assert found[0].equal(expected[0])
    assert 30 < found[0].sum() < 300


@pytest.mark.parametrize(
    ("neuron", "stacks"),
    [(leaky(), 1), (synaptic(), 1), (leaky(reset_delay=False), 2), (synaptic(learn_alpha=True), 2)],
)
def test_backward_keeps_the_membranes_and_no_more(neuron, stacks):
    x = torch.randn(T, B * N, requires_grad=True)
    spk, mem = run_neuron(neuron, x)
    node = spk.grad_fn
    held = {tensor.data_ptr() for tensor in node.saved_tensors if tensor is not None and tensor.shape == x.shape}
    assert len(held) == stacks
    assert mem.data_ptr() in held


def test_nothing_is_copied_between_layers(monkeypatch):
    """Currents come contiguous, in their precision; spikes go on as the very memory that the kernel wrote."""
    seen, flats = [], []
    forward = cpu.forward
    monkeypatch.setattr(
        cpu, "forward", lambda cur, *rest: flats.append(cur) or seen.append(rest[2]) or forward(cur, *rest)
    )
    net = nn.Sequential(nn.Linear(N, 8), leaky(output=False), nn.Linear(8, 3), leaky(output=False))
    taken = []
    for layer in (net[0], net[2]):
        layer.register_forward_hook(lambda _, given, gave: taken.append((given[0], gave)))
    run(net, torch.randn(T, B, N))
    assert [flat.data_ptr() for flat in flats] == [gave.data_ptr() for _, gave in taken]
    assert taken[1][0].data_ptr() == seen[0].data_ptr()
    assert all(given.is_contiguous() and given.dim() == 2 for given, _ in taken)


def test_gradients_of_gradients_are_refused():
    x = currents(T, B, N)
    (gradient,) = torch.autograd.grad(run_neuron(leaky(), x)[0].sum(), x, create_graph=True)
    torch.testing.assert_close(gradient, torch.autograd.grad(run_neuron(leaky(), x)[0].sum(), x)[0])
    with pytest.raises(RuntimeError, match=r"again: compute them within spikefa.scan.using\('reference'\)"):
        torch.autograd.grad(gradient.square().sum(), x)
    with scan.using("reference"):
        (gradient,) = torch.autograd.grad(run_neuron(leaky(), x)[0].sum(), x, create_graph=True)
    torch.autograd.grad(gradient.sum(), x)


def test_a_second_backward_pass_and_a_copy_give_the_same():
    net = nn.Sequential(nn.Linear(N, N), leaky(learn_beta=True))
    x = torch.randn(T, B, N)
    loss = run(net, x)[1].square().sum()
    first = torch.autograd.grad(loss, net.parameters(), retain_graph=True)
    assert all(a.equal(b) for a, b in zip(first, torch.autograd.grad(loss, net.parameters()), strict=True))
    twin = copy.deepcopy(net)
    again = torch.autograd.grad(run(twin, x)[1].square().sum(), twin.parameters())
    assert all(a.equal(b) for a, b in zip(first, again, strict=True))


def test_under_autocast_neurons_stay_in_float32_and_in_their_kernel():
    net = nn.Sequential(nn.Linear(N, N), snn.Leaky(beta=0.8, reset_mechanism="none", output=True))
    x = torch.randn(T, B, N)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mem = run(net, x)[1]
        rounded = net[0](x).float()
    assert mem.dtype == torch.float32
    assert mem.equal(run(net[1], rounded)[1])
