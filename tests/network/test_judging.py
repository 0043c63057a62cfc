"""Metrics, the monitor and callbacks, as they are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground.errors import Problems, names_in
from deltarule.network.judging import callbacks_for, judge_for, metrics_of_run, monitor_for
from deltarule.network.targets import targets_for

CLASSES = targets_for(dr.Network([2, 3]).settings)
NUMBERS = targets_for(dr.Network([2, 1], loss="squared_error").settings)


def own(y: np.ndarray, prediction: np.ndarray, weight: np.ndarray | None) -> float:
    """A metric of one's own: how many rows there are."""
    return float(len(y))


def test_defaults() -> None:
    """Classes are judged by accuracy, numbers by r2."""
    assert list(judge_for(CLASSES, None, Problems()).metrics) == ["accuracy"]
    assert list(judge_for(NUMBERS, None, Problems()).metrics) == ["r2"]


@pytest.mark.parametrize("given", ["f1_macro", ["f1_macro"], ("f1_macro",), dr.metrics.f1_macro])
def test_one_or_several(given: Any) -> None:
    """One metric needs no list, and may be a name or the function."""
    assert judge_for(CLASSES, given, Problems()).metrics == {"f1_macro": dr.metrics.f1_macro}


@pytest.mark.parametrize("name", names_in(dr.metrics))
def test_each_metric_has_its_task(name: str) -> None:
    """A metric is taken for its own task and refused for the other."""
    refused = []
    for targets in (CLASSES, NUMBERS):
        problems = Problems()
        judge_for(targets, name, problems)
        refused.append(bool(problems))
    assert sorted(refused) == [False, True]


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_a_metric_of_probabilities(loss: str) -> None:
    """The area under the ROC is that of what `predict_proba` says, at one output or at two."""
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = np.array(["no", "yes"])[(X[:, 0] + 0.5 * X[:, 1] > 0).astype(int)]
    net = dr.Network([3, 2 if loss == "cross_entropy" else 1], loss=loss)
    history = net.train(
        X, y, X, y, epochs=2, metrics=["accuracy", "roc_auc"], monitor="val_roc_auc", progress=False
    )
    expected = dr.metrics.roc_auc((y == "yes").astype(int), net.predict_proba(X))
    assert net.evaluate(X, y, metrics="roc_auc")["roc_auc"] == pytest.approx(expected)
    assert max(history["val_roc_auc"]) == pytest.approx(expected)


def test_a_metric_of_ones_own() -> None:
    """A function is called with targets, predictions and weights in the units of the data."""
    judge = judge_for(CLASSES, [own, "accuracy"], Problems())
    found = judge(np.array([0, 1]), np.eye(3)[[0, 2]], None)
    assert found == {"own": 2.0, "accuracy": 0.5}


@pytest.mark.parametrize(
    ("name", "targets", "metrics", "up"),
    [
        ("val_loss", CLASSES, None, False),
        ("val_accuracy", CLASSES, None, True),
        ("train_loss", CLASSES, None, False),
        ("val_own", CLASSES, [own], True),
        ("val_mean_absolute_error", NUMBERS, ["mean_absolute_error"], False),
        ("val_r2", NUMBERS, None, True),
    ],
)
def test_direction(name: str, targets: Any, metrics: Any, up: bool) -> None:
    """The monitor knows which way is up: down for losses and errors, up for scores."""
    judge = judge_for(targets, metrics, Problems())
    monitor = monitor_for(name, judge, True, None, 0.0, Problems())
    assert monitor is not None
    for epoch, value in enumerate((1.0, 2.0), 1):
        monitor.see(epoch, value, np.zeros(1), np.zeros(0))
    assert monitor.best_epoch == (2 if up else 1)


def test_what_is_monitored_by_default() -> None:
    """The validation loss, or nothing where there are no validation rows."""
    judge = judge_for(CLASSES, None, Problems())
    monitor = monitor_for(None, judge, True, None, 0.0, Problems())
    assert monitor is not None
    assert monitor.name == "val_loss"
    assert monitor_for(None, judge, False, None, 0.0, Problems()) is None


def test_callbacks() -> None:
    """One function, one Callback, and lists of both are taken."""
    one = dr.Callback()
    assert callbacks_for(one, Problems()) == [one]
    assert callbacks_for([one], Problems()) == [one]
    assert callbacks_for((), Problems()) == []
    seen: list[object] = []
    for given in (seen.append, [seen.append]):
        (callback,) = callbacks_for(given, Problems())
        callback.on_epoch("training")  # type: ignore[arg-type]
    assert seen == ["training", "training"]


@pytest.mark.parametrize(
    ("task", "chosen", "recorded"),
    [
        ("classification", None, ["accuracy"]),
        ("classification", ["f1_macro"], ["f1_macro", "accuracy"]),
        ("regression", None, ["r2", "root_mean_squared_error"]),
        ("regression", ["mean_absolute_error"], ["mean_absolute_error", "root_mean_squared_error"]),
        ("regression", ["root_mean_squared_error"], ["root_mean_squared_error"]),
    ],
)
def test_what_every_run_records(task: str, chosen: list[str] | None, recorded: list[str]) -> None:
    """Of classes the accuracy, of numbers the error in their units, whatever else is asked for."""
    assert metrics_of_run(task, chosen) == recorded
