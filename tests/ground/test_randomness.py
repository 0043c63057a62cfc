"""Randomness as a function of its purpose: pinned for ever, and random enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground import randomness
from deltarule.ground.randomness import (
    RecordedNoise,
    StepNoise,
    bits32,
    derive,
    derive_each,
    hash32,
    normals,
    permutation,
    uniforms,
)

laws = settings(deadline=None, derandomize=True, max_examples=50)
keys = st.integers(0, 2**64 - 1)
ANY = np.zeros((1, 1), np.float32)


def test_keys_are_pinned() -> None:
    """Keys never change: a seed means the same for ever."""
    assert derive(0) == 16294208416658607535
    assert derive(-1) == 16490336266968443936
    assert derive(1, "weights", 0) == 10944640298229989703
    assert derive(7, "order", 3) == 17066646527984424146
    assert derive(7, "dropout", 2, 1) == 6385992412997897705


def test_streams_are_pinned() -> None:
    """The streams of numbers, normals and permutations never change."""
    key = derive(1, "weights", 0)
    assert uniforms(key, 3).tolist() == [0.6164296379508588, 0.9549330189902644, 0.5330023574959488]
    expected = [-1.354708207487478, -1.2898506211443583, -0.2850089047255024, -2.12967045176683]
    np.testing.assert_allclose(normals(key, 4), expected, rtol=1e-15)
    assert permutation(key, 10).tolist() == [6, 5, 7, 2, 9, 0, 3, 8, 4, 1]


def test_dropout_bits_are_pinned() -> None:
    """The bits of a dropout mask never change."""
    bits = bits32(derive(7, "dropout", 2, 1), np.array([0, 1, 1000]), 3)
    assert bits.dtype == np.uint32
    assert bits.tolist() == [
        [118541395, 254193905, 2818331137],
        [2029390805, 1430654274, 2135875659],
        [25207094, 400949213, 1105381822],
    ]


def test_stream_is_splitmix64() -> None:
    """The stream is that of SplitMix64, whose first words for 1234567 are published."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert (uniforms(1234567, 3) * 2**53).astype(np.uint64).tolist() == [w >> 11 for w in published]


@pytest.mark.parametrize("n", [1, 2, 17, 1000, 70_000])
def test_any_sort_gives_the_same_permutation(n: int) -> None:
    """The words of a stream never repeat, so the order does not depend on how it is found."""
    words = randomness._stream64(derive(3, "order", n), n)
    assert len(np.unique(words)) == n
    stable = np.argsort(words, kind="stable")
    np.testing.assert_array_equal(permutation(derive(3, "order", n), n), stable)


def scalar_hash(x: int) -> int:
    """lowbias32, in Python's integers."""
    x = ((x ^ x >> 16) * 0x7FEB352D) % 2**32
    x = ((x ^ x >> 15) * 0x846CA68B) % 2**32
    return x ^ x >> 16


@laws
@given(st.lists(st.integers(0, 2**32 - 1), max_size=5))
def test_hash_is_lowbias32(numbers: list[int]) -> None:
    """The hash is lowbias32, computed in place."""
    x = np.array(numbers, np.uint32)
    assert hash32(x) is x
    assert x.tolist() == [scalar_hash(number) for number in numbers]


@laws
@given(keys, st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4), st.integers(1, 5))
def test_bits_are_integer_arithmetic(key: int, rows: list[int], n_units: int) -> None:
    """Each bit pattern is the same few multiplies, xors and shifts in any language."""
    expected = [
        [
            scalar_hash(
                scalar_hash(row * 0x9E3779B9 % 2**32 ^ key % 2**32)
                ^ (unit * 0x85EBCA6B % 2**32 ^ key >> 32)
            )
            for unit in range(n_units)
        ]
        for row in rows
    ]
    assert bits32(key, np.array(rows, np.int64), n_units).tolist() == expected


@laws
@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from(["weights", "order"]), st.integers(0, 300)),
        min_size=2,
        max_size=20,
        unique=True,
    )
)
def test_each_purpose_has_its_own_key(paths: list[tuple[int, str, int]]) -> None:
    """Different seeds, purposes and numbers give different keys."""
    assert len({derive(*path) for path in paths}) == len(paths)


def test_paths_do_not_run_together() -> None:
    """Neither the order of a path nor where its words end can be confused."""
    paths = [("a", "b"), ("b", "a"), ("ab",), (1, 2), (2, 1), (12,), ("a",), ("a", 0), ()]
    assert len({derive(5, *path) for path in paths}) == len(paths)


@laws
@given(keys, st.integers(0, 300))
def test_permutation_is_one(key: int, n: int) -> None:
    """A permutation holds each of 0..n−1 once, as int64."""
    order = permutation(key, n)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))


@laws
@given(keys, st.integers(0, 40), st.integers(0, 40))
def test_streams_begin_alike(key: int, n: int, more: int) -> None:
    """Asking for more numbers does not change the first ones; all lie in [0, 1)."""
    u = uniforms(key, n + more)
    assert np.array_equal(u[:n], uniforms(key, n))
    assert ((u >= 0) & (u < 1)).all()
    assert normals(key, n).shape == (n,)
    assert np.isfinite(normals(key, n)).all()


def chi_square(counts: np.ndarray) -> float:
    """Σ(observed − expected)²/expected, standardised to mean 0 and variance 1."""
    expected = counts.sum() / counts.size
    degrees = counts.size - 1
    return float((((counts - expected) ** 2 / expected).sum() - degrees) / math.sqrt(2 * degrees))


def test_uniforms_are_uniform() -> None:
    """Numbers, pairs of neighbours and pairs of streams fill their cells evenly."""
    u, other = uniforms(derive(3, "weights", 1), 60_000), uniforms(derive(3, "weights", 2), 60_000)
    assert abs(chi_square(np.histogram(u, 100, (0, 1))[0])) < 4
    for a, b in ((u[:-1], u[1:]), (u, other)):
        assert abs(chi_square(np.histogram2d(a, b, 16, ((0, 1), (0, 1)))[0])) < 4


def test_normals_are_normal() -> None:
    """Normals have mean 0, variance 1, no skew, kurtosis 3 and the right quartiles."""
    x = normals(derive(0, "weights", 5), 100_001)
    for moment, (mean, variance) in {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96)}.items():
        assert abs((x**moment).mean() - mean) < 4 * math.sqrt(variance / len(x))
    quartiles = np.quantile(x, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quartiles, [-0.67449, 0, 0.67449], atol=0.02)
    half = len(x) // 2
    assert abs(np.corrcoef(x[:half], x[half + 1 :])[0, 1]) < 4 / math.sqrt(half)


def test_every_place_is_reached() -> None:
    """Over many epochs each row comes to each place equally often."""
    n, epochs = 12, 3000
    counts = np.zeros((n, n))
    for epoch in range(epochs):
        counts[np.arange(n), permutation(derive(0, "order", epoch), n)] += 1
    assert abs(chi_square(counts)) < 4


def test_bits_are_fair() -> None:
    """Each of the 32 bits is 1 half of the time, at every unit and in every row."""
    bits = bits32(derive(1, "dropout", 1, 0), np.arange(500), 400)
    ones = np.unpackbits(bits.view(np.uint8)).reshape(500, 400, 32)
    for axes in ((0, 1), (0, 2), (1, 2)):
        share = ones.mean(axis=axes)
        spread = 0.5 / math.sqrt(ones.size / share.size)
        assert abs(share - 0.5).max() < 4.5 * spread


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_masks_drop_at_the_rate(rate: float) -> None:
    """The share of zeros in a mask is the rate, to within its standard error."""
    mask = StepNoise(5, 1, np.arange(400)).keep((400, 250), rate, ANY)
    assert abs((mask == 0).mean() - rate) <= 4 * math.sqrt(rate * (1 - rate) / mask.size)


def test_a_unit_is_dropped_below_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit is kept if and only if its 32 bits, as an integer, reach rate·2³²."""
    bits = np.array([[0, 2**30 - 1, 2**30, 2**32 - 1]], np.uint32)
    monkeypatch.setattr(randomness, "bits32", lambda *_: bits)
    assert StepNoise(0, 1, np.arange(1)).keep((1, 4), 0.25, ANY).tolist() == [[0, 0, 1, 1]]
    assert StepNoise(0, 1, np.arange(1)).keep((1, 4), 0.0, ANY).tolist() == [[1, 1, 1, 1]]


def test_masks_differ_by_step_layer_seed_row_and_unit() -> None:
    """Masks of other seeds, steps and layers agree only by chance; so do rows and units."""
    rows = np.arange(200)

    def mask(seed: int, step: int, layer: int) -> np.ndarray:
        return StepNoise(seed, step, rows).of_layer(layer).keep((200, 300), 0.5, ANY)

    masks = [mask(*path) for path in ((0, 1, 0), (1, 1, 0), (0, 2, 0), (0, 1, 1), (1, 0, 1))]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert abs((a == b).mean() - 0.5) < 4 * 0.5 / math.sqrt(a.size)
    for table in (masks[0], masks[0].T):
        agreement = (table[1:] == table[:-1]).mean(axis=1)
        assert abs(agreement - 0.5).max() < 4.5 * 0.5 / math.sqrt(table.shape[1])


@laws
@given(st.integers(0, 2**40), st.integers(1, 10**6), st.data())
def test_shards_draw_what_the_whole_draws(seed: int, step: int, data: st.DataObject) -> None:
    """A shard's mask is the whole batch's mask at the shard's rows."""
    rows = np.arange(20)
    part = np.array(data.draw(st.lists(st.sampled_from(rows.tolist()), min_size=1)))
    whole = StepNoise(seed, step, rows).of_layer(3).keep((20, 6), 0.4, ANY)
    shard = StepNoise(seed, step, part, len(part) / 20).of_layer(3)
    assert np.array_equal(shard.keep((len(part), 6), 0.4, ANY), whole[part])
    assert shard.share == len(part) / 20


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_have_the_dtype_of_what_they_mask(dtype: type) -> None:
    """A mask holds 0 and 1 in the dtype of the array that it is for."""
    mask = StepNoise(0, 1, np.arange(4)).keep((4, 5), 0.5, np.zeros((4, 5), dtype))
    assert mask.dtype == dtype
    assert set(np.unique(mask)) == {0, 1}


def test_masks_of_tensors() -> None:
    """A tensor's mask is a tensor with the same bits."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    noise = StepNoise(0, 1, np.arange(4))
    mask = noise.keep((4, 5), 0.5, torch.zeros(4, 5, dtype=torch.float64))
    assert mask.dtype == torch.float64
    assert np.array_equal(mask.numpy(), noise.keep((4, 5), 0.5, ANY))


def test_many_keys_at_once() -> None:
    """`derive_each` is `derive` with one more number, of many keys and numbers."""
    numbers = np.array([0, 1, 7, 2**33], np.uint64)
    for seed in (0, 12345, 2**63 - 1):
        keys = np.full(len(numbers), derive(seed, "dropout"), np.uint64)
        expected = [derive(seed, "dropout", int(n)) for n in numbers]
        assert derive_each(keys, numbers).tolist() == expected


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.99999])
def test_recorded_noise_has_the_same_bits(rate: float) -> None:
    """A step whose keys lie in a tensor draws the masks of `StepNoise`, of each layer and step."""
    torch = pytest.importorskip("torch", reason="needs the optional package torch")
    seed, first, steps, layers, shape = 2**63 - 5, 3, 4, 5, (33, 70)
    keys = RecordedNoise.keys_of_steps(seed, first, steps, layers)
    assert keys.shape == (steps, layers, 2)
    numbers = torch.arange(70)
    for step in range(steps):
        noise = RecordedNoise(torch.from_numpy(keys[step]), numbers, shape[0])
        whole = StepNoise(seed, first + step, np.arange(shape[0]))
        for layer in range(layers):
            like = torch.zeros(1, dtype=torch.float64)
            mask = noise.of_layer(layer).keep(shape, rate, like)
            assert mask.dtype == torch.float64
            expected = whole.of_layer(layer).keep(shape, rate, ANY)
            np.testing.assert_array_equal(mask.numpy(), expected)
    assert noise.share == whole.share == 1.0
