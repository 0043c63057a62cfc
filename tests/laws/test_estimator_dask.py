"""The estimators on a cluster: a search of scikit-learn's through joblib's dask backend."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

import deltarule as dr

distributed = pytest.importorskip("distributed", reason="needs dask.distributed")

# A cluster's threads and sockets end when they please.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::deltarule.DoubtfulFit"),
]
X, Y = load_iris(return_X_y=True)


@pytest.fixture(scope="module", params=[True, False], ids=["processes", "threads"])
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Two workers on the loopback, without a dashboard."""
    folder = tmp_path_factory.mktemp("dask")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=request.param,
            dashboard_address=None,
            host="127.0.0.1" if request.param else None,  # threads need no socket
            local_directory=str(folder),
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


@pytest.mark.parametrize("kind", [dr.MLPClassifier, dr.MLPRegressor])
def test_a_grid_searched_by_a_cluster(client: Any, kind: Any) -> None:
    """A grid searched by two workers of a cluster finds what one process finds, to the bit."""
    grid = {"hidden_layer_sizes": [(4,), (8, 4)], "alpha": [1e-4, 1.0]}
    model = kind(learning_rate_init=0.02, max_iter=20, random_state=0, scaling="feature")
    alone = GridSearchCV(model, grid, cv=2).fit(X, Y)
    with joblib.parallel_backend("dask", client=client):
        spread = GridSearchCV(model, grid, cv=2, n_jobs=-1).fit(X, Y)
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(alone.cv_results_[name], spread.cv_results_[name])
    assert spread.best_params_ == alone.best_params_
    np.testing.assert_array_equal(spread.predict(X), alone.predict(X))
    assert len(client.scheduler_info()["workers"]) == 2
