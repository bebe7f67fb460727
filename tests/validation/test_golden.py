"""Every torch twin does what its Brian2 reference did, and a twin that is wrong in any of five ways does not."""

from contextlib import nullcontext
from functools import partial
from importlib import import_module

import pytest

from spikefa.scan import using
from spikefa.validation import VALIDATIONS, Exact, cases
from spikefa.validation.exact import agreement
from spikefa.validation.statistical import consistency, gathered
from tests.validation.conftest import GOLDEN
from tests.validation.mutants import lif

ALL = [case for name in VALIDATIONS for case in cases(name)]
EXACT = [case for case in ALL if isinstance(case, Exact)]
STATISTICAL = [case for case in ALL if not isinstance(case, Exact)]
MISTAKES = {"sign", "delay", "decay", "reset", "transpose"}
"""Sign flipped, trace delayed by a step, a decay with the wrong constant, reset forgotten, feedback transposed."""


def name(case):
    return case.name


def mutants(rule):
    return import_module(f"tests.validation.mutants.{rule}").MUTANTS


@pytest.mark.parametrize("way", [nullcontext, partial(using, "reference")], ids=["compiled", "torch"])
@pytest.mark.parametrize("case", EXACT, ids=name)
def test_the_twin_agrees(case, way, golden):
    with way():
        found = agreement(case, golden(case), case.twin())
    assert found.agrees, found.parted
    assert found.mismatched == 0
    spiking = [key for key in found.traces[0].arrays if key[1] == "spk"]
    assert not spiking or found.spikes > 20, "neurons without spikes show nothing"


@pytest.mark.parametrize("case", STATISTICAL, ids=name)
def test_the_twin_agrees_on_average(case, golden):
    sides = [gathered([side(seed) for seed in range(case.seeds)]) for side in (case.twin, case.mistaken)]
    found = consistency(case, golden(case), *sides)
    assert not [each for each, contrast in found.twin.items() if contrast.differs]
    assert found.agrees, f"{case.wrong} is not noticed"
    assert found.power > 0.9


@pytest.mark.parametrize(("rule", "mistake"), [(rule, mistake) for rule in VALIDATIONS for mistake in mutants(rule)])
def test_a_mistake_is_caught(rule, mistake, golden, monkeypatch):
    wanted, break_it = mutants(rule)[mistake]
    case = next(case for case in cases(rule) if case.name == wanted)
    break_it(monkeypatch)
    found = agreement(case, golden(case), case.twin())
    print(f"{rule}, {mistake}: {found.parted}")
    assert not found.agrees


@pytest.mark.parametrize("wanted", lif.RIGHT)
def test_the_neurons_by_hand_that_mutants_break_are_right_themselves(wanted, golden, monkeypatch):
    case = next(case for case in EXACT if case.name == wanted)
    lif.RIGHT[wanted](monkeypatch)
    assert agreement(case, golden(case), case.twin()).agrees


@pytest.mark.parametrize("rule", VALIDATIONS)
def test_every_rule_is_tried_with_every_mistake(rule):
    assert set(mutants(rule)) >= MISTAKES


def test_there_is_a_golden_file_for_each_case_and_no_other():
    assert {path.stem for path in GOLDEN.iterdir()} == {case.name for case in ALL}
    assert len({case.name for case in ALL}) == len(ALL)
    assert all(case.name.startswith(rule) for rule in VALIDATIONS for case in cases(rule))
