"""Which weights are the best so far, and when to stop waiting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.learning.monitor import Monitor

values = st.lists(
    st.integers(-4, 4).map(float) | st.sampled_from([math.nan, math.inf, -math.inf]),
    min_size=1,
    max_size=25,
)


def watched(monitor: Monitor, seen: list[float]) -> int | None:
    """Show values; returns the epoch at which it says stop, None if never."""
    for epoch, value in enumerate(seen, 1):
        if monitor.see(epoch, value, np.full(2, float(epoch)), np.full(1, -float(epoch))):
            return epoch
    return None


def expected_stop(seen: list[float], up: bool, patience: int, min_delta: float) -> int | None:
    """The same by its definition: `patience` epochs since the last improvement by min_delta."""
    best, last = math.inf, 0
    for epoch, value in enumerate(seen, 1):
        signed = -value if up else value
        if signed < best - min_delta:
            best, last = signed, epoch
        if epoch - last >= patience:
            return epoch
    return None


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    seen=values,
    up=st.booleans(),
    patience=st.integers(1, 6),
    min_delta=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
)
def test_patience_counts_right(
    seen: list[float], up: bool, patience: int, min_delta: float
) -> None:
    """It stops after exactly so many epochs without an improvement of at least min_delta."""
    monitor = Monitor("m", up, patience, min_delta)
    assert watched(monitor, seen) == expected_stop(seen, up, patience, min_delta)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(seen=values, up=st.booleans(), min_delta=st.sampled_from([0.0, 3.0]))
def test_the_best_is_kept(seen: list[float], up: bool, min_delta: float) -> None:
    """The first epoch with the best value by any margin is kept, and NaN never is."""
    monitor = Monitor("m", up, None, min_delta)
    assert watched(monitor, seen) is None
    worst = -math.inf if up else math.inf
    numbers = [v for v in seen if not math.isnan(v) and v != worst]
    theta, statistics = np.zeros(2), np.zeros(1)
    monitor.restore(theta, statistics)
    if not numbers:
        assert monitor.best_epoch is None
        assert not theta.any()
        return
    best = seen.index((max if up else min)(numbers)) + 1
    assert monitor.best_epoch == best
    np.testing.assert_array_equal(theta, [best, best])
    np.testing.assert_array_equal(statistics, [-best])


def test_kept_weights_are_a_copy() -> None:
    """Weights that go on changing do not change what was kept."""
    theta = np.ones(3)
    monitor = Monitor("m", False)
    monitor.see(1, 0.5, theta, np.zeros(0))
    theta += 5
    monitor.restore(theta, np.zeros(0))
    np.testing.assert_array_equal(theta, np.ones(3))


@pytest.mark.parametrize("min_delta", [0.0, 0.1])
def test_small_steps_tire(min_delta: float) -> None:
    """Improvements below min_delta count as none for patience, but are still the best."""
    monitor = Monitor("m", False, 3, min_delta)
    seen = [1.0 - 0.01 * i for i in range(8)]
    assert watched(monitor, seen) == (None if min_delta == 0 else 4)
    assert monitor.best_epoch == (8 if min_delta == 0 else 4)
