"""Neurons that fire once: the gradient against adding and removing each spike, the states, what knows them and not."""

import copy

import pytest
import snntorch as snn
import torch
from snntorch.utils import reset as snn_reset
from torch import nn

from spikefa import SingleSpike, ThreeFactor, reset, run
from spikefa.measurement import firing_rates
from spikefa.neurons import scan
from spikefa.single_spike import once
from tests.neurons import network

T, B, N = 9, 4, 5


def currents():
    return torch.randn(T, B, N, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 0.2


def looped(neuron, x):
    return torch.stack([neuron(now)[0] if neuron.output else neuron(now) for now in x])


def test_spikes_are_the_first_ones_of_neurons_that_are_not_reset():
    every, mem = scan(snn.Leaky(beta=0.8, threshold=0.6, reset_mechanism="none").double(), currents())
    spk, same = scan(SingleSpike(beta=0.8, threshold=0.6).double(), currents())
    assert same.equal(mem)
    assert every.sum(0).max() > 1
    for b in range(B):
        for n in range(N):
            fired = every[:, b, n].nonzero().flatten().tolist()
            assert spk[:, b, n].nonzero().flatten().tolist() == fired[:1]


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.6, 1.0])
def test_the_gradient_of_once_is_the_change_that_each_spike_makes(rate):
    generator = torch.Generator().manual_seed(1)
    spk = (torch.rand(T, B, N, generator=generator) < rate).double().requires_grad_()
    error = torch.randn(T, B, N, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((error * once(spk)).sum(), spk)
    assert gradient.count_nonzero()
    for t in range(T):
        with_it, without = (spk.detach().clone() for _ in range(2))
        with_it[t], without[t] = 1, 0
        torch.testing.assert_close(gradient[t], (error * (once(with_it) - once(without))).sum(0))


def fresh(**options):
    return SingleSpike(**{"beta": 0.8, "threshold": 0.6, "init_hidden": True} | options).double()


RESETS = {
    "reset_mem": lambda neuron: neuron.reset_mem(),
    "spikefa": lambda neuron: reset(nn.Sequential(neuron)),
    "snntorch": lambda neuron: snn_reset(nn.Sequential(neuron)),
    "leaky": lambda neuron: snn.Leaky.reset_hidden(),
}


@pytest.mark.parametrize("put_back", RESETS.values(), ids=RESETS)
def test_every_reset_lets_it_fire_again_and_forgets_the_graph(put_back):
    neuron, x = fresh(), currents().requires_grad_()
    first = looped(neuron, x)
    assert not looped(neuron, x)[:, first.sum(0) == 1].any()
    put_back(neuron)
    again = looped(neuron, x)
    assert again.equal(first)
    again.sum().backward()
    put_back(neuron)
    looped(neuron, x).sum().backward()


DETACHED = {
    "snntorch": lambda neuron: snn.Leaky.detach_hidden(),
    "by hand": lambda neuron: setattr(neuron, "mem", neuron.mem.detach()),
}


@pytest.mark.parametrize("detach", DETACHED.values(), ids=DETACHED)
def test_after_its_membrane_has_been_detached_it_stays_silent_and_forgets_the_graph(detach):
    neuron, x = fresh(), currents().requires_grad_()
    early = looped(neuron, x[:2])
    early.sum().backward()
    detach(neuron)
    late = looped(neuron, x[2:])
    assert late.any()
    assert torch.cat([early, late]).equal(looped(fresh(), x))
    late.sum().backward()


def test_a_membrane_of_zero_in_the_middle_is_no_reset():
    neuron = fresh(beta=0.0)
    x = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64).view(3, 1, 1)
    assert looped(neuron, x).flatten().tolist() == [1, 0, 0]


def test_states_that_are_handed_on_may_be_of_several_sequences():
    neuron, x = SingleSpike(beta=0.8, threshold=0.6).double(), currents()
    states, spks = {0: (None, None), 1: (None, None)}, {0: [], 1: []}
    for now in x:
        for which, own in ((0, now), (1, -now)):
            spk, *states[which] = neuron(own, *(s if s is not None else torch.zeros_like(own) for s in states[which]))
            spks[which].append(spk)
    for which, sign in ((0, 1), (1, -1)):
        assert torch.stack(spks[which]).equal(scan(neuron, sign * x)[0])
        assert states[which][0].equal(torch.stack(spks[which]).sum(0))


def test_it_can_be_copied_after_a_reset_and_has_nothing_of_its_own_in_a_checkpoint():
    neuron = fresh()
    looped(neuron, currents().requires_grad_())
    neuron.reset_mem()
    assert looped(copy.deepcopy(neuron), currents()).any()
    assert neuron.state_dict().keys() == snn.Leaky(beta=0.8).state_dict().keys()


def test_a_network_of_them_runs_as_it_loops_and_its_rates_are_told():
    net, x = network("SingleSpike", init_hidden=True), 2 * currents()
    rates = firing_rates(net, x)
    assert list(rates) == ["lif1", "lif2"]
    assert all(0 < rate <= 1 / T for rate in rates.values())
    assert run(net[:2], x)[0].equal(torch.stack([net[:2](now)[0] for now in x]))


@pytest.mark.parametrize("states", [{"mem": 1}, {"spent": 1}, {"spent": 1, "mem": 1}])
def test_states_that_it_cannot_take_are_refused(states):
    given = {name: torch.zeros(B, N) for name in states}
    with pytest.raises(TypeError, match="both its states, spent and mem"):
        SingleSpike(beta=0.8, init_hidden=len(states) == 2)(torch.ones(B, N), **given)


@pytest.mark.parametrize(
    "later",
    [
        {"inhibition": True},
        {"state_quant": torch.round},
        {"reset_mechanism": "zero"},
        {"reset_delay": False},
        {"graded_spikes_factor": torch.tensor(0.5)},
    ],
)
def test_a_setting_that_it_has_not_is_refused(later):
    neuron = SingleSpike(beta=0.8)
    for name, value in later.items():
        setattr(neuron, name, value)
    with pytest.raises(TypeError, match=r"0 is a SingleSpike on which graded spikes, inhibition, .* was set later"):
        run(nn.Sequential(neuron), currents())


def test_the_local_form_does_not_take_it():
    with pytest.raises(TypeError, match="'1' is a SingleSpike"):
        ThreeFactor(nn.Sequential(nn.Linear(3, 3), SingleSpike(beta=0.8), nn.Linear(3, 2), snn.Leaky(beta=0.8)))
