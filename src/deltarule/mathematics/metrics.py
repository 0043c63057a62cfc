"""Metrics: metric(y, ŷ, weight) → one number; a row of weight w counts w times            (M0)

Names and definitions are scikit-learn's.
Classification metrics compare classes, (n,) integers, or label indicators, (n, k) of 0 and 1, with
predicted ones, or with probabilities, (n, k), where `takes` is "probabilities";
regression metrics compare targets and predictions, (n,) or (n, k).  `greater_is_better` tells
which way is up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ..ground.contracts import Array

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "mean_absolute_error",
    "r2",
    "roc_auc",
    "root_mean_squared_error",
]

F = TypeVar("F", bound=Callable[..., float])

# So many ulp the numbers of a constant target may differ, and their mean from them.
FEW = 16


def metric(task: str, greater_is_better: bool, takes: str = "decisions") -> Callable[[F], F]:
    """Declare a metric's task and direction, and whether it takes decisions or probabilities."""

    def declare(function: F) -> F:
        function.task = task  # type: ignore[attr-defined]
        function.greater_is_better = greater_is_better  # type: ignore[attr-defined]
        function.takes = takes  # type: ignore[attr-defined]
        return function

    return declare


def _right(y: Array, prediction: Array) -> Array:
    """Whether each row is wholly right, (n,)."""
    same = y == prediction
    return same if same.ndim == 1 else same.all(axis=1)


@metric("classification", greater_is_better=True)
def accuracy(y: Array, prediction: Array, weight: Array | None = None) -> float:
    """acc = Σᵢ wᵢ·[ŷᵢ = yᵢ]/Σᵢ wᵢ                                                         (M1)

    The share of rows whose class (or whole set of labels) is right.
    """
    return float(np.average(_right(y, prediction), weights=weight))


def _confusion(y: Array, prediction: Array, weight: Array | None) -> Array:
    """Weighted counts by (true class, predicted class)."""
    k = int(max(y.max(), prediction.max())) + 1
    cells = np.bincount(y * k + prediction, weights=weight, minlength=k * k)
    return cells.astype(np.float64).reshape(k, k)


@metric("classification", greater_is_better=True)
def balanced_accuracy(y: Array, prediction: Array, weight: Array | None = None) -> float:
    """bac = meanₖ Nₖₖ/Σⱼ Nₖⱼ,   Nₖⱼ the weight of the rows of class k called j            (M2)

    The mean over the classes that occur of the share of their rows that is right.
    """
    if y.ndim == 2:
        columns = zip(y.T, prediction.T, strict=True)
        return float(np.mean([balanced_accuracy(a, b, weight) for a, b in columns]))
    table = _confusion(y.astype(np.int64), prediction.astype(np.int64), weight)
    present = table.sum(1) > 0
    return float((table.diagonal()[present] / table.sum(1)[present]).mean())


@metric("classification", greater_is_better=True)
def f1_macro(y: Array, prediction: Array, weight: Array | None = None) -> float:
    """F₁ = meanₖ 2·TPₖ/(2·TPₖ + FPₖ + FNₖ)                                                (M3)

    The mean over the classes (or labels); 0 where nothing is right.
    """
    if y.ndim == 2:
        w = np.ones(len(y)) if weight is None else weight
        hit, both = w @ (y * prediction), w @ y + w @ prediction
    else:
        table = _confusion(y.astype(np.int64), prediction.astype(np.int64), weight)
        hit, both = table.diagonal(), table.sum(0) + table.sum(1)
        hit, both = hit[both > 0], both[both > 0]
    return float(np.where(both > 0, 2.0 * hit / np.maximum(both, np.finfo(float).tiny), 0.0).mean())


@metric("classification", greater_is_better=True, takes="probabilities")
def roc_auc(y: Array, prediction: Array, weight: Array | None = None) -> float:
    """AUC = Σᵢⱼ wᵢwⱼ·([pᵢ > pⱼ] + ½[pᵢ = pⱼ])/Σᵢⱼ wᵢwⱼ,   yᵢ = 1, yⱼ = 0                   (M7)

    How often a row of the class has a higher probability than one that is not; of more than two
    classes (or labels) the mean over those that some rows have and others lack, each against the
    rest; NaN where there is none.
    """
    w = np.ones(len(y)) if weight is None else weight.astype(np.float64)
    k = prediction.shape[1]
    if y.ndim == 1:
        columns = [1] if k == 2 else range(k)
        pairs = [(y == j, prediction[:, j]) for j in columns]
    else:
        pairs = [(y[:, j] == 1, prediction[:, j]) for j in range(k)]
    areas = np.array([_area(is_one, p, w) for is_one, p in pairs])
    known = areas[~np.isnan(areas)]
    return float(known.mean()) if len(known) else float("nan")


def _area(is_one: Array, p: Array, weight: Array) -> float:
    """(M7) of one class, by sorting: equal probabilities form groups that count half."""
    _, group = np.unique(p, return_inverse=True)
    ones = np.bincount(group, np.where(is_one, weight, 0.0))
    others = np.bincount(group, np.where(is_one, 0.0, weight))
    all_pairs = ones.sum() * others.sum()
    if not all_pairs > 0:
        return float("nan")
    below = np.cumsum(others) - others
    return float(ones @ (below + 0.5 * others) / all_pairs)


def _columns(values: Array) -> Array:
    """One column per output, (n, k), so that (n,) minus (n, 1) is not (n, n)."""
    return values.reshape(len(values), -1)


@metric("regression", greater_is_better=True)
def r2(y: Array, prediction: Array, weight: Array | None = None) -> float:
    """R² = 1 − Σᵢ wᵢ(yᵢ − ŷᵢ)²/Σᵢ wᵢ(yᵢ − ȳ)²                                             (M4)

    Averaged over outputs; of a target that is constant to rounding 1 if met to rounding, else 0.
    """
    ulp = np.finfo(y.dtype if y.dtype.kind == "f" else np.float64).eps
    y, prediction = _columns(y).astype(np.float64), _columns(prediction)
    mean = np.average(y, axis=0, weights=weight)
    left = np.average((y - prediction) ** 2, axis=0, weights=weight)
    all_ = np.average((y - mean) ** 2, axis=0, weights=weight)
    rounding = (FEW * ulp * abs(mean)) ** 2
    varies = all_ > rounding
    safe = np.where(varies, all_, 1.0)
    scores = np.where(varies, 1.0 - left / safe, np.where(left > rounding, 0.0, 1.0))
    return float(scores.mean())


@metric("regression", greater_is_better=False)
def mean_absolute_error(y: Array, prediction: Array, weight: Array | None = None) -> float:
    """MAE = Σᵢ wᵢ|yᵢ − ŷᵢ|/Σᵢ wᵢ, averaged over outputs                                   (M5)"""
    sizes = abs(_columns(y) - _columns(prediction))
    return float(np.average(sizes, axis=0, weights=weight).mean())


@metric("regression", greater_is_better=False)
def root_mean_squared_error(y: Array, prediction: Array, weight: Array | None = None) -> float:
    """RMSE = √(Σᵢ wᵢ(yᵢ − ŷᵢ)²/Σᵢ wᵢ), averaged over outputs                              (M6)"""
    squares = (_columns(y) - _columns(prediction)) ** 2
    return float(np.sqrt(np.average(squares, axis=0, weights=weight)).mean())
