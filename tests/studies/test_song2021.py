import math

import numpy as np
import pytest
import torch
from torch import nn

from spikefa.datasets import Dataset, Split
from spikefa.studies.song2021 import network
from spikefa.studies.song2021.descent import measure, shortest, straight
from spikefa.studies.song2021.lillicrap import conserved
from spikefa.studies.song2021.network import TwoLayer, derivation, lif, mnist
from spikefa.studies.song2021.synthetic import Linear, Relu, draw

LR, DECAY = 1e-3, 0.4


def clusters(classes=10, each=40):
    """Images of noise around one image a class."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(classes).repeat(each)
    x = (
        torch.rand(classes, 1, 28, 28, generator=generator)[y] + torch.rand(len(y), 1, 28, 28, generator=generator)
    ) / 2
    split = Split(x, y)
    return Dataset("clusters", split, split, split, classes, "made up")


@pytest.mark.parametrize(
    ("psi", "seen", "hidden"),
    [("linear", Linear, nn.Identity), ("relu", lambda drawn: Relu(drawn, torch.float64), nn.ReLU)],
    ids=["linear", "relu"],
)
@pytest.mark.parametrize("decay", [0.0, DECAY])
def test_a_network_as_its_examples_see_it_is_the_one_that_fa_trains(psi, seen, hidden, decay):
    drawn = draw(0, psi, p=30, n=8, d=12)
    net = TwoLayer(hidden(), drawn.weight.T, drawn.beta[None], drawn.feedback[None])
    optimizer, losses = net.optimiser(LR, decay), []
    for _ in range(300):
        loss = (net(drawn.x)[:, 0] / math.sqrt(30) - drawn.y).square().mean()
        losses.append(loss.item())
        network.step(optimizer, loss)
    reduced = seen(drawn)
    np.testing.assert_allclose(reduced.descend(drawn.y.numpy(), LR, decay, 300), losses, rtol=1e-9)
    torch.testing.assert_close(reduced.vectors()[0], net.out.weight[0].detach(), rtol=1e-9, atol=1e-10)
    assert reduced.cosine() == pytest.approx(net.cosine(), abs=1e-9)


def test_without_decay_the_coefficient_of_b_is_the_derived_one_but_for_the_squares_of_steps():
    drawn = draw(1, "linear", p=40, n=8, d=12)
    net, squares = Linear(drawn), 0.0
    for _ in range(200):
        before = net.state[0].copy()
        net.descend(drawn.y.numpy(), LR, 0.0, 1)
        s = drawn.x.T @ torch.from_numpy(net.state[0] - before)
        squares += float(s @ s)
    s = drawn.x.T @ torch.from_numpy(net.state[0])
    assert 2 * net.b.numel() * net.scalars[1] == pytest.approx(float(s @ s) - squares, rel=1e-9)
    assert net.coefficient == pytest.approx(1 - squares / float(s @ s), rel=1e-9)


def test_the_derivation_holds_for_a_plain_network_and_its_error_shrinks_with_the_step():
    coarse, fine = (derivation(0, p=40, lr=lr, steps=int(0.1 / lr)) for lr in (1e-3, 5e-4))
    assert max(coarse["outside"], fine["outside"]) < 1e-10
    assert 1 - fine["coefficient"] == pytest.approx((1 - coarse["coefficient"]) / 2, rel=0.1)
    assert coarse["coefficient"] == pytest.approx(1, abs=0.03)


def test_beta_at_the_start_decays_with_decay_alone():
    drawn = draw(0, "linear", p=30, n=8, d=12)
    net = Linear(drawn)
    for decay in (DECAY, 0.0):
        net.descend(drawn.y.numpy(), LR, decay, 50)
    assert net.scalars[0] == pytest.approx((1 - LR * DECAY) ** 50)


@pytest.mark.parametrize("psi", ["linear", "relu"])
def test_training_goes_on_until_the_loss_stands(psi):
    found = measure(0, psi, p=20, decay=0.3, lr=1e-3, steps=1500, curve=True)
    assert (found["steps"] - 1500) % 1000 == 0
    assert found["curve"]["step"][0] == 0
    assert found["curve"]["step"][-1] == found["steps"]
    assert found["curve"]["cosine"][-1] == found["cosine"]
    assert "straight" not in found
    assert shortest(200) == 5050


@pytest.mark.parametrize(
    ("train", "given"),
    [(measure, {"psi": "linear", "p": 200, "lr": 1e-3, "steps": 1000}), (lif, {"p": 20, "lr": 0.05, "steps": 30})],
    ids=["linear", "lif"],
)
def test_a_cut_at_the_start_is_no_decay_and_the_later_it_is_the_more_decays(train, given):
    none = train(0, decay=0.0, **given)["cosine"]
    cosines = [train(0, decay=0.5, cut=cut, **given)["cosine"] for cut in (0, 10, 30)]
    assert cosines[0] == none
    assert len({*cosines}) == 3
    assert train(0, decay=0.5, cut=30, **given)["at_cut"] != none


def test_how_straight_a_fall_is():
    t = np.arange(1, 4000)
    assert straight([*0.99**t]) == pytest.approx(1)
    assert straight([*t**-2.0]) == pytest.approx(0.87, abs=0.005)
    assert math.isnan(straight([*t**-0.5]))


def test_a_lif_neuron_gives_about_what_a_relu_gives():
    u = math.sqrt(network.INPUTS) * torch.randn(2000, generator=torch.Generator().manual_seed(0))
    net = network._lif_network(0, "student", 2)
    psi = network.spikes(nn.Sequential(net.hidden), (network.SCALE * u).expand(5, 1, -1)).mean(0)[0] / network.SCALE
    assert 0.5 < float(psi @ u.relu() / u.relu().square().sum()) < 1.5
    assert torch.corrcoef(torch.stack([psi, u.relu()]))[0, 1] > 0.8


def test_the_lif_network_learns_and_aligns_with_decay_alone():
    plain, decayed = (lif(0, p=160, decay=decay, lr=0.05, steps=250, curve=True) for decay in (0.0, 0.3))
    assert plain["loss"] < 0.01 * plain["first"]
    assert decayed["cosine"] > plain["cosine"] + 0.2
    assert len(plain["curve"]["step"]) == len(plain["curve"]["loss"])
    assert 0.02 < plain["rate"] < 0.5


def test_what_learning_conserves_is_conserved_to_first_order():
    coarse, fine = (conserved(0, lr=lr, steps=int(0.4 / lr), batch=10)["drift"] for lr in (2e-3, 1e-3))
    assert fine < 0.02
    assert fine == pytest.approx(coarse / 2, rel=0.25)


def test_mnist_is_trained_and_measured(monkeypatch):
    monkeypatch.setattr(network, "load", lambda name: clusters())
    found = mnist(0, decay=0.1, lr=0.05, epochs=4, batch=10, images=200, p=50)
    assert found["accuracy"] > 0.5
    assert -1 <= found["errors"] <= 1


def test_hidden_errors_are_bps_where_b_is_beta():
    data, beta, weight = clusters(), torch.randn(10, 20), torch.randn(20, 784) / 28
    for sign in (1, -1):
        net = TwoLayer(nn.ReLU(), weight, beta, sign * beta)
        found = network._errors(net, lambda x, net=net: net(x.flatten(1)), data.train)
        assert found == pytest.approx(sign, abs=1e-5)
