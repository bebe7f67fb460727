"""Binning: no event is lost, each is in its step, and the order of events does not matter."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikefa.datasets import DataError, Events, Split

UNITS, WINDOW = 6, 1.4
EVENT = st.tuples(
    st.floats(0, float(np.nextafter(np.float16(WINDOW), np.float16(0))), width=16), st.integers(0, UNITS - 1)
)
RECORDINGS = st.lists(st.lists(EVENT, max_size=12), min_size=1, max_size=4)


def made(recordings, dtype=np.float16, place=(UNITS,), window=WINDOW):
    lists = [
        (np.array([t for t, _ in one], dtype), np.array([unit for _, unit in one], np.uint16)) for one in recordings
    ]
    return Events.of(lists, place, window)


def naive(recordings, steps, window=WINDOW):
    total = torch.zeros(steps, len(recordings), UNITS)
    for number, one in enumerate(recordings):
        for t, unit in one:
            total[int(t * steps / window), number, unit] += 1
    return total


@given(RECORDINGS, st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_bins_are_those_of_a_naive_loop_and_no_event_is_lost(recordings, steps):
    binned = made(recordings).binned(steps)
    assert binned.equal(naive(recordings, steps))
    assert binned.sum((0, 2)).tolist() == [len(one) for one in recordings]


@given(RECORDINGS, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_events_does_not_matter(recordings, random):
    shuffled = [random.sample(one, len(one)) for one in recordings]
    assert made(shuffled).binned(7).equal(made(recordings).binned(7))


@given(RECORDINGS, st.data())
@settings(max_examples=50, deadline=None)
def test_chosen_recordings_are_what_binning_all_gives(recordings, data):
    events = made(recordings)
    numbers = data.draw(st.lists(st.integers(0, len(recordings) - 1), max_size=6))
    for chosen in (torch.tensor(numbers, dtype=torch.int64), slice(1, 3), slice(-1, None)):
        part = events[chosen]
        assert part.binned(5).equal(events.binned(5)[:, chosen])
        assert part.shape == (len(part), UNITS)
        assert part[: len(part)].binned(5).equal(part.binned(5))


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 100])
def test_an_event_is_in_the_step_that_its_time_is_in(steps):
    for t in range(7 * steps):  # a step has its beginning, not its end
        step = Events.of([([t], [0])], (1,), 7 * steps).binned(steps).flatten().argmax()
        assert step == t // 7


def test_whole_times_and_signed_events_of_a_plane():
    events = Events.of([([0, 1, 1], [5, 0, 0], np.array([-1, 1, 1], np.int8))], (1, 2, 3), 2)
    expected = torch.zeros(2, 1, 1, 2, 3)
    expected[0, 0, 0, 1, 2], expected[1, 0, 0, 0, 0] = -1, 2
    assert events.binned(2).equal(expected)
    assert events[torch.tensor([0])].to("cpu").binned(2).equal(expected)


def test_silent_recordings_and_none_at_all():
    silent = made([[], [], [(0.5, 1)], []])
    assert silent.binned(2).sum((0, 2)).tolist() == [0, 0, 1, 0]
    assert silent[torch.tensor([0, 1])].binned(3).equal(torch.zeros(3, 2, UNITS))
    assert Events.of([], (UNITS,), 1.0).binned(2).shape == (2, 0, UNITS)
    assert repr(silent) == "Events(4 recordings of 1 events at (6,))"


def test_lists_take_four_bytes_an_event_where_times_are_in_half_precision():
    events = made([[(0.5, 1)] * 1000])
    assert events.time.nbytes + events.unit.nbytes == 4000


def test_batches_of_recordings_go_with_their_labels():
    split = Split(made([[(0.1, k % UNITS)] * (k + 1) for k in range(10)]), torch.arange(10))
    seen = [(x.binned(1).sum((0, 2)) - 1, y) for x, y in split.batches(4, torch.Generator().manual_seed(1))]
    assert [len(y) for _, y in seen] == [4, 4, 2]
    assert all(counts.equal(y.float()) for counts, y in seen)
    assert repr(split) == "Split(10 examples of shape (6,))"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (([0.1, -0.1], [0, 1]), r"times of 0 or later, found -0.1"),
        (([0.1, np.nan], [0, 1]), r"times of 0 or later, found nan"),
        (([np.inf, 0.1], [0, 1]), r"times of 0 or later, found inf"),
        (([0.1, 1.4], [0, 1]), r"an event at 1.4 is not before the end of the window, 1.4"),
        (([0.1, 0.2], [0, 6]), r"inputs from 0 to 5, found 6"),
        (([0.1, 0.2], [0, -1]), r"inputs from 0 to 5, found -1"),
        (([0.1, 0.2], [0.0, 1.0]), r"whole inputs at times, found float64 at float64"),
        (([0.1, 0.2], [0]), r"lists of one length, found \(2,\) and \(1,\)"),
        ((0.1, 0), r"lists of one length, found \(\) and \(\)"),
    ],
)
def test_wrong_events_are_named_with_their_recording(wrong, message):
    with pytest.raises(DataError, match=rf"^file.h5: recording 1: .*{message}; look again$"):
        Events.of([([0.5], [0]), wrong], (UNITS,), WINDOW, "file.h5", "look again")


def test_splits_take_a_label_a_step_and_refuse_more():
    x = made([[(0.1, 0)]] * 3)
    assert len(Split(x, torch.zeros(3, 7, dtype=torch.int64))) == 3
    with pytest.raises(ValueError, match=r"3 examples and labels of shape \(2, 7\)"):
        Split(x, torch.zeros(2, 7, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"labels of shape \(3, 7, 1\)"):
        Split(x, torch.zeros(3, 7, 1, dtype=torch.int64))
    with pytest.raises(TypeError, match=r"y torch.float32"):
        Split(x, torch.zeros(3))
