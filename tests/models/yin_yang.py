"""Yin-Yang as constant currents, learned by feedback alignment: a case too large for a golden trace."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import snntorch as snn
import torch
from torch import nn

from spikefa import attach
from spikefa.datasets.yin_yang import load
from spikefa.models import fa, lesson, recording
from spikefa.recording import array
from spikefa.testing.networks import SURROGATES
from spikefa.validation.learning import Course, Learning

HIDDEN, STEPS = 40, 10


@final
@dataclass(frozen=True)
class YinYang(Learning):
    """Points of the disc, one after the other; `samples` of them, once."""

    eta: float = 0.005
    samples: int = 2000
    name = rule = "fa"

    @cached_property
    def data(self):
        return load(train=self.samples, test=500)

    def course(self):
        noise = torch.Generator().manual_seed(0)
        first, out = nn.Linear(4, HIDDEN).double(), nn.Linear(HIDDEN, 3).double()
        for affine, scale in ((first, 2.0), (out, 0.5 / HIDDEN**0.5)):
            affine.weight.data = scale * torch.randn(affine.weight.shape, generator=noise, dtype=torch.float64)
            affine.bias.data.zero_()
        lif = snn.Leaky(beta=0.9, spike_grad=SURROGATES["atan"])
        readout = snn.Leaky(beta=0.5, reset_mechanism="none", output=True)
        net = attach(nn.Sequential(first, lif, out, readout).double(), self.rule)
        return Course(net, self.data.train.x.double().expand(STEPS, -1, -1), self.data.train.y)

    def reference(self):
        return recording.accuracy(fa.learn(*self.lesson()), self.held_out())

    def held_out(self):
        return lesson.Lesson(array(self.data.test.x.double().expand(STEPS, -1, -1)), array(self.data.test.y))
