"""The reference network of feedback alignment: it learns, wherever its code runs, and refuses what it cannot do."""

import doctest
import shutil
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

from spikefa.models import fa, lesson, lif, recording, simulation, three_factor, trace
from spikefa.validation import cases
from spikefa.validation.fa import Fa
from spikefa.validation.target import target
from tests.models.yin_yang import YinYang
from tests.validation.conftest import golden  # noqa: F401

COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ on the path")


def test_it_learns_yin_yang_in_brian2_alone(numpy_target):
    case = YinYang(samples=2000)
    start, samples, feedback = case.lesson()
    before = recording.accuracy(start, case.held_out())
    after = recording.accuracy(fa.learn(start, samples, feedback), case.held_out())
    print(f"accuracy on 500 points: {before:.3f}, after 2,000 others {after:.3f}; chance 0.333")
    assert before < 0.45
    assert after > 0.75


@pytest.mark.slow  # half a minute
def test_after_thousands_of_updates_torch_has_the_same_weights(numpy_target):
    case = YinYang(samples=5000)
    ours, theirs = fa.learn(*case.lesson()), case.twin()
    for key, values in {
        ("synapses_1", "w"): ours.hidden.weight,
        ("layer_1", "bias"): ours.hidden.bias,
        ("synapses_2", "w"): ours.readout.weight,
        ("layer_2", "bias"): ours.readout.bias,
    }.items():
        off = np.abs(theirs[key][-1] - values).max() / np.abs(values).max()
        print(f"{key}: off by {off:.1e}")
        assert off < 1e-9


@COMPILER
@pytest.mark.slow  # two minutes where nothing is compiled yet
@pytest.mark.parametrize("code", ["cython", "cpp_standalone"])
@pytest.mark.parametrize("name", ["fa", "kp", "fbp-topk"])
def test_compiled_it_does_the_same(name, code, golden):  # noqa: F811
    case = next(case for case in cases(name.partition("-")[0]) if case.name == name)
    with target(code):
        assert trace.difference(golden(case), case.reference(), 1e-10, relative=True) is None


def test_what_it_learns_decides_what_it_does(golden):  # noqa: F811
    """Without learning, spikes of later samples would be others: the comparison of spikes is one of weights, too."""
    still = Fa(eta=0.0).twin()["layer_1", "spk"]
    spk = golden(Fa())["layer_1", "spk"]
    later = slice(len(spk) // 2, None)
    share = (spk[later] != still[later]).mean() / spk[later].mean()
    print(f"hidden spikes of the second half that learning changed: {share:.2f}")
    assert share > 0.1


def test_a_sample_leaves_nothing_behind_but_weights(numpy_target):
    """With eta = 0 the same sample gives the same membranes, whatever came before it."""
    start, samples, feedback = Fa(currents=True).lesson()
    first, other = samples.stimulus[:, :1], samples.stimulus[:, 1:2]
    course = lesson.Lesson(np.concatenate([first, other, first], axis=1), np.zeros(3, int))
    v = fa.run(replace(start, eta=0.0), course, feedback)["layer_1", "v"].reshape(3, len(first), -1)
    assert (v[0] == v[2]).all()
    assert (v[0] != v[1]).any()


def test_a_batch_is_the_mean_of_its_samples(numpy_target):
    start, samples, feedback = Fa(currents=True).lesson()
    alone = []
    for number in (0, 1):
        one = lesson.Lesson(samples.stimulus[:, [number]], samples.labels[[number]])
        alone.append(fa.run(start, one, feedback)["synapses_1", "w"][0] - start.hidden.weight)
    both = lesson.Lesson(samples.stimulus[:, :2], samples.labels[:2])
    change = fa.run(replace(start, batch=2), both, feedback)["synapses_1", "w"][0] - start.hidden.weight
    np.testing.assert_allclose(change, np.mean(alone, axis=0), rtol=1e-9)


def test_without_biases_there_are_none(numpy_target):
    start, samples, feedback = Fa().lesson()
    bare = replace(start, hidden=replace(start.hidden, bias=None), readout=replace(start.readout, bias=None))
    found = fa.run(bare, samples, feedback)
    assert not found["layer_1", "bias"].any()
    assert not found["layer_2", "bias"].any()
    assert recording.learned(fa.build(bare, samples, feedback), bare).hidden.bias is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden": {"reset_mechanism": "zero"}}, "'subtract' or 'none'"),
        ({"hidden": {"reset_mechanism": "none", "once": True}}, "fires once cannot learn"),
        ({"readout": {"reset_mechanism": "subtract"}}, "must have reset_mechanism='none', got 'subtract'"),
        ({"readout": {"weight": np.ones((6, 5))}}, r"shapes \(\(6, 5\), \(6, 5\)\)"),
        ({"eta": -1.0}, "'eta': -1.0"),
        ({"decay": np.nan}, "'decay': nan"),
        ({"batch": 0}, "'batch': 0"),
    ],
)
def test_a_learner_refuses(wrong, message):
    start, _, _ = Fa().lesson()
    changed = {
        name: replace(getattr(start, name), **value) if isinstance(value, dict) else value
        for name, value in wrong.items()
    }
    with pytest.raises(ValueError, match=message):
        replace(start, **changed)


def test_a_lesson_refuses(numpy_target):
    start, samples, feedback = Fa().lesson()
    for stimulus, labels, message in (
        (np.ones((3, 2)), np.zeros(2, int), r"\[T, S, N\], none 0, got shape \(3, 2\)"),
        (np.full((3, 2, 5), np.nan), np.zeros(2, int), "finite"),
        (np.ones((3, 2, 5)), np.zeros(3, int), r"labels must be \[S\], one per sample, got shape \(3,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            lesson.Lesson(stimulus, labels)
    for course, batch, message in (
        (lesson.Lesson(np.ones((3, 2, 4)), np.zeros(2, int)), 1, "has 5 inputs, the stimulus 4"),
        (lesson.Lesson(np.ones((3, 2, 5)), np.array([0, 6])), 1, "from 0 to 5, got 0 to 6"),
        (lesson.Lesson(np.ones((3, 2, 5)), np.array([0, 1])), 3, "2 samples are no whole number of batches of 3"),
    ):
        with pytest.raises(ValueError, match=message):
            fa.build(replace(start, batch=batch), course, feedback)
    with pytest.raises(ValueError, match=r"feedback needs a weight of shape \(6, 6\), got \(3, 6\)"):
        fa.build(start, samples, feedback[:3])


@pytest.mark.parametrize("module", [fa, lesson, lif, recording, simulation, three_factor])
def test_examples(module, numpy_target):
    assert doctest.testmod(module).failed == 0
