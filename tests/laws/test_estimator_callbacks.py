"""scikit-learn's callbacks over our fits, and the same estimators where it knows none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deltarule as dr
from deltarule.estimators.requirements import HAS_CALLBACKS

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::deltarule.DoubtfulFit",
    # sklearn.callback says so of itself.
    "ignore:.*experimental.*",
)
needs_callbacks = pytest.mark.skipif(
    not HAS_CALLBACKS, reason="needs scikit-learn 1.9, the first with callbacks"
)
X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
ESTIMATORS = (dr.MLPClassifier, dr.MLPRegressor)


def small(kind: Any = dr.MLPClassifier, **options: Any) -> Any:
    """Five epochs."""
    given = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
    return kind(**{**given, **options})


def monitor(scoring: Any) -> Any:
    """A ScoringMonitor; imported where there is one."""
    from sklearn.callback import ScoringMonitor

    return ScoringMonitor(scoring=scoring)


def scores(watching: Any, name: str) -> list[list[float]]:
    """What a ScoringMonitor saw after each epoch, a list for each of its runs."""
    return [
        [row[name] for row in log.data if row["task_name"] == "epoch"]
        for log in watching.get_logs(select="all")
    ]


@needs_callbacks
@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scores_of_every_epoch(kind: Any, solver: str) -> None:
    """A monitor sees each epoch's estimator: its last score is the fitted one's."""
    scoring = "neg_log_loss" if kind is dr.MLPClassifier else "r2"
    watching = monitor(scoring)
    model = small(kind, solver=solver).set_callbacks(watching).fit(X, Y)
    (seen,) = scores(watching, scoring)
    assert len(seen) == model.n_iter_ == 5
    assert len(set(seen)) == 5
    assert seen[-1] == pytest.approx(get_scorer(scoring)(model, X, Y))
    if solver == "adam":
        stepped, first = small(kind), {"classes": [0, 1, 2]} if kind is dr.MLPClassifier else {}
        by_hand = [get_scorer(scoring)(stepped.partial_fit(X, Y, **first), X, Y) for _ in range(5)]
        np.testing.assert_allclose(seen, by_hand)


@needs_callbacks
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_callbacks_change_nothing(kind: Any) -> None:
    """Watched or not, the weights are the same, bit for bit, and a callback hears partial_fit."""
    name = "r2" if kind is dr.MLPRegressor else "accuracy"
    watching = monitor(name)
    watched = small(kind).set_callbacks(watching).fit(X, Y)
    np.testing.assert_array_equal(watched.coefs_[0], small(kind).fit(X, Y).coefs_[0])
    watched.partial_fit(X, Y)
    assert [len(run) for run in scores(watching, name)] == [5, 1]


@needs_callbacks
def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """scikit-learn's bar goes to the end, also where the fit stops early."""
    from sklearn.callback import ProgressBar

    small(max_iter=300, tol=0.1, n_iter_no_change=2).set_callbacks(ProgressBar()).fit(X, Y)
    out = capsys.readouterr()
    assert "MLPClassifier" in out.out + out.err
    assert "100%" in out.out + out.err


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_inside_a_search(n_jobs: int | None) -> None:
    """Inside GridSearchCV a monitor sees every epoch of every fit, from other processes too."""
    watching = monitor("accuracy")
    search = GridSearchCV(
        small().set_callbacks(watching), {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=n_jobs
    )
    search.fit(X, Y)
    seen = [score for run in scores(watching, "accuracy") for score in run]
    assert len(seen) == 5 * (2 * 2 + 1)


@needs_callbacks
def test_inside_a_pipeline() -> None:
    """Inside a pipeline a monitor of its last step sees the rows as that step does."""
    watching = monitor("accuracy")
    pipeline = make_pipeline(StandardScaler(), small().set_callbacks(watching)).fit(X, Y)
    (seen,) = scores(watching, "accuracy")
    assert len(seen) == 5
    assert seen[-1] == pytest.approx(pipeline.score(X, Y))


@needs_callbacks
def test_weights_reach_a_monitor() -> None:
    """A monitor weighs the rows as the fit does."""
    watching = monitor("accuracy")
    weight = np.where(Y == 2, 0.0, 1.0)
    model = small(learning_rate_init=0.1).set_callbacks(watching).fit(X, Y, sample_weight=weight)
    (seen,) = scores(watching, "accuracy")
    assert seen[-1] == pytest.approx(model.score(X, Y, sample_weight=weight))


@needs_callbacks
def test_an_error_ends_the_tasks_too() -> None:
    """A fit that fails leaves the callbacks able to watch the next one."""
    watching = monitor("r2")
    model = small(dr.MLPRegressor, solver="sgd", learning_rate_init=1e9).set_callbacks(watching)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, Y)
    model.set_params(learning_rate_init=1e-3).fit(X, Y)
    assert len(scores(watching, "r2")[-1]) == 5


@pytest.mark.skipif(HAS_CALLBACKS, reason="about a scikit-learn before 1.9")
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_without_callbacks(kind: Any) -> None:
    """Before 1.9 there is no set_callbacks, and all else works."""
    model = small(kind).fit(X, Y)
    assert not hasattr(model, "set_callbacks")
    assert clone(model).fit(X, Y).n_iter_ == 5
