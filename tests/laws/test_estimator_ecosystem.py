"""The estimators among scikit-learn's own: whatever wraps, copies, tunes or inspects one."""

from __future__ import annotations

import io
import pickle
import warnings
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    cross_val_score,
    learning_curve,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

import deltarule as dr
from deltarule.ground.contracts import Array

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::deltarule.DoubtfulFit",
    # What a new SciPy says of old scikit-learns' logistic regression.
    "ignore:scipy.optimize. The `disp`:DeprecationWarning",
)
X, Y = load_iris(return_X_y=True)
ESTIMATORS = (dr.MLPClassifier, dr.MLPRegressor)


def small(kind: Any = dr.MLPClassifier, **options: Any) -> Any:
    """Learns iris well within a tenth of a second."""
    given = {
        "hidden_layer_sizes": (10,),
        "learning_rate_init": 0.02,
        "max_iter": 40,
        "random_state": 0,
        "scaling": "feature",
    }
    return kind(**{**given, **options})


def predict_elsewhere(model: Any, rows: Array) -> Array:
    """What a process of a pool runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer: Array = model.predict(rows)
        return answer


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_clone_and_parameters(kind: Any) -> None:
    """A clone has the parameters and nothing that was learned; set_params undoes get_params."""
    model = small(kind, activation=["tanh"], solver={"name": "adam", "beta1": 0.8}).fit(X, Y)
    twin = clone(model)
    assert repr(twin) == repr(model)
    assert not hasattr(twin, "network_")
    given = model.get_params()
    assert kind().set_params(**given).get_params() == given
    np.testing.assert_array_equal(twin.fit(X, Y).predict(X), model.predict(X))


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_pickle(kind: Any, settings: dict[str, Any]) -> None:
    """A pickled estimator predicts the same, and goes on the same."""
    if settings.get("solver") == "lbfgs":
        settings = {**settings, "learning_rate_init": 0.001}
    model = small(kind, **settings).fit(X, Y)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    if "solver" not in settings:
        twin.partial_fit(X, Y)
        model.partial_fit(X, Y)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    np.testing.assert_array_equal(joblib.load(file).predict(X), model.predict(X))


def test_pool_of_processes() -> None:
    """Fitted estimators travel into other processes and answer there as here."""
    models = [small(kind).fit(X, Y) for kind in ESTIMATORS]
    pool = joblib.Parallel(n_jobs=2, backend="loky")
    answers = pool(joblib.delayed(predict_elsewhere)(model, X) for model in models)
    for model, answer in zip(models, answers, strict=True):
        np.testing.assert_array_equal(answer, model.predict(X))


def test_search_in_processes() -> None:
    """A grid searched by two processes finds what one finds."""
    grid = {"hidden_layer_sizes": [(4,), (10,)], "alpha": [1e-4, 1.0]}
    one, two = (GridSearchCV(small(), grid, cv=2, n_jobs=n).fit(X, Y) for n in (None, 2))
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )
    assert one.score(X, Y) > 0.9


def test_pipeline_and_columns() -> None:
    """Behind a ColumnTransformer of numbers and texts, inside a pipeline."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    frame["colour"] = np.array(["red", "green", "blue"])[Y]
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["a", "b", "c", "d"]),
            ("texts", OneHotEncoder(), ["colour"]),
        ]
    )
    pipeline = make_pipeline(columns, small(scaling="none")).fit(frame, Y)
    assert pipeline.score(frame, Y) == 1.0


def test_hidden_layer_as_a_transformer() -> None:
    """In a pipeline's middle the network hands over its last hidden layer, with names."""
    pipeline = make_pipeline(small(), LogisticRegression()).fit(X, Y)
    assert pipeline.score(X, Y) > 0.9
    names = pipeline[:1].get_feature_names_out()
    assert list(names[:2]) == ["mlpclassifier0", "mlpclassifier1"]
    assert len(names) == 10


def test_halving_search() -> None:
    """Successive halving over epochs."""
    search = HalvingRandomSearchCV(
        small(),
        {"alpha": [1e-4, 1e-2, 1.0], "activation": ["relu", "gelu", "tanh"]},
        resource="max_iter",
        min_resources=5,
        max_resources=15,
        cv=2,
        random_state=0,
    )
    assert search.fit(X, Y).best_estimator_.max_iter == 15


def test_scores_and_curves() -> None:
    """cross_val_score and learning_curve, also by partial_fit."""
    assert cross_val_score(small(), X, Y, cv=3).mean() > 0.9
    assert cross_val_score(small(dr.MLPRegressor), X, Y, cv=3, scoring="r2").shape == (3,)
    for incremental in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sizes, _, held_out = learning_curve(
                small(),
                X,
                Y,
                cv=3,
                train_sizes=[0.5, 1.0],
                shuffle=True,
                random_state=0,
                exploit_incremental_learning=incremental,
            )
        assert len(sizes) == 2
        assert np.isfinite(held_out).all()


def test_calibrated() -> None:
    """CalibratedClassifierCV, by folds and over a fitted one that is frozen."""
    assert CalibratedClassifierCV(small(), cv=2).fit(X, Y).score(X, Y) > 0.9
    fitted = small().fit(X[::2], Y[::2])
    before = fitted.network_.chain.theta.copy()
    frozen = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(X[1::2], Y[1::2])
    assert frozen.score(X, Y) > 0.9
    np.testing.assert_array_equal(fitted.network_.chain.theta, before)


def test_ensembles() -> None:
    """Stacked and voting, soft and hard."""
    members = [("one", small()), ("two", small(random_state=1)), ("line", LogisticRegression())]
    stack = StackingClassifier(members[:2], LogisticRegression(), cv=2)
    assert stack.fit(X, Y).score(X, Y) > 0.9
    for voting in ("soft", "hard"):
        assert VotingClassifier(members, voting=voting).fit(X / 8, Y).score(X / 8, Y) > 0.9


def test_inspection() -> None:
    """Permutation importance finds the columns that matter; partial dependence rises with them."""
    model = small().fit(X, Y)
    found = permutation_importance(model, X, Y, n_repeats=3, random_state=0)
    assert found.importances_mean[2:].max() > found.importances_mean[:2].max()
    regressor = small(dr.MLPRegressor).fit(X, Y)
    curve = partial_dependence(regressor, X, [3], grid_resolution=5)["average"][0]
    assert curve[-1] > curve[0]
    shape = partial_dependence(model, X, [3], grid_resolution=5)["average"].shape
    assert shape == (3, 5)


def test_several_targets() -> None:
    """MultiOutputClassifier for columns of classes; TransformedTargetRegressor for logarithms."""
    both = np.column_stack([Y, Y % 2])
    assert MultiOutputClassifier(small()).fit(X, both).score(X, both) > 0.85
    stepped = MultiOutputClassifier(small())
    for _ in range(3):
        stepped.partial_fit(X, both, classes=[[0, 1, 2], [0, 1]])
    assert stepped.predict(X).shape == both.shape
    target = TransformedTargetRegressor(
        small(dr.MLPRegressor), func=np.log1p, inverse_func=np.expm1
    )
    inner = small(dr.MLPRegressor).fit(X, np.log1p(Y))
    np.testing.assert_allclose(target.fit(X, Y).predict(X), np.expm1(inner.predict(X)))


def test_weights_are_routed() -> None:
    """sample_weight reaches the network through a pipeline and a search, and counts."""
    weight = np.where(Y == 2, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        pipeline.fit(X, Y, sample_weight=weight)
        assert (pipeline.predict_proba(X)[:, 2] < 0.5).all()
        model.set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-4, 1e-3]}, cv=2)
        search.fit(X, Y, sample_weight=weight)
        assert (search.predict_proba(X)[:, 2] < 0.5).all()
    plain = make_pipeline(StandardScaler(), small())
    plain.fit(X, Y, mlpclassifier__sample_weight=weight)
    assert (plain.predict_proba(X)[:, 2] < 0.5).all()


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_what_can_be_requested(kind: Any) -> None:
    """Every argument beside X and y of fit and partial_fit can be routed."""
    request = get_routing_for_object(small(kind))
    rows = {"sample_weight", "X_val", "y_val", "sample_weight_val"}
    more = {"classes"} if kind is dr.MLPClassifier else set()
    assert set(request.fit.requests) == rows
    assert set(request.partial_fit.requests) == rows | more
    assert set(request.score.requests) == {"sample_weight"}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_validation_rows_pass_through_a_pipeline(kind: Any) -> None:
    """With transform_input a pipeline scales X_val as it scales X."""
    held = X[::3] * 100.0, Y[::3]
    by_hand = StandardScaler().fit(X * 100.0)
    model = small(kind, scaling="none", early_stopping=True)
    expected = clone(model).fit(
        by_hand.transform(X * 100.0), Y, X_val=by_hand.transform(held[0]), y_val=held[1]
    )
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            StandardScaler(),
            model.set_fit_request(X_val=True, y_val=True),
            transform_input=["X_val"],
        )
        pipeline.fit(X * 100.0, Y, X_val=held[0], y_val=held[1])
    assert pipeline[-1].validation_scores_ == expected.validation_scores_
    np.testing.assert_array_equal(pipeline[-1].network_.chain.theta, expected.network_.chain.theta)
