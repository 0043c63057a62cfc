"""Laws of splitting rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.data.splits import split_rows
from deltarule.ground.errors import InvalidInput


@given(n=st.integers(2, 300), share=st.floats(0.01, 0.99), seed=st.integers(0, 2**40))
def test_the_parts_are_the_rows(n: int, share: float, seed: int) -> None:
    """Every row trains or validates, none does both, and the share is met to within a row."""
    if not 0 < round(n * share) < n:
        return
    train, held = split_rows(n, share, seed)
    assert sorted([*train, *held]) == list(range(n))
    assert len(held) == round(n * share)
    assert (np.diff(train) > 0).all()
    assert (np.diff(held) > 0).all()


@given(
    labels=st.lists(st.integers(0, 4), min_size=20, max_size=200),
    share=st.sampled_from([0.1, 0.2, 0.5]),
    seed=st.integers(0, 100),
)
def test_stratified_parts_keep_proportions(labels: list[int], share: float, seed: int) -> None:
    """Each class gives its share of the rows, to within one."""
    y = np.array(labels)
    _, held = split_rows(len(y), share, seed, y=y)
    for label in np.unique(y):
        wanted = len(held) / len(y) * (y == label).sum()
        assert abs((y[held] == label).sum() - wanted) <= 1 + 1e-9


def test_the_seed_decides() -> None:
    """The same seed gives the same split, another seed another, text strata included."""
    y = np.array(["a", "b"] * 50, dtype=object)
    first, again, other = (split_rows(100, 0.3, seed, y=y)[1] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_the_last_rows() -> None:
    """Without shuffling the last rows validate; a number from 1 on counts rows."""
    train, held = split_rows(10, 3, 0, shuffle=False)
    assert held.tolist() == [7, 8, 9]
    assert train.tolist() == list(range(7))


def test_nothing_held_out() -> None:
    """A share of 0 leaves all rows to train."""
    train, held = split_rows(5, 0, 0)
    assert (len(train), len(held)) == (5, 0)


@pytest.mark.parametrize("validation", [10, 11, 0.01, 0.99, -1])
def test_a_part_without_rows_is_refused(validation: float) -> None:
    """Both parts need a row, and the sentence says what would be left."""
    with pytest.raises(InvalidInput, match="of 10 rows"):
        split_rows(10, validation, 0)
