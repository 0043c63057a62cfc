"""Laws of every initializer, found in the module."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import names_in
from deltarule.mathematics import initializers

NAMES = names_in(initializers)
every_initializer = pytest.mark.parametrize("name", NAMES)
laws = settings(deadline=None, derandomize=True, max_examples=30)
sizes = st.integers(1, 12)


def of(name: str) -> Callable[[int, int, int], np.ndarray]:
    """The initializer of this name."""
    return getattr(initializers, name)  # type: ignore[no-any-return]


@every_initializer
@laws
@given(key=st.integers(0, 2**64 - 1), n_in=sizes, n_out=sizes)
def test_is_a_function_of_its_arguments(name: str, key: int, n_in: int, n_out: int) -> None:
    """The same arguments give the same finite float64 numbers, in the shape (n_in, n_out)."""
    w = of(name)(key, n_in, n_out)
    assert w.shape == (n_in, n_out)
    assert w.dtype == np.float64
    assert np.isfinite(w).all()
    assert np.array_equal(w, of(name)(key, n_in, n_out))


@every_initializer
def test_keys_matter(name: str) -> None:
    """Another key gives other numbers, unless all of them are 0."""
    a, b = of(name)(1, 6, 5), of(name)(2, 6, 5)
    assert (a != b).any() or not a.any()


@every_initializer
@pytest.mark.parametrize("shape", [(300, 200), (200, 300)])
def test_is_centred_and_uncorrelated(name: str, shape: tuple[int, int]) -> None:
    """Weights have mean 0, and neighbours are not correlated."""
    w = of(name)(3, *shape)
    spread = w.std()
    assert abs(w.mean()) <= 4 * spread / np.sqrt(w.size)
    for a, b in ((w[1:], w[:-1]), (w[:, 1:], w[:, :-1])):
        assert abs((a * b).mean()) <= 4 * spread**2 / np.sqrt(w.size)


@every_initializer
def test_units_differ(name: str) -> None:
    """No two units start alike, except where all are 0."""
    w = of(name)(3, 8, 6)
    assert len(np.unique(w, axis=1).T) in (6, 1)
    assert (len(np.unique(w, axis=1).T) == 1) == (not w.any())
