"""MLPRegressor: what it promises beyond scikit-learn's contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_regression
from sklearn.metrics import (
    d2_pinball_score,
    d2_tweedie_score,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)
from sklearn.neural_network import MLPRegressor as Theirs
from sklearn.preprocessing import StandardScaler

from deltarule import Callback, MLPRegressor
from deltarule.ground.contracts import Array
from deltarule.mathematics import losses

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def diabetes() -> tuple[Array, Array]:
    """442 rows of 10 standardised features; a number from 25 to 346."""
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def test_like_scikit_learn() -> None:
    """Standardising inside is what TransformedTargetRegressor does around scikit-learn's."""
    X, y = diabetes()
    ours = MLPRegressor(max_iter=40, random_state=0).fit(X[:300], y[:300])
    theirs = TransformedTargetRegressor(
        Theirs(max_iter=40, random_state=0), transformer=StandardScaler()
    ).fit(X[:300], y[:300])
    assert abs(ours.score(X[300:], y[300:]) - theirs.score(X[300:], y[300:])) < 0.1


@pytest.mark.filterwarnings("ignore::deltarule.DoubtfulFit")
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize(
    ("loss", "outputs"), [("squared_error", 1), ("poisson", 1), ("poisson", 3)]
)
def test_first_losses_are_theirs(loss: str, outputs: int, solver: str) -> None:
    """From the same weights the first losses are scikit-learn's, where targets stay as they are."""
    X, y = make_regression(100, 6, n_targets=outputs, noise=1.0, random_state=0)
    y = abs(y) / 50 if loss == "poisson" else y / 50
    given: dict[str, Any] = {"hidden_layer_sizes": (5,), "alpha": 0.5, "max_iter": 2}
    given |= {"solver": solver, "n_iter_no_change": 5}
    seeded = {"random_state": 1, **given, **({"loss": loss} if loss != "squared_error" else {})}
    if "loss" in seeded and "loss" not in Theirs().get_params():
        pytest.skip("this scikit-learn's network knows the squared error alone")
    theirs = Theirs(**seeded).fit(X, y)
    start = Theirs(**{**seeded, "max_iter": 1}, learning_rate_init=1e-300).fit(X, y)

    class Start(Callback):
        """Begins with scikit-learn's weights."""

        def on_start(self, training: Any) -> None:
            views = [v for v in training.chain.views.values() if hasattr(v, "W")]
            for view, W, b in zip(views, start.coefs_, start.intercepts_, strict=True):
                view.W[...], view.b[...] = W, b

    ours = MLPRegressor(loss=loss, standardize_targets=False, callbacks=[Start()], **given)
    ours.fit(X, y)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-6)


@pytest.mark.parametrize("scales", [[3.0], [3.0, 3.0], [0.01, 1e4]])
def test_loss_is_in_the_units_of_y(scales: list[float]) -> None:
    """The validation loss is half the mean squared error, however y is standardised inside."""
    X, y = make_regression(200, 6, n_targets=len(scales), random_state=0)
    y = y.reshape(200, -1) * np.array(scales)
    y = y[:, 0] if len(scales) == 1 else y
    model = MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=3, random_state=0, validation_metric="loss"
    )
    model.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    best = model.history_.best
    assert best is not None
    half = 0.5 * mean_squared_error(y[150:], model.predict(X[150:]))
    assert best["val_loss"] == pytest.approx(half, rel=1e-9)


def test_units_do_not_matter() -> None:
    """Targets in other units teach the same network; predictions are in those units."""
    X, y = diabetes()
    given: dict[str, Any] = {"hidden_layer_sizes": (10,), "max_iter": 20, "random_state": 0}
    one = MLPRegressor(**given).fit(X, y).predict(X)
    other = MLPRegressor(**given).fit(X, 1024.0 * y).predict(X)
    assert np.allclose(other, 1024.0 * one, rtol=1e-9)


def test_gradient_of_several_outputs() -> None:
    """An output repeated teaches what one does: the loss is a mean, and so is its gradient."""
    X, y = diabetes()
    given: dict[str, Any] = {
        "hidden_layer_sizes": (),
        "solver": "sgd",
        "alpha": 0,
        "max_iter": 30,
        "random_state": 0,
        "momentum": 0.0,
        "initializer": "zeros",
        "learning_rate_init": 0.05,
    }
    one = MLPRegressor(**given).fit(X, y)
    two = MLPRegressor(**{**given, "learning_rate_init": 0.1}).fit(X, np.stack([y, y], 1))
    assert np.allclose(two.coefs_[0][:, :1], one.coefs_[0], rtol=1e-9)


def test_several_quantiles() -> None:
    """Quantiles never cross, and each has about its share of rows below it."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2000, 1))
    y = X[:, 0] + (0.5 + abs(X[:, 0])) * rng.normal(size=2000)
    levels = [0.1, 0.5, 0.9]
    model = MLPRegressor(
        "quantile", (20,), "tanh", quantile=levels, random_state=0, max_iter=60
    ).fit(X, y)
    q = model.predict(X)
    assert q.shape == (2000, 3)
    assert (np.diff(q, axis=1) >= 0).all()
    assert np.allclose((y[:, None] <= q).mean(0), levels, atol=0.04)
    assert model.score(X, y) == r2_score(y, q[:, 1])
    one = MLPRegressor("quantile", (20,), "tanh", quantile=0.9, random_state=0, max_iter=60).fit(
        X, y
    )
    assert d2_pinball_score(y, one.predict(X), alpha=0.9) > 0.05


def test_poisson() -> None:
    """Rates are positive, and better than the mean of the counts."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 3))
    y = rng.poisson(np.exp(0.5 * X[:, 0]))
    model = MLPRegressor("poisson", (10,), max_iter=60, random_state=0, learning_rate_init=0.01)
    rate = model.fit(X, y).predict(X)
    assert (rate > 0).all()
    mean = np.full(len(y), y.mean())
    assert mean_poisson_deviance(y, rate) < 0.95 * mean_poisson_deviance(y, mean)
    assert model.out_activation_ == "exp"


def test_loss_of_ones_own() -> None:
    """A function with the table's value and gradient learns the same weights."""
    X, y = diabetes()
    given: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 10, "random_state": 0}

    def mine(y: Array, z: Array, weight: Any, total: float) -> tuple[Any, Array]:
        return losses.half_squared_error(y, z, weight, total)

    own = MLPRegressor(mine, **given, engine="reference").fit(X, y)
    table = MLPRegressor(**given, engine="reference").fit(X, y)
    assert np.array_equal(own.coefs_[0], table.coefs_[0])
    assert own.check_gradients(X[:5], y[:5]).passed


def test_weights_and_standardising() -> None:
    """Rows of weight 0 teach nothing, not even the mean and the spread of y."""
    X, y = diabetes()
    weight = (np.arange(len(y)) < 200).astype(float)
    given: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
    wild = np.where(weight > 0, y, 1e6)
    one = MLPRegressor(**given, batch_size=442).fit(X, y, weight).predict(X)
    assert np.allclose(MLPRegressor(**given, batch_size=442).fit(X, wild, weight).predict(X), one)


def test_initialize() -> None:
    """Weights without data answer, and partial_fit goes on from them."""
    X, y = diabetes()
    model = MLPRegressor(hidden_layer_sizes=(6,), random_state=0).initialize(10)
    assert model.predict(X).shape == (442,)
    assert model.partial_fit(X, y).t_ == 442
    assert MLPRegressor(hidden_layer_sizes=(6,)).initialize(10, n_outputs=2).predict(X).shape == (
        442,
        2,
    )


def test_layers_in_place_of_the_loss() -> None:
    """Since scikit-learn 1.7 the loss comes first; who gives layers there is told so."""
    X, y = diabetes()
    with pytest.raises(ValueError, match=r"For layers say hidden_layer_sizes=\(8,\)"):
        MLPRegressor((8,)).fit(X, y)


def test_a_schedule_runs_through_partial_fit() -> None:
    """The rate falls from call to call as it does from epoch to epoch of one fit."""
    X, y = diabetes()
    given: dict[str, Any] = {"hidden_layer_sizes": (6,), "schedule": "linear", "random_state": 0}
    whole = MLPRegressor(**given, max_iter=5, tol=0).fit(X, y)
    cut = MLPRegressor(**given, max_iter=5)
    for _ in range(5):
        cut.partial_fit(X, y)
    assert cut.history_["lr"] == whole.history_["lr"]
    assert np.array_equal(cut.coefs_[0], whole.coefs_[0])


@pytest.mark.parametrize("settings", [{}, {"solver": "lbfgs"}], ids=str)
def test_counts_in_the_thousands(settings: dict[str, Any]) -> None:
    """Poisson regression begins at the mean count, so that large counts are learned by defaults."""
    X = np.random.default_rng(0).normal(size=(600, 4))
    y = np.random.default_rng(1).poisson(5000 * np.exp(0.3 * X[:, 0]))
    model = MLPRegressor("poisson", (20,), random_state=0, **settings).fit(X, y)
    assert d2_tweedie_score(y, model.predict(X), power=1) > 0.9


def test_counts_go_on_from_where_they_are() -> None:
    """Two warm fits of counts are one of twice the length; initial weights are kept as they are."""
    X = np.random.default_rng(0).normal(size=(200, 4))
    y = np.random.default_rng(1).poisson(50 * np.exp(0.3 * X[:, 0]))
    given: dict[str, Any] = {"loss": "poisson", "random_state": 0, "tol": 0.0}
    twice = MLPRegressor(**given, max_iter=3, warm_start=True).fit(X, y).fit(X, y)
    once = MLPRegressor(**given, max_iter=6).fit(X, y)
    np.testing.assert_array_equal(twice.predict(X), once.predict(X))
    fresh = MLPRegressor(**given, learning_rate_init=1e-9).initialize(4)
    assert fresh.partial_fit(X, y).predict(X).mean() < 10
