"""Names with options: how they are read, and what is said about those that are wrong."""

from functools import partial

import pytest

from spikefa.names import nearest, parse, resolve
from spikefa.rules import RULES, FrozenBackprop, rule

PARSED = {
    "fa": ("fa", {}),
    " fa ": ("fa", {}),
    "fbp:period=100": ("fbp", {"period": 100}),
    "sal:eta=1e-3, steps = 50": ("sal", {"eta": 1e-3, "steps": 50}),
    "x:a=true,b=False,c=none,d=None": ("x", {"a": True, "b": False, "c": None, "d": None}),
    "x:a=word,b='1',c=-2.5,d=1/2": ("x", {"a": "word", "b": "1", "c": -2.5, "d": "1/2"}),
    "x:path=a=b": ("x", {"path": "a=b"}),
    "my.rules:Best": ("my.rules:Best", {}),
    "my.rules:Best:eta=0.1,kind=slow": ("my.rules:Best", {"eta": 0.1, "kind": "slow"}),
}


@pytest.mark.parametrize(("text", "expected"), PARSED.items(), ids=PARSED)
def test_names_and_options_are_read(text, expected):
    name, options = parse(text)
    assert (name, options) == expected
    assert [type(value) for value in options.values()] == [type(value) for value in expected[1].values()]


@pytest.mark.parametrize("text", ["fbp:a=1,period", "fbp:period=", "fbp:=3", "fbp:2x=3", "m:Class:oops"])
def test_what_is_not_an_option_is_refused(text):
    with pytest.raises(ValueError, match="is not an option: write name:key=value"):
        parse(text)


def test_without_options_the_entry_itself_is_given_and_with_them_a_partial():
    assert all(rule(name) is entry for name, entry in RULES.items())
    bound = rule("fbp:period=3")
    assert (bound.func, bound.keywords) == (FrozenBackprop, {"period": 3})


def test_an_entry_of_a_third_party_needs_no_table():
    assert resolve("spikefa.rules.fbp:FrozenBackprop", {}, "rule") is FrozenBackprop
    bound = resolve("spikefa.rules.fbp:FrozenBackprop:period=3", {}, "rule")
    assert isinstance(bound, partial)
    assert bound.keywords == {"period": 3}


WRONG = {
    "fpb": r"no rule is called 'fpb' \(did you mean 'fbp'\?\): there are bp, fa.* package\.module:Name",
    "FBP": r"did you mean 'fbp'",
    "qqqq": r"no rule is called 'qqqq': there are bp",
    "fbp:perod=3": r"rule 'fbp' has no option 'perod' \(did you mean 'period'\?\): its options are period",
    "usf_sn:eta=1": r"rule 'usf_sn' has no option 'eta': it has none",
    "fbp:weight=1": r"rule 'fbp' has no option 'weight'",
    "spikefa.nowhere:Rule": r"rule 'spikefa.nowhere:Rule' cannot be imported \(No module.*is its package installed",
    "spikefa.rules.fa:Nothing": r"'spikefa.rules.fa:Nothing' cannot be imported \(.*no attribute 'Nothing'",
    "spikefa:__version__": r"rule 'spikefa:__version__' is a str, which cannot be called",
    "spikefa.rules.fbp:FrozenBackprop:perod=3": r"has no option 'perod' \(did you mean 'period'\?\)",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=WRONG)
def test_errors_say_what_is_wrong_and_the_way_out(text, message):
    with pytest.raises(ValueError, match=message):
        rule(text)


@pytest.mark.parametrize(("name", "hint"), [("sla", " (did you mean 'sal'?)"), ("xyz", "")])
def test_only_a_near_name_is_suggested(name, hint):
    assert nearest(name, list(RULES)) == hint
