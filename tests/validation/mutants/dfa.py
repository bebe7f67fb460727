"""Ways to get direct feedback alignment wrong."""

from spikefa import local as by_traces
from spikefa.matrix import route_flat
from spikefa.rules import dfa
from tests.validation.mutants import local
from tests.validation.mutants.learning import CHANGES


def routed(change):
    """The way of the error through D, changed."""
    return lambda monkeypatch: monkeypatch.setattr(dfa, "route_flat", change)


def early(x, y, matrix):
    """Silence about the last step of a sample, ``[T, N]``."""
    whole = route_flat(x, y, matrix)
    return y.index_copy(0, y.new_tensor(range(len(y) - 1)).long(), whole[:-1])


def one_for_all(monkeypatch):
    """All layers get the D of one."""
    reach, kept = dfa.DirectFeedbackAlignment.reach, {}

    def wrong(self, x, y, inner):
        kept.setdefault("matrix", self.matrix)
        own, self.matrix = self.matrix, kept["matrix"]
        try:
            return reach(self, x, y, inner)
        finally:
            self.matrix = own

    monkeypatch.setattr(dfa.DirectFeedbackAlignment, "reach", wrong)


def layer_by_layer(monkeypatch):
    """The error goes down from layer to layer, as under fa: its own D in place of B."""

    def wrong(self, x, y, weight, adjoint):
        return dfa.route(x, y, self.matrix.weight, adjoint)

    monkeypatch.setattr(dfa.DirectFeedbackAlignment, "carry", wrong)


def layer_by_layer_local(monkeypatch):
    """The same, in the local form."""
    monkeypatch.setattr(by_traces, "source", lambda units, at: at)


MUTANTS = {change.__name__: ("dfa", change) for change in CHANGES if change.__name__ not in ("sign", "transpose")} | {
    "sign": ("dfa", routed(lambda x, y, matrix: route_flat(x, y, -matrix))),
    "transpose": ("dfa", routed(lambda x, y, matrix: route_flat(x, y, matrix.T.contiguous()))),
    "unfinished": ("dfa", routed(early)),
    "one for all": ("dfa", one_for_all),
    "layer by layer": ("dfa", layer_by_layer),
    "layer by layer, local": ("dfa-local", layer_by_layer_local),
    **local.of("dfa-local"),
}
