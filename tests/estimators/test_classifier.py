"""MLPClassifier: what it promises beyond scikit-learn's contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_classification, make_multilabel_classification
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier as Theirs

from deltarule import Callback, DoubtfulFit, MLPClassifier, load
from deltarule.ground.contracts import Array
from deltarule.ground.errors import InvalidInput
from deltarule.mathematics import losses

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits() -> tuple[Array, Array, Array, Array]:
    """1,200 rows to learn from and 597 to judge by, pixels in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    return X[:1200] / 16, y[:1200], X[1200:] / 16, y[1200:]


class Begin(Callback):
    """Begins a training with given weights."""

    def __init__(self, coefs: list[Array], intercepts: list[Array]) -> None:
        self.given = coefs, intercepts

    def on_start(self, training: Any) -> None:
        views = [v for v in training.chain.views.values() if hasattr(v, "W")]
        for view, W, b in zip(views, *self.given, strict=True):
            view.W[...], view.b[...] = W, b


def two_classes(n: int = 300, seed: int = 0) -> tuple[Array, Array]:
    """A task that a small network learns well but not wholly."""
    return make_classification(n, 8, flip_y=0.1, random_state=seed)


def test_like_scikit_learn(digits: Any) -> None:
    """With scikit-learn's settings the score is scikit-learn's to the noise of a seed."""
    X, y, X_test, y_test = digits
    ours = MLPClassifier(max_iter=60, random_state=0).fit(X, y)
    theirs = Theirs(max_iter=60, random_state=0).fit(X, y)
    assert abs(ours.score(X_test, y_test) - theirs.score(X_test, y_test)) < 0.02
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=0.2)
    assert [c.shape for c in ours.coefs_] == [c.shape for c in theirs.coefs_]
    assert ours.out_activation_ == theirs.out_activation_
    assert ours.n_layers_ == theirs.n_layers_


@pytest.mark.parametrize("labels", ["two", "many", "several"])
def test_loss_is_reported_as_theirs(labels: str) -> None:
    """From the same weights the losses of the first epochs, of one batch, are scikit-learn's."""
    if labels == "several":
        X, y = make_multilabel_classification(100, 6, n_classes=4, random_state=0)
    else:
        k = 2 if labels == "two" else 3
        X, y = make_classification(100, 6, n_informative=4, n_classes=k, random_state=0)
    given: dict[str, Any] = {"hidden_layer_sizes": (5,), "alpha": 0.5, "max_iter": 3}
    theirs = Theirs(**given, random_state=1).fit(X, y)
    start = Theirs(**{**given, "max_iter": 1}, random_state=1, learning_rate_init=1e-300).fit(X, y)
    ours = MLPClassifier(**given, callbacks=[Begin(start.coefs_, start.intercepts_)]).fit(X, y)
    assert ours.loss_curve_[0] == pytest.approx(theirs.loss_curve_[0], rel=1e-12)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-6)  # but for ε's place


def test_class_weight_balances() -> None:
    """class_weight="balanced" learns what rows repeated to equal numbers would teach."""
    X, y = make_classification(200, 6, weights=[0.8], flip_y=0, random_state=0)
    model = MLPClassifier((8,), random_state=0, max_iter=30, class_weight="balanced")
    counts = np.bincount(y)
    weight = (len(y) / (2 * counts))[y]
    plain = MLPClassifier((8,), random_state=0, max_iter=30)
    assert np.array_equal(model.fit(X, y).coefs_[0], plain.fit(X, y, weight).coefs_[0])


def test_validation_rows_judge_every_epoch(digits: Any) -> None:
    """X_val is judged in every epoch, and the best of its epochs is what remains."""
    X, y, X_val, y_val = digits
    model = MLPClassifier((30,), max_iter=15, random_state=0, learning_rate_init=0.02)
    model.fit(X[:300], y[:300], X_val=X_val, y_val=y_val)
    scores = model.history_["val_accuracy"]
    assert len(scores) == 15
    assert model.score(X_val, y_val) == pytest.approx(max(scores))
    assert {"train_loss", "val_loss", "train_accuracy"} <= set(model.history_.to_dict())


@pytest.mark.parametrize("metric", ["roc_auc", "neg_log_loss", "loss", "f1"])
def test_validation_metric(metric: str) -> None:
    """Any scorer by name decides which epoch is best, and is what it is of the kept weights."""
    X, y = two_classes()
    model = MLPClassifier((8,), max_iter=20, random_state=0, validation_metric=metric)
    model.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    best = model.history_.best
    assert best is not None
    if metric == "roc_auc":
        p = model.predict_proba(X[200:])[:, 1]
        assert best["val_roc_auc"] == pytest.approx(roc_auc_score(y[200:], p))
    if metric in ("loss", "neg_log_loss"):
        assert best["val_loss"] == pytest.approx(log_loss(y[200:], model.predict_proba(X[200:])))


def test_validation_metric_of_ones_own() -> None:
    """A function (estimator, X, y) sees the estimator as it stands, and the rows as given."""
    X, y = two_classes()
    seen: list[float] = []

    def share(estimator: Any, X: Array, y: Array) -> float:
        seen.append(float((estimator.predict(X) == y).mean()))
        return seen[-1]

    model = MLPClassifier((8,), max_iter=9, random_state=0, validation_metric=share, average=0.9)
    model.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert seen == model.history_["val_share"] == model.history_["val_accuracy"]


def test_loss_of_ones_own() -> None:
    """A function with the cross entropy's value and gradient learns the same weights."""
    X, y = make_classification(150, 6, n_informative=4, n_classes=3, random_state=0)
    given = {"hidden_layer_sizes": (6,), "max_iter": 10, "random_state": 0, "engine": "reference"}

    def mine(y: Array, z: Array, weight: Any, total: float) -> tuple[Any, Array]:
        return losses.cross_entropy(y, z, weight, total)

    own, table = MLPClassifier(loss=mine, **given), MLPClassifier(**given)
    assert np.array_equal(own.fit(X, y).coefs_[0], table.fit(X, y).coefs_[0])
    assert own.check_gradients(X[:5], y[:5]).passed


def test_wrong_gradient_is_found() -> None:
    """check_gradients accuses a loss whose gradient is not that of its value."""
    X, y = make_classification(150, 6, n_informative=4, n_classes=3, random_state=0)

    def wrong(y: Array, z: Array, weight: Any, total: float) -> tuple[Any, Array]:
        value, gradient = losses.cross_entropy(y, z, weight, total)
        return value, 1.1 * gradient

    model = MLPClassifier((6,), loss=wrong, max_iter=2, random_state=0).fit(X, y)
    assert not model.check_gradients(X[:5], y[:5]).passed


@pytest.mark.parametrize("classes", [2, 3])
def test_calibration(classes: int) -> None:
    """The temperature lowers the log-loss of rows held out, and leaves every decision."""
    X, y = make_classification(
        600, 10, n_informative=6, n_classes=classes, flip_y=0.3, random_state=0
    )
    given = {"max_iter": 40, "random_state": 0, "learning_rate_init": 0.01}
    plain = MLPClassifier(**given).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    model = MLPClassifier(**given, calibrate=True)
    model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    said = model.calibration_
    assert said["log_loss_after"] <= said["log_loss_before"]
    assert said["log_loss_before"] == pytest.approx(log_loss(y[300:], plain.predict_proba(X[300:])))
    assert said["log_loss_after"] == pytest.approx(log_loss(y[300:], model.predict_proba(X[300:])))
    assert np.array_equal(model.predict(X), plain.predict(X))
    assert model.temperature_ > 0


def test_own_validation_rows_are_not_learned_from() -> None:
    """Rows to judge by change no weight: the last epoch's are those of a fit without them."""
    X, y = two_classes()
    seen: list[Array] = []
    given: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
    keep = [lambda training: seen.append(training.chain.theta.copy())]
    MLPClassifier(**given, callbacks=keep).fit(X[:200], y[:200])
    MLPClassifier(**given, callbacks=keep).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert np.array_equal(seen[4], seen[9])


def test_initialize() -> None:
    """Weights without data: equal to those that fit begins with."""
    X, y = two_classes()
    model = MLPClassifier((6,), random_state=4).initialize(8, [0, 1])
    seen: list[Array] = []
    other = MLPClassifier((6,), random_state=4, max_iter=1, learning_rate_init=1e-30)
    other.fit(X, y)
    seen.append(other.coefs_[0])
    assert np.allclose(model.coefs_[0], seen[0], atol=1e-20)
    assert model.predict_proba(X).shape == (300, 2)
    assert model.partial_fit(X, y).n_iter_ == 1


def test_transform(digits: Any) -> None:
    """A hidden layer's values are those that its weights make, and lead to the scores."""
    X, y, *_ = digits
    model = MLPClassifier((20, 10), max_iter=3, random_state=0).fit(X, y)
    h1 = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
    h2 = np.maximum(h1 @ model.coefs_[1] + model.intercepts_[1], 0)
    assert np.allclose(model.transform(X, layer=0), h1)
    assert np.allclose(model.transform(X), h2)
    z = h2 @ model.coefs_[2] + model.intercepts_[2]
    assert np.allclose(model.decision_function(X), z)
    with pytest.raises(InvalidInput, match="no hidden layer 2"):
        model.transform(X, layer=2)


def test_doctor_speaks() -> None:
    """A fit on unscaled rows warns, and diagnose names the cause and the parameter."""
    X, y = two_classes()
    X[:, 3] *= 1e4
    with pytest.warns(DoubtfulFit, match="StandardScaler"):
        model = MLPClassifier((8,), random_state=0, max_iter=30).fit(X, y)
    assert not model.diagnose().healthy
    assert "unscaled_inputs" in {finding.kind for finding in model.diagnose().findings}


def test_time_budget() -> None:
    """No epoch begins after max_seconds."""
    X, y = two_classes(2000)
    model = MLPClassifier((50,), max_iter=10**6, tol=0, max_seconds=0.2, random_state=0)
    model.n_iter_no_change = np.inf
    model.fit(X, y)
    assert 1 <= model.n_iter_ < 10**6
    assert model.history_["seconds"][-2] <= 0.2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_computes_in_the_dtype_of_X(dtype: Any) -> None:
    """The network and its answers have X's dtype, or the one that was asked for."""
    X, y = two_classes()
    model = MLPClassifier((6,), max_iter=2, random_state=0).fit(X.astype(dtype), y)
    assert model.coefs_[0].dtype == model.predict_proba(X.astype(dtype)).dtype == dtype
    asked = MLPClassifier((6,), max_iter=2, random_state=0, dtype="float32").fit(X, y)
    assert asked.coefs_[0].dtype == np.float32
    assert asked.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize("patience", [2, 10])
def test_patience_is_theirs(digits: Any, patience: int) -> None:
    """A fit that makes no progress ends after as many epochs as scikit-learn's."""
    X, y, *_ = digits
    given: dict[str, Any] = {"hidden_layer_sizes": (5,), "tol": 100.0, "random_state": 0}
    ours = MLPClassifier(**given, n_iter_no_change=patience).fit(X, y)
    assert ours.n_iter_ == Theirs(**given, n_iter_no_change=patience).fit(X, y).n_iter_


def test_initialize_several_labels() -> None:
    """Weights for several labels of a row, without data, and partial_fit from there."""
    X, y = make_multilabel_classification(50, 6, n_classes=4, random_state=0)
    model = MLPClassifier((6,), random_state=4).initialize(6, range(4), multilabel=True)
    assert model.predict_proba(X).shape == y.shape
    assert model.partial_fit(X, y).predict(X).shape == y.shape


@pytest.mark.parametrize("classes", [2, 3])
def test_a_saved_network_is_calibrated(tmp_path: Any, classes: int) -> None:
    """What was saved answers with the calibrated probabilities; the fitted one stays as it was."""
    drawn = {"n_informative": 5, "n_classes": classes, "flip_y": 0.3, "random_state": 0}
    X, y = make_classification(400, 8, **drawn)
    model = MLPClassifier((20,), calibrate=True, max_iter=60, random_state=0, tol=0).fit(X, y)
    assert abs(model.temperature_ - 1) > 0.01
    before = model.decision_function(X)
    model.save(tmp_path / "model.safetensors")
    assert np.array_equal(model.decision_function(X), before)
    saved = load(tmp_path / "model.safetensors")
    assert np.allclose(saved.predict_proba(X), model.predict_proba(X), atol=1e-12)


def test_a_schedule_runs_to_its_end(recwarn: pytest.WarningsRecorder) -> None:
    """With a schedule no fit ends by `tol` before the rate has fallen, and none is unfinished."""
    X, y = two_classes()
    model = MLPClassifier((5,), schedule="cosine", tol=10.0, max_iter=30, random_state=0).fit(X, y)
    assert model.n_iter_ == 30
    assert not [w for w in recwarn if "Maximum iterations" in str(w.message)]


def test_a_metric_for_a_scorer() -> None:
    """A metric in the place of a scorer is refused with what to make of it."""
    X, y = two_classes()
    model = MLPClassifier((5,), early_stopping=True, validation_metric=roc_auc_score)
    with pytest.raises(ValueError, match="make_scorer"):
        model.fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_saved_network_keeps_labels_that_are_floats(tmp_path: Any, n_classes: int) -> None:
    """Labels 0.0, 1.0, … as pandas makes of gaps: the file is read, and answers with them."""
    X, _ = two_classes()
    y = (np.arange(len(X)) % n_classes).astype(np.float64)
    model = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors").predict(X)
    assert again.dtype == np.float64
    np.testing.assert_array_equal(again, model.predict(X))


@losses.of_rows("classification")
def brier(y: Any, z: Any) -> tuple[Any, Any]:
    """(σ(z) − y)², of each output; it does not say what its link is."""
    p = 1 / (1 + np.exp(-z))
    return (p - y) ** 2, 2 * (p - y) * p * (1 - p)


def test_a_loss_of_ones_own_between_two_classes_is_saved(tmp_path: Any) -> None:
    """With one output there is one kind of targets, and the file answers as the estimator did."""
    X, y = make_classification(200, 8, random_state=0)
    model = MLPClassifier((5,), loss=brier, max_iter=20, random_state=0, tol=0).fit(X, y)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model", custom={"brier": brier})
    np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X), rtol=1e-6)


def test_a_loss_that_hides_what_its_outputs_are_is_not_saved(tmp_path: Any) -> None:
    """Labels of their own would be read as classes: refused, with the way out."""
    X = np.random.default_rng(0).normal(size=(60, 4))
    Y = (X[:, :3] > 0).astype(int)
    model = MLPClassifier((5,), loss=brier, max_iter=5, random_state=0, tol=0).fit(X, Y)
    with pytest.raises(InvalidInput, match=r"link=dr\.losses\.sigmoid_link"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
