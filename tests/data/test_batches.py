"""Laws of batches and their order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deltarule.data.batches import (
    Rows,
    batch_indices,
    batch_weights,
    chunks,
    epoch_order,
    total_weight,
)
from deltarule.data.scaling import learn_scaling

PINNED = [1, 8, 0, 6, 2, 9, 3, 4, 7, 5]


@given(n=st.integers(1, 200), size=st.integers(1, 250), seed=st.integers(0, 2**40))
def test_an_epoch_is_every_row_once(n: int, size: int, seed: int) -> None:
    """All rows come once, in batches of the size, the last one short if need be."""
    batches = list(batch_indices(n, size, seed, 1))
    assert sorted(np.concatenate(batches)) == list(range(n))
    assert all(len(batch) == size for batch in batches[:-1])
    assert len(batches[-1]) == n - size * (len(batches) - 1)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    """The same seed and epoch give the same order; others do not."""
    orders = [np.concatenate(list(batch_indices(100, 7, *at))) for at in ((1, 1), (1, 1), (1, 2))]
    other = np.concatenate(list(batch_indices(100, 7, 2, 1)))
    assert (orders[0] == orders[1]).all()
    assert (orders[0] != orders[2]).any()
    assert (orders[0] != other).any()


def test_the_order_is_pinned() -> None:
    """The first epoch of ten rows with seed 0 is the same for ever."""
    assert np.concatenate(list(batch_indices(10, 4, 0, 1))).tolist() == PINNED


def test_rows_are_gathered_and_scaled() -> None:
    """A batch is its rows, scaled, in the network's dtype; weights go with them."""
    X = np.arange(12, dtype=np.uint8).reshape(6, 2)
    rows = Rows(X, np.arange(6), learn_scaling("unit", X), np.dtype(np.float32), np.arange(6.0))
    index = np.array([4, 0])
    np.testing.assert_allclose(rows.x(index), X[index] / 11, rtol=1e-6)
    assert rows.x(index).dtype == np.float32
    weight = rows.weight_of(index)
    assert weight is not None
    assert weight.tolist() == [4.0, 0.0]
    assert len(rows) == 6


def test_total_weight() -> None:
    """Without weights every row weighs 1."""
    assert total_weight(None, 5) == 5.0
    assert total_weight(np.array([0.5, 2.0], np.float32), 2) == 2.5


@given(n=st.integers(1, 50), size=st.integers(1, 60), weighted=st.booleans())
def test_batch_weights_are_those_of_the_batches(n: int, size: int, weighted: bool) -> None:
    """The weight of each batch of an epoch, as adding it up batch by batch gives it."""
    weight = np.arange(1.0, n + 1).astype(np.float32) if weighted else None
    found = batch_weights(weight, epoch_order(n, 3, 2), size)
    expected = [
        total_weight(None if weight is None else weight[index], len(index))
        for index in batch_indices(n, size, 3, 2)
    ]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@given(n=st.integers(0, 50), size=st.integers(1, 60))
def test_chunks_cover_all_rows_in_order(n: int, size: int) -> None:
    """Chunks follow one another and hold every row."""
    assert [i for part in chunks(n, size) for i in range(n)[part]] == list(range(n))
