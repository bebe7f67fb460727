"""Ways to get the microcircuit wrong: each is one expression of its loop, changed."""

import inspect

from spikefa.microcircuit import circuit, loop

LEARNED = "(upper * before[0] - lower * before[1])"
MOVED = "decay * (before[0] + lower)"


def changed(old, new):
    """The loop with another expression, in plain Python."""

    def patch(monkeypatch):
        source, names = inspect.getsource(loop.advance), dict(vars(loop))
        assert source.count(old) == 1
        exec(source.replace(old, new), names)
        monkeypatch.setattr(circuit, "compiled_advance", lambda: names["advance"])

    return patch


MUTANTS = {
    "sign": ("microcircuit", changed(LEARNED, f"-{LEARNED}")),
    "delay": ("microcircuit", changed(MOVED, "decay * before[0] + lower")),
    "decay": ("microcircuit", changed(MOVED, "(1 + 1e-6) * decay * (before[0] + lower)")),
    "reset": ("microcircuit", changed("wait[n] == 0 and", "")),
    "transpose": ("microcircuit", changed(LEARNED, "(lower * before[0] - upper * before[1])")),
    "coincident": ("microcircuit", changed(LEARNED, "(upper * (before[0] + lower) - lower * before[1])")),
    "potential": ("microcircuit", changed("w[0] * (wait[0] > 0)", "w[0] * (wait[0] > 1)")),
    "interneuron": ("microcircuit", changed("apical * (wait[3] > 0) - lateral", "apical * (wait[3] > 0) + lateral")),
    "nudging": ("microcircuit", changed("given[s, 1] - sums[3] / window", "given[s, 1] - above")),
    "average": ("microcircuit", changed("memory = kept[s, (start + t) % window]", "memory = kept[s, 0]")),
    "copy": ("microcircuit-copy", changed("w[2] = w[1]", "w[2] = w[0]")),
}
