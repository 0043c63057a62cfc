"""Laws of what is drawn."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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
