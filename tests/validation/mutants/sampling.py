"""Ways to get a sampling network wrong: its windows, its neurons, its rule."""

import dataclasses

import numpy as np

from spikefa.sampling import WakeSleep, kernels


def ordered(change):
    """The window of order changed after the sleep."""

    def patch(monkeypatch):
        right = WakeSleep.slept

        def wrong(*given):
            slept = right(*given)
            return slept._replace(order=change(slept.order))

        monkeypatch.setattr(WakeSleep, "slept", wrong)

    return patch


def sign(monkeypatch):
    """SAL takes the order of spikes the wrong way round."""
    right = WakeSleep.learned
    monkeypatch.setattr(
        WakeSleep,
        "learned",
        lambda made, *given: right(made, *given[:4], given[4]._replace(order=-given[4].order)),
    )


def delay(monkeypatch):
    """The window is of the time since the step after a spike."""
    right = kernels._follow.py_func
    monkeypatch.setattr(kernels, "_follow", lambda n, t, *rest: right(n, t - 1, *rest))
    monkeypatch.setattr(kernels, "sleep", kernels.sleep.py_func)


def decay(monkeypatch):
    """Potentials and windows are a step longer."""
    right = kernels.sleep
    monkeypatch.setattr(
        kernels, "sleep", lambda drawn, begin, table, length, *rest: right(drawn, begin, table, length + 1, *rest)
    )


def reset(monkeypatch):
    """Neurons may spike while they are refractory."""
    right = kernels.chances

    def wrong(weight, bias, length):
        drive = bias + (np.arange(2 ** len(bias))[:, None] >> np.arange(len(bias)) & 1) @ weight.T
        table = 1 / (1 + length * np.exp(-drive))
        free = right(weight, bias, length) > 0
        np.testing.assert_allclose(right(weight, bias, length)[free], table[free])
        return table

    monkeypatch.setattr(kernels, "chances", wrong)


def weights(monkeypatch):
    """W is read onto the second from the first index."""
    right = WakeSleep.slept
    monkeypatch.setattr(WakeSleep, "slept", lambda made, weight, *rest: right(made, weight.T, *rest))


def amplitudes(monkeypatch):
    """The synapses of a pair have each other's amplitudes."""
    right = WakeSleep.learned
    monkeypatch.setattr(
        WakeSleep,
        "learned",
        lambda made, *given: right(made, *given[:4], given[4]._replace(coincidence=given[4].coincidence.T)),
    )


def wake(monkeypatch):
    """The target is felt by the windows of order."""
    right = WakeSleep.wake
    monkeypatch.setattr(
        WakeSleep, "wake", lambda made, together, a: right(made, together, a._replace(coincidence=a.order))
    )


def simultaneous(monkeypatch):
    """Spikes of the same step count."""
    right = WakeSleep.learned
    monkeypatch.setattr(
        WakeSleep, "learned", lambda made, *given: right(dataclasses.replace(made, simultaneous=True), *given)
    )


MUTANTS = {
    "sign": ("sampling", sign),
    "delay": ("sampling", delay),
    "decay": ("sampling", decay),
    "reset": ("sampling", reset),
    "transpose": ("sampling", ordered(np.transpose)),
    "weights": ("sampling-kp", weights),
    "amplitudes": ("sampling-none", amplitudes),
    "wake": ("sampling-none", wake),
    "simultaneous": ("sampling-none", simultaneous),
}
