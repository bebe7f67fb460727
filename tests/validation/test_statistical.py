"""The power that is stated with a comparison is a probability, and the one with which the test rejects."""

import numpy as np
import pytest
from scipy import stats

from spikefa.validation.statistical import contrast


@pytest.mark.parametrize("off", [0.5, 1.0, 2.0, 5.0, 7.5, 10.0, 20.0, 1000.0])
def test_the_power_grows_to_one_on_either_side(off):
    a = np.random.default_rng(0).normal(size=10)
    more, less, nearer = (contrast(a, a + shift, level=0.002).power for shift in (off, -off, 0.9 * off))
    assert nearer <= more <= 1
    assert more == pytest.approx(less)
    assert more > 0.99 or off < 2.5


def test_it_is_how_often_the_test_rejects():
    rng, off, n = np.random.default_rng(0), 1.5, 8
    a, b = rng.normal(size=(2, 4000, n))
    rejected = (stats.ttest_ind(a, b + off, axis=1, equal_var=False).pvalue < 0.05).mean()
    exact = stats.norm.ppf((np.arange(n) + 0.5) / n)
    exact /= exact.std(ddof=1)
    assert contrast(exact, exact + off, level=0.05).power == pytest.approx(rejected, abs=0.03)
