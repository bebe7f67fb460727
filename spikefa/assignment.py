"""Which layers of a network get a pathway, and by which rule each."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence

import snntorch as snn
from torch import nn

from spikefa.feedback import Rule
from spikefa.rules import rule as named

AFFINE = (nn.Linear, nn.modules.conv._ConvNd, nn.Bilinear)
"""What counts as an affine layer; those that are not in ROUTED are refused rather than skipped."""

RECURRENT = "recurrent"
"""What snnTorch calls the weights inside a recurrent neuron, and the word that asks for all of them."""


def assign(
    net: nn.Module, rule: Rule | str | Mapping[str, Rule | str], layers: str | Sequence[str] | None, first: bool
) -> dict[str, tuple[nn.Module, Rule]]:
    """The layers to attach to, by name, in the network's order, each with its rule.

    Args:
        net, rule, layers, first: as :func:`~spikefa.attach` takes them.

    Raises:
        ValueError: no layer to attach to, a name or pattern that no layer has, a pattern whose layers earlier ones
            have taken, or recurrent weights that no error can pass.
    """
    affine, recurrent = affine_layers(net), recurrent_weights(net)
    if not (affine or recurrent):
        raise ValueError("this network has no affine layer (Linear, Conv, ConvTranspose) to attach to")
    rules = rules_by_pattern(rule)
    if layers is not None and set(rules) != {"*"}:
        raise ValueError(f"layers={layers!r} stands beside rules that name their layers: leave one of the two out")
    wanted = list(rules) if layers is None else [layers] if isinstance(layers, str) else layers
    matches = {pattern: _matches(affine, recurrent, pattern, first) for pattern in wanted}
    if layers is None:
        _refuse_shadowed(matches)
    chosen = {
        name: rules[pattern if pattern in rules else "*"] for pattern in reversed(wanted) for name in matches[pattern]
    }
    if not chosen:
        raise ValueError(f"layers is empty: name some of {', '.join(affine)}, or leave it out for all but the first")
    _refuse_one_to_one(recurrent, chosen)
    names = [name for name, _ in net.named_modules(remove_duplicate=False) if name in chosen]
    return {name: ((affine | recurrent)[name], chosen[name]) for name in names}


def rules_by_pattern(rule: Rule | str | Mapping[str, Rule | str]) -> dict[str, Rule]:
    """Rules by the pattern of the layers they are for; ``*`` stands for all.

    In a string, ``pattern=rule`` parts are joined by ``/``.

    Raises:
        ValueError: no such rule or option.

    Example:
        >>> list(rules_by_pattern("fa")), list(rules_by_pattern("conv*=fa/out=fbp:period=10"))
        (['*'], ['conv*', 'out'])
    """
    if isinstance(rule, str):
        rule = parts(rule)
    if not isinstance(rule, Mapping):
        return {"*": rule}
    if not rule:
        raise ValueError("a mapping of layers to rules is empty: name a layer or a pattern, or give one rule for all")
    return {pattern: named(make) if isinstance(make, str) else make for pattern, make in rule.items()}


def parts(text: str) -> dict[str, Rule | str]:
    """Split ``pattern=rule/pattern=rule``; a rule alone is for all layers."""
    if "=" not in text.partition(":")[0]:
        return {"*": text}
    pairs = [part.partition("=") for part in text.split("/")]
    for pattern, _, rule in pairs:
        if not (pattern.strip() and rule.strip()):
            raise ValueError(f"{pattern!r} in {text!r} has no rule: write layer=rule/layer=rule")
    patterns = [pattern.strip() for pattern, _, _ in pairs]
    if twice := [pattern for pattern in patterns if patterns.count(pattern) > 1]:
        raise ValueError(f"{twice[0]!r} has two rules in {text!r}: leave one out")
    return {pattern.strip(): rule.strip() for pattern, _, rule in pairs}


def affine_layers(net: nn.Module, prefix: str = "") -> dict[str, nn.Module]:
    """The affine layers by name, without those inside spiking neurons; a shared one by its first name."""
    if isinstance(net, snn.SpikingNeuron):
        return {}
    if isinstance(net, AFFINE):
        return {prefix: net}
    found: dict[str, nn.Module] = {}
    for name, child in net.named_children():
        inside = affine_layers(child, f"{prefix}.{name}" if prefix else name)
        found |= {name: layer for name, layer in inside.items() if layer not in found.values()}
    return found


def recurrent_weights(net: nn.Module) -> dict[str, nn.Module]:
    """What takes the spikes of recurrent neurons (``snn.RLeaky``, ``snn.RSynaptic``) back to themselves, by name.

    Example:
        >>> recurrent_weights(nn.Sequential(snn.Leaky(beta=0.9), snn.RLeaky(beta=0.9, linear_features=3)))
        {'1.recurrent': Linear(in_features=3, out_features=3, bias=True)}
    """
    found: dict[str, nn.Module] = {}
    for name, neuron in net.named_modules():
        if isinstance(neuron, snn.RLeaky | snn.RSynaptic) and neuron.recurrent not in found.values():
            found[f"{name}.{RECURRENT}" if name else RECURRENT] = neuron.recurrent
    return found


def _matches(
    affine: Mapping[str, nn.Module], recurrent: Mapping[str, nn.Module], pattern: str, first: bool
) -> list[str]:
    """The layers that a pattern names; the first only if it is wanted, or named exactly.

    Recurrent weights are reached by their exact name, and by patterns that end in ``recurrent``.
    """
    if pattern in affine or pattern in recurrent:
        return [pattern]
    inner = list(recurrent) if pattern.endswith(RECURRENT) else []
    names = [*affine, *inner]
    wanted = inner if pattern == RECURRENT else fnmatch.filter(names, pattern)
    found = [name for name in wanted if first or name in inner or name != names[0]]
    if wanted and not found:
        raise ValueError(f"{pattern!r} matches the first affine layer, {names[0]!r}, alone: say first=True or its name")
    if not found:
        here = [", ".join(group) or "none" for group in (affine, recurrent)]
        there = f"the affine layers are {here[0]}, the recurrent ones {here[1]}"
        raise ValueError(f"no layer to attach to matches {pattern!r}: {there}")
    return found


def _refuse_shadowed(matches: Mapping[str, Sequence[str]]) -> None:
    """Refuse patterns that get no layer, since earlier ones took all of theirs; ``*`` asks for what is left, if any."""
    taken: dict[str, str] = {}
    for pattern, names in matches.items():
        if pattern != "*" and all(name in taken for name in names):
            by = ", ".join(repr(other) for other in dict.fromkeys(taken[name] for name in names))
            raise ValueError(
                f"{pattern!r} gets no layer: {by} has taken {', '.join(names)} before it, since a layer gets the "
                f"first pattern that matches: put it first, or leave it out"
            )
        taken = dict.fromkeys(names, pattern) | taken


def _refuse_one_to_one(recurrent: Mapping[str, nn.Module], chosen: Collection[str]) -> None:
    """Refuse weights V of one neuron to itself: V is its own transpose, there is no other way back to be had."""
    if wrong := [name for name in chosen if name in recurrent and not isinstance(recurrent[name], AFFINE)]:
        others = [name for name in recurrent if name not in wrong]
        rest = f"name the others, {', '.join(others)}" if others else "leave out layers='recurrent'"
        raise ValueError(
            f"{wrong[0]!r} connects each neuron to itself alone (all_to_all=False), where there is no matrix whose "
            f"transpose another could stand for: {rest}, or build the neuron with all_to_all=True"
        )
