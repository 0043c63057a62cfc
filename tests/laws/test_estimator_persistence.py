"""A fitted estimator as a state of plain values: pickle, joblib, copies, and skops."""

from __future__ import annotations

import copy
import pickle
import types
from typing import Any

import numpy as np
import pytest
from estimator_configurations import CONFIGURATIONS
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deltarule as dr
from deltarule.ground.contracts import Array

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::deltarule.DoubtfulFit",
)
X, Y = load_iris(return_X_y=True)
OURS = {
    "deltarule.estimators.classifier.MLPClassifier",
    "deltarule.estimators.regressor.MLPRegressor",
}


def shown(estimator: Any) -> str:
    """A configuration by what it sets."""
    return f"{type(estimator).__name__[3:7]}-{estimator}".replace(" ", "").replace("\n", "")[:90]


def through_skops(model: Any) -> tuple[Any, set[str]]:
    """A model written and read by skops, and the types that a reader has to trust."""
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    data = skops.dumps(model)
    types = skops.get_untrusted_types(data=data)
    return skops.loads(data, trusted=types), set(types)


def through_pickle(model: Any) -> tuple[Any, set[str]]:
    """The same by pickle, which trusts everything."""
    return pickle.loads(pickle.dumps(model)), set()


def answers(model: Any, rows: Array) -> bytes:
    """All that a model answers, to the bit."""
    parts = [model.predict(rows)]
    if hasattr(model, "predict_proba"):
        parts.append(model.predict_proba(rows))
    return b"".join(np.asarray(part).tobytes() for part in parts)


def plain(value: Any) -> bool:
    """Whether a value is made of Python's own types and NumPy's only."""
    if isinstance(value, dict):
        return all(plain(v) for v in (*value, *value.values()))
    if isinstance(value, list | tuple):
        return type(value) in (list, tuple) and all(map(plain, value))
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray
    return value is None or type(value).__module__ in ("builtins", "numpy")


@pytest.mark.parametrize("way", [through_skops, through_pickle])
@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=shown)
def test_every_kind_of_fit(configuration: Any, way: Any) -> None:
    """What is read answers the same bits, shows the same attributes and goes on the same."""
    model = clone(configuration).set_params(max_iter=6).fit(X, Y)
    twin, trusted = way(model)
    assert trusted <= OURS
    assert answers(twin, X) == answers(model, X)
    assert twin.get_params() == model.get_params()
    assert set(vars(twin)) == set(vars(model))
    assert twin.history_ == model.history_
    assert twin._diagnosis == model._diagnosis
    assert twin.loss_curve_ == model.loss_curve_
    for a, b in zip(twin.coefs_, model.coefs_, strict=True):
        assert a.tobytes() == b.tobytes()
    for each in (twin, model):
        if model.solver == "lbfgs":
            each.set_params(warm_start=True, max_iter=3).fit(X, Y)
        else:
            each.partial_fit(X, Y)
            each.set_params(warm_start=True, max_iter=2).fit(X, Y)
    assert answers(twin, X) == answers(model, X)
    assert twin.n_iter_ == model.n_iter_
    assert twin.t_ == model.t_


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=shown)
def test_the_state_is_plain(configuration: Any) -> None:
    """Nothing in the state of a fitted estimator is of a class of ours, or a function."""
    assert plain(clone(configuration).set_params(max_iter=3).fit(X, Y).__getstate__())


@pytest.mark.parametrize(
    "y",
    [
        np.array(["no", "yes"])[Y % 2],
        np.array(["no", "yes", "perhaps"], object)[Y],
        Y.astype(np.float64),
        Y.astype(np.uint8),
        Y == 1,
        np.eye(3, dtype=np.int64)[Y],
    ],
    ids=["text", "objects", "float", "bytes", "bool", "labels"],
)
@pytest.mark.parametrize("way", [through_skops, through_pickle])
def test_labels_of_every_type(y: Array, way: Any) -> None:
    """Labels keep their type, the network's own too."""
    model = dr.MLPClassifier((4,), max_iter=4, random_state=0).fit(X, y)
    twin, trusted = way(model)
    assert trusted <= OURS
    assert twin.classes_.dtype == model.classes_.dtype
    assert answers(twin, X) == answers(model, X) or y.dtype.kind == "O"
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    assert twin.network_.predict(X).dtype == model.network_.predict(X).dtype
    np.testing.assert_array_equal(twin.network_.predict(X), model.network_.predict(X))


def test_several_outputs_and_quantiles() -> None:
    """Regressors of several columns, and of several quantiles of one, come back the same."""
    both = dr.MLPRegressor(max_iter=4, random_state=0).fit(X, X[:, :2] * [1.0, 100.0])
    levels = dr.MLPRegressor("quantile", quantile=[0.1, 0.9], max_iter=4, random_state=0)
    for model in (both, levels.fit(X, X[:, 0])):
        twin, trusted = through_skops(model)
        assert trusted <= OURS
        assert answers(twin, X) == answers(model, X)


def test_inside_a_pipeline_and_a_search() -> None:
    """A pipeline, and the best of a grid search, need no other type of ours to be trusted."""
    pipeline = make_pipeline(StandardScaler(), dr.MLPClassifier((8,), max_iter=10, random_state=0))
    grid = {"mlpclassifier__alpha": [1e-4, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, Y)
    for model in (pipeline.fit(X, Y), search.best_estimator_, search):
        twin, trusted = through_skops(model)
        strange = trusted - OURS
        assert strange == set() or model is search
        assert all(name.startswith("sklearn.") for name in strange)
        assert answers(twin, X) == answers(model, X)


def test_skops_writes_files(tmp_path: Any) -> None:
    """dump and load, with our class named by hand."""
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    model = dr.MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0).fit(X, Y)
    skops.dump(model, tmp_path / "model.skops")
    trusted = ["deltarule.estimators.regressor.MLPRegressor"]
    assert skops.get_untrusted_types(file=tmp_path / "model.skops") == trusted
    twin = skops.load(tmp_path / "model.skops", trusted=trusted)
    assert answers(twin, X) == answers(model, X)


def test_before_any_fit_and_after_initialize() -> None:
    """An estimator without a fit, or with initial weights only, is written and read, too."""
    twin, trusted = through_skops(dr.MLPClassifier((3,)))
    assert trusted <= OURS
    assert repr(twin) == repr(dr.MLPClassifier((3,)))
    fresh = dr.MLPClassifier((3,), random_state=0).initialize(4, [0, 1, 2])
    twin, trusted = through_skops(fresh)
    assert trusted <= OURS
    assert answers(twin, X) == answers(fresh, X)
    for each in (fresh, twin):
        each.partial_fit(X, Y)
    assert answers(twin, X) == answers(fresh, X)


def cubic(x: Array) -> tuple[Array, Any]:
    """x³, an activation of one's own."""
    return x**3, lambda g: 3 * x**2 * g


def missed_by(y: Array, z: Array, weight: Array | None, total: float) -> tuple[Any, Array]:
    """Squares, a loss of one's own."""
    r = z - y
    return (r**2).sum() / total, 2 * r / total


def test_functions_of_ones_own() -> None:
    """A user's functions are named to the reader; what is ours beside them is named as ours."""
    model = dr.MLPRegressor(
        missed_by, (5, 4), activation=[cubic, "tanh"], max_iter=5, random_state=0
    ).fit(X, Y)
    twin, trusted = through_skops(model)
    own = {f"{__name__}.cubic", f"{__name__}.missed_by"}
    assert own <= trusted
    assert all(name.startswith("deltarule.") for name in trusted - own)
    assert answers(twin, X) == answers(model, X)
    assert answers(through_pickle(model)[0], X) == answers(model, X)


def test_two_functions_of_one_name() -> None:
    """A deep copy keeps apart two functions of the same name."""

    def made(factor: float) -> Any:
        def bent(x: Array) -> tuple[Array, Any]:
            return factor * x, lambda g: factor * g

        return bent

    model = dr.MLPRegressor(
        hidden_layer_sizes=(3, 3), activation=[made(1.0), made(-2.0)], max_iter=3, random_state=0
    ).fit(X, Y)
    twin = copy.deepcopy(model)
    assert answers(twin, X) == answers(model, X)
    functions = [p.function for p in twin.network_.settings.activation]
    assert functions == [p.function for p in model.network_.settings.activation]
    assert functions[0] is not functions[1]
    assert isinstance(functions[0], types.FunctionType)


def test_copies_share_nothing_or_everything() -> None:
    """A deep copy goes on alone; a shallow one shares the network."""
    model = dr.MLPClassifier((5,), max_iter=5, random_state=0).fit(X, Y)
    before = answers(model, X)
    deep = copy.deepcopy(model)
    deep.partial_fit(X, Y)
    assert answers(model, X) == before != answers(deep, X)
    assert copy.copy(model).network_ is model.network_


def test_a_changed_state_is_refused() -> None:
    """Weights that do not fit the network described beside them are refused."""
    state = dr.MLPClassifier((5,), max_iter=2, random_state=0).fit(X, Y).__getstate__()
    tensors = {**state["network_"]["tensors"], "theta.dense1.W": np.zeros((4, 6))}
    state["network_"] = {**state["network_"], "tensors": tensors}
    with pytest.raises(dr.FileRefused, match=r"^The state of the estimator does not describe"):
        dr.MLPClassifier().__setstate__(state)


def test_a_training_of_the_network_itself_is_kept() -> None:
    """The history of a training by `network_.train` survives."""
    model = dr.MLPClassifier((5,), max_iter=2, random_state=0).fit(X, Y)
    model.network_.train(X, Y, epochs=2, progress=False)
    twin, trusted = through_skops(model)
    assert trusted <= OURS
    assert twin.network_.history == model.network_.history
    assert twin.network_.trainings == 1
