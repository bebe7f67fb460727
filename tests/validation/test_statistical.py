"""Welch's comparison says how large a difference it would notice."""

import numpy as np
import pytest

from spikefa.validation.statistical import contrast


@pytest.mark.parametrize("times", [1, 2, 3, 4, 6, 8, 12, 20, 50, 100])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_power_is_a_probability_however_large_the_difference(sign, times):
    noise = np.random.default_rng(0).normal(size=(2, 8))
    power = contrast(noise[0], noise[1] + sign * times, level=0.01).power
    assert 0 <= power <= 1
    assert times < 4 or power > 0.9


def test_the_power_is_how_often_a_difference_is_found():
    rng, found = np.random.default_rng(0), []
    for _ in range(400):
        a, b = rng.normal([[0.0], [2.0]], size=(2, 8))
        found.append(contrast(a, b, level=0.01).differs)
    spread = (np.arange(8) - 3.5) / np.std(np.arange(8), ddof=1)
    assert np.mean(found) == pytest.approx(contrast(spread, spread + 2, level=0.01).power, abs=0.1)
