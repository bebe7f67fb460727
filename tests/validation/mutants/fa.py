"""Ways to get feedback alignment wrong."""

from spikefa.rules.fa import FeedbackAlignment
from tests.validation.mutants import learning, local


def symmetric(monkeypatch):
    """B is W: backpropagation."""
    monkeypatch.setattr(FeedbackAlignment, "forward", lambda self, weight: weight)


def summed(monkeypatch):
    """Updates by the sum over a batch, and not by its mean."""
    from spikefa.validation.learning import torch as module

    steps = module.optim.SGD.step

    def wrong(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad *= 4
        return steps(self, closure)

    monkeypatch.setattr(module.optim.SGD, "step", wrong)


MUTANTS = {
    **learning.of("fa"),
    **local.of("fa-local"),
    "symmetric": ("fa", symmetric),
    "summed": ("fa-batch", summed),
}
