"""Numbers in pieces: bounded, rising, and able to bend at every knot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.data.pieces import MOST_PIECES, choose_knots, write_pieces
from deltarule.ground.contracts import Array

NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60)


def pieces_of(values: Array, knots: Array) -> Array:
    """The pieces of values, (n, k)."""
    out = np.full((len(values), len(knots) - 1), np.nan)
    write_pieces(values, knots, out)
    return out


@given(NUMBERS, st.integers(0, 40))
def test_knots_rise(values: list[float], pieces: int) -> None:
    """Knots are values of the column, strictly rising, and never make more pieces than asked."""
    known = np.array(values)
    knots = choose_knots(known, pieces)
    assert len(knots) == 0 or 3 <= len(knots) <= pieces + 1
    assert np.isin(knots, known).all()
    assert (np.diff(knots / 2) > 0).all()


@given(NUMBERS, NUMBERS)
def test_pieces_are_bounded_and_rise(learned: list[float], met: list[float]) -> None:
    """Whatever is met, of whatever magnitude, every piece is from 0 to 1, and never falls."""
    knots = choose_knots(np.array(learned), 8)
    if len(knots):
        found = pieces_of(np.sort(met), knots)
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.diff(found, axis=0) >= 0).all()
        started, ended = found[:, 1:] > 0, found[:, :-1] == 1
        assert (ended | ~started).all()  # no piece begins before the one below it has ended


def test_a_sum_of_pieces_is_any_function_that_bends_at_the_knots() -> None:
    """With weights w_j the pieces make the piecewise linear function through Σ_{i≤j} w_i."""
    rng = np.random.default_rng(0)
    knots = np.sort(rng.normal(size=9))
    weights = rng.normal(size=8)
    x = np.linspace(knots[0] - 1, knots[-1] + 1, 500)
    heights = np.concatenate(([0.0], np.cumsum(weights)))
    expected = np.interp(x, knots, heights)  # which goes on level outside
    np.testing.assert_allclose(pieces_of(x, knots) @ weights, expected, atol=1e-13)


def test_each_piece_has_its_share_of_the_rows() -> None:
    """The knots of a column without ties are its quantiles."""
    values = np.random.default_rng(0).exponential(size=1001)
    knots = choose_knots(values, 10)
    np.testing.assert_array_equal(knots, np.sort(values)[::100])


def test_a_value_that_most_rows_have_is_one_knot() -> None:
    """The quantiles that it would have held are spent on the other values."""
    values = np.concatenate((np.zeros(900), np.arange(1.0, 101.0)))
    knots = choose_knots(values, 10)
    assert len(knots) == 11
    assert knots[0] == 0
    assert np.diff(knots[1:]).max() < 30


@pytest.mark.parametrize("values", [[], [3.0], [0.0, 1.0], [2.0] * 50, [np.inf, -np.inf, 1.0]])
def test_what_cannot_be_cut(values: list[float]) -> None:
    """A column of one or two values is its own only piece."""
    assert len(choose_knots(np.array(values), 8)) == 0


def test_the_smallest_and_the_largest_numbers() -> None:
    """No difference overflows, and neighbours among the smallest numbers are not divided by 0."""
    tiny = np.nextafter(0, 1)
    knots = choose_knots(np.array([-1.7e308, 0.0, tiny, 2 * tiny, 1.7e308]), MOST_PIECES)
    found = pieces_of(np.array([-1.7e308, 0.0, tiny, 1.0, 1.7e308]), knots)
    assert np.isfinite(found).all()
    assert found[-1].tolist() == [1.0] * (len(knots) - 1)
