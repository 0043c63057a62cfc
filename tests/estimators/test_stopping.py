"""When a fit ends: scikit-learn's rule, its adaptive rate, and a budget of time."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deltarule.estimators.stopping import LEAST_RATE, Stopping

CURVES = st.lists(st.integers(0, 8).map(float), min_size=1, max_size=40)


def ends_at(stopping: Stopping, values: list[float], column: str) -> int:
    """After which epoch a training with these values ends; 0 if it does not."""
    history = SimpleNamespace(epochs=[], stopped_early=False)
    training: Any = SimpleNamespace(history=history, stop=False)
    stopping.on_start(training)
    for epoch, value in enumerate(values, 1):
        history.epochs.append({column: value})
        stopping.on_epoch(training)
        if training.stop:
            return epoch
    return 0


def by_the_book(values: list[float], tol: float, patience: int) -> int:
    """More than `patience` epochs in a row that beat the best so far by less than tol."""
    best, waited = math.inf, 0
    for epoch, value in enumerate(values, 1):
        waited = waited + 1 if value > best - tol else 0
        best = min(best, value)
        if waited > patience:
            return epoch
    return 0


@given(CURVES, st.sampled_from([0.0, 0.5, 2.0]), st.integers(1, 5))
def test_rule(values: list[float], tol: float, patience: int) -> None:
    """It ends where scikit-learn's rule does: for losses, and turned around for scores."""
    expected = by_the_book(values, tol, patience)
    falling = Stopping("train_loss", False, tol=tol, patience=patience)
    assert ends_at(falling, values, "train_loss") == expected
    rising = Stopping("val_accuracy", True, tol=tol, patience=patience)
    assert ends_at(rising, [-value for value in values], "val_accuracy") == expected


@given(CURVES)
def test_infinite_patience(values: list[float]) -> None:
    """With n_iter_no_change=inf it never ends."""
    assert not ends_at(Stopping("x", False, tol=1.0, patience=math.inf), values, "x")


def test_adaptive() -> None:
    """Without progress the rate is divided by 5, and the training ends once it is small."""
    stopping = Stopping("x", False, tol=0.1, patience=2, adaptive=0.001)
    end = ends_at(stopping, [1.0] * 100, "x")
    divided = math.ceil(math.log(0.001 / LEAST_RATE, 5))
    assert stopping.factor == 0.2**divided or math.isclose(stopping.factor, 0.2**divided)
    assert end == 1 + 3 * (divided + 1)


def test_time() -> None:
    """Out of time it ends after the epoch, and says why."""
    stopping = Stopping("x", False, tol=0.1, patience=2, max_seconds=1e-9)
    assert ends_at(stopping, [1.0, 0.5], "x") == 1
    assert stopping.reason == "time"
