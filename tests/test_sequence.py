"""Sequence mode against snnTorch's own loop: spikes, membranes, every gradient, and the states left alone."""

import copy

import pytest
import snntorch as snn
import torch
from snntorch import surrogate
from snntorch.functional import quant
from torch import nn

from spikefa import attach
from spikefa.sequence import reset, run, scan, walk
from tests.surrogates import exact

T, B, N = 12, 4, 5
SURROGATES = {
    "atan": surrogate.atan(),
    "fast_sigmoid": surrogate.fast_sigmoid(),
    "sigmoid": surrogate.sigmoid(slope=5),  # the default, 25, overflows in float32
    "straight_through": surrogate.straight_through_estimator(),
}
OPTIONS = {
    "graded": {"graded_spikes_factor": 0.5, "learn_graded_spikes_factor": True},
    "inhibition": {"inhibition": True},
    "quantised": {"state_quant": quant.state_quant(num_bits=6, uniform=True, lower_limit=1.0, upper_limit=3.0)},
    "no-surrogate": {"surrogate_disable": True},
    "beta-per-neuron": {"beta": torch.tensor([-0.2, 0.3, 0.6, 0.9, 1.2]), "learn_beta": True},
    "threshold-per-neuron": {"threshold": torch.linspace(0.2, 1.2, N), "learn_threshold": True},
    "threshold-below-rest": {"threshold": -0.1},
}
"""Settings of a neuron beyond reset and surrogate."""


def same_dtype(spike_grad):
    """Spikes in the membrane's dtype: snnTorch's are float32 always, and what it multiplies with them is so too."""
    return lambda mem: spike_grad(mem).to(mem.dtype)


PRECISION = {
    "float32": (torch.float32, same_dtype, 1e-5),
    "float64-with-float32-spikes": (torch.float64, lambda spike_grad: spike_grad, 1e-6),
    "float64": (torch.float64, same_dtype, 1e-12),
}


def record(net, x):
    """(spk, mem) over time of each neuron in snnTorch's loop, its spikes cast to the currents' dtype."""
    reset(net)
    modules = [module for module in net.modules() if not list(module.children())]
    steps = []
    for now in x:
        states = []
        for module in modules:
            now = module(now)
            if isinstance(module, snn.SpikingNeuron):
                now, mem = now[0].to(x.dtype), now[1].to(x.dtype)
                states.append((now, mem))
        steps.append(states)
    return [tuple(map(torch.stack, zip(*states, strict=True))) for states in zip(*steps, strict=True)]


def scanned(net, x):
    return [output for _, module, output in walk(net, x) if isinstance(module, snn.SpikingNeuron)]


def leaky(**options):
    return snn.Leaky(**{"beta": 0.8, "threshold": 0.6, "init_hidden": True, "output": True} | options)


def assert_same(net, x, rtol):
    """Spikes identical; membranes and every gradient, the input's included, equal to ``rtol``."""
    leaves = [x.requires_grad_(), *net.parameters()]
    expected, found = record(net, x), scanned(net, x)
    weights = [torch.randn_like(mem) for pair in found for mem in pair]
    flat_expected, flat_found = ([part for pair in states for part in pair] for states in (expected, found))
    assert all(a.equal(b) for a, b in zip(flat_expected[::2], flat_found[::2], strict=True))
    assert all(0 < spk.mean() < 1 for spk in flat_found[::2])
    torch.testing.assert_close(flat_found, flat_expected, rtol=rtol, atol=rtol)
    losses = [
        sum((w * part).sum() for w, part in zip(weights, flat, strict=True)) for flat in (flat_found, flat_expected)
    ]
    a, b = (torch.autograd.grad(loss, leaves) for loss in losses)
    assert all(g.count_nonzero() for g in b)
    for one, other in zip(a, b, strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=rtol * float(other.abs().max()))


@pytest.mark.parametrize(("dtype", "wrap", "rtol"), PRECISION.values(), ids=PRECISION)
@pytest.mark.parametrize("spike_grad", SURROGATES)
@pytest.mark.parametrize("delay", [True, False], ids=["delay", "no-delay"])
@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
def test_run_equals_snntorchs_loop(mechanism, delay, spike_grad, dtype, wrap, rtol):
    def lif():
        gradient = wrap(SURROGATES[spike_grad])
        learned = {"learn_beta": True, "learn_threshold": True}
        return leaky(spike_grad=gradient, reset_mechanism=mechanism, reset_delay=delay, **learned)

    net = nn.Sequential(nn.Linear(N, 9), lif(), nn.Sequential(nn.Linear(9, 7), lif())).to(dtype)
    assert_same(net, 2 * torch.randn(T, B, N, dtype=dtype), rtol)


@pytest.mark.filterwarnings("ignore:Inhibition")
@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
@pytest.mark.parametrize("name", OPTIONS)
def test_every_other_setting_equals_snntorchs_loop(name, mechanism):
    x = torch.randn(T, B, N, dtype=torch.float64)
    neuron = leaky(reset_mechanism=mechanism, **{"spike_grad": same_dtype(surrogate.atan())} | OPTIONS[name])
    assert_same(neuron.double(), x, 1e-12)


@pytest.mark.parametrize(("spike_grad", "rtol"), [(surrogate.atan(), 1e-6), (exact("atan"), 1e-12)])
@pytest.mark.parametrize("delay", [True, False])
def test_convolutional_layers_and_their_neurons_run_over_time(delay, spike_grad, rtol):
    one, two = leaky(reset_delay=delay, spike_grad=spike_grad), leaky(spike_grad=spike_grad)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), one, nn.Flatten(), nn.Linear(12, 2), two).double()
    assert_same(net, 2 * torch.randn(T, B, 1, 4, 4, dtype=torch.float64), rtol)


@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("init_hidden", [True, False])
def test_run_neither_reads_nor_writes_kept_states(init_hidden, delay):
    neuron, x = leaky(init_hidden=init_hidden, reset_delay=delay), torch.rand(T, B, N)
    first = scan(neuron, x)
    neuron(x[0])
    kept, before = neuron.mem, neuron.mem.clone()
    assert all(a.equal(b) for a, b in zip(first, scan(neuron, x), strict=True))
    assert neuron.mem is kept
    assert kept.equal(before)


def test_an_error_inside_run_leaves_kept_states_alone():
    def fail(mem):
        raise RuntimeError

    neuron = leaky(state_quant=fail)
    neuron.mem = kept = torch.ones(B, N)
    with pytest.raises(RuntimeError):
        scan(neuron, torch.rand(T, B, N))
    assert neuron.mem is kept


def test_only_an_output_neuron_at_the_end_gives_its_membrane():
    x = torch.rand(T, B, N)
    spk, mem = run(nn.Sequential(nn.Identity(), leaky()), x)
    assert spk.equal(run(leaky(output=False), x))
    assert mem.shape == spk.shape == x.shape
    assert run(nn.Sequential(leaky(), nn.Flatten()), x).equal(spk)


def test_walk_names_modules_as_named_modules_does():
    net = nn.Sequential(nn.Linear(N, N), nn.Sequential(leaky(), nn.Linear(N, 2)), leaky())
    named = dict(net.named_modules())
    walked = {name: module for name, module, _ in walk(net, torch.rand(T, B, N))}
    assert list(walked) == ["0", "1.0", "1.1", "2"]
    assert all(named[name] is module for name, module in walked.items())


def test_a_module_that_comes_twice_is_applied_twice():
    twice = nn.Linear(N, N).double()
    net = nn.Sequential(twice, leaky(), twice, nn.Tanh(), leaky()).double()
    x = torch.rand(T, B, N, dtype=torch.float64)
    unshared = nn.Sequential(*(copy.deepcopy(module) for module in net))
    assert all(a.equal(b) for a, b in zip(run(net, x), run(unshared, x), strict=True))


def test_a_whole_sequence_compiles_to_one_graph():
    net = attach(nn.Sequential(nn.Linear(N, 8), leaky(output=False), nn.Linear(8, 3), leaky()), "fa")
    parameters, x = list(net.parameters()), 2 * torch.randn(T, B, N)
    torch._dynamo.reset()
    membrane = torch.compile(lambda x: run(net, x)[1], fullgraph=True, backend="aot_eager")
    found, expected = (
        torch.autograd.grad(f(x).square().sum(), parameters) for f in (membrane, lambda x: run(net, x)[1])
    )
    torch.testing.assert_close(found, expected)


UNSUPPORTED = {
    "another-neuron": (lambda: nn.Sequential(snn.SLSTM(N, 3)), r"0 is a SLSTM: run\(\) knows Leaky, .*RSynaptic"),
    "leaky-of-another-kind": (lambda: type("Own", (snn.Leaky,), {})(beta=0.9), "this neuron is a Own"),
    "parallel-neuron": (lambda: nn.Sequential(snn.LeakyParallel(N, 3)), "0 is a LeakyParallel"),
    "recurrent-layer": (lambda: nn.Sequential(nn.GRU(N, 3)), "0 is a GRU"),
}


@pytest.mark.parametrize(("make", "message"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_run_cannot_do_exactly_is_refused_by_name(make, message):
    with pytest.raises(TypeError, match=message):
        run(make(), torch.rand(T, B, N))


@pytest.mark.parametrize("shape", [(T,), (0, B, N)])
def test_input_without_time_or_batch_is_refused(shape):
    with pytest.raises(ValueError, match="at least one time step"):
        run(leaky(), torch.rand(shape))


NEURONS = {
    "Leaky": lambda: snn.Leaky(beta=0.9, init_hidden=True),
    "Synaptic": lambda: snn.Synaptic(alpha=0.9, beta=0.8, init_hidden=True),
    "Alpha": lambda: snn.Alpha(alpha=0.9, beta=0.8, init_hidden=True),
    "Lapicque": lambda: snn.Lapicque(beta=0.9, init_hidden=True),
    "RLeaky": lambda: snn.RLeaky(beta=0.9, linear_features=N, init_hidden=True),
    "RSynaptic": lambda: snn.RSynaptic(alpha=0.9, beta=0.8, linear_features=N, init_hidden=True),
    "SLSTM": lambda: snn.SLSTM(N, N, init_hidden=True),
}


@pytest.mark.parametrize("make", NEURONS.values(), ids=NEURONS)
def test_reset_reaches_nested_neurons_of_this_network_and_of_no_other(make):
    net, other, x = nn.Sequential(nn.Identity(), nn.Sequential(make())), make(), torch.rand(B, N)
    fresh = net(x)
    other(x), other(x)
    kept = {name: state.clone() for name, state in other.named_buffers()}
    net(x)
    reset(net)
    assert not net[1][0].mem.count_nonzero()
    assert net(x).equal(fresh)
    assert kept["mem"].count_nonzero()
    assert all(state.equal(kept[name]) for name, state in other.named_buffers())


class Halving(snn.Leaky):
    def _base_state_function(self, input_):
        return 0.5 * super()._base_state_function(input_)


def test_a_neuron_of_ones_own_is_not_taken_for_a_leaky_one():
    with pytest.raises(TypeError, match="0 is a Halving"):
        run(nn.Sequential(Halving(beta=0.9)), torch.ones(2, 1, 1))
