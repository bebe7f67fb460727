"""Ways to get Kolen–Pollack learning wrong."""

from spikefa import routing
from spikefa.rules.kp import KolenPollack
from tests.validation.mutants import learning, local


def frozen(monkeypatch):
    """B does not learn."""
    monkeypatch.setattr(KolenPollack, "forward", lambda self, weight: self.weight.detach())


def mirrored(monkeypatch):
    """B learns by the transpose of what W does."""
    route = routing.route
    monkeypatch.setattr(routing, "route", lambda x, y, weight, _: route(x, y, weight, lambda error, _: error.T))


def against(monkeypatch):
    """B learns with the sign flipped."""
    route = routing.route
    monkeypatch.setattr(routing, "route", lambda x, y, weight, _: route(x, y, weight, lambda error, _: -error))


def lasting(monkeypatch):
    """The decay of B is too weak by a millionth."""

    def wrong(self, weight):
        self.weight.data *= 1 + 1e-6 * 0.003 * 5

    monkeypatch.setattr(KolenPollack, "step", wrong)


MUTANTS = {
    **learning.of("kp"),
    **local.of("kp-local"),
    **{change.__name__: ("kp", change) for change in (frozen, mirrored, against, lasting)},
    "local: frozen": ("kp-local", frozen),
}
