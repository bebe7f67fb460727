"""Other ways to compute a step: products in bfloat16, the scan in plain torch, that one compiled; their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa.agreement import cosine
from spikefa.scan import using

from .contenders import Scores, loop, products, sequence, step
from .table import Table
from .timing import Setting, Spread, interleaved, number, ratio
from .workloads import CASES, TINY, Case

Build = Callable[[nn.Sequential], tuple[nn.Module, Scores]]


def rounded(build: Build) -> Build:
    """The same with its products in bfloat16, by autocast."""

    def built(net: nn.Sequential) -> tuple[nn.Module, Scores]:
        made, scores = build(net)

        def cast(x: Tensor) -> Tensor:
            with torch.autocast(x.device.type, torch.bfloat16):
                return scores(x).float()

        return made, cast

    return built


def plainly(net: nn.Sequential) -> tuple[nn.Module, Scores]:
    """spikefa with the scan in plain torch."""
    made, scores = sequence(net)

    def reference(x: Tensor) -> Tensor:
        with using("reference"):
            return scores(x)

    return made, reference


def compiled(net: nn.Sequential) -> tuple[nn.Module, Scores]:
    """The same, compiled by torch as a whole."""
    made, scores = sequence(net)
    return made, torch.compile(scores, fullgraph=True)


def products_rounded(net: nn.Sequential) -> tuple[nn.Module, Scores]:
    """The matrix products alone, in bfloat16."""
    made, _ = products(net)
    return rounded(lambda net: (net, lambda x: net(x.flatten(0, 1)).unflatten(0, x.shape[:2]).mean(0)))(made)


WAYS: dict[str, Build] = {
    "limit": products,
    "limit, bfloat16": products_rounded,
    "spikefa": sequence,
    "spikefa, bfloat16": rounded(sequence),
    "spikefa, plain torch": plainly,
    "snnTorch, bfloat16": rounded(loop),
}
COMPILED = "small"
"""The network whose step torch.compile takes too: it unrolls all time steps of all layers, minutes for others."""


def tables(setting: Setting) -> Iterator[Table]:
    """A table for each network."""
    for case in TINY if setting.tiny else CASES:
        if setting.wants(case.name):
            yield table(case, setting)


def table(case: Case, setting: Setting) -> Table:
    """Milliseconds of a step, as multiples of the products' in float32, and the gradient's cosine to spikefa's."""
    ways = WAYS | ({"spikefa, torch.compile": compiled} if case.name == COMPILED else {})
    seconds = interleaved({name: step(case, build, setting.device) for name, build in ways.items()}, setting)
    columns = ("way", "ms", "× limit", "× spikefa", "cosine of its gradient to spikefa's")
    made = Table(f"precision, {case.title}", columns)
    true = gradient(case, sequence, setting.device)
    for name, build in ways.items():
        against = ratio(seconds[name], seconds["limit"]), ratio(seconds[name], seconds["spikefa"])
        near = "–" if "limit" in name else number(cosine([(gradient(case, build, setting.device), true)]))
        made.rows.append((name, Spread.of(seconds[name], 1000), *against, near))
    return made


def gradient(case: Case, build: Build, device: str) -> Tensor:
    """The gradient of the first batch, of all parameters together."""
    net, scores = build(case.network())
    net.to(device)
    x, y = case.data(device)
    return torch.cat([g.flatten() for g in torch.autograd.grad(F.cross_entropy(scores(x), y), list(net.parameters()))])
