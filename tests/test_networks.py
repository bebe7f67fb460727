"""Networks at their start: drawn from their own generator, alive in every layer, refusing what cannot be built."""

import math

import pytest
import snntorch as snn
import torch
from torch import nn

from spikefa.datasets import DATASETS
from spikefa.measurement import firing_rates
from spikefa.names import resolve
from spikefa.networks import NETWORKS, convnet, mlp, vgg
from spikefa.networks.start import start
from spikefa.readout import READOUTS
from spikefa.sequence import run, walk
from spikefa.single_spike import SingleSpike

SHAPE = (1, 8, 8)
READOUT = READOUTS["membrane"].neuron
DEEP = {"depth": 6, "width": 200}


def build(network="mlp", seed=0, shape=SHAPE, classes=10, **options):
    return resolve(network, NETWORKS, "network")(
        shape, classes, READOUT, torch.Generator().manual_seed(seed), **options
    )


@pytest.fixture(scope="module")
def images():
    """256 digits, as a current for ten steps."""
    return DATASETS["digits"]().train.x[:256].expand(10, -1, -1, -1, -1)


@pytest.mark.parametrize("seed", range(5))
def test_six_hidden_layers_are_all_active_at_the_start(images, seed):
    rates = firing_rates(build(seed=seed, **DEEP), images)
    assert list(rates) == [f"lif{layer}" for layer in range(1, 7)]
    assert all(0.05 < rate < 0.5 for rate in rates.values()), rates


def test_torchs_own_initialisation_would_leave_deep_layers_silent(images):
    net = build(**DEEP)
    torch.manual_seed(0)
    for layer in net:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    rates = list(firing_rates(net, images).values())
    assert rates[2:] == [0] * 4


@pytest.mark.parametrize(
    "network", ["mlp", "mlp:depth=1", "convnet", "convnet:blocks=1", "convnet:blocks=3", "vgg:channels=8"]
)
def test_every_layer_is_active_at_the_start(images, network):
    rates = firing_rates(build(network), images)
    assert all(0.05 < rate < 0.65 for rate in rates.values()), rates


@pytest.mark.parametrize("network", NETWORKS)
def test_the_generator_alone_decides_the_weights_and_no_other_is_moved(network):
    before = torch.get_rng_state()
    one = build(network).state_dict()
    torch.manual_seed(99)
    twin, other = build(network).state_dict(), build(network, seed=1).state_dict()
    assert torch.manual_seed(0).get_state().equal(before)
    weights = [name for name in one if name.endswith("weight")]
    assert all(one[name].equal(twin[name]) for name in one)
    assert not any(one[name].equal(other[name]) for name in weights)


@pytest.mark.parametrize("network", NETWORKS)
def test_building_leaves_the_global_generator_where_it_is(network):
    before = torch.get_rng_state()
    build(network)
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_have_the_scale_of_the_gain_and_there_are_no_biases(network):
    wide = {} if network == "vgg" else {"width": 150}
    net = build(network, gain=3.0, shape=(3, 16, 16), **wide)
    for name, layer in net.named_children():
        if hasattr(layer, "weight"):
            gain = (1 if name == "out" else 3) / layer.weight[0].numel() ** 0.5
            assert layer.weight.std().item() == pytest.approx(gain, rel=5 / (2 * layer.weight.numel()) ** 0.5)
            assert layer.bias is None


@pytest.mark.parametrize(
    ("network", "layers"),
    [("mlp:depth=3,width=20", 3), ("convnet:blocks=2,channels=2,width=20", 3), ("vgg:channels=2", 6)],
)
@pytest.mark.parametrize("readout", READOUTS)
def test_a_network_takes_images_over_time_to_the_classes(network, layers, readout):
    make = resolve(network, NETWORKS, "network")
    net = make((2, 9, 8), 5, READOUTS[readout].neuron, torch.Generator().manual_seed(0), beta=0.8, alpha=3.0)
    spk, mem = run(net, torch.rand(4, 3, 2, 9, 8))
    assert spk.shape == mem.shape == (4, 3, 5)
    neurons = [module for module in net if isinstance(module, snn.Leaky)]
    assert len(neurons) == layers + 1
    assert all(neuron.beta == pytest.approx(0.8) and neuron.init_hidden for neuron in neurons)


def test_the_steepness_of_the_surrogate_gradient_is_alpha():
    def slope(alpha):
        neuron = build(alpha=alpha).lif1
        mem = torch.full((1,), 1.0, requires_grad=True)
        neuron.spike_grad(mem - neuron.threshold).backward()
        return mem.grad.item()

    assert slope(4.0) == pytest.approx(2 * slope(2.0))


@pytest.mark.parametrize("option", [{"depth": 0}, {"width": 0}, {"classes": 0}, {"depth": -1}], ids=str)
def test_an_empty_mlp_is_refused(option):
    with pytest.raises(ValueError, match="must be a whole number, at least 1, not"):
        build("mlp", **option)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"shape": (64,)}, "needs images of at least 4×4"),
        ({"shape": (1, 8, 3)}, "needs images of at least 4×4"),
        ({"shape": (1, 8, 8), "blocks": 4}, "at least 16×16"),
        ({"kernel": 4}, "kernel must be odd"),
        ({"kernel": -1}, "kernel must be .* at least 1, not -1"),
        ({"blocks": 0}, "at least 1"),
        ({"channels": 0}, "at least 1"),
        ({"width": 0}, "width must be .* at least 1, not 0"),
        ({"classes": 0}, "at least 1"),
    ],
    ids=str,
)
def test_an_impossible_convnet_is_refused(option, message):
    with pytest.raises(ValueError, match=message):
        build("convnet", **option)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    "option",
    [{"beta": 2}, {"beta": -0.1}, {"beta": "slow"}, {"gain": 0}, {"gain": -1}, {"alpha": 0}, {"alpha": math.nan}],
    ids=str,
)
def test_options_that_no_neuron_can_have_are_refused(network, option):
    with pytest.raises(
        ValueError, match=rf"{next(iter(option))} must be a .*number.* not {next(iter(option.values()))!r}"
    ):
        build(network, **option)


def test_an_unknown_option_is_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match="did you mean 'depth'"):
        resolve("mlp:dept=3", NETWORKS, "network")


def test_the_tables_entries_are_the_functions_of_their_files():
    assert {"mlp": mlp, "convnet": convnet, "vgg": vgg} == NETWORKS


def test_vgg_is_the_published_network():
    net = build("vgg", shape=(3, 32, 32))
    assert [layer.weight.shape[0] for layer in net if hasattr(layer, "weight")] == [64, 128, 256, 256, 512, 512, 10]
    assert sum(weight.numel() for weight in net.parameters()) == 4_581_056
    kinds = "".join("C" if isinstance(m, nn.Conv2d) else "P" for m in net if isinstance(m, nn.Conv2d | nn.MaxPool2d))
    assert kinds == "CCPCCPCCP"


@pytest.mark.parametrize(("option", "message"), [({"shape": (3, 7, 8)}, "at least 8×8"), ({"channels": 0}, "channels")])
def test_an_impossible_vgg_is_refused(option, message):
    with pytest.raises(ValueError, match=message):
        build("vgg", **option)


def test_start_draws_weights_of_any_layer_in_its_dtype():
    layer = start(nn.Conv2d, 8, 400, 3, gain=2.0, generator=torch.Generator().manual_seed(0), padding=1)
    assert layer.weight.std().item() == pytest.approx(2 / 72**0.5, rel=0.02)
    assert layer.padding == (1, 1)


def test_the_network_that_sal_was_tried_on():
    options = {"channels": 64, "kernel": 5, "growth": 1, "padded": False, "width": 384, "dense": 2}
    net = build("convnet", shape=(3, 32, 32), **options)
    shapes = {name: list(layer.weight.shape) for name, layer in net.named_children() if hasattr(layer, "weight")}
    convolutions = {"conv1": [64, 3, 5, 5], "conv2": [64, 64, 5, 5]}
    assert shapes == convolutions | {"fc1": [384, 1600], "fc2": [192, 384], "out": [10, 192]}


def test_without_padding_the_smallest_image_leaves_one_number_a_channel():
    net = build("convnet", shape=(1, 16, 16), kernel=5, padded=False)
    assert net.fc.weight.shape == (128, 32)
    with pytest.raises(ValueError, match="at least 16×16"):
        build("convnet", shape=(1, 15, 16), kernel=5, padded=False)


@pytest.mark.parametrize("network", ["mlp:neuron=relu,gain=1.5", "convnet:neuron=relu,gain=1.5"])
def test_a_network_of_rates_is_an_ordinary_one_and_starts_with_the_same_weights(network):
    """With one step its scores are those of the modules one after the other."""
    net, spiking = build(network), build(network.replace("neuron=relu,", ""))
    assert all(p.equal(q) for p, q in zip(net.parameters(), spiking.parameters(), strict=True))
    x = torch.rand(3, *SHAPE)
    plain = nn.Sequential(*list(net)[:-1])
    assert not any(isinstance(module, snn.SpikingNeuron) for module in plain)
    spk, mem = run(net, x.expand(1, *x.shape))
    torch.testing.assert_close(READOUTS["membrane"](spk, mem), plain(x))
    assert [name.replace("lif", "relu") for name, _ in spiking.named_children()] == [n for n, _ in net.named_children()]


def test_rectifiers_of_gain_root_two_keep_the_power_of_their_inputs():
    net = build("mlp", depth=6, width=1000, gain=2**0.5, neuron="relu", shape=(1000,))
    x = torch.randn(20, 1000, generator=torch.Generator().manual_seed(1))
    power = net[:-2](x).square().mean()
    assert power.item() == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("network", ["mlp:neuron=single", "convnet:neuron=single", "vgg:neuron=single,channels=2"])
def test_a_network_that_fires_once_starts_with_the_same_weights(network):
    net, often = build(network), build(network.replace("neuron=single", "beta=0.9"))
    assert all(p.equal(q) for p, q in zip(net.parameters(), often.parameters(), strict=True))
    assert [n for n, _ in net.named_children()] == [n.replace("lif", "single") for n, _ in often.named_children()]
    spks = [spk for _, neuron, (spk, _) in walk(net, 2 * torch.rand(12, 3, *SHAPE)) if type(neuron) is SingleSpike]
    assert max(spk.sum(0).max() for spk in spks) == 1


def test_neurons_that_fire_once_take_no_reset():
    with pytest.raises(ValueError, match="leave reset='zero' out"):
        build("mlp", neuron="single", reset="zero")


@pytest.mark.parametrize("network", ["mlp", "convnet", "vgg"])
def test_a_neuron_that_there_is_not_is_refused(network):
    with pytest.raises(ValueError, match=r"no neuron is called 'rely' .did you mean 'relu'.*: lif, single, relu"):
        build(network, neuron="rely")


def test_the_network_of_moskovitz_and_others():
    options = {"channels": 64, "kernel": 5, "growth": 1, "width": 384, "dense": 2, "neuron": "relu"}
    net = build("convnet", shape=(3, 24, 24), **options)
    shapes = {name: list(layer.weight.shape) for name, layer in net.named_children() if hasattr(layer, "weight")}
    assert shapes == {
        "conv1": [64, 3, 5, 5],
        "conv2": [64, 64, 5, 5],
        "fc1": [384, 2304],
        "fc2": [192, 384],
        "out": [10, 192],
    }
