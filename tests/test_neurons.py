"""Sequence mode of every kind of neuron against snnTorch's own loop, and every rule with every kind in every style."""

import pytest
import snntorch as snn
import torch
from snntorch.functional import quant
from torch import nn

from spikefa import attach, reset, routed, run
from spikefa.neurons import STATES, scan
from spikefa.sequence import walk
from spikefa.testing.networks import SURROGATES
from tests.neurons import KINDS, RECURRENT, N, loop, network, neuron

T, B = 11, 4
STEPPED = [kind for kind in KINDS if kind not in ("Leaky", "Synaptic", "SingleSpike")]
"""The kinds that are stepped themselves; the others have tests in tests/scan, test_sequence and test_single_spike."""


def current(dtype=torch.float64):
    return (1.5 * torch.randn(T, B, N, dtype=dtype)).requires_grad_()


def assert_identical(one, other, leaves):
    """Spikes, membranes and all gradients of a random function of them, bit for bit."""
    assert all(0 < spk.detach().mean() < 1 for spk, _ in other)
    errors = [torch.randn_like(mem) for pair in one for mem in pair]
    found, expected = ([part for pair in states for part in pair] for states in (one, other))
    assert all(a.equal(b) for a, b in zip(found, expected, strict=True))
    losses = (sum((e * part).sum() for e, part in zip(errors, parts, strict=True)) for parts in (found, expected))
    for a, b in zip(*(torch.autograd.grad(loss, leaves) for loss in losses), strict=True):
        assert b.count_nonzero()
        assert a.equal(b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("output", [True, False])
@pytest.mark.parametrize("init_hidden", [True, False])
@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
@pytest.mark.parametrize("kind", STEPPED)
def test_a_sequence_is_snntorchs_own_loop_bit_for_bit(kind, mechanism, init_hidden, output, dtype):
    one = neuron(kind, reset_mechanism=mechanism, init_hidden=init_hidden, output=output).to(dtype)
    x = current(dtype)
    assert_identical([scan(one, x)], loop(one, x), [x, *one.parameters()])


LEARNED = {
    "Lapicque": ["learn_threshold"],  # learn_beta fails at the second backward pass, in snnTorch's own loop too
    "Alpha": ["learn_beta", "learn_threshold"],  # snnTorch 1.0.0 cannot build an Alpha with learn_alpha
    "RLeaky": ["learn_beta", "learn_threshold"],
    "RSynaptic": ["learn_alpha", "learn_beta", "learn_threshold"],
}
PER_NEURON = {"beta": torch.tensor([0.2, 0.3, 0.5, 0.6, 0.65]), "threshold": torch.linspace(0.2, 0.6, N)}


@pytest.mark.parametrize("per_neuron", [{}, PER_NEURON], ids=["shared", "per-neuron"])
@pytest.mark.parametrize("kind", LEARNED)
def test_what_a_neuron_learns_gets_the_gradients_of_snntorchs_loop(kind, per_neuron):
    if kind == "Lapicque":
        per_neuron = {name: value for name, value in per_neuron.items() if name != "beta"}
    one = neuron(kind, reset_mechanism="subtract", **dict.fromkeys(LEARNED[kind], True), **per_neuron).double()
    x = current()
    assert len(list(one.parameters())) == len(LEARNED[kind]) + 2 * (kind in RECURRENT)
    assert_identical([scan(one, x)], loop(one, x), [x, *one.parameters()])


OPTIONS = {
    "inhibition": ({"inhibition": True}, [*STEPPED, "Synaptic"]),
    "quantised": (
        {"state_quant": quant.state_quant(4, True, lower_limit=2.0, upper_limit=2.0)},
        [*STEPPED, "Synaptic"],
    ),
    "no-delay": ({"reset_delay": False}, ["Synaptic", "RLeaky"]),
    "one-to-one": ({"all_to_all": False, "V": torch.linspace(-1, 1, N), "linear_features": None}, RECURRENT),
}


@pytest.mark.filterwarnings("ignore:Inhibition")
@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for name, (_, kinds) in OPTIONS.items() for kind in kinds], ids=str
)
@pytest.mark.parametrize("init_hidden", [True, False])
def test_other_settings_are_snntorchs_own_too(kind, name, init_hidden):
    one, x = neuron(kind, init_hidden=init_hidden, **OPTIONS[name][0]), current(torch.float32)
    assert_identical([scan(one, x)], loop(one, x), [x, *one.parameters()])


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_convolutions_run(kind):
    image = {"linear_features": None, "conv2d_channels": 2, "kernel_size": 3}
    net = nn.Sequential(nn.Conv2d(1, 2, 3), neuron(kind, **image), nn.Conv2d(2, 2, 3), neuron(kind, **image)).double()
    x = (4 * torch.randn(T, B, 1, 7, 7, dtype=torch.float64)).requires_grad_()
    found = [output for _, module, output in walk(net, x) if isinstance(module, snn.SpikingNeuron)]
    recorded = loop(net, x)
    assert all(a.equal(b) for one, other in zip(found, recorded, strict=True) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_networks_run_and_only_an_output_neuron_at_the_end_gives_its_membrane(kind):
    x = current()
    net = network(kind, init_hidden=True)
    spk, mem = run(net[:4], x)
    recorded = loop(net, x)
    assert spk.equal(recorded[1][0])
    assert mem.equal(recorded[1][1])
    net.lif2.output = False
    assert run(net[:4], x).equal(spk)
    assert [name for name, _, _ in walk(net, x)] == [name for name, _ in net.named_children()]


@pytest.mark.parametrize("kind", KINDS)
def test_float64_currents_give_float64_spikes_with_snntorchs_float32_surrogate_too(kind):
    """snnTorch itself cannot send float32 spikes through the float64 recurrent weights."""
    x = current()
    one = neuron(kind).double()
    expected = scan(one, x)
    one.spike_grad = neuron(kind, spike_grad=None).spike_grad
    for a, b in zip(scan(one, x), expected, strict=True):
        assert a.dtype == torch.float64
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)  # thresholds that float32 cannot hold are rounded


@pytest.mark.parametrize("fails", [False, True], ids=["to-the-end", "with-an-error"])
@pytest.mark.parametrize("kind", KINDS)
def test_kept_states_are_neither_read_nor_written(kind, fails):
    one, x = neuron(kind, init_hidden=True).double(), current().detach()
    first = scan(one, x)
    one(x[0]), one(x[1])
    kept = {name: (state, state.clone()) for name in STATES[type(one)] for state in [getattr(one, name)]}
    assert all(a.equal(b) for a, b in zip(first, scan(one, x), strict=True))
    if fails:
        one.spike_grad = lambda mem: mem.unknown
        with pytest.raises(AttributeError):
            scan(one, x)
    for name, (state, value) in kept.items():
        assert getattr(one, name) is state
        assert state.equal(value)
        assert state.count_nonzero() or name == "spk"


def test_the_states_are_those_that_snntorch_keeps():
    for kind in KINDS:
        one = neuron(kind)
        assert set(STATES[type(one)]) == one._non_persistent_buffers_set


@pytest.mark.parametrize("kind", KINDS)
def test_reset_puts_every_state_back(kind):
    one = neuron(kind, init_hidden=True)
    for name in STATES[type(one)]:
        setattr(one, name, torch.ones(B, N))
    reset(nn.Sequential(one))
    assert not any(getattr(one, name).count_nonzero() for name in STATES[type(one)])


def test_a_reset_that_snntorch_ignores_is_refused():
    with pytest.raises(TypeError, match="1 is an RSynaptic with reset_delay=False"):
        run(nn.Sequential(nn.Identity(), neuron("RSynaptic", reset_delay=False)), current())


STYLES = {
    "sequence": (True, lambda net, x: run(net, x)),
    "time-loop": (False, lambda net, x: loop(net, x)[-1]),
    "init-hidden": (True, lambda net, x: loop(net, x)[-1]),
}
"""Whether the neurons keep their states, and how to get the read-out's (spk, mem)."""


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_works_with_every_neuron_in_every_style(rule, kind, style):
    """Forward pass bit for bit the stock one, gradient of the read-out exact, all of them under backpropagation."""
    keeps, apply = STYLES[style]
    net, x = network(kind, keeps), current()
    parameters = dict(net.named_parameters())

    def found():
        spk, mem = apply(net, x)
        gradients = torch.autograd.grad(mem.square().sum(), [x, *parameters.values()])
        return spk, mem, dict(zip(["x", *parameters], gradients, strict=True))

    spk, mem, true = found()
    inside = {"recurrent": "fa" if rule == "dfa" else rule} if kind in RECURRENT else {}
    attach(net, {**inside, "*": rule})
    assert len(routed(net)) == (4 if kind in RECURRENT else 2)
    spk_routed, mem_routed, gradients = found()
    assert spk_routed.equal(spk)
    assert mem_routed.equal(mem)
    same = {name for name, gradient in gradients.items() if gradient.equal(true[name])}
    assert {"out.weight", "out.bias"} <= same
    copies = rule == "bp" or rule.startswith("fbp")  # fbp's B is W, which has not moved
    assert (same == true.keys()) == copies
    assert all(gradient.isfinite().all() and gradient.count_nonzero() for gradient in gradients.values())


def test_surrogates_of_the_tests_are_snntorchs():
    mem = torch.linspace(-1, 1, 9, requires_grad=True)
    spk = SURROGATES["atan"](mem)
    assert spk.equal((mem > 0).float())
    torch.testing.assert_close(torch.autograd.grad(spk.sum(), mem)[0], 1 / (1 + (torch.pi * mem) ** 2))
