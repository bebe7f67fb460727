"""The life of a pathway: drawn, attached, copied, saved and loaded, moved, taken off again."""

from __future__ import annotations

import copy
import json
import random

import numpy as np
import torch
from safetensors import torch as safetensors
from torch import Tensor, nn

from spikefa import packing
from spikefa.attachment import adapt, attach, detach, routed
from spikefa.testing.cases import Case, used
from spikefa.testing.networks import batch, gradients, loss, own, smooth
from spikefa.testing.verdict import all_same, near, require, same, same_state


def update(net: nn.Module, index: int) -> None:
    """One update of the weights by gradient descent, then of the pathways; every other one ends an epoch."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=0.01)
    first = next(net.parameters())
    loss(net, batch(index, dtype=first.dtype).to(first.device)).backward()
    optimizer.step()
    optimizer.zero_grad()
    adapt(net)
    if index % 2:
        adapt(net, epoch=True)


def state(case: Case) -> None:
    """A training that was saved halfway and loaded goes on, bit for bit, as if it had not been interrupted.

    What is saved is ``state_dict``: buffers, and what ``get_extra_state`` gives, of tensors and what JSON holds.
    """
    net, fresh = _twins(case)
    attach(net, case.rule, seed=1)
    for index in range(4):
        update(net, index)
    plain, tensors = packing.pack(packing.copied(net.state_dict()))
    written = json.dumps(plain), safetensors.save(tensors)
    read = packing.unpack(json.loads(written[0]), safetensors.load(written[1]))
    attach(fresh, case.rule, seed=2).load_state_dict(read)
    for index in range(4, 9):
        update(net, index)
        update(fresh, index)
        all_same("after loading, B", _pathways(fresh), _pathways(net), list(routed(net)))
    same_state("after loading and five updates, the state", fresh.state_dict(), net.state_dict())


def generator(case: Case) -> None:
    """Global generators are neither moved nor read: seed and layer alone decide all that is drawn."""
    net, twin = _twins(case)
    before = _global()
    attach(net, case.rule)
    for index in range(4):
        update(net, index)
    require(
        _global() == before,
        "a global generator (torch, numpy or random) has moved: draw from the generator that the rule is given",
    )
    torch.manual_seed(99)
    attach(twin, case.rule)
    for index in range(4):
        update(twin, index)
    same_state("with torch's global seed another, the state", twin.state_dict(), net.state_dict())


def copied(case: Case) -> None:
    """A deep copy learns as the original would have, which stays as it was."""
    net = attach(smooth(case), case.rule)
    twin, before = copy.deepcopy(net), packing.copied(net.state_dict())
    used_before = _pathways(net)
    for index in range(4):
        update(twin, index)
    same_state("after its copy has learned, the state", net.state_dict(), before)
    all_same("after its copy has learned, B", _pathways(net), used_before, list(routed(net)))
    for index in range(4):
        update(net, index)
    same_state("the state of a copy", twin.state_dict(), net.state_dict())
    all_same("of a copy, B", _pathways(twin), _pathways(net), list(routed(net)))


def untouched(case: Case) -> None:
    """Attaching adds ``<layer>.feedback.*`` and nothing else; only the optimiser moves the weights."""
    net = smooth(case)
    parameters, keys = own(net), list(net.state_dict())
    before = {name: p.detach().clone() for name, p in parameters.items()}
    attach(net, case.rule)
    require(
        [key for key in net.state_dict() if ".feedback." not in key] == keys
        and all(f"{name}.feedback.bits" in net.state_dict() for name in routed(net)),
        "the state must keep its keys and gain <layer>.feedback.* alone, bits among them: call super().__init__()",
    )
    for _ in range(4):
        loss(net, batch()).backward()
        kept = {name: p.grad.clone() for name, p in parameters.items() if p.grad is not None}
        adapt(net)
        adapt(net, epoch=True)
        same_state("without an optimiser, the weight", dict(parameters), before)
        same_state("step() changed a gradient, that", {name: _grad(parameters[name]) for name in kept}, kept)
    require(own(net).keys() == before.keys() and all(own(net)[n] is p for n, p in parameters.items()), "new parameters")


def detached(case: Case) -> None:
    """After ``detach`` the layers are stock ones, with the gradients of a network that never had a pathway."""
    net, twin = _twins(case)
    attach(net, case.rule)
    for index in range(4):
        update(net, index)
    detach(net)
    for left, never in zip(net.modules(), twin.modules(), strict=True):
        require(type(left) is type(never), f"after detach() a {type(never).__name__} is a {type(left).__qualname__}")
        require(vars(left).keys() == vars(never).keys(), f"after detach() a layer has {vars(left).keys()}")
    require(list(net.state_dict()) == list(twin.state_dict()), f"after detach() the state has {list(net.state_dict())}")
    twin.load_state_dict(net.state_dict())
    same("after detach(), the output", net(batch()), twin(batch()))
    found, expected = (gradients(loss(n, batch()), n) for n in (net, twin))
    all_same("after detach(), the gradient", found, expected, list(own(net)))


def moves(case: Case) -> None:
    """B goes with the network to another dtype, and to a GPU where there is one, and goes on learning there."""
    net = attach(smooth(case, torch.float32), case.rule)
    start = _pathways(net)
    for dtype, rtol in ((torch.float64, 1e-6), (torch.bfloat16, 0.02)):
        net.to(dtype)
        for name, b, before in zip(routed(net), _pathways(net), start, strict=True):
            near(f"after net.to({dtype}), B of {name}", b, before.to(dtype), rtol)
        update(net, 1)
        require(all(b.dtype == dtype for b in _pathways(net)), f"after an update in {dtype}, B is no longer {dtype}")
        start = _pathways(net)
    if torch.cuda.is_available():
        _on_gpu(case)


def _on_gpu(case: Case) -> None:
    net, twin = _twins(case)
    attach(net, case.rule)
    attach(twin.to("cuda"), case.rule)
    all_same("attached on a GPU, B", [b.cpu() for b in _pathways(twin)], _pathways(net), list(routed(net)))
    net.to("cuda")
    for which, how in ((net, "after net.to('cuda')"), (twin, "attached on a GPU")):
        update(which, 1)
        require(all(b.device.type == "cuda" for b in _pathways(which)), f"{how}, B is on the CPU after an update")


def _twins(case: Case) -> tuple[nn.Sequential, nn.Sequential]:
    net = smooth(case)
    return net, copy.deepcopy(net)


def _pathways(net: nn.Module) -> list[Tensor]:
    return [used(layer).detach().clone() for layer in routed(net).values()]


def _grad(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        raise AttributeError("step() has removed a gradient")
    return parameter.grad


def _global() -> tuple[object, ...]:
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index]  # noqa: NPY002
