import math

import numpy as np
import pytest
from scipy import stats

from spikefa.studies.claim import Claim, Verdict, interval


def judged(values, low, high):
    return Claim("", "", values, low, high, "").verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0, 3, Verdict.HOLDS),
        (2, 3, Verdict.FAILS),
        (-3, 0, Verdict.FAILS),
        (1, 3, Verdict.OPEN),
        (-math.inf, 1, Verdict.OPEN),
        (0.5, math.inf, Verdict.HOLDS),
    ],
)
def test_a_claim_holds_where_the_interval_lies_within_its_range(low, high, verdict):
    assert judged([1.0, 1.1, 0.9, 1.0], low, high) is verdict


def test_what_was_not_measured_is_no_open_question():
    assert judged([], -10, 10) is Verdict.ABSENT


@pytest.mark.parametrize("values", [[1.0], [1.0, math.nan]], ids=["one", "nan"])
def test_nothing_is_decided_from_fewer_than_two_numbers(values):
    assert judged(values, -10, 10) is Verdict.OPEN


def test_the_interval_is_students():
    values = np.random.default_rng(0).normal(size=5)
    found = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert interval(values) == pytest.approx((values.mean(), found.low, found.high))


def test_what_is_equal_is_not_above():
    assert judged([0.0, 0.0, 0.0], 0.0, math.inf) is Verdict.OPEN
    assert judged([0.0, 0.0, 0.0], -math.inf, 0.0) is Verdict.OPEN


def test_equal_values_decide_exactly():
    assert judged([1.0, 1.0, 1.0], 1.0, 1.0) is Verdict.HOLDS


def test_its_words_say_interval_seeds_and_range():
    claim = Claim("", "", [-1.0, -1.2, -1.1], -1.5, math.inf, "", form=".2f")
    assert claim.measured == "−1.10 [−1.35, −0.85], 3 seeds"
    assert claim.range == "above −1.50"
    assert Claim("", "", [2.0], -math.inf, 1.0, "").measured == "2, 1 seed"
