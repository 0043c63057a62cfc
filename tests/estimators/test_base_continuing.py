"""Fits that go on: the same as if they had never stopped, from whatever weights stand there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss

import deltarule as dr
from deltarule.ground.contracts import Array

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::deltarule.DoubtfulFit"
)

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
ESTIMATORS = (dr.MLPClassifier, dr.MLPRegressor)
SETTINGS: list[dict[str, Any]] = [
    {},
    {"solver": "sgd", "learning_rate": "invscaling"},
    {"solver": "nadam", "weight_decay": 0.01, "clip_norm": 1.0},
    {"dropout": 0.2, "engine": "reference"},
    {"average": 0.9},
    {"normalization": "batch"},
    {"dtype": "float32", "batch_size": 32},
]


def weights(estimator: Any) -> list[Array]:
    """Everything that a fit has learned."""
    chain = estimator.network_.chain
    return [chain.theta.copy(), chain.statistics.copy()]


def assert_same(one: Any, other: Any) -> None:
    """Bit for bit."""
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)


def small(kind: Any, **options: Any) -> Any:
    """An estimator that never stops by itself."""
    return kind(
        **{"hidden_layer_sizes": (7, 5), "random_state": 3, "n_iter_no_change": np.inf, **options}
    )


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_warm_start_goes_on_exactly(kind: Any, settings: dict[str, Any]) -> None:
    """Ten epochs and ten more are, bit for bit, twenty at one go."""
    whole = small(kind, max_iter=20, **settings).fit(X, Y)
    halves = small(kind, max_iter=10, warm_start=True, **settings).fit(X, Y)
    halves.fit(X, Y)
    assert_same(whole, halves)
    assert whole.loss_curve_ == halves.loss_curve_


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_partial_fit_is_one_epoch_of_fit(kind: Any, settings: dict[str, Any]) -> None:
    """Calls of partial_fit with all rows are, bit for bit, the epochs of a fit."""
    fitted = small(kind, max_iter=6, **settings).fit(X, Y)
    stepped = small(kind, max_iter=200, **settings)
    first = {"classes": [0, 1, 2]} if kind is dr.MLPClassifier else {}
    for _ in range(6):
        stepped.partial_fit(X, Y, **first)
    assert_same(fitted, stepped)
    assert fitted.loss_curve_ == stepped.loss_curve_
    assert fitted.t_ == stepped.t_


def test_fit_then_partial_fit_goes_on() -> None:
    """An epoch by partial_fit after a fit is the fit's next epoch."""
    whole = small(dr.MLPClassifier, max_iter=8).fit(X, Y)
    both = small(dr.MLPClassifier, max_iter=7).fit(X, Y).partial_fit(X, Y)
    assert_same(whole, both)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_partial_fit_serves_the_best_and_goes_on_with_the_last(kind: Any) -> None:
    """Between calls the best weights answer; the steps are those of a training without them."""
    held = {"X_val": X[::3], "y_val": Y[::3]}
    first = {"classes": [0, 1, 2]} if kind is dr.MLPClassifier else {}
    options = {"learning_rate_init": 0.2, "hidden_layer_sizes": (5,)}
    judged = small(kind, early_stopping=True, **options)
    plain = small(kind, **options)
    scores, best = [], []
    for _ in range(25):
        judged.partial_fit(X, Y, **first, **held)
        plain.partial_fit(X, Y, **first)
        scores.append(plain.score(X[::3], Y[::3]))
        best.append(judged.score(X[::3], Y[::3]))
    np.testing.assert_allclose(best, np.maximum.accumulate(scores), rtol=1e-12)
    assert min(np.diff(scores)) < 0  # else there was nothing to hold on to
    np.testing.assert_allclose(judged.validation_scores_, scores, rtol=1e-12)
    assert judged.loss_curve_ == plain.loss_curve_


def test_partial_fit_serves_the_surer_of_equals() -> None:
    """Of epochs with the same score those weights answer whose loss was the lowest."""
    model = small(dr.MLPClassifier, early_stopping=True, learning_rate_init=0.05)
    for _ in range(30):
        model.partial_fit(X, Y, classes=[0, 1, 2], X_val=X[:60], y_val=Y[:60])
    records = model.history_.epochs
    top = max(record["val_accuracy"] for record in records)
    equals = [record["val_loss"] for record in records if record["val_accuracy"] == top]
    assert len(set(equals)) > 1
    served = log_loss(Y[:60], model.predict_proba(X[:60]), labels=[0, 1, 2])
    assert served == pytest.approx(min(equals), rel=1e-6)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_initialize(kind: Any) -> None:
    """Weights without data predict, are those that a fit begins with, and go on."""
    given = [0, 1, 2] if kind is dr.MLPClassifier else 1
    fresh = small(kind).initialize(4, given)
    assert fresh.predict(X).shape == (150,)
    first = {"classes": [0, 1, 2]} if kind is dr.MLPClassifier else {}
    options = {} if kind is dr.MLPClassifier else {"standardize_targets": False}
    begun = small(kind, **options).initialize(4, given).partial_fit(X, Y)
    assert_same(begun, small(kind, **options).partial_fit(X, Y, **first))
    with pytest.raises(ValueError, match="features"):
        fresh.predict(X[:, :3])


def test_initialize_does_not_ask_for_every_class() -> None:
    """Classes that initialize was told need not all be in the rows of the first fit."""
    model = small(dr.MLPClassifier, max_iter=2, warm_start=True).initialize(4, [0, 1, 2, 3])
    assert model.fit(X, Y).predict_proba(X).shape == (150, 4)


@pytest.mark.parametrize("y", [Y % 2, Y + (Y == 2), Y + 1, np.array(["a", "b", "c"])[Y]])
def test_warm_start_asks_for_the_same_classes(y: Array) -> None:
    """A warm start refuses classes that are more, fewer or others than the last fit's."""
    model = small(dr.MLPClassifier, max_iter=2, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="same classes as in the previous call"):
        model.fit(X, y)
    model.fit(X, Y)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("how", ["assigned", "in place"])
@pytest.mark.parametrize("early", [False, True])
def test_changed_weights_are_what_goes_on(kind: Any, how: str, early: bool) -> None:
    """Weights that a user changed after a fit predict, and the next epoch starts from them."""
    rate = 1e-12  # steps that move nothing one could see
    model = small(kind, max_iter=3, early_stopping=early, learning_rate_init=rate).fit(X, Y)
    model.partial_fit(X, Y)
    draw = np.random.default_rng(0)
    coefs = [draw.normal(size=W.shape) for W in model.coefs_]
    intercepts = [draw.normal(size=b.shape) for b in model.intercepts_]
    if how == "assigned":
        model.coefs_, model.intercepts_ = coefs, intercepts
    else:
        for window, array in zip(model.coefs_ + model.intercepts_, coefs + intercepts, strict=True):
            window[...] = array
    predicted = model.predict(X)
    model.partial_fit(X, Y)
    for window, array in zip(model.coefs_ + model.intercepts_, coefs + intercepts, strict=True):
        np.testing.assert_allclose(window, array, atol=1e-6)
    np.testing.assert_allclose(model.predict(X), predicted, rtol=1e-6)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    "change",
    [
        {"solver": "nadam"},
        {"solver": "sgd"},
        {"beta_1": 0.5},
        {"weight_decay": 0.5},
        {"schedule": "linear"},
        {"learning_rate_init": 0.1},
        {"alpha": 1.0},
    ],
    ids=str,
)
def test_changed_steps_count(kind: Any, change: dict[str, Any]) -> None:
    """Another rule, rate, schedule or decay is what the next fit goes on with."""
    same, other = (small(kind, max_iter=3, warm_start=True).fit(X, Y) for _ in range(2))
    same.fit(X, Y)
    other.set_params(**change).fit(X, Y)
    assert not np.array_equal(same.coefs_[0], other.coefs_[0])


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_layer_sizes": (7, 6)},
        {"normalization": "layer"},
        {"scaling": "feature"},
        {"dtype": "float32"},
    ],
    ids=str,
)
def test_another_network_is_refused(change: dict[str, Any]) -> None:
    """What would be another network cannot go on as this one, and is named."""
    model = small(dr.MLPRegressor, max_iter=1, warm_start=True).fit(X, Y)
    with pytest.raises(
        ValueError, match=f"{next(iter(change))} is .*, but the network to go on from has"
    ):
        model.set_params(**change).fit(X, Y)


def test_weights_of_another_shape_are_refused() -> None:
    """Arrays that do not fit are refused with both shapes, and nothing changes."""
    model = small(dr.MLPRegressor, max_iter=1).fit(X, Y)
    before = weights(model)[0]
    with pytest.raises(ValueError, match=r"coefs_ must have the shapes .*\(4, 7\)"):
        model.coefs_ = [np.zeros((4, 7)), np.zeros((7, 5)), np.zeros((6, 1))]
    with pytest.raises(ValueError, match="intercepts_ must have"):
        model.intercepts_ = [np.zeros(7)]
    np.testing.assert_array_equal(weights(model)[0], before)
    with pytest.raises(AttributeError, match="no weights yet"):
        dr.MLPRegressor().coefs_ = [np.zeros((4, 1))]
