"""The reference networks of frozen backpropagation copy when and what the rule says, without torch."""

import doctest

import numpy as np
import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

from spikefa.models import fa, fbp
from spikefa.validation.fbp import Fbp

pytestmark = pytest.mark.usefixtures("numpy_target")

PERIOD = 3


@pytest.fixture(scope="module")
def course():
    """A network and its samples."""
    return Fbp().lesson()[:2]


def run(course, *transport, **options):
    """W and B after each of the 32 updates, and B before."""
    trace = fbp.run(*course, fbp.Transport(*transport, **options))
    b = np.concatenate([course[0].readout.weight[None], trace["feedback", "b"]])
    return trace["synapses_2", "w"], b


@pytest.mark.parametrize(
    "options",
    [{}, {"scheme": "cyclic", "size": 7}, {"scheme": "topk", "size": 7}, {"scheme": "threshold", "threshold": 0.2}],
)
def test_between_copies_b_stands_still_and_at_them_what_moves_becomes_w(course, options):
    w, b = run(course, PERIOD, **options)
    moved = b[1:] != b[:-1]
    copies = np.arange(1, 33) % PERIOD == 0
    assert not moved[~copies].any()
    assert moved[copies].any(axis=(1, 2)).all()
    assert (b[1:][moved] == w[moved]).all()


def test_a_full_copy_is_all_of_w(course):
    w, b = run(course, PERIOD)
    assert (b[PERIOD::PERIOD] == w[PERIOD - 1 :: PERIOD]).all()


def test_a_cyclic_copy_goes_around(course):
    w, b = run(course, 1, "cyclic", size=7)
    for update in range(32):
        moved = np.flatnonzero(b[update + 1] != b[update])
        block = update % 6  # 36 weights in blocks of 7, the last one of 1
        assert set(moved) <= set(range(7 * block, min(7 * block + 7, 36)))
        assert (b[update + 1].ravel()[7 * block : 7 * block + 7] == w[update].ravel()[7 * block : 7 * block + 7]).all()


def test_topk_moves_no_smaller_change_while_a_larger_one_waits(course):
    w, b = run(course, PERIOD, "topk", size=7)
    for update in range(PERIOD - 1, 32, PERIOD):
        change, moved = np.abs(w[update] - b[update]), b[update + 1] != b[update]
        assert moved.sum() == 7
        assert change[moved].min() >= change[~moved].max()


def test_threshold_moves_all_that_is_far_off_and_nothing_else(course):
    w, b = run(course, PERIOD, "threshold", threshold=0.2)
    for update in range(PERIOD - 1, 32, PERIOD):
        far = np.abs(w[update] - b[update]) > 0.2 * np.sqrt(np.mean(w[update] ** 2))
        assert (far == (b[update + 1] != b[update])).all()
    assert far.any()
    assert not far.all()


def test_a_feedback_network_that_is_never_copied_to_is_feedback_alignment(course):
    """Two populations with B = W₀ do what one with synapses B does."""
    frozen = fbp.run(*course, fbp.Transport(period=1000))
    fixed = fa.run(*course, course[0].readout.weight)
    for key in fixed.arrays:
        np.testing.assert_allclose(frozen[key], fixed[key], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": 0}, "period must be 1 or more"),
        ({"scheme": "random"}, "one of .*got .*'random'"),
        ({"scheme": "topk"}, "topk needs a positive size, got None"),
        ({"scheme": "threshold", "threshold": 0.0}, "threshold needs a positive threshold, got 0.0"),
        ({"size": 3}, "full takes no size, got 3"),
    ],
)
def test_a_transport_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        fbp.Transport(**({"period": 1} | options))


def test_examples():
    assert doctest.testmod(fbp) == (0, 9)
