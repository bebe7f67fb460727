"""Ways to get regression discontinuity wrong."""

import importlib

import torch

from spikefa.noise.crossing import Windows
from spikefa.noise.exponential import synapse
from tests.validation.mutants.noise import forgotten

module = importlib.import_module("spikefa.rules.rdd")
Rule = module.RegressionDiscontinuity


def responses(change):
    """What the neurons above show in the windows, changed: change(right, x, found, length)."""

    def patch(monkeypatch):
        right = module.responses
        monkeypatch.setattr(module, "responses", lambda *given: change(right, *given))

    return patch


def windows(change):
    """The windows, changed: change(right, v, cur, spk, **options)."""

    def patch(monkeypatch):
        right = module.windows
        monkeypatch.setattr(module, "windows", lambda *given, **options: change(right, *given, **options))

    return patch


def option(name, change):
    """An option of the neurons, or of the rule, changed."""

    def patch(monkeypatch):
        if name in module.NEURON:
            monkeypatch.setitem(module.NEURON, name, change(module.NEURON[name]))
        if name in module.MEMBRANE:
            monkeypatch.setitem(module.MEMBRANE, name, change(module.MEMBRANE[name]))

    return patch


def sign(right, x, found, length):
    return -right(x, found, length)


def delay(right, x, found, length):
    return right(torch.cat([0 * x[:1], x[:-1]]), found, length)


def level(right, x, found, length):
    """The value just before a window is not taken off."""
    return right(x, found, length) + x[found.step - 1, found.replica]


def at_opening(right, x, found, length):
    """The value at the opening is taken off, not the one before it."""
    return right(x, found, length) + (x[found.step - 1, found.replica] - x[found.step, found.replica])


def shorter(right, v, *given, length, **options):
    """Drives and spikes of the last step of a window are not seen; those that the rule has no room for are left out."""
    found = right(v, *given, length=length - 1, **options)
    room = found.step + length <= len(v)
    return Windows(*(field[room] for field in found))


def wider(right, *given, alpha, **options):
    return right(*given, alpha=1.05 * alpha, **options)


def swapped(right, *given, **options):
    """Windows with a spike and without change places."""
    found = right(*given, **options)
    return found._replace(spiked=~found.spiked)


def with_reset(right, v, cur, spk, *, length, **options):
    """u is the membrane itself, which is reset."""
    found = right(v, cur, spk, length=length, **options)
    inside = found.step[:, None] + torch.arange(length)
    return found._replace(peak=v[inside, found.replica[:, None], found.neuron[:, None]].amax(1))


def undecaying(right, *given, decay, **options):
    return right(*given, decay=decay * (1 + 1e-6), **options)


def reset(monkeypatch):
    forgotten(monkeypatch, module)


def kernel(monkeypatch):
    monkeypatch.setattr(module, "SYNAPSE", synapse(fall=10.0 * (1 + 1e-6), rise=3.0))


def transpose(monkeypatch):
    learn = Rule.learn
    monkeypatch.setattr(Rule, "learn", lambda self, feedback, recording: learn(self, feedback, recording).T)


def transposed(monkeypatch):
    simulate = Rule.simulate
    monkeypatch.setattr(Rule, "simulate", lambda self, weight, *rest: simulate(self, weight.T, *rest))


def backwards(monkeypatch):
    """The windows of a line count in the opposite order."""
    right = module.compose

    def wrong(line, count, keep, add):
        left, gain = right(line.flip(0), count, keep.flip(0), add.flip(0))
        return left, gain.flip(0)

    monkeypatch.setattr(module, "compose", wrong)


def forgetful(monkeypatch):
    """Every phase begins with lines of zero."""
    learn = Rule.learn

    def wrong(self, feedback, recording):
        self.lines.zero_()
        return learn(self, feedback, recording)

    monkeypatch.setattr(Rule, "learn", wrong)


def unscaled(monkeypatch):
    """B is β itself wherever there is one."""

    def wrong(self, feedback, lines, count):
        return torch.where((count.view(2, -1) > 0).all(0), self._jumps(lines), feedback)

    monkeypatch.setattr(Rule, "_scaled", wrong)


def slower(value):
    return value * (1 + 1e-6)


CHANGES = {
    **{change.__name__: responses(change) for change in (sign, delay, level, at_opening)},
    **{change.__name__: windows(change) for change in (shorter, wider, swapped, with_reset, undecaying)},
    **{change.__name__: change for change in (reset, kernel, transpose, backwards, forgetful, unscaled)},
    **{name: option(name, slower) for name in ("decay", "gain")},
    "threshold": option("threshold", lambda value: 1.02 * value),
    "refractory": option("refractory", lambda steps: steps - 1),
    "transpose-w": transposed,
}
MUTANTS = {name: ("rdd", change) for name, change in CHANGES.items()}
