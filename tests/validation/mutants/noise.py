"""Ways to get the driven LIF neurons wrong, which stdwi and mirror share."""

import torch

from spikefa.noise import driven


def forgotten(monkeypatch, module):
    """Neurons fire and go on as if they had not."""
    lif = module.lif

    def wrong(cur, *, threshold, **rest):
        _, v = lif(cur, threshold=float("inf"), **rest)
        return (v > threshold).to(v), v

    monkeypatch.setattr(module, "lif", wrong)


def by_torch(monkeypatch):
    """The parts that are got wrong are torch's; the compiled loop has them in one."""
    monkeypatch.setattr(driven, "compiles", lambda *tensors: False)


def reset(monkeypatch):
    by_torch(monkeypatch)
    forgotten(monkeypatch, driven)


def membrane(monkeypatch):
    monkeypatch.setattr(driven, "TAU_MEM", driven.TAU_MEM * (1 + 1e-6))


def fall(monkeypatch):
    monkeypatch.setattr(driven, "FALL", driven.FALL * (1 + 1e-6))


def gain(monkeypatch):
    """Currents are not multiplied by the step."""
    by_torch(monkeypatch)
    lif = driven.lif
    monkeypatch.setattr(driven, "lif", lambda cur, gain, **rest: lif(cur, gain=1.0, **rest))


def centre(monkeypatch):
    monkeypatch.setattr(driven.Drive, "rate", lambda self, count: 0.0)


def late(monkeypatch):
    """Currents reach the neurons a step later."""
    by_torch(monkeypatch)
    lif = driven.lif
    monkeypatch.setattr(driven, "lif", lambda cur, **rest: lif(torch.cat([0 * cur[:1], cur[:-1]]), **rest))


def transposed(monkeypatch):
    """The simulation runs with W transposed."""
    populations = driven.Drive.populations
    monkeypatch.setattr(
        driven.Drive,
        "populations",
        lambda self, weight, *rest, **options: populations(self, weight.T, *rest, **options),
    )


NEURONS = {
    "reset": reset,
    "membrane": membrane,
    "synapse": fall,
    "centre": centre,
    "delay-of-currents": late,
    "transpose-w": transposed,
}
