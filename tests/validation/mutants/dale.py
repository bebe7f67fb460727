"""Ways to get wired neurons wrong: each is one expression of their loop, changed."""

import inspect

from spikefa import dale
from spikefa.noise import wired

GAINED, LOST = "weights[m, n] += eta * x[m]", "weights[n, m] - eta * x[m]"
TRACE = "decay * (x[n] + spk[t, n])"


def changed(*pairs):
    """The loop with other expressions, in plain Python."""

    def patch(monkeypatch):
        source, names = inspect.getsource(wired.advance), dict(vars(wired))
        for old, new in pairs:
            assert source.count(old) == 1
            source = source.replace(old, new)
        exec(source, names)
        monkeypatch.setattr(wired, "compiled_advance", lambda: names["advance"])

    return patch


def transposed(monkeypatch):
    """Weights lead from a row's neuron to a column's."""
    right = dale.Pair.weights
    monkeypatch.setattr(dale.Pair, "weights", lambda pair, direct: right(pair, direct).T)


MUTANTS = {
    "sign": ("dale", changed((GAINED, GAINED.replace("+=", "-=")), (LOST, LOST.replace("-", "+")))),
    "delay": ("dale", changed((TRACE, "decay * x[n] + spk[t, n]"))),
    "decay": ("dale", changed((TRACE, f"(1 + 1e-6) * {TRACE}"))),
    "reset": ("dale", changed(("if left[n] == 0:", "if True:"))),
    "transpose": ("dale", changed(("u += weights[n, m]", "u += weights[m, n]"))),
    "negative": ("dale", changed((f"max(0.0, {LOST})", LOST))),
    "wires": ("dale", transposed),
}
