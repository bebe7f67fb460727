"""What snnTorch's users bring along: losses, encoders and surrogates give what they give in snnTorch's own loop."""

import inspect

import pytest
import snntorch as snn
import torch
from snntorch import functional as SF
from snntorch import spikegen, surrogate
from torch import nn

from spikefa import attach, exact, losses, run
from spikefa.comparison import load
from spikefa.encoding import ENCODINGS
from spikefa.experiment import Experiment
from spikefa.names import resolve
from spikefa.training import train

T, B, N, CLASSES = 12, 5, 6, 4
OF_MEMBRANES = {"ce_max_membrane_loss", "mse_membrane_loss"}
LOSSES = {
    "ce_rate_loss": {},
    "ce_count_loss": {},
    "ce_max_membrane_loss": {},
    "mse_count_loss": {"correct_rate": 0.8, "incorrect_rate": 0.2},
    "mse_membrane_loss": {"on_target": 1.2, "off_target": 0.1},
    "mse_temporal_loss": {"on_target": 2, "off_target": -1, "tolerance": 1},
    "ce_temporal_loss": {"inverse": "reciprocal"},
}
"""Every loss of snnTorch on recordings of a classifier, each with options that are not its own."""


def network(spike_grad=None, **options):
    """Two layers of neurons in double precision, the last with its membranes."""
    torch.manual_seed(1)
    settings = {"beta": 0.8, "threshold": 0.6, "spike_grad": spike_grad or surrogate.atan(), "init_hidden": True}
    net = nn.Sequential(
        nn.Linear(N, 8),
        snn.Leaky(**settings | options),
        nn.Linear(8, CLASSES),
        snn.Leaky(**settings | options, output=True),
    )
    with torch.no_grad():
        for weight in (net[0].weight, net[2].weight):
            weight.mul_(3)
    return net


def stepped(net, x):
    """snnTorch's own way: a loop over time from rest."""
    for module in net:
        if isinstance(module, snn.SpikingNeuron):
            module.reset_mem()
    spk, mem = zip(*(net(now) for now in x), strict=True)
    return torch.stack(spk), torch.stack(mem)


def gradients(net, way, loss, x):
    return torch.autograd.grad(loss(*way(net, x)), list(net.parameters()))


def of(name, loss):
    return lambda spk, mem: loss(mem if name in OF_MEMBRANES else spk, torch.tensor([0, 3, 1, 2, 1]))


@pytest.mark.parametrize("rule", [None, "fa"])
@pytest.mark.parametrize("options", [False, True], ids=["default", "options"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_the_gradients_that_it_has_in_snntorchs_loop(name, options, rule):
    net, x = network(), torch.rand(T, B, N, generator=torch.Generator().manual_seed(0))
    loss = of(name, getattr(SF, name)(**LOSSES[name] if options else {}))
    if rule is not None:
        attach(net, rule)
    found, expected = (gradients(net, way, loss, x) for way in (run, stepped))
    assert all(gradient.abs().max() > 0 for gradient in found)
    torch.testing.assert_close(found, expected)
    if rule is not None:
        with exact(net):
            assert not torch.allclose(gradients(net, run, loss, x)[0], found[0])


def test_no_loss_of_snntorchs_is_forgotten():
    theirs = {name for name, value in vars(SF).items() if inspect.isclass(value) and name.endswith("_loss")}
    assert set(LOSSES) == theirs & set(losses.__all__) == {name for name in theirs if "reg" not in name}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_trains_as_a_read_out(name):
    experiment = Experiment(rule="fa", network="mlp:depth=1", readout=f"spikefa.losses:{name}", epochs=3, lr=0.005)
    _, first, *_, last = train(experiment, load("digits"))
    assert last.loss < first.loss


@pytest.mark.parametrize("name", LOSSES)
def test_the_read_outs_loss_is_snntorchs(name):
    spk = (torch.rand(T, B, CLASSES, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    mem, labels = torch.randn(T, B, CLASSES), torch.tensor([0, 3, 1, 2, 1])
    readout = getattr(losses, name)
    expected = getattr(SF, name)()(mem if name in OF_MEMBRANES else spk, labels)
    assert readout.cost(spk, mem, labels).equal(expected)
    assert readout.spiking == (name not in OF_MEMBRANES)


def custom(input_, grad_input, spikes):
    """A surrogate of one's own, as snnTorch's ``custom_surrogate`` takes it."""
    return grad_input * input_.abs().neg().exp()


SURROGATES = {
    "atan": lambda: surrogate.atan(alpha=3.0),
    "fast_sigmoid": lambda: surrogate.fast_sigmoid(slope=10),
    "sigmoid": lambda: surrogate.sigmoid(slope=5),
    "straight_through_estimator": surrogate.straight_through_estimator,
    "triangular": lambda: surrogate.triangular(threshold=0.5),
    "heaviside": surrogate.heaviside,
    "spike_rate_escape": lambda: surrogate.spike_rate_escape(beta=2, slope=3),
    "SFS": lambda: surrogate.SFS(slope=5, B=0.1),
    "SSO": lambda: surrogate.SSO(mean=0.1, variance=0.0),  # with variance it draws noise, one call a step or one in all
    "custom_surrogate": lambda: surrogate.custom_surrogate(custom),
}


def test_no_surrogate_of_snntorchs_is_forgotten():
    theirs = {name for name, value in vars(surrogate).items() if inspect.isfunction(value)}
    assert set(SURROGATES) | {"LSO"} == {name for name in theirs if value_of(name).__module__ == surrogate.__name__}


@pytest.mark.parametrize("way", [run, stepped])
def test_lso_cannot_be_called_in_snntorch_itself(way):
    """Its maker applies another operator, which wants one argument more; where that is mended, add it above."""
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'variance'"):
        way(network(surrogate.LSO()), torch.rand(T, B, N))


def value_of(name):
    return getattr(surrogate, name)


@pytest.mark.parametrize("delay", [True, False], ids=["delay", "no-delay"])
@pytest.mark.parametrize("name", SURROGATES)
def test_a_surrogate_has_the_gradients_that_it_has_in_snntorchs_loop(name, delay):
    net = network(SURROGATES[name](), reset_delay=delay)
    x = torch.rand(T, B, N, generator=torch.Generator().manual_seed(2))
    loss = of("ce_rate_loss", SF.ce_rate_loss())
    found, expected = (gradients(net, way, loss, x) for way in (run, stepped))
    assert found[2].abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("spikegen.rate", lambda x: spikegen.rate(x, T)),
        ("spikegen.rate:gain=0.5,offset=0.1,first_spike_time=2", lambda x: spikegen.rate(x, T, 0.5, 0.1, 2)),
        ("spikegen.latency:bypass=true", lambda x: spikegen.latency(x, T, bypass=True)),
        (
            "spikegen.latency:tau=5,normalize=true,clip=true",
            lambda x: spikegen.latency(x, T, tau=5, normalize=True, clip=True),
        ),
    ],
)
def test_an_encoder_gives_snntorchs_spikes_from_a_generator_of_its_own(text, theirs):
    x = torch.rand(B, N, generator=torch.Generator().manual_seed(4))
    encode = resolve(text, ENCODINGS, "encoding")
    before = torch.get_rng_state()
    found = encode(x, T, torch.Generator().manual_seed(7))
    assert torch.get_rng_state().equal(before)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=torch.Generator().manual_seed(7))))
        assert found.equal(theirs(x))


def test_what_snntorchs_latency_refuses_is_a_value_error():
    with pytest.raises(
        ValueError, match=r"spikegen.latency with 3 steps: The maximum value in spike_time .* bypass=True"
    ):
        ENCODINGS["spikegen.latency"](torch.full((1, 1), 0.0100001), 3, torch.Generator())


def test_delta_spikes_of_ones_own_go_in_as_they_are():
    signal = torch.rand(T, B, N, generator=torch.Generator().manual_seed(5)).cumsum(0)
    x = spikegen.delta(signal, threshold=0.5, off_spike=True)
    assert all(a.equal(b) for a, b in zip(run(network(), x), stepped(network(), x), strict=True))
