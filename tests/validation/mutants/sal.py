"""Ways to get spike-based alignment learning wrong: its window, its neurons, its phases."""

import math
from collections import deque

import torch

from spikefa.noise import kernels_pair, pair
from spikefa.noise.leaky import THRESHOLD, LeakyNeuron
from spikefa.noise.stochastic import StochasticNeuron
from spikefa.rules import sal


def window(kernel):
    """The window by another kernel of age and τ, over all pairs of spikes; by the right one it is the same."""

    def summed(recording, tau, kernel):
        lower, upper = (torch.cat(spks) for spks in zip(*recording, strict=True))
        time = torch.arange(len(lower), dtype=torch.float64)
        return torch.einsum("tbl,ts,sbk->lk", upper, kernel(time[:, None] - time, tau), lower) / lower.shape[1]

    def patch(monkeypatch):
        right = sal.mirrored_window

        def wrong(recording, tau):
            pieces = list(recording)
            torch.testing.assert_close(summed(pieces, tau, mirrored), right(pieces, tau))
            return summed(pieces, tau, kernel)

        monkeypatch.setattr(sal, "mirrored_window", wrong)

    return patch


def mirrored(age, tau):
    return age.sign() * torch.exp(-age.abs() / tau)


def sign(age, tau):
    return -mirrored(age, tau)


def delay(age, tau):
    return torch.where(age.abs() > 1, age.sign() * torch.exp((1 - age.abs()) / tau), 0)


def decay(age, tau):
    return mirrored(age, tau * (1 + 1e-6))


def coincident(age, tau):
    """A spike sees the trace that one of the same step has just left."""
    return mirrored(age, tau) + (age == 0)


def pieces(monkeypatch):
    """Pairs of spikes that lie in two pieces of a recording are forgotten."""
    right = sal.mirrored_window
    monkeypatch.setattr(
        sal, "mirrored_window", lambda recording, tau: torch.stack([right([piece], tau) for piece in recording]).sum(0)
    )


def refractory(monkeypatch):
    """Neurons may fire while they are refractory."""
    right = StochasticNeuron.fire

    def fire(neuron, drive, noise, silent):
        right(neuron, drive, noise, 0 * silent)

    monkeypatch.setattr(StochasticNeuron, "fire", fire)


def membrane(monkeypatch):
    """LIF neurons are silent after a spike, but their membranes go on."""

    def fire(neuron, drive, noise, silent):
        if neuron.v is None:
            neuron.v = torch.zeros_like(drive)
        neuron.v.mul_(neuron.decay).add_(drive, alpha=1 - neuron.decay).add_(noise)
        drive.copy_((neuron.v > THRESHOLD) & (silent == 0))

    monkeypatch.setattr(LeakyNeuron, "fire", fire)


def leak(monkeypatch):
    """The membrane's time constant is 1 % too long, with noise and bias as they were: it tells by spikes alone."""
    right = LeakyNeuron.draw

    def draw(neuron, noise, bias, generator):
        neuron.decay = math.exp(-1 / neuron.refractory)
        right(neuron, noise, bias, generator)
        neuron.decay = math.exp(-1 / (neuron.refractory * 1.01))

    monkeypatch.setattr(LeakyNeuron, "draw", draw)


def potential(monkeypatch):
    """Potentials, and the refractory time with them, last a step longer."""

    def longer(past):
        past = list(past)
        return deque([*past, torch.zeros_like(past[0])])

    monkeypatch.setattr(pair, "deque", longer)


def torch_alone(change):
    """A mistake in torch's neurons, which the compiled loop does not run."""

    def patch(monkeypatch):
        monkeypatch.setattr(pair, "compiles", lambda *tensors: False)
        change(monkeypatch)

    return patch


def compiled_potential(monkeypatch):
    """In the compiled loop, potentials and the refractory time last a step longer."""
    right = pair._compiled
    monkeypatch.setattr(
        pair, "_compiled", lambda w, b, loop, left, length, steps: right(w, b, loop, left, length + 1, steps)
    )


def compiled_leak(monkeypatch):
    """In the compiled loop, the membrane's time constant is 1 % too long."""
    right = LeakyNeuron.loop

    def loop(neuron, *given):
        found = right(neuron, *given)
        return found._replace(membrane=(math.exp(-1 / (neuron.refractory * 1.01)), *found.membrane[1:]))

    monkeypatch.setattr(LeakyNeuron, "loop", loop)


def compiled_level(monkeypatch):
    """In the compiled loop, stochastic neurons have no bias."""
    right = StochasticNeuron.loop
    monkeypatch.setattr(StochasticNeuron, "loop", lambda neuron, bias, *rest: right(neuron, 0 * bias, *rest))


def compiled_refractory(monkeypatch):
    """In the compiled loop, neurons that are refractory from one piece to the next may fire."""
    right = kernels_pair.pair

    def wrong(leaky, drawn, level, membrane, up, down, turn, v, left, *rest):
        left[rest[-2] : rest[-1]] = 0
        right(leaky, drawn, level, membrane, up, down, turn, v, left, *rest)

    monkeypatch.setattr(kernels_pair, "pair", wrong)


def simulated(change):
    """The phase with other weights than those it is given."""

    def patch(monkeypatch):
        right = sal.pair
        monkeypatch.setattr(sal, "pair", lambda w, b, *rest, **options: right(*change(w, b), *rest, **options))

    return patch


def transpose(weight, feedback):
    return weight, feedback.T


def exchange(weight, feedback):
    return feedback, weight


def uncentred(monkeypatch):
    right = sal.pair
    monkeypatch.setattr(sal, "pair", lambda *given, bias, **options: right(*given, **options))


MUTANTS = {
    **{change.__name__: ("sal", window(change)) for change in (sign, delay, decay, coincident)},
    **{change.__name__: ("sal", simulated(change)) for change in (transpose, exchange)},
    **{change.__name__: ("sal", change) for change in (pieces, uncentred)},
    "potential": ("sal", torch_alone(potential)),
    **{change.__name__: ("sal-lif", torch_alone(change)) for change in (membrane, leak)},
    "reset": ("sal", torch_alone(refractory)),
    "reset of two": ("sal-pair", torch_alone(refractory)),
    **{change.__name__: ("sal", change) for change in (compiled_potential, compiled_level, compiled_refractory)},
    "compiled_leak": ("sal-lif", compiled_leak),
}
