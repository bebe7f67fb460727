"""A study of nothing much, for tests of what runs studies."""

from typing import ClassVar

from matplotlib.figure import Figure

from spikefa.studies import Case, Claim, Study


def double(seed, by, device):
    if by == 13:
        raise ArithmeticError("thirteen")
    return {"twice": by * (1 + seed / 100), "curve": [0.0, float("nan"), by], "device": device}


class Toy(Study):
    """Whether twice is twice.

    Reference:
        Nobody 2026. https://example.org
    """

    seeds: ClassVar = {"quick": 3, "paper": 5}
    by = 2

    def cases(self, size):
        return [Case("double", double, {"by": self.by}), Case("one", double, {"by": 1})]

    def claims(self, results):
        return [
            Claim("twice is two", "2 [D]", results.values("double", "twice"), 1.9, 2.1, "theory"),
            Claim("twice is three", "3 [P]", results.values("double", "twice"), 2.9, 3.1, "theory"),
            Claim("more | less", "–", results.differences("double", "one", "twice"), 1.02, 2, "sign"),
        ]

    def figures(self, results):
        figure = Figure()
        figure.subplots().plot(results.values("double", "twice"))
        return {"twice": figure} if results.rows else {}


class Unlucky(Toy):
    """Whether thirteen is."""

    by = 13
