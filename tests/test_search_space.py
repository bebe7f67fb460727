"""What a search may try for a rule: what it declares, less what its name or the study gives."""

import pytest
import torch

pytest.importorskip("optuna")

from spikefa import RULES
from spikefa.experiment import Experiment
from spikefa.feedback import Feedback
from spikefa.options import Range
from spikefa.rules import rule
from spikefa.search.space import named_with, space
from spikefa.search.trials import Plan


class Own(Feedback):
    """A third party's rule, with ranges of its own."""

    reads = frozenset()
    search = {"rate": Range(0.1, 1.0), "depth": Range(1, 5)}  # noqa: RUF012

    def __init__(self, weight, generator, *, rate=0.5, depth=3):
        super().__init__()
        self.register_buffer("weight", torch.randn(weight.shape, generator=generator) * rate * depth)

    def forward(self, weight):
        return self.weight


def test_a_third_party_declares_ranges_and_what_its_name_gives_is_fixed():
    assert issubclass(Own, Feedback)
    assert list(space("tests.test_search_space:Own")) == ["lr", "rate", "depth"]
    assert list(space("tests.test_search_space:Own:rate=0.2")) == ["lr", "depth"]
    written, fields = named_with("tests.test_search_space:Own:rate=0.2", {"lr": 0.1, "depth": 4})
    assert (written, fields) == ("tests.test_search_space:Own:rate=0.2,depth=4", {"lr": 0.1})
    plan = Plan({}, ("tests.test_search_space:Own",), budget=1)
    assert plan.start("tests.test_search_space:Own") == {"lr": 0.001, "rate": 0.5, "depth": 3}


@pytest.mark.parametrize("name", RULES)
def test_rules_can_be_made_at_both_ends_of_what_they_declare(name):
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    ranges = space(name)
    for values in ({n: r.low for n, r in ranges.items()}, {n: r.high for n, r in ranges.items()}):
        written, fields = named_with(name, values)
        assert isinstance(rule(written)(weight, torch.Generator()), Feedback)
        assert Experiment(rule=written, **fields).lr == fields["lr"]


def test_what_the_study_gives_is_fixed():
    plan = Plan({"weight_decay": 0.3, "lr": 0.02}, ("kp",), budget=1)
    assert list(plan.space("kp")) == ["lr"]
    assert plan.experiment("kp", {"lr": 0.05}).weight_decay == 0.3
    assert plan.start("kp")["lr"] == 0.02


class Astray(Own):
    """Declares a range for what is no option of its own."""

    search = {"rat": Range(0.1, 1.0)}  # noqa: RUF012


def test_a_range_for_what_is_no_option_is_refused():
    with pytest.raises(ValueError, match=r"declares search=\{'rat'.*did you mean 'rate'"):
        space("tests.test_search_space:Astray")


@pytest.mark.parametrize("ends", [(1, 1), (2.0, 1.0), (0.0, float("inf")), ("a", 2)])
def test_a_range_without_room_is_refused(ends):
    with pytest.raises(ValueError, match="a range goes from a number to a larger one"):
        Range(*ends)


def test_a_range_of_factors_begins_above_zero():
    with pytest.raises(ValueError, match="begins above 0"):
        Range(0.0, 1.0, log=True)


def test_rounded_values_stay_within():
    found = Range(0.12345, 0.56789)
    assert [found.rounded(value) for value in (0.12345, 0.3333333, 0.56789)] == [0.12345, 0.333, 0.56789]
