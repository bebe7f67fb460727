"""Partial transport: which weights each scheme moves, when, at what cost, and what rescaling does to rows."""

import itertools
import math
from functools import partial

import pytest
import torch

from spikefa import describe, routed
from spikefa.rules import FrozenBackprop, rule
from spikefa.transport import ADDRESSED, SCHEMES
from tests.rules.oracle import generator, training

SHAPES = {"linear": (7, 9), "conv": (5, 3, 2, 3)}
FAST = partial(torch.optim.Adam, lr=0.3)
PARTIAL = ["cyclic", "random", "topk"]
"""The schemes that move a fixed number of weights."""
OPTIONS = {name: f"fraction=0.3,transport={name}" for name in PARTIAL} | {
    "full": "transport=full",
    "threshold": "transport=threshold,threshold=0.5",
}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def shape(request):
    return request.param


def normal(shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def pathway(shape, options, seed=0):
    """Made by the name on the command line, with W₀ = 0, so that whatever is not zero has been moved."""
    return rule(f"fbp:{options}")(torch.zeros(shape, dtype=torch.float64), generator(seed))


def moved(b, weights):
    """For each of the weights in turn, which elements of B one update with it changes."""
    for weight in weights:
        before = b.weight.clone()
        b.step(weight)
        yield b.weight != before


@pytest.mark.parametrize("scheme", PARTIAL)
@pytest.mark.parametrize("rescale", ["true", "false"])
@pytest.mark.parametrize("fraction", ["1", "1.0", "0.999999"])
def test_a_fraction_of_one_is_the_full_copy(shape, scheme, rescale, fraction):
    b = pathway(shape, f"period=1,transport={scheme},fraction={fraction},rescale={rescale}")
    for seed in range(3):
        b.step(normal(shape, seed))
        assert b.weight.equal(normal(shape, seed))


def test_a_tiny_threshold_is_the_full_copy_and_an_infinite_one_moves_nothing(shape):
    tiny, infinite = (pathway(shape, f"period=1,transport=threshold,threshold={at}") for at in ("1e-300", "1e999"))
    for seed in range(3):
        tiny.step(normal(shape, seed))
        infinite.step(normal(shape, seed))
        assert tiny.weight.equal(normal(shape, seed))
    assert (infinite.weight == 0).all()
    assert infinite.bits == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_b_is_bit_constant_between_copies_and_moves_at_each(scheme):
    last, copies = {}, 0
    nets = training(f"fbp:period=3,{OPTIONS[scheme]}", optimizer=FAST)
    for updates, net in enumerate(itertools.islice(nets, 12), start=1):
        for name, layer in routed(net).items():
            b = layer.feedback(layer.weight.detach()).clone()
            before = last.setdefault(name, b)
            copies += not b.equal(before)
            assert b.equal(before) or updates % 3 == 0
            assert ((b == before) | (b == layer.weight)).all()
            last[name] = b
    assert copies > 4


@pytest.mark.parametrize("scheme", PARTIAL)
@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize(("fraction", "count"), [(0.01, 1), (0.07, 7), (0.071, 8), (0.3, 30), (1, 100)])
def test_bits_are_a_word_and_an_index_for_each_weight_moved_and_a_word_a_row(scheme, fraction, count, rescale):
    start = torch.zeros(20, 5)
    b = FrozenBackprop(start, generator(0), period=2, transport=scheme, fraction=fraction, rescale=rescale)
    for updates in range(1, 9):
        b.step(start + updates)
        copies, cycle = updates // 2, math.ceil(100 / count)
        last = copies // cycle * (cycle * count - 100) if scheme == "cyclic" else 0  # what last blocks fall short by
        index = 7 if scheme in ADDRESSED else 0
        assert b.words == copies * count - last + copies * 20 * rescale
        assert b.bits == (copies * count - last) * (32 + index) + copies * 20 * 32 * rescale


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_bits_of_a_threshold_are_those_of_the_weights_above_it(shape, dtype):
    start, weight = (2 + normal(shape, 1)).to(dtype), (2 + normal(shape, 2)).to(dtype)
    b = FrozenBackprop(start, generator(0), period=1, transport="threshold", threshold=0.8)
    above = (weight - start).abs() > 0.8 * weight.norm() / weight.numel() ** 0.5
    b.step(weight)
    assert 0 < above.sum() < above.numel()
    assert b.weight.equal(torch.where(above, weight, start))
    assert b.bits == above.sum() * (weight.element_size() * 8 + math.ceil(math.log2(weight.numel())))


@pytest.mark.parametrize("theta", [0.01, 0.3, 1.0])
def test_a_threshold_bounds_the_relative_drift_that_a_copy_leaves(shape, theta):
    b, weight = pathway(shape, f"period=1,transport=threshold,threshold={theta}"), normal(shape)
    for seed in range(1, 20):
        weight += 0.1 * normal(shape, seed)
        b.step(weight)
        assert (weight - b.weight).norm() <= theta * weight.norm()


def test_no_smaller_change_is_moved_while_a_larger_one_waits(shape):
    b, weight = pathway(shape, "period=1,transport=topk,fraction=0.2"), normal(shape)
    for seed in range(1, 20):
        weight += 0.1 * normal(shape, seed)
        change = (weight - b.weight).abs()
        [now] = moved(b, [weight])
        assert now.sum() == math.ceil(0.2 * weight.numel())
        assert change[now].min() >= change[~now].max()


def test_of_equal_changes_the_first_are_moved(shape):
    b, weight = pathway(shape, "period=1,transport=topk,fraction=0.2"), torch.ones(shape, dtype=torch.float64)
    weight.view(-1)[-1] = 2
    weight.view(-1)[1::2] *= -1
    count = math.ceil(0.2 * weight.numel())
    [now] = moved(b, [weight])
    assert now.flatten().nonzero().flatten().tolist() == [*range(count - 1), weight.numel() - 1]


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.3, 0.5, 0.99, 1])
def test_a_cycle_covers_every_weight_exactly_once_and_the_next_is_the_same(shape, fraction):
    weights = (torch.full(shape, float(value), dtype=torch.float64) for value in itertools.count(1))
    n = math.prod(shape)
    copies = math.ceil(n / math.ceil(fraction * n))
    blocks = list(
        itertools.islice(moved(pathway(shape, f"period=1,transport=cyclic,fraction={fraction}"), weights), 2 * copies)
    )
    assert sum(block.int() for block in blocks[:copies]).eq(1).all()
    assert torch.cat([block.flatten().nonzero() for block in blocks[:copies]]).flatten().equal(torch.arange(n))
    assert all(a.equal(b) for a, b in zip(blocks[:copies], blocks[copies:], strict=True))
    assert copies <= math.ceil(1 / fraction)


def test_random_subsets_depend_on_the_seed_and_the_copy_alone_and_cover_every_weight_in_time(shape):
    def subsets(seed, scale):
        weights = (scale * (index + 1) * normal(shape, 5) for index in range(120))
        return list(moved(pathway(shape, "period=1,transport=random,fraction=0.1", seed), weights))

    state = torch.get_rng_state()
    one, again, other = subsets(0, 1), subsets(0, -3), subsets(1, 1)
    assert torch.get_rng_state().equal(state)
    assert all(a.equal(b) for a, b in zip(one, again, strict=True))
    assert not any(a.equal(b) for a, b in zip(one, other, strict=True))
    assert not any(a.equal(b) for a, b in itertools.pairwise(one))
    assert all(subset.sum() == math.ceil(0.1 * subset.numel()) for subset in one)
    times = sum(subset.double() for subset in one)
    assert times.min() > 0
    assert times.mean() == pytest.approx(12, rel=0.2)


def test_what_is_moved_blindly_does_not_depend_on_the_weights():
    """Both sides could not derive it else, and would owe the bits of the indices."""
    for scheme in set(SCHEMES) - ADDRESSED:
        one, other = (
            list(moved(pathway((4, 6), f"period=1,{OPTIONS[scheme]}"), [normal((4, 6), seed + i) for i in range(5)]))
            for seed in (0, 10)
        )
        assert all(a.equal(b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("scheme", [*PARTIAL, "threshold"])
def test_rescaling_gives_rows_the_norms_of_the_weights_and_leaves_their_directions(shape, scheme):
    plain, scaled = (
        rule(f"fbp:period=1,{OPTIONS[scheme]},rescale={on}")(normal(shape), generator(0)) for on in ("false", "true")
    )
    weight = 2 * normal(shape) + normal(shape, 1)
    plain.step(weight)
    scaled.step(weight)
    target, rows, before = (w.flatten(1) for w in (weight, scaled.weight, plain.weight))
    torch.testing.assert_close(rows.norm(dim=1), target.norm(dim=1), rtol=1e-14, atol=0)
    torch.testing.assert_close(torch.cosine_similarity(rows, before), torch.ones(len(rows)).double())
    assert (before.norm(dim=1) / target.norm(dim=1) - 1).abs().max() > 1e-3


def test_rows_of_zero_are_not_rescaled():
    start = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 0.0]])
    b = FrozenBackprop(start, generator(0), period=1, transport="topk", fraction=0.1, rescale=True)
    b.step(torch.tensor([[0.0, 0.0], [0.0, 1.0], [30.0, 40.0]]))
    assert b.weight[:2].tolist() == [[1.0, 2.0], [0.0, 0.0]]
    assert b.weight[2].norm() == pytest.approx(50)


@pytest.mark.parametrize("rescale", ["", ",rescale=true"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_loaded_pathway_continues_identically(shape, scheme, rescale):
    options = f"period=2,{OPTIONS[scheme]}" + rescale * (scheme != "full")
    b, loaded = pathway(shape, options, seed=0), pathway(shape, options, seed=1)
    for index in range(5):
        b.step(normal(shape, index))
    loaded.load_state_dict(b.state_dict())
    for index in range(5, 12):
        b.step(normal(shape, index))
        loaded.step(normal(shape, index))
        assert loaded.weight.equal(b.weight)
        assert loaded.bits == b.bits


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_layout_in_memory_does_not_matter(scheme):
    one, other = (pathway((5, 3, 2, 3), f"period=1,{OPTIONS[scheme]}") for _ in range(2))
    other = other.to(memory_format=torch.channels_last)
    for seed in range(5):
        one.step(normal((5, 3, 2, 3), seed))
        other.step(normal((5, 3, 2, 3), seed).to(memory_format=torch.channels_last))
        assert other.weight.equal(one.weight)
        assert other.bits == one.bits


def test_a_network_tells_its_transport():
    net = next(training("fbp:period=10,transport=topk,fraction=0.5,rescale=true"))
    assert "FrozenBackprop(period=10, transport=topk, fraction=0.5, rescale=True)" in describe(net)


WRONG = {
    "transport=topkk": r"no transport is called 'topkk' \(did you mean 'topk'\?\): there are full, cyclic, random",
    "fraction=0.1": r"fraction=0\.1 does nothing with transport=full: leave it out",
    "threshold=0.1": r"threshold=0\.1 does nothing with transport=full",
    "rescale=true": r"rescale=True does nothing with transport=full",
    "transport=topk,threshold=0.1": r"threshold=0\.1 does nothing with transport=topk",
    "transport=threshold,fraction=0.1": r"fraction=0\.1 does nothing with transport=threshold",
    "transport=topk,fraction=0": r"fraction must be a number above 0, at most 1, not 0",
    "transport=topk,fraction=1.1": r"fraction must be .* not 1\.1",
    "transport=topk,fraction=true": r"fraction must be .* not True",
    "transport=threshold,threshold=-1": r"threshold must be a number above 0, not -1",
    "transport=topk,rescale=1": r"rescale must be true or false, not 1",
    "lost=0.5,transport=topk,rescale=true": r"lost=0\.5 with rescale=True: .* leave one out",
}


@pytest.mark.parametrize(("options", "message"), WRONG.items(), ids=WRONG)
def test_wrong_options_are_refused_with_a_way_out(options, message):
    with pytest.raises(ValueError, match=message):
        pathway((2, 2), options)
