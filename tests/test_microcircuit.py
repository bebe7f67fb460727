"""The microcircuit: what moves when, where its feedback goes, and that neither pieces nor numba change anything."""

import numpy as np
import pytest
import torch

from spikefa.microcircuit import ARMS, Circuit, Microcircuit, course
from spikefa.scan import using
from spikefa.streams import stream

SMALL = Circuit(window=40, steps=200, lag=50, eta=(0.9, 0.5, 0.1), apical=0.3)
WEIGHTS = np.array([[1.0, -0.5, 0.8], [-2.0, 1.5, 0.3]])
DRIVE, TARGET = np.array([1.0, -1.0]), np.array([0.5, -0.5])


def shown(arm, *, target=TARGET, aligning=False, circuit=SMALL, weights=WEIGHTS):
    net = Microcircuit(circuit, weights, arm)
    net.present(DRIVE, stream(0, "noise"), target, aligning=aligning)
    return net.weights


@pytest.mark.parametrize("arm", ARMS)
def test_w_learns_from_targets_and_b_by_its_arm(arm):
    learned, aligned = shown(arm), shown(arm, aligning=True)
    assert (learned[:, :2] != WEIGHTS[:, :2]).all()
    assert (aligned[:, :2] == WEIGHTS[:, :2]).all()
    assert (shown(arm, target=None)[:, :2] == WEIGHTS[:, :2]).all()
    wanted = {"sal": (WEIGHTS[:, 2], None), "fa": (WEIGHTS[:, 2],) * 2, "copy": (None, WEIGHTS[:, 1])}[arm]
    for found, same in zip((learned, aligned), wanted, strict=True):
        assert same is None or (found[:, 2] == same).all()
    if arm == "sal":
        assert (aligned[:, 2] != WEIGHTS[:, 2]).all()


def test_nothing_is_learned_of_w_before_the_lag():
    weights, ones = np.ones((50, 3)), np.ones(50)
    moved = []
    for lag in (0, 199):
        net = Microcircuit(Circuit(window=40, steps=200, lag=lag), weights, "fa")
        net.present(2 * ones, stream(0, "noise"), 3 * ones)
        moved.append((net.weights != weights).any(1).mean())
    assert moved[0] == 1
    assert 0 < moved[1] < 0.5  # those with a spike in the last step


def test_so_many_patterns_are_for_the_feedback():
    tiny = Circuit(window=40, steps=60, lag=20)
    for aligning, still in ((0, 2), (4, slice(2))):
        found = course(3, "sal", students=3, epochs=1, patterns=4, aligning=aligning, circuit=tiny)
        first, last = found.weights
        assert (first[:, still] == last[:, still]).all()
        assert (first != last).any()


@pytest.mark.parametrize("arm", ARMS)
def test_pieces_and_numba_change_nothing(arm):
    drawn = torch.rand(300, 2, 4, generator=stream(1, "noise"), dtype=torch.float64).numpy()

    def ran(pieces):
        net = Microcircuit(SMALL, WEIGHTS, arm)
        moved = [net.move(p, DRIVE, TARGET, learns=True, aligning=arm == "sal") for p in np.split(drawn, pieces)]
        return np.concatenate(moved), net.weights

    whole = ran(1)
    with using("reference"):
        plain = ran(6)
    assert whole[0].sum() > 50
    for found in (ran(5), plain):
        assert (found[0] == whole[0]).all()
        np.testing.assert_allclose(found[1], whole[1], rtol=1e-12)


def test_circuits_share_nothing():
    both = shown("sal", aligning=True)
    drawn = torch.rand(200, 2, 4, generator=stream(0, "x"), dtype=torch.float64).numpy()
    pair = Microcircuit(SMALL, WEIGHTS, "sal")
    pair.move(drawn, DRIVE, TARGET, aligning=True)
    alone = Microcircuit(SMALL, WEIGHTS[1:], "sal")
    alone.move(drawn[:, 1:], DRIVE[1:], TARGET[1:], aligning=True)
    assert (alone.weights == pair.weights[1:]).all()
    assert both.shape == (2, 3)


def settled(w10):
    """B₁₂ of circuits with W₂₁ = 2 after 12 patterns, from both sides, and its standard error."""
    start = np.array([[w10, 2.0, b] for b in (-1.0, 5.0)] * 12)
    net, noise = Microcircuit(Circuit(eta=(0.2, 0.003, 0.01)), start, "sal"), stream(0, "noise")
    for _ in range(12):
        net.present(np.zeros(24), noise, np.zeros(24), aligning=True)
    found = net.weights[:, 2].reshape(12, 2)
    print(w10, found.mean(0), found.std(0, ddof=1) / 12**0.5)
    return found.mean(0)


def test_feedback_finds_the_forward_weight_from_either_side():
    assert np.allclose(settled(0.0), 2.0, atol=0.12)  # standard error 0.03


def test_input_that_is_not_answered_takes_the_feedback_beyond_the_forward_weight():
    assert np.allclose(settled(3.0), 2.87, atol=0.2)  # standard error 0.05


def test_the_hidden_weight_follows_the_error_by_the_sign_of_the_feedback():
    weights = np.array([[1.0, 1.0, b] for b in (2.0, -2.0)] * 10)
    found = np.zeros((2, 2))
    for side, target in enumerate((1.5, -1.5)):
        net, noise = Microcircuit(Circuit(), weights, "fa"), stream(0, "noise")
        net.present(np.full(20, 2.0), noise, np.full(20, target))
        found[side] = (net.weights[:, 0] - 1).reshape(10, 2).mean(0)
    print(found)
    assert (np.sign(found) == [[1, -1], [-1, 1]]).all()


def test_students_of_a_seed_start_alike_and_the_same_seed_gives_the_same():
    tiny = Circuit(window=40, steps=60, lag=20)
    runs = {arm: course(3, arm, students=2, epochs=1, patterns=4, aligning=1, circuit=tiny) for arm in ARMS}
    again = course(3, "sal", students=2, epochs=1, patterns=4, aligning=1, circuit=tiny)
    assert all((run.weights[0] == runs["sal"].weights[0]).all() for run in runs.values())
    assert (again.weights == runs["sal"].weights).all()
    assert (again.loss == runs["sal"].loss).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Microcircuit(SMALL, WEIGHTS, "rdd"), "no arm is called 'rdd'"),
        (lambda: Microcircuit(SMALL, WEIGHTS[0], "fa"), r"\[S, 3\].* not \(3,\)"),
        (lambda: Circuit(lag=20_000), "lag must be from 0 to below steps=20000"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
