"""The kit itself: rules that are broken on purpose are caught by the checks meant for them, and by no others."""

import random
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from spikefa import Quantity
from spikefa.rules import FrozenBackprop
from spikefa.testing import CHECKS, LAYERS, STYLES, BrokenRule, check_rule, outcomes
from spikefa.testing.course import another
from tests.testing.mutants import MUTANTS, SOUND
from tests.testing.sound import Fixed
from tests.testing.wrong_claims import FollowsTheGradient, FollowsW, LearnsFromItsRank
from tests.testing.wrong_ways import NotLinear

LAYER = "linear-time-batch"


CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"


def caught(rule, checks):
    return {outcome.check for outcome in outcomes(rule, layers=[LAYER], checks=checks) if outcome.fault}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_caught_by_the_checks_meant_for_it_alone(mutant):
    expected = set(MUTANTS[mutant].split()) - {"parallel"}
    assert caught(mutant, [check for check in CHECKS if check in expected or check not in ("compile", "parallel")]) == (
        expected
    )


@pytest.mark.parametrize("rule", SOUND)
def test_what_the_broken_rules_are_made_from_is_sound(rule):
    assert caught(rule, [check for check in CHECKS if check != "parallel"]) == set()


def test_every_check_has_a_rule_that_it_catches():
    assert {check for checks in MUTANTS.values() for check in checks.split()} == set(CHECKS)


def test_a_pathway_that_learns_from_its_own_process_is_caught():
    with pytest.raises(BrokenRule, match=r"check 'parallel', layer 'linear': the rule: after update 0 .* on each rank"):
        check_rule(LearnsFromItsRank, layers=["linear"], checks=["parallel"])


@pytest.mark.parametrize("rule", [lambda weight, generator: Fixed(weight, generator), partial(Fixed)])
def test_a_rule_that_no_other_process_can_have_is_not_tried_there_and_the_report_says_so(rule, monkeypatch):
    monkeypatch.setattr(Fixed, "__module__", "__main__")
    (outcome,) = check_rule(rule, checks=["parallel"]).outcomes
    assert re.search(r"not tried, .*: define it in a module", str(outcome))


def test_the_message_names_check_layer_style_what_was_found_and_the_way_out():
    with pytest.raises(
        BrokenRule, match=r"check 'reads', layer 'conv2d-groups': after step 1 B has followed W, but .*"
    ):
        check_rule(FollowsW, layers=["conv2d-groups"])
    with pytest.raises(BrokenRule, match=r"B has followed the error, but reads declares input: declare what it reads"):
        check_rule(FollowsTheGradient, layers=["linear"])


def test_gradients_are_told_apart_by_style():
    with pytest.raises(BrokenRule, match=r"check 'oracle', layer 'linear', style 'time-loop': .* found .* expected"):
        check_rule("tests.testing.wrong_ways:TurnsB", layers=["linear"], styles=["time-loop"], checks=["oracle"])


def test_rules_that_take_their_own_way_are_not_held_to_the_layout_of_w():
    class OwnWay(Fixed):
        comparable = False

    report = check_rule(OwnWay, layers=["linear"], checks=["adjoint", "oracle"])
    assert all("its own way" in str(outcome) for outcome in report.outcomes)
    with pytest.raises(BrokenRule, match="2 δ − δ'"):
        check_rule(NotLinear, layers=["linear"], checks=["adjoint"])


def test_what_a_rule_declares_and_never_reads_is_noted():
    class Modest(Fixed):
        reads = frozenset({Quantity.SIGN, Quantity.ERROR})

    report = check_rule(Modest, layers=["linear"], checks=["reads"])
    assert "declares error, sign W, which B did not follow in 6 updates" in str(report)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checks": ["orcale"]}, "no check is called 'orcale' .did you mean 'oracle'"),
        ({"layers": ["lstm"]}, "no layer is called 'lstm'"),
        ({"styles": "loop"}, "no style is called 'loop'"),
        ({"layers": []}, "no layer was chosen"),
        ({"rule": "fpb"}, "did you mean 'fbp'"),
        ({"rule": "conv*=fa/out=bp"}, "several rules"),
    ],
)
def test_wrong_names_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        check_rule(**{"rule": "fa"} | options)


def test_rules_come_as_classes_partials_and_names_and_the_report_has_a_line_a_check():
    for rule in (FrozenBackprop, partial(FrozenBackprop, period=3), "fbp:period=3"):
        report = check_rule(rule, layers=["linear"], checks=["forward", "oracle"])
        assert [outcome.cases for outcome in report.outcomes] == [1, len(STYLES)]
        assert len(str(report).splitlines()) == 3


def test_the_caller_keeps_the_state_of_all_global_generators():
    def states():
        return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002

    before = states()
    check_rule("brsf", layers=["linear"], checks=[check for check in CHECKS if check != "parallel"])
    assert states() == before


@pytest.mark.parametrize(
    "kept", [{Quantity.SIGN}, {Quantity.NORM}, {Quantity.SIGN, Quantity.NORM}], ids=lambda kept: "+".join(sorted(kept))
)
@pytest.mark.parametrize("layer", LAYERS)
def test_other_weights_share_with_the_first_exactly_what_is_kept(layer, kept):
    shape = LAYERS[layer][0]().weight.shape
    weight = torch.randint(-15, 16, shape, generator=torch.Generator().manual_seed(1)).double() / 16
    other = another(weight, frozenset(kept))
    norms = [w.flatten(1).norm(dim=1) for w in (weight, other)]
    assert other.sign().equal(weight.sign()) == (Quantity.SIGN in kept)
    assert norms[0].equal(norms[1]) == (Quantity.NORM in kept)
    assert other.norm().equal(weight.norm()) == (Quantity.NORM in kept)
    assert not other.abs().equal(weight.abs())


def test_the_rule_that_contributing_shows_obeys_every_law():
    blocks = re.findall(r"^```python\n(.*?)^```", CONTRIBUTING.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (code,) = (block for block in blocks if "check_rule" in block)
    names = {"__name__": "contributing"}
    exec(compile(code.partition("\nprint(")[0], str(CONTRIBUTING), "exec"), names)
    report = check_rule(names["Leaking"])
    assert [outcome.check for outcome in report.outcomes] == list(CHECKS)
    assert not next(outcome for outcome in report.outcomes if outcome.check == "reads").notes
