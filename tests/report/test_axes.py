"""Laws of what is drawn."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deltarule.report import axes
from deltarule.report.axes import drawable, spread, thinned


@given(st.integers(0, 5000), st.integers(2, 300))
def test_spread_keeps_the_ends_and_the_limit(n: int, limit: int) -> None:
    """At most `limit` different indices in order, first and last among them."""
    chosen = spread(n, limit)
    assert len(chosen) == min(n, limit)
    assert (np.diff(chosen) > 0).all()
    if n:
        assert (chosen[0], chosen[-1]) == (0, n - 1)


@given(st.integers(1, 3000), st.integers(0, 2**32 - 1))
def test_thinning_keeps_the_extremes(n: int, seed: int) -> None:
    """A thinned curve keeps ends, minimum and maximum, and stays below the limit (plus ends)."""
    values = np.random.default_rng(seed).normal(size=n)
    kept = thinned(values, 100)
    assert len(kept) <= 102
    assert {0, n - 1, int(values.argmin()), int(values.argmax())} <= set(kept.tolist())


def test_only_finite_values_of_sane_size_are_drawable() -> None:
    """NaN, infinities and 1e300 are not drawable, 0 and −1e50 are."""
    given_values = np.array([np.nan, np.inf, -np.inf, 1e300, 0.0, -1e50])
    assert drawable(given_values).tolist() == [False, False, False, False, True, True]


def test_times_are_short_numbers() -> None:
    """Seconds up to two minutes, minutes up to two hours, then hours; nothing is seconds, too."""
    longest = [(119.0, "seconds"), (7000.0, "minutes"), (1e5, "hours"), (np.nan, "seconds")]
    for time, name in longest:
        assert axes.unit_of_time([np.array([1.0, time])])[1] == name
    assert axes.unit_of_time([]) == (1.0, "seconds")


def test_legends_fit_above_a_picture() -> None:
    """Few short labels share a line, long ones get lines of their own, and room for them."""
    assert axes.legend_columns(["training", "validation", "best epoch 14"]) == 3
    assert axes.legend_columns(["x" * 30] * 3) == 1
    assert axes.legend_columns(["arm 1"] * 9) == 3
    assert axes.legend_columns([]) == 1
    assert axes.legend_height(["a"]) == 0
    assert axes.legend_height(["x" * 30] * 3) == 2 * axes.LEGEND_LINE
