"""Ways to get frozen backpropagation wrong."""

from spikefa import transport
from spikefa.rules.fbp import FrozenBackprop
from tests.validation.mutants import learning


def stale(monkeypatch):
    """Copies the W of the update before."""
    step = FrozenBackprop.step

    def wrong(self, weight):
        before = getattr(self, "before", weight)
        step(self, before)
        self.before = weight.detach().clone()

    monkeypatch.setattr(FrozenBackprop, "step", wrong)


def never(monkeypatch):
    """Copies nothing."""
    monkeypatch.setattr(FrozenBackprop, "step", lambda self, weight: None)


def always(monkeypatch):
    """Backpropagation: B is W at each update."""
    monkeypatch.setattr(FrozenBackprop, "forward", lambda self, weight: weight)


def scheme(name, change):
    """A scheme with another choice."""

    def patch(monkeypatch):
        right = transport.SCHEMES[name]

        def wrong(weight, feedback, shared, **options):
            return change(right, weight, feedback, shared, options)

        wrong.__signature__ = __import__("inspect").signature(right)
        monkeypatch.setitem(transport.SCHEMES, name, wrong)

    return patch


def ahead(right, weight, feedback, shared, options):
    return right(weight, feedback, shared._replace(number=shared.number + 1), **options)


def one_more(right, weight, feedback, shared, options):
    return right(weight, feedback, shared, fraction=options["fraction"] + 1 / weight.numel())


def of_feedback(right, weight, feedback, shared, options):
    """In units of B's root mean square."""
    ratio = feedback.norm() / weight.norm()
    return right(weight, feedback, shared, threshold=options["threshold"] * float(ratio))


MUTANTS = learning.of("fbp") | {
    "stale": ("fbp", stale),
    "never": ("fbp", never),
    "always": ("fbp", always),
    "block": ("fbp-cyclic", scheme("cyclic", ahead)),
    "one more": ("fbp-topk", scheme("topk", one_more)),
    "unit": ("fbp-threshold", scheme("threshold", of_feedback)),
}
