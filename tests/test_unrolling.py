"""Modules with a forward of their own, for one step: over a sequence equal to a loop over time."""

import pytest
import snntorch as snn
import torch
from torch import nn

from spikefa import attach, run
from spikefa.sequence import reset, walk
from spikefa.studies.trained import trained

T, B, N = 6, 3, 4


def neuron(**options):
    return snn.Leaky(beta=0.8, init_hidden=True, **options)


class Residual(nn.Module):
    """Two layers and a way around the second."""

    def __init__(self, n=N, **options):
        super().__init__()
        self.fc1, self.fc2, self.lif1, self.lif2 = nn.Linear(n, n), nn.Linear(n, n), neuron(), neuron(**options)

    def forward(self, x):
        spk = self.lif1(self.fc1(x))
        return self.lif2(self.fc2(spk) + spk)


class HandsOver(nn.Module):
    """In snnTorch's other style: the state is given and taken."""

    def __init__(self, start=lambda lif: None):
        super().__init__()
        self.fc, self.lif, self.start = nn.Linear(N, N), snn.Leaky(beta=0.8), start

    def forward(self, x):
        return self.lif(self.fc(x), self.start(self.lif))


class Loops(nn.Module):
    def __init__(self):
        super().__init__()
        self.lif = neuron()

    def forward(self, x):
        return torch.stack([self.lif(now) for now in x])


class Twice(Residual):
    def forward(self, x):
        return self.lif1(self.lif1(x))


class Sums(Residual):
    def forward(self, x):
        return super().forward(x).sum(0)


class Tells(Residual):
    def forward(self, x):
        return {"spk": super().forward(x)}


def louder(net):
    """Else the inner layers are silent."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data *= 3
    return net


def network():
    torch.manual_seed(0)
    return louder(nn.Sequential(nn.Linear(N, N), neuron(), Residual(), nn.Linear(N, N), neuron(output=True))).double()


def looped(net, x):
    """snnTorch's loop; spikes float64, as in run."""
    reset(net)
    given = [net(now) for now in x]
    reset(net)
    return [torch.stack(part) for part in zip(*given, strict=True)]


def x(**options):
    return 2 * torch.rand(T, B, N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_it_equals_a_loop_over_time_and_so_do_its_gradients(monkeypatch):
    net = network()
    for lif in net.modules():  # snnTorch's spikes are float32
        if isinstance(lif, snn.Leaky):
            lif.register_forward_hook(
                lambda *call: (call[2][0].double(), call[2][1]) if isinstance(call[2], tuple) else call[2].double()
            )
    sides = []
    for way in (run, looped):
        spk, mem = way(net, x())
        sides.append((spk, mem, *torch.autograd.grad((mem * spk.detach().cos()).sum(), list(net.parameters()))))
    assert sides[0][0].equal(sides[1][0])
    assert sides[0][0].any()
    for found, true in zip(*sides, strict=True):
        torch.testing.assert_close(found, true, rtol=1e-6, atol=1e-7)


def test_errors_inside_go_through_the_pathways():
    net = attach(network(), "fa", seed=3)
    mem = run(net, x())[1]
    routed = torch.autograd.grad(mem.sum(), net[2].fc1.weight)[0]
    net[2].fc2.feedback.weight.zero_()
    net[3].feedback.weight.mul_(2)
    mem = run(net, x())[1]
    assert not torch.autograd.grad(mem.sum(), net[2].fc1.weight)[0].allclose(routed)
    torch.testing.assert_close(run(net, x())[1], mem)


def test_a_state_that_is_handed_over_begins_at_rest():
    net = HandsOver().double()
    spk, mem = run(net, x())
    true = run(nn.Sequential(net.fc, snn.Leaky(beta=0.8, output=True)), x())
    assert spk.equal(true[0])
    assert mem.equal(true[1])


def test_walk_gives_the_neurons_inside_by_name():
    net = network()
    names = [name for name, module, _ in walk(net, x()) if isinstance(module, snn.Leaky)]
    assert names == ["1", "2.lif1", "2.lif2", "4"]
    assert [name for name, _, _ in walk(net[2], x())] == ["lif1", "lif2", ""]


def test_states_and_forwards_are_left_as_they_were_also_by_an_error():
    net = Residual()
    kept = net.lif1(torch.ones(2, N)), net.lif1.mem
    run(net, x().float())
    with pytest.raises(RuntimeError, match="shapes"):
        run(net, torch.ones(T, B, N + 1))
    assert net.lif1.mem is kept[1]
    assert "forward" not in vars(net.lif1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Loops, "lif is not called once with all examples, as in a loop over time: call the network itself"),
        (lambda: HandsOver(lambda lif: torch.ones(T * B, N)), "lif is given a state, and so forgets its own"),
        (lambda: HandsOver(lambda lif: lif.init_leaky()), "lif is given a state, and so forgets its own"),
        (Sums, "this network, a Sums, gives 4 rows for 18 examples"),
        (Twice, "lif1 is not called once"),
        (Tells, "this network, a Tells, gives a dict"),
        (lambda: nn.Sequential(Residual(), nn.GRU(N, 3)), "1 is a GRU"),
        (lambda: nn.Sequential(Holds(snn.SLSTM(N, 3))), "0.inner is a SLSTM"),
        (lambda: Holds(snn.Synaptic(alpha=0.5, beta=0.5)), "inner is a Synaptic that hands its states on"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(make, message):
    with pytest.raises(TypeError, match=message):
        run(make(), torch.rand(T, B, N))


class Holds(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


def residual(shape, classes, readout, generator):
    """A network as ``--network`` takes it."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), neuron(), Residual(32), nn.Linear(32, classes), readout(0.9))
    return louder(net)


def test_a_neuron_that_comes_twice_is_refused():
    lif = neuron()
    with pytest.raises(TypeError, match="3 is the neuron of 1 once more"):
        run(nn.Sequential(nn.Linear(N, N), lif, nn.Linear(N, N), lif), torch.rand(T, B, N))


def twice(block):
    return nn.Sequential(block, block)


def inside_and_after(block):
    return nn.Sequential(block, block.lif2)


def before_and_inside(block):
    return nn.Sequential(block.lif1, block)


def deeper(block):
    return nn.Sequential(Holds(block), nn.Sequential(block))


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        (twice, "1.lif1 is the neuron of 0.lif1 once more"),
        (inside_and_after, "1 is the neuron of 0.lif2 once more"),
        (before_and_inside, "1.lif1 is the neuron of 0 once more"),
        (deeper, "1.0.lif1 is the neuron of 0.inner.lif1 once more"),
    ],
)
def test_a_neuron_that_comes_twice_by_way_of_modules_is_refused_too(shared, message):
    """A loop over time goes on from the state that the first call left: other spikes than from rest."""
    with pytest.raises(TypeError, match=message):
        run(shared(Residual()), torch.rand(T, B, N))


def test_experiments_take_such_networks():
    network = "tests.test_unrolling:residual"
    found = trained(0, rule="fa", network=network, dataset="digits", epochs=3, lr=0.01, steps=4)
    assert found["test"] > 25  # of ten classes
    assert {"3.lif1", "3.lif2"} < set(found["rates"])
    assert 10 < found["curves"]["angle"][-1] < 90
