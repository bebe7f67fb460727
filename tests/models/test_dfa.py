"""The reference network of direct feedback alignment: what it shares with fa's, and what it refuses."""

import doctest
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

from spikefa.models import dfa, fa, kp, layer, lesson, recording
from spikefa.validation.dfa import Dfa
from spikefa.validation.fa import Fa

pytestmark = pytest.mark.usefixtures("numpy_target")


@pytest.fixture(scope="module")
def course():
    """A network of two hidden layers, its samples, and a D for each layer."""
    start, samples, last = Dfa().lesson()
    return start, samples, [np.random.default_rng(0).normal(size=last.shape), last]


def test_with_one_hidden_layer_it_is_feedback_alignment():
    start, samples, feedback = Fa().lesson()
    ours, theirs = dfa.run(start, samples, [feedback]), fa.run(start, samples, feedback)
    for key, values in theirs.arrays.items():
        assert (ours[("feedback_1", "b") if key == ("feedback", "b") else key] == values).all()


def test_each_layer_learns_through_its_own_d(course):
    """With D = 0 for one hidden layer, that one stands still and the other learns."""
    start, samples, feedback = course
    w = [layer.weight for layer in start.layers]
    for still, moves in ((0, 1), (1, 0)):
        ways = list(feedback)
        ways[still] = np.zeros_like(ways[still])
        trace = dfa.run(start, samples, ways)
        assert (trace[f"synapses_{still + 1}", "w"] == w[still]).all()
        assert np.abs(trace[f"synapses_{moves + 1}", "w"][-1] - w[moves]).max() > 0.01


def test_a_sample_leaves_nothing_behind_but_weights(course):
    start, samples, feedback = course
    first, other = samples.stimulus[:, :1], samples.stimulus[:, 1:2]
    thrice = lesson.Lesson(np.concatenate([first, other, first], axis=1), samples.labels[[0, 1, 0]])
    trace = dfa.run(replace(start, batch=3), thrice, feedback)
    alone = dfa.run(start, lesson.Lesson(first, samples.labels[:1]), feedback)
    pair = dfa.run(replace(start, batch=2), lesson.Lesson(thrice.stimulus[:, 1:], samples.labels[[1, 0]]), feedback)
    for number, each in enumerate(start.layers, start=1):
        v = trace[f"layer_{number}", "v"].reshape(3, len(first), -1)
        assert (v[0] == v[2]).all()
        change, one, two = (found[f"synapses_{number}", "w"][0] - each.weight for found in (trace, alone, pair))
        np.testing.assert_allclose(3 * change, one + 2 * two, rtol=1e-9, atol=1e-12)


def test_what_is_learned_can_be_presented(course):
    start, samples, feedback = course
    network = dfa.build(start, samples, feedback)
    network.run(samples.duration, namespace={})
    after = recording.learned(network, start)
    assert [np.shape(each.weight) for each in after.layers] == [np.shape(each.weight) for each in start.layers]
    assert (after.below[0].weight != start.below[0].weight).any()
    assert recording.accuracy(after, samples) > recording.accuracy(start, samples) + 0.1


@pytest.mark.parametrize("rule", [fa, kp])
def test_a_rule_whose_error_goes_from_layer_to_layer_refuses_two_hidden_ones(course, rule):
    start, samples, feedback = course
    with pytest.raises(ValueError, match=r"this rule has one hidden layer, got 2: .*models/dfa.py"):
        rule.build(replace(start, decay=1.0), samples, feedback[0])


def test_what_does_not_fit_is_refused(course):
    start, samples, feedback = course
    with pytest.raises(ValueError, match="a D of its own: 2 layers, got 1"):
        dfa.build(start, samples, feedback[:1])
    with pytest.raises(ValueError, match=r"feedback_2 needs a weight of shape \(6, 6\), got \(5, 6\)"):
        dfa.build(start, samples, [feedback[0], feedback[1][:5]])
    with pytest.raises(
        ValueError, match=r"the one below gives, got weights of shapes \(\(5, 6\), \(6, 6\), \(6, 6\)\)"
    ):
        replace(start, below=(layer.Layer(np.ones((5, 6))),))
    with pytest.raises(ValueError, match="'subtract' or 'none'"):
        replace(start, below=(replace(start.below[0], reset_mechanism="zero"),))


def test_examples():
    assert doctest.testmod(dfa).failed == 0
