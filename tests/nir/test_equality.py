"""What is written fires as the network does: by NIR's equations, in Brian2, and in the simulators that read NIR."""

import numpy as np
import pytest
import snntorch as snn
import torch

pytest.importorskip("nir", reason="needs the extra nir")

import nir

from spikefa.nir import export, graph, simulate, verify
from spikefa.sequence import walk
from tests.nir.networks import CURRENT_BASED, NETWORKS, case, leaky

LIKE_SNNTORCH = ["leaky", "no-bias", "beta-per-neuron", "synaptic-all-alike"]
"""Without convolutions and loops, and with one threshold a layer: all else its importer breaks or refuses."""


@pytest.mark.parametrize("beta", ["euler", "exponential"])
@pytest.mark.parametrize("name", [*NETWORKS, *CURRENT_BASED])
def test_every_layer_fires_as_the_network_does(tmp_path, name, beta):
    net, shape, x = case(name)
    if name in CURRENT_BASED and beta == "exponential":
        with pytest.raises(ValueError, match="write beta=euler"):
            graph(net, shape, beta=beta)
        return
    export(net, tmp_path / "net.nir", shape, dt=1e-3, beta=beta)
    found = verify(net, tmp_path / "net.nir", x, dt=1e-3, beta=beta)
    assert found.misplaced == 0
    assert found.spikes > 100 or "without-reset" in name or name == "integrators"
    assert found.membranes < 1e-9
    np.testing.assert_allclose(*found.outputs, atol=1e-9)


@pytest.mark.parametrize("wrong", [{"dt": 2e-3}, {"beta": "exponential"}])
def test_another_dt_or_meaning_is_seen(tmp_path, wrong):
    net, shape, x = case("leaky")
    export(net, tmp_path / "net.nir", shape, dt=1e-3)
    assert verify(net, tmp_path / "net.nir", x, **{"dt": 1e-3} | wrong).misplaced > 100


def test_a_membrane_at_the_threshold_does_not_fire(tmp_path):
    """Neither in a neuron nor where spikes are made of the membranes 1, 1.5, 1.75; all of these are exact."""
    net = torch.nn.Sequential(leaky(beta=0.5, reset_mechanism="none"), leaky(beta=0.5))
    export(net, tmp_path / "net.nir", (1,), dt=2**-10)
    found = verify(net, tmp_path / "net.nir", torch.ones(3, 1, 1), dt=2**-10)
    assert found.outputs[0].ravel().tolist() == [0, 0, 1]
    assert found.misplaced == 0


def spikes(net, x):
    """Of every layer of neurons, by name."""
    with torch.no_grad():
        return {
            name: spk.detach().numpy()
            for name, module, (spk, _) in walk(net, x)
            if isinstance(module, snn.SpikingNeuron)
        }


@pytest.mark.parametrize("meaning", ["euler", "exponential"])
@pytest.mark.parametrize("name", ["leaky", "per-neuron"])
def test_brian2_integrates_the_equations_to_the_same_spikes(name, meaning):
    """Each node by Brian2's own integration of NIR's equation, Euler or exact, fed with what the node before gave."""
    b2 = pytest.importorskip("brian2.only", reason="needs Brian2")
    b2.prefs.codegen.target = "numpy"
    net, shape, x = case(name)
    made = graph(net, shape, dt=1e-3, beta=meaning)
    x, ours, entering = x[:, :1], spikes(net, x[:, :1]), x[:, 0].numpy()
    for affine, neurons in zip(list(net)[::2], list(ours), strict=True):
        node, cur = made.nodes[neurons], entering @ affine.weight.detach().numpy().T + affine.bias.detach().numpy()
        clock = b2.Clock(1 * b2.ms)
        names = {"cur": b2.TimedArray(cur, dt=clock.dt)}
        equations = (
            "dv/dt = (v_leak - v + r * cur(t, i)) / tau : 1\ntau : second\nr : 1\nv_leak : 1\nv_reset : 1\nth : 1"
        )
        method = "euler" if meaning == "euler" else "exact"
        fires = {"threshold": "v > th", "reset": "v = v_reset"}
        group = b2.NeuronGroup(12, equations, **fires, method=method, namespace=names, clock=clock)
        group.tau, group.r, group.th = node.tau * b2.second, node.r, node.v_threshold
        group.v_leak, group.v_reset = node.v_leak, node.v_reset
        fired = b2.SpikeMonitor(group)
        b2.Network(group, fired).run(len(x) * b2.ms)
        found = np.zeros(cur.shape)
        found[np.rint(fired.t / clock.dt).astype(int), fired.i] = 1
        assert found.sum() > 20
        assert (found == ours[neurons][:, 0]).all()
        entering = found


def stepped(net, x):
    """Output spikes of an imported network, whose state goes in and out."""
    state, left = None, []
    for now in x:
        spk, state = net(now, state) if state is not None else net(now)
        left.append(spk.detach())
    return torch.stack(left).numpy()


def written(tmp_path, name):
    """A network in float32 in a file, and its output spikes."""
    net, shape, x = case(name, torch.float32)
    export(net, tmp_path / "net.nir", shape)
    *_, expected = spikes(net, x).values()
    assert expected.sum() > 100
    return nir.read(tmp_path / "net.nir"), x, expected


@pytest.mark.parametrize("name", LIKE_SNNTORCH)
def test_snntorch_reads_it(tmp_path, name, capsys):
    pytest.importorskip("nirtorch")
    imported = pytest.importorskip("snntorch.import_nir")
    read, x, expected = written(tmp_path, name)
    try:
        net = imported.import_from_nir(read)
    except (AttributeError, TypeError) as error:
        pytest.skip(f"this snnTorch cannot import with this nirtorch: {error}")
    assert (stepped(net, x) == expected).all()
    assert "scaling" not in capsys.readouterr().out  # snnTorch's word for a threshold that it changes


@pytest.mark.parametrize("name", ["leaky", "no-bias", "recurrent", "images", "beta-1", "synaptic-all-alike"])
def test_spikingjelly_reads_it(tmp_path, name):
    exchange = pytest.importorskip("spikingjelly.activation_based.nir_exchange", reason="needs SpikingJelly")
    read, x, expected = written(tmp_path, name)
    assert (stepped(exchange.import_from_nir(read), x) == expected).all()


def test_norse_reads_current_based_neurons_and_ignores_the_resistance_of_others(tmp_path):
    norse = pytest.importorskip("norse.torch", reason="needs Norse")
    read, x, expected = written(tmp_path, "synaptic-all-alike")
    assert (stepped(norse.from_nir(read, dt=1e-4), x) == expected).all()
    read, x, expected = written(tmp_path, "leaky")
    assert not (stepped(norse.from_nir(read, dt=1e-4, ignore_warnings=True), x) == expected).all()


def test_a_simulator_says_which_nodes_it_does_not_know():
    made = nir.NIRGraph.from_list(nir.Delay(np.ones(3)))
    with pytest.raises(TypeError, match="nodes of Delay are not simulated here"):
        simulate(made, np.ones((2, 1, 3)))
