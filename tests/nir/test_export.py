"""What is written, number by number; what NIR cannot hold is refused by name; the files."""

import errno
import json
import sys

import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn

pytest.importorskip("nir", reason="needs the extra nir")

import nir
from safetensors import safe_open
from snntorch import surrogate

from spikefa import attach, journal, routed, run
from spikefa.nir import export, graph
from tests.nir.networks import dense, images, leaky, recurrent, synaptic


def test_every_number_comes_back(tmp_path):
    net = dense(leaky(beta=torch.linspace(0, 0.99, 12), threshold=0.7), synaptic(), recurrent())
    export(net, tmp_path / "net.nir", (8,), dt=2e-3)
    read = nir.read(tmp_path / "net.nir")
    assert [type(node).__name__ for node in read.nodes.values()] == (
        ["Affine", "LIF", "Affine", "CubaLIF", "Affine", "LIF", "Linear", "Input", "Output"]
    )
    for name in ("0", "2"):
        assert (read.nodes[name].weight == net[int(name)].weight.detach().numpy()).all()
        assert (read.nodes[name].bias == net[int(name)].bias.detach().numpy()).all()
    assert (read.nodes["4"].weight == net[4].weight.detach().numpy()).all()
    assert (read.nodes["5.recurrent"].weight == net[5].recurrent.weight.detach().numpy()).all()
    both = net[4].bias + net[5].recurrent.bias
    assert (read.nodes["4"].bias == both.detach().numpy()).all()
    lif, cuba = read.nodes["1"], read.nodes["3"]
    assert (np.float32(1 - 2e-3 / lif.tau) == net[1].beta.numpy()).all()
    assert (np.float32(1 - 2e-3 / cuba.tau_syn) == net[3].alpha.numpy()).all()
    assert (np.float32(1 - 2e-3 / cuba.tau_mem) == net[3].beta.numpy()).all()
    np.testing.assert_allclose(lif.r * 2e-3 / lif.tau, 1)
    np.testing.assert_allclose(cuba.r * 2e-3 / cuba.tau_mem, 1)
    np.testing.assert_allclose(cuba.w_in * 2e-3 / cuba.tau_syn, 1)
    assert (np.float32(lif.v_threshold) == np.float32(0.7)).all()
    assert not lif.v_reset.any()
    assert not lif.v_leak.any()
    assert ("5.recurrent", "5") in read.edges
    assert ("5", "5.recurrent") in read.edges


def test_the_file_says_what_beta_means(tmp_path):
    net = dense(leaky(beta=0.5))
    export(net, tmp_path / "net.nir", (8,), dt=1e-3, beta="exponential")
    read = nir.read(tmp_path / "net.nir")
    np.testing.assert_allclose(read.nodes["1"].tau, 1e-3 / np.log(2))
    np.testing.assert_allclose(read.nodes["1"].r, 2)
    assert read.metadata["beta"] == "exponential: tau = −dt/ln(beta)"
    assert read.metadata["dt"] == 1e-3
    assert read.nodes["1"].metadata == {"reset_mechanism": "zero", "reset_delay": "True"}


def test_a_pathway_changes_nothing_in_the_graph_and_its_weights_lie_beside(tmp_path):
    net = attach(dense(leaky(), leaky(), leaky()), {"2": "fa", "4": "fbp:period=7"})
    files = export(net, tmp_path / "net.nir", (8,))
    assert files.feedback == tmp_path / "net.feedback.safetensors"
    with safe_open(files.feedback, "pt") as beside:
        assert beside.metadata() == {"2": "fa", "4": "fbp(period=7)"} | {
            key: value for key, value in beside.metadata().items() if key not in ("2", "4")
        }
        for name, layer in routed(net).items():
            assert beside.get_tensor(name).equal(layer.feedback(layer.weight))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.feedback.safetensors", "net.nir"]
    export(attach(dense(leaky(), leaky()), "bp"), tmp_path / "net.nir", (8,))  # whose B is W
    assert [path.name for path in tmp_path.iterdir()] == ["net.nir"]


def test_the_weights_of_dfa_once_they_are_known(tmp_path):
    net = images(nn.Conv2d(2, 4, 3), leaky(), nn.Conv2d(4, 4, 3), leaky()).eval()
    net(torch.zeros(1, 2, 6, 6))
    attach(net, "dfa")
    with pytest.raises(ValueError, match="layer '2' has no feedback weights before its first input"):
        export(net, tmp_path / "net.nir", (2, 6, 6))
    run(net, torch.zeros(1, 1, 2, 6, 6))
    with safe_open(export(net, tmp_path / "net.nir", (2, 6, 6)).feedback, "pt") as beside:
        assert beside.get_slice("2").get_shape() == [12, 4 * 4 * 4]


def subtracting(**options):
    return dense(leaky(reset_mechanism="subtract", **options))


class Own(nn.Module):
    """A forward of its own."""

    def __init__(self):
        super().__init__()
        self.lif = leaky()

    def forward(self, x):
        return self.lif(x)


def late_reset():
    net = dense(leaky())
    net[1].reset_mechanism = "subtract"
    return net


def hooked():
    net = dense(leaky())
    net[0].register_forward_hook(lambda *_: None)
    return net


REFUSED = {
    "subtract": (
        subtracting,
        r"1 resets by subtraction.*reset_mechanism='zero'; build and train it so, or allow approx",
    ),
    "delay": (
        lambda: dense(recurrent(reset_delay=True)),
        "1 is a RLeaky that loses its input .* reset_delay=False; build",
    ),
    "synaptic-delay": (lambda: dense(synaptic(reset_delay=True)), "1 is a Synaptic that loses its input"),
    "alpha": (lambda: dense(snn.Alpha(alpha=0.9, beta=0.8)), "1 is a Alpha, which NIR does not have: it has Leaky"),
    "lapicque": (lambda: dense(snn.Lapicque(beta=0.9)), "1 is a Lapicque"),
    "slstm": (lambda: dense(snn.SLSTM(12, 12)), "1 is a SLSTM"),
    "inhibition": (lambda: dense(leaky(inhibition=True)), "1 has inhibition=True"),
    "graded": (lambda: dense(leaky(graded_spikes_factor=0.5)), "1 has graded_spikes_factor=0.5"),
    "threshold": (lambda: dense(leaky(threshold=-1.0)), "1 has a threshold of -1: at rest"),
    "late-reset": (late_reset, "1 was built with another reset than reset_mechanism='subtract'"),
    "some-beta-1": (lambda: dense(leaky(beta=torch.linspace(0.5, 1, 12))), "1 has neurons with beta=1"),
    "alpha-1": (lambda: dense(synaptic(alpha=1.0)), "1 has neurons with alpha=1"),
    "settings": (lambda: dense(leaky(beta=torch.rand(1, 12, 1) / 2)), r"1 has settings of \(1, 12, 1\)"),
    "hook": (hooked, "0 has a forward hook"),
    "batch-norm": (
        lambda: nn.Sequential(nn.Linear(8, 3), nn.BatchNorm1d(3), leaky()),
        "1 is a BatchNorm1d.*fuse_linear",
    ),
    "max-pool": (lambda: images(nn.MaxPool2d(2)), "0 is a MaxPool2d, .* use AvgPool2d"),
    "relu": (lambda: nn.Sequential(nn.Linear(8, 3), nn.ReLU()), "1 is a ReLU, which NIR cannot hold: it has Linear"),
    "own": (lambda: nn.Sequential(nn.Linear(8, 3), Own()), "1 is a Own, which NIR cannot hold"),
    "gru": (lambda: nn.Sequential(nn.GRU(8, 3)), "0 is a GRU"),
    "groups": (lambda: images(nn.Conv2d(2, 4, 3, groups=2)), "0 has groups=2"),
    "kernel": (lambda: images(nn.Conv2d(2, 4, (3, 1))), r"0 has a kernel of \(3, 1\)"),
    "circular": (lambda: images(nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular")), "padding_mode='circular'"),
    "ceil": (lambda: images(nn.AvgPool2d(4, ceil_mode=True)), "0 has ceil_mode"),
    "uncounted": (lambda: images(nn.AvgPool2d(2, padding=1, count_include_pad=False)), "0 has .*count_include_pad"),
    "last-axis": (lambda: nn.Sequential(nn.Linear(6, 3)), r"0 is a Linear on the last of \(2, 6, 6\).*nn.Flatten"),
    "recurrent-bias": (lambda: recurrent(linear_features=8), "neuron.recurrent has a bias and follows no Linear"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_nir_cannot_hold_is_refused_by_name(tmp_path, make, message):
    net = make()
    first = net[0] if isinstance(net, nn.Sequential) else net
    shape = (2, 6, 6) if isinstance(first, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) or "Flatten" in message else (8,)
    if any(isinstance(module, nn.LazyLinear) for module in net.modules()):
        net.eval()(torch.zeros(1, *shape))
    with pytest.raises((TypeError, ValueError), match=message):
        export(net, tmp_path / "net.nir", shape)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": "eulr"}, "beta='eulr': there are euler and exponential"),
        ({"dt": 0.0}, "dt=0.0: a step takes"),
        ({"dt": float("nan")}, "dt=nan"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        graph(dense(leaky()), (8,), **options)


def test_beta_0_has_no_exponential():
    with pytest.raises(ValueError, match=r"1 has beta=0.*write beta=euler"):
        graph(dense(leaky(beta=0.0)), (8,), beta="exponential")


def test_approximate_writes_a_reset_to_zero_and_keeps_the_truth_as_metadata():
    made = graph(subtracting(), (8,), approximate=True)
    assert type(made.nodes["1"]) is nir.LIF
    assert made.nodes["1"].metadata["reset_mechanism"] == "subtract"
    assert made.metadata["approximate"] == "True"


def test_a_module_called_input_keeps_its_name():
    net = nn.Sequential()
    net.add_module("input", nn.Linear(8, 3))
    net.add_module("output", leaky())
    assert graph(net, (8,)).edges == [("input_", "input"), ("input", "output"), ("output", "output_")]


def test_without_nir_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(ImportError, match=r"pip install 'spikefa\[nir\]'"):
        graph(dense(leaky()), (8,))


def test_a_nir_in_which_spikes_took_the_threshold_away_is_refused(monkeypatch):
    monkeypatch.delitem(nir.LIF.__dataclass_fields__, "v_reset")
    with pytest.raises(ImportError, match="has no v_reset"):
        graph(dense(leaky()), (8,))


def test_a_write_that_fails_leaves_the_file_before(tmp_path, monkeypatch):
    (tmp_path / "net.nir").write_text("before")

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal.os, "fsync", full)
    with pytest.raises(OSError, match=r"net.nir \(No space left on device\): make room"):
        export(dense(leaky()), tmp_path / "net.nir", (8,))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("net.nir", "before")]


def test_nothing_of_the_network_changes():
    net = attach(images(nn.Conv2d(2, 4, 3), leaky(spike_grad=surrogate.atan()))[:2], "fa", first=True).train()
    state = json.dumps({name: values.tolist() for name, values in net.state_dict().items()})
    before = torch.get_rng_state()
    graph(net, (2, 6, 6))
    assert json.dumps({name: values.tolist() for name, values in net.state_dict().items()}) == state
    assert torch.get_rng_state().equal(before)
    assert net.training
