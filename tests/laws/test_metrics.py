"""Laws of every metric, found in the module."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import names_in
from deltarule.mathematics import metrics

NAMES = names_in(metrics)
every_metric = pytest.mark.parametrize("name", NAMES)


def of_task(task: str) -> pytest.MarkDecorator:
    """Every metric of one task."""
    return pytest.mark.parametrize("name", [n for n in NAMES if getattr(metrics, n).task == task])


laws = settings(deadline=None, derandomize=True, max_examples=25)
seeds = st.integers(0, 10_000)


def case(name: str, seed: int, n: int = 12, k: int = 0) -> tuple[Any, np.ndarray, np.ndarray]:
    """A metric with random truth and predictions of its task; k > 0 for several outputs.

    Predictions are what the metric takes: numbers, classes, or probabilities with ties.
    """
    rng = np.random.default_rng(seed)
    metric = getattr(metrics, name)
    shape = (n, k) if k else (n,)
    if metric.task == "regression":
        return metric, rng.normal(size=shape), rng.normal(size=shape)
    classes = 2 if k else 3
    y = rng.integers(0, classes, shape)
    if metric.takes == "probabilities":
        return metric, y, rng.integers(0, 4, (n, k or classes)) / 4
    return metric, y, rng.integers(0, classes, shape)


def truth(metric: Any, y: np.ndarray) -> np.ndarray:
    """The prediction that knows the truth."""
    return np.eye(3)[y] if metric.takes == "probabilities" and y.ndim == 1 else y


@every_metric
@pytest.mark.parametrize("k", [0, 3])
@laws
@given(seed=seeds)
def test_truth_is_the_best_prediction(name: str, k: int, seed: int) -> None:
    """No prediction is better than the truth, by the metric's own direction."""
    metric, y, prediction = case(name, seed, k=k)
    direction = 1 if metric.greater_is_better else -1
    best = metric(y, truth(metric, y))
    assert direction * metric(y, prediction) <= direction * best
    assert best in (0.0, 1.0)


@every_metric
@pytest.mark.parametrize("k", [0, 3])
@laws
@given(seed=seeds)
def test_order_of_rows_does_not_matter(name: str, k: int, seed: int) -> None:
    """Shuffling rows changes nothing, and the result is one Python number."""
    metric, y, prediction = case(name, seed, k=k)
    order = np.random.default_rng(seed).permutation(len(y))
    value = metric(y, prediction)
    assert type(value) is float
    assert metric(y[order], prediction[order]) == pytest.approx(value, rel=1e-12, abs=1e-12)


@every_metric
@pytest.mark.parametrize("k", [0, 3])
@laws
@given(seed=seeds, counts=st.lists(st.integers(0, 3), min_size=12, max_size=12).filter(any))
def test_weights_are_repetitions(name: str, k: int, seed: int, counts: list[int]) -> None:
    """A row of weight 2 counts as the same row twice, one of weight 0 not at all."""
    metric, y, prediction = case(name, seed, k=k)
    again = np.repeat(np.arange(12), counts)
    expected = metric(y[again], prediction[again])
    if name == "r2" and len(set(again)) == 1:
        return  # of one row repeated, rounding decides whether its variance is 0
    found = metric(y, prediction, np.array(counts, float))
    assert found == pytest.approx(expected, rel=1e-9, nan_ok=name == "roc_auc")


@of_task("regression")
@laws
@given(seed=seeds)
def test_a_column_is_a_vector(name: str, seed: int) -> None:
    """For numbers, one output as a column, on either side, is the same as a vector."""
    metric, y, prediction = case(name, seed)
    value = metric(y, prediction)
    for a, b in ((y[:, None], prediction[:, None]), (y, prediction[:, None])):
        assert metric(a, b) == pytest.approx(value, rel=1e-15)


@of_task("classification")
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float64])
def test_any_type_of_indicator_counts(name: str, dtype: type) -> None:
    """Indicators mean the same as bool, bytes, integers and floats."""
    metric, y, prediction = case(name, 5, k=3)
    told = prediction if metric.takes == "probabilities" else prediction.astype(dtype)
    assert metric(y.astype(dtype), told) == metric(y, prediction)


@every_metric
def test_declares_itself(name: str) -> None:
    """A metric declares its task and which way is up."""
    metric = getattr(metrics, name)
    assert metric.task in ("classification", "regression")
    assert isinstance(metric.greater_is_better, bool)
