"""A fit that goes on takes the parameters as they are then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def begun() -> Any:
    """A classifier after one call of partial_fit."""
    return dr.MLPClassifier((4,), random_state=0).partial_fit(X, Y, classes=[0, 1])


@pytest.mark.parametrize(
    "changed",
    [
        {"solver": "nadam"},
        {"solver": "sgd"},
        {"activation": "tanh"},
        {"dropout": 0.5},
        {"weight_decay": 0.5},
        {"beta_1": 0.5},
    ],
    ids=str,
)
def test_a_changed_parameter_counts(changed: dict[str, Any]) -> None:
    """What is set between two calls changes the second one, which begins at the same weights."""
    plain, other = begun(), begun().set_params(**changed)
    assert np.array_equal(plain.network_.chain.theta, other.network_.chain.theta)
    for estimator in (plain, other):
        for _ in range(2):
            estimator.partial_fit(X, Y)
    answers = [estimator.decision_function(X) for estimator in (plain, other)]
    assert not np.array_equal(*answers)
    assert other.network_.settings.sizes == (3, 4, 1)


def test_the_same_parameters_keep_the_network() -> None:
    """Nothing is built anew where nothing was set."""
    estimator = begun()
    network = estimator.network_
    assert estimator.partial_fit(X, Y).network_ is network
