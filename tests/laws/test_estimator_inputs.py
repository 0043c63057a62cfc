"""What the estimators take and give: frames, sparse matrices, labels and targets of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deltarule as dr
from deltarule.estimators import samples
from deltarule.ground.contracts import Array

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::deltarule.DoubtfulFit"
)
X, Y = load_iris(return_X_y=True)
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]
ESTIMATORS = (dr.MLPClassifier, dr.MLPRegressor)


def small(kind: Any = dr.MLPClassifier, **options: Any) -> Any:
    """Learns iris in some forty epochs."""
    given = {
        "hidden_layer_sizes": (8,),
        "learning_rate_init": 0.02,
        "max_iter": 40,
        "random_state": 0,
    }
    return kind(**{**given, **options})


def frame_of(library: str) -> Any:
    """iris as a data frame, or a skip where the library is not installed."""
    frames = pytest.importorskip(library, reason=f"needs {library}")
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(NAMES)})
    if not hasattr(StandardScaler().fit(frame), "feature_names_in_"):
        pytest.skip(f"this scikit-learn sees no names in frames of this {library}")
    return frame


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_are_arrays_with_names(kind: Any, library: str) -> None:
    """A frame teaches what its array teaches, and its names are kept and asked for."""
    frame = frame_of(library)
    model = small(kind).fit(frame, Y)
    assert list(model.feature_names_in_) == NAMES
    plain = small(kind).fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    np.testing.assert_array_equal(model.predict(frame), plain.predict(X))
    assert not hasattr(plain, "feature_names_in_")
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        plain.predict(frame)
    renamed = frame[NAMES[:3]].copy() if library == "pandas" else frame[NAMES[:3]].clone()
    renamed.columns = ["sepal length", "petal length", "stem"]
    for wrong in (frame[NAMES[::-1]], frame[NAMES[:3]], renamed):
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(wrong)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_hidden_layer_as_a_frame(library: str) -> None:
    """set_output hands the hidden layer over as a frame with a name for each unit."""
    frame = frame_of(library)
    model = small().fit(frame, Y)
    plain = model.transform(frame)
    out = model.set_output(transform=library).transform(frame)
    assert type(out).__module__.startswith(library)
    assert list(out.columns) == list(model.get_feature_names_out())
    assert list(out.columns)[-1] == "mlpclassifier7"
    np.testing.assert_array_equal(out.to_numpy(), plain)
    pipeline = make_pipeline(StandardScaler(), small()).set_output(transform=library)
    assert list(pipeline.fit(frame, Y)[0].get_feature_names_out()) == NAMES
    assert list(pipeline[-1].feature_names_in_) == NAMES


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_targets_from_frames(library: str) -> None:
    """Series of labels, weights and numbers, and frames of several columns, are arrays too."""
    frames = pytest.importorskip(library, reason=f"needs {library}")
    frame, weight = frame_of(library), np.linspace(1, 2, len(Y))
    texts = np.array(["a", "b", "c"])[Y]
    model = small().fit(frame, frames.Series(texts), sample_weight=frames.Series(weight))
    plain = small().fit(X, texts, sample_weight=weight)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    assert list(model.classes_) == ["a", "b", "c"]
    both = frames.DataFrame({"one": Y * 1.0, "two": X[:, 0]})
    several = small(dr.MLPRegressor).fit(frame, both)
    np.testing.assert_array_equal(
        several.predict(frame), small(dr.MLPRegressor).fit(X, both.to_numpy()).predict(X)
    )
    held = {"X_val": frame, "y_val": frames.Series(texts)}
    judged = small(early_stopping=True).fit(frame, frames.Series(texts), **held)
    assert len(judged.validation_scores_) == judged.n_iter_


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    "form", ["csr_matrix", "csr_array", "csc_matrix", "csc_array", "coo_array"]
)
@pytest.mark.parametrize("limit", [10**9, 0], ids=["as dense", "batch by batch"])
@pytest.mark.parametrize(
    "settings", [{}, {"early_stopping": True}, {"dtype": "float32"}, {"solver": "lbfgs"}], ids=str
)
def test_sparse_is_dense(
    kind: Any, form: str, limit: int, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sparse rows teach what dense ones teach, whether they are unpacked at once or in batches."""
    monkeypatch.setattr(samples, "DENSE_BYTES", limit)
    rows = X * (np.median(X, axis=0) < X)
    packed = getattr(sparse, form)(rows)
    if settings.get("solver") == "lbfgs":
        settings = {**settings, "learning_rate_init": 0.001, "max_iter": 5}
    settings = {"max_iter": 10, "alpha": 0.01, **settings}
    dense = small(kind, **settings).fit(rows, Y)
    model = small(kind, **settings).fit(packed, Y)
    for one, other in zip(
        model.coefs_ + model.intercepts_, dense.coefs_ + dense.intercepts_, strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(model.predict(packed), dense.predict(rows), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(model.transform(packed), dense.transform(rows), atol=1e-6)
    judged = small(kind, **settings).fit(packed, Y, X_val=packed.tocsr()[:30], y_val=Y[:30])
    assert judged.history_.epochs[-1]["val_loss"] > 0


def test_sparse_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse matrix read batch by batch is scaled as a dense one."""
    rows = X * (np.median(X, axis=0) < X)
    dense = small(scaling="feature").fit(rows, Y)
    for limit in (10**9, 0):
        monkeypatch.setattr(samples, "DENSE_BYTES", limit)
        model = small(scaling="feature").fit(sparse.csr_array(rows), Y)
        np.testing.assert_allclose(model.coefs_[0], dense.coefs_[0], atol=1e-6)


@pytest.mark.parametrize(
    "names",
    [
        np.array(["setosa", "versicolor", "virginica"]),
        np.array(["setosa", "versicolor", "virginica"], object),
        np.array([-5, 0, 7], np.int8),
        np.array([2.0, 3.0, 5.0]),
        np.array([True, False]),
        np.array(["no", "yes"], object),
        np.array([1, 2], np.uint64),
    ],
    ids=str,
)
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True, "class_weight": "balanced"}])
def test_labels_come_back(names: Array, settings: dict[str, Any]) -> None:
    """Labels of any type are predicted in their type, and named in classes_ in order."""
    codes = Y if len(names) == 3 else (Y == 0).astype(int)
    y = names[codes]
    model = small(scaling="feature", **settings).fit(X, y)
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) > 0.7
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    p = model.predict_proba(X)
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    other = small(scaling="feature").fit(X, np.unique(y, return_inverse=True)[1])
    np.testing.assert_array_equal(other.predict_proba(X)[0] > 0.5, p[0] > 0.5)
    model.partial_fit(X, y)


def test_several_labels() -> None:
    """A row's labels are independent: a column of 0 and 1 for each, dense or sparse."""
    rows, y = make_multilabel_classification(200, n_classes=4, random_state=0)
    model = small(max_iter=100, scaling="feature").fit(rows, y)
    assert model.predict(rows).shape == model.predict_proba(rows).shape == (200, 4)
    assert model.decision_function(rows).shape == (200, 4)
    assert model.score(rows, y) > 0.7
    assert model.out_activation_ == "logistic"
    packed = small(max_iter=100, scaling="feature").fit(rows, sparse.csr_matrix(y))
    np.testing.assert_array_equal(packed.predict(rows), model.predict(rows))
    judged = small(early_stopping=True).fit(rows, y)
    assert len(judged.validation_scores_) == judged.n_iter_


def test_several_outputs() -> None:
    """Numbers in several columns of very different units are learned alike."""
    targets = np.column_stack([X[:, 2], 1000.0 * X[:, 3], 0.001 * Y])
    model = small(dr.MLPRegressor, max_iter=200, scaling="feature").fit(X, targets)
    assert model.predict(X).shape == (150, 3)
    residuals = ((model.predict(X) - targets) ** 2).mean(axis=0) / targets.var(axis=0)
    assert (residuals < 0.2).all()
    with pytest.raises(ValueError, match="2 columns"):
        model.partial_fit(X, targets[:, :2])
