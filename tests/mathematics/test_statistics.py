"""What a few runs show, beside SciPy and beside the definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from deltarule.mathematics.statistics import (
    EXACT_PAIRS,
    holm,
    moments,
    sign_flip_p,
    smallest_p,
    summarize,
)

GENERATOR = np.random.default_rng(3)


@pytest.mark.parametrize("n", [2, 3, 5, 40])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_interval_is_scipys(n: int, level: float) -> None:
    """Mean, deviation and interval are those of scipy.stats."""
    x = GENERATOR.normal(0.5, 0.01, n)
    found = summarize(x.tolist(), level)
    interval = stats.ttest_1samp(x, 0.0).confidence_interval(level)
    assert found.n == n
    assert found.mean == pytest.approx(x.mean(), rel=1e-14)
    assert found.sd == pytest.approx(x.std(ddof=1), rel=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-12)


def test_interval_of_differences_is_that_of_the_paired_test() -> None:
    """The interval of paired differences is scipy's of the paired t-test."""
    a, b = GENERATOR.normal(size=(2, 7))
    found = summarize((a - b).tolist())
    interval = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-12)


def test_one_number_has_no_interval() -> None:
    """A single number is its own mean; deviation and interval are none."""
    found = summarize([0.3])
    assert (found.n, found.mean) == (1, 0.3)
    assert found.sd is found.low is found.high is None


def test_equal_numbers_have_no_spread() -> None:
    """Of equal numbers the interval is the number, to the bit."""
    found = summarize([0.1] * 7)
    assert (found.mean, found.sd, found.low, found.high) == (0.1, 0.0, 0.1, 0.1)


def test_interval_holds_the_mean_as_often_as_it_says() -> None:
    """Of 4,000 intervals at the level 0.9, within four deviations of 3,600 hold the mean."""
    x = GENERATOR.normal(2.0, 5.0, (4000, 4))
    held = sum(s.low <= 2.0 <= s.high for s in (summarize(row, 0.9) for row in x))
    assert abs(held - 3600) < 4 * math.sqrt(4000 * 0.9 * 0.1)


def test_moments_are_unbiased() -> None:
    """Averaged over many draws, s² is σ²: the divisor is n − 1."""
    mean = np.mean([moments(row)[1] ** 2 for row in GENERATOR.normal(0.0, 3.0, (20_000, 2))])
    assert mean == pytest.approx(9.0, rel=0.05)


def by_hand(d: np.ndarray) -> float:
    """The definition, sign by sign."""
    sums = [abs(np.dot(s, d)) for s in itertools.product((-1, 1), repeat=len(d))]
    return float(np.mean([value >= abs(d.sum()) - 1e-12 for value in sums]))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 11])
def test_p_counts_signs(n: int) -> None:
    """p is the share of sign choices whose sum is as far from 0, ties included."""
    for scale in (1.0, 1e-9):
        d = GENERATOR.normal(0.3, 1.0, n) * scale
        assert sign_flip_p(d.tolist()) == pytest.approx(by_hand(d / scale), rel=1e-12)
    ties = GENERATOR.integers(-2, 3, n) / 10
    assert sign_flip_p(ties.tolist()) == pytest.approx(by_hand(ties), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 10, EXACT_PAIRS])
def test_the_smallest_p(n: int) -> None:
    """n wins out of n give 2/2ⁿ, and no differences of that number give less."""
    assert sign_flip_p([0.1] * n) == sign_flip_p([-0.1] * n) == smallest_p(n) == 2 / 2**n
    assert sign_flip_p([0.0] * n) == 1.0
    assert sign_flip_p(GENERATOR.normal(size=n).tolist()) >= smallest_p(n)


def test_many_pairs_are_drawn_and_repeat() -> None:
    """Beyond 16 pairs p is an estimate, the same each time, near the normal approximation."""
    d = GENERATOR.normal(0.25, 1.0, 60).tolist()
    found = sign_flip_p(d)
    assert found == sign_flip_p(d)
    z = abs(np.sum(d)) / np.sqrt(np.sum(np.square(d)))
    assert found == pytest.approx(2 * stats.norm.sf(z), abs=0.01)
    assert sign_flip_p([1.0] * 60) == pytest.approx(2 / ((1 << 16) + 1), rel=0.01)


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.02], [0.02, 0.02]),
        ([0.04, 0.01, 0.03], [0.06, 0.03, 0.06]),
        ([0.5, 0.9, 0.4], [1.0, 1.0, 1.0]),
        ([0.01, 0.01, 0.01, 0.01], [0.04, 0.04, 0.04, 0.04]),
        ([0.005, 0.009, 0.05, 0.04], [0.02, 0.027, 0.08, 0.08]),
    ],
)
def test_holm_by_hand(p: list[float], adjusted: list[float]) -> None:
    """Adjusted values of small tables, worked out from the definition, in the order given."""
    assert holm(p) == pytest.approx(adjusted, abs=1e-15)


def test_holm_rejects_as_its_procedure_does() -> None:
    """Adjusted p below α is what going down the sorted list rejects."""
    for _ in range(50):
        p, alpha, m = GENERATOR.uniform(0, 0.2, 6), 0.1, 6
        rejected, order = set(), np.argsort(p)
        for j, i in enumerate(order):
            if p[i] >= alpha / (m - j):
                break
            rejected.add(int(i))
        assert {i for i, value in enumerate(holm(p.tolist())) if value < alpha} == rejected
