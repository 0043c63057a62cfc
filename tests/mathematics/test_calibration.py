"""The temperature that makes scores most likely, and the error that it should lower."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.mathematics.calibration import (
    GREATEST,
    LEAST,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability,
    slope,
)
from deltarule.mathematics.losses import softmax

seeds = st.integers(0, 10_000)
kinds = pytest.mark.parametrize("kind", ["classes", "one output", "labels", "shares"])


def case(kind: str, seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets drawn from the scores' own probabilities, the scores times a factor, weights."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, {"classes": 4, "one output": 1, "labels": 3, "shares": 2}[kind]))
    if kind == "classes":
        y = (z + rng.gumbel(size=z.shape)).argmax(1)
    elif kind == "shares":
        y = rng.random(z.shape)
    else:
        y = (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float)
    return y, z * 10 ** rng.uniform(-1, 1), rng.uniform(0.1, 2.0, n)


def inside(T: float) -> bool:
    """Whether a temperature is away from both bounds."""
    return 1.01 * LEAST < T < 0.99 * GREATEST


# -- the slope ------------------------------------------------------------------------------------


@given(seed=seeds, beta=st.floats(0.01, 5.0))
def test_slope_is_the_derivative(seed: int, beta: float) -> None:
    """dL/dβ is that of a complex step, d²L/dβ² that of differences, and not negative."""
    rng = np.random.default_rng(seed)
    a, w = rng.normal(size=(7, 3)), rng.dirichlet(np.ones(7))

    def value(b: complex) -> Any:
        return w @ np.log(np.exp(b * a).sum(1))

    first, second = slope(a, w, beta)
    assert first == pytest.approx((value(beta + 1e-30j) / 1e-30).imag, rel=1e-11, abs=1e-13)
    h = 1e-5
    around = (slope(a, w, beta + h)[0] - slope(a, w, beta - h)[0]) / (2 * h)
    assert second == pytest.approx(around, rel=1e-6, abs=1e-9)
    assert second >= 0.0


# -- the temperature ------------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("weighted", [False, True])
def test_temperature_is_the_minimum(kind: str, seed: int, weighted: bool) -> None:
    """A minimiser that only evaluates the loss finds the same temperature."""
    from scipy.optimize import minimize_scalar

    y, z, weight = case(kind, seed)
    w = weight if weighted else None
    T = fit_temperature(y, z, w)
    found = minimize_scalar(
        lambda beta: log_loss(y, z, w, 1 / beta),
        bounds=(1 / GREATEST, 1 / LEAST),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert T * found.x == pytest.approx(1.0, rel=1e-4)
    assert log_loss(y, z, w, T) <= found.fun + 1e-12


@kinds
@given(seed=seeds)
def test_loss_is_never_higher_after(kind: str, seed: int) -> None:
    """On the rows of the fit the loss at T is at most that at 1, and at any other T."""
    y, z, w = case(kind, seed)
    at_best = log_loss(y, z, w, fit_temperature(y, z, w))
    for other in (LEAST, 0.3, 1.0, 4.0, GREATEST):
        assert at_best <= log_loss(y, z, w, other) * (1 + 1e-12)


@kinds
@given(seed=seeds, factor=st.floats(0.25, 4.0))
def test_temperature_scales_with_the_scores(kind: str, seed: int, factor: float) -> None:
    """Scores times c have the temperature c·T, and so the same probabilities."""
    y, z, w = case(kind, seed)
    T, scaled = fit_temperature(y, z, w), fit_temperature(y, factor * z, w)
    if inside(T) and inside(scaled):
        assert scaled == pytest.approx(factor * T, rel=1e-9)


@given(seed=seeds)
def test_decisions_stay(seed: int) -> None:
    """Dividing by the temperature leaves the largest score the largest."""
    y, z, w = case("classes", seed)
    np.testing.assert_array_equal((z / fit_temperature(y, z, w)).argmax(1), z.argmax(1))


@kinds
@given(seed=seeds, counts=st.lists(st.integers(0, 3), min_size=20, max_size=20).filter(any))
def test_weights_are_repetitions(kind: str, seed: int, counts: list[int]) -> None:
    """A row of weight 2 counts as the same row twice, one of weight 0 not at all."""
    y, z, _ = case(kind, seed, n=20)
    again, w = np.repeat(np.arange(20), counts), np.array(counts, float)
    assert fit_temperature(y, z, w) == pytest.approx(fit_temperature(y[again], z[again]), rel=1e-9)
    assert log_loss(y, z, w) == pytest.approx(log_loss(y[again], z[again]), rel=1e-12)


@given(seed=seeds)
def test_an_output_is_a_choice_of_two(seed: int) -> None:
    """A yes-or-no score z is the two scores 0 and z, in the loss and in the temperature."""
    y, z, w = case("one output", seed)
    two, classes = np.hstack([np.zeros_like(z), z]), y[:, 0].astype(int)
    assert log_loss(y, z, w) == pytest.approx(log_loss(classes, two, w), rel=1e-12)
    assert fit_temperature(y, z, w) == pytest.approx(fit_temperature(classes, two, w), rel=1e-9)


def test_a_temperature_by_hand() -> None:
    """Three of four right with leads of 10: σ(10/T) = 3/4, so T = 10/log 3."""
    z, y = np.tile([10.0, 0.0], (4, 1)), np.array([0, 0, 0, 1])
    assert fit_temperature(y, z) == pytest.approx(10 / np.log(3), rel=1e-12)


def test_true_scores_need_no_temperature() -> None:
    """Of many targets drawn from the scores' own probabilities T is 1 within noise."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(20_000, 5))
    y = (z + rng.gumbel(size=z.shape)).argmax(1)
    assert fit_temperature(y, z) == pytest.approx(1.0, abs=0.03)
    assert fit_temperature(y, (3 * z).astype(np.float32)) == pytest.approx(3.0, abs=0.09)


@pytest.mark.parametrize(
    ("z", "y", "T"),
    [
        ([[2.0, 1.0]], [0], LEAST),  # one row, right
        ([[2.0, 1.0]], [1], GREATEST),  # one row, wrong
        ([[1.0, 1.0]], [1], 1.0),  # nothing depends on T
        ([[1e4, -1e4], [0.0, 1e4]], [0, 1], LEAST),
        ([[1e4, -1e4], [0.0, 1e4]], [1, 0], GREATEST),
        ([[1e4, -1e4], [0.0, 1e4]], [0, 0], GREATEST),
        ([[1e308, -1e308]] * 3, [0, 0, 0], LEAST),
        ([[1e308, -1e308]] * 3, [0, 0, 1], GREATEST),
        ([[1e-308, 0.0]] * 3, [0, 0, 1], LEAST),
        ([[7.0]], [0], 1.0),  # one class
    ],
)
def test_edges(z: list[list[float]], y: list[int], T: float) -> None:
    """What has no inner minimum lands on a bound, what depends on nothing on 1; no warning."""
    with np.errstate(all="raise", under="ignore"):
        assert fit_temperature(np.array(y), np.array(z)) == T


def test_rows_without_weight_are_not_looked_at() -> None:
    """A wrong row of weight 0 does not keep the others from the bound."""
    z, y = np.array([[5.0, 0.0], [5.0, 0.0]]), np.array([0, 1])
    assert fit_temperature(y, z, np.array([1.0, 0.0])) == LEAST
    assert fit_temperature(y, z, np.array([0.0, 1e-30])) == GREATEST


@kinds
def test_nothing_is_written(kind: str) -> None:
    """Targets, scores and weights stay as they were."""
    given = case(kind, 3)
    before = [a.copy() for a in given]
    fit_temperature(*given)
    log_loss(*given)
    for a, b in zip(given, before, strict=True):
        np.testing.assert_array_equal(a, b)


# -- the expected calibration error ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "p", "bins", "expected"),
    [
        ([0, 1, 1, 1], [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]], 15, 0.4),
        ([0, 1], [[1.0, 0.0], [0.0, 1.0]], 15, 0.0),
        ([1, 0], [[1.0, 0.0], [0.0, 1.0]], 15, 1.0),
        ([0, 1], [[0.5, 0.5], [0.5, 0.5]], 15, 0.0),  # a tie is called 0, right once in two
        ([0, 1], [[0.8, 0.2], [0.7, 0.3]], 1, 0.25),  # one bin: right 1/2, sure 3/4
        ([0, 1], [[0.8, 0.2], [0.7, 0.3]], 10, 0.45),  # two bins: (0.2 + 0.7)/2
        ([2, 2], [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], 10, 0.55),  # 0.5 right, 0.6 wrong
        ([0, 1], [0.2, 0.7], 10, 0.25),  # yes-or-no: (0.2 + 0.3)/2
    ],
)
def test_error_by_hand(y: list[int], p: Any, bins: int, expected: float) -> None:
    """Small cases that can be computed on paper."""
    found = expected_calibration_error(np.array(y), np.array(p), bins=bins)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_bin_holds_its_upper_end() -> None:
    """A confidence on the border of two bins belongs to the lower one."""
    y, p = np.array([0, 1]), np.array([[0.75, 0.25], [0.7, 0.3]])
    assert expected_calibration_error(y, p, bins=4) == pytest.approx(0.225)  # one bin
    y, p = np.array([0, 1]), np.array([[0.75, 0.25], [0.8, 0.2]])
    assert expected_calibration_error(y, p, bins=4) == pytest.approx(0.525)  # two


def test_a_calibrated_model_has_no_error() -> None:
    """Targets drawn from the stated probabilities have an error near 0; too sure ones have not."""
    rng = np.random.default_rng(0)
    z = 2 * rng.normal(size=(40_000, 4))
    y = (z + rng.gumbel(size=z.shape)).argmax(1)
    assert expected_calibration_error(y, softmax(z)) < 0.01
    before = expected_calibration_error(y, softmax(4 * z))
    assert before > 0.1
    T = fit_temperature(y, 4 * z)
    assert expected_calibration_error(y, softmax(4 * z / T)) < 0.01


@given(seed=seeds, counts=st.lists(st.integers(0, 3), min_size=20, max_size=20).filter(any))
def test_error_takes_weights_as_repetitions(seed: int, counts: list[int]) -> None:
    """Of classes and of labels, a row of weight 2 counts twice, one of weight 0 not at all."""
    again, w = np.repeat(np.arange(20), counts), np.array(counts, float)
    for kind in ("classes", "labels"):
        y, z, _ = case(kind, seed, n=20)
        p = softmax(z) if kind == "classes" else 1 / (1 + np.exp(-z))
        expected = expected_calibration_error(y[again], p[again])
        assert expected_calibration_error(y, p, w) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(seed=seeds)
def test_an_output_has_the_error_of_two_classes(seed: int) -> None:
    """p of a yes, as a vector or a column, is the same as the two columns 1 − p and p."""
    y, z, w = case("one output", seed)
    p = 1 / (1 + np.exp(-z))
    both = expected_calibration_error(y[:, 0].astype(int), np.hstack([1 - p, p]), w)
    assert expected_calibration_error(y[:, 0], p[:, 0], w) == both
    assert expected_calibration_error(y, p, w) == both
    assert expected_calibration_error(y[:, 0].astype(int), p[:, 0], w) == both
    assert 0.0 <= both <= 1.0


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_bins_hold_every_row_once(bins: int) -> None:
    """Their sums are those of all rows: weights, confidences and right answers."""
    random = np.random.default_rng(0)
    p = random.dirichlet(np.ones(4), 50)
    y, w = random.integers(0, 4, 50), random.uniform(0, 2, 50)
    weight, confidence, right = reliability(y, p, w, bins)
    assert len(weight) == len(confidence) == len(right) == bins
    assert weight.sum() == pytest.approx(w.sum())
    assert confidence.sum() == pytest.approx((w * p.max(1)).sum())
    assert right.sum() == pytest.approx(w[p.argmax(1) == y].sum())
