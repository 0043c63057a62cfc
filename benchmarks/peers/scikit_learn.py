"""scikit-learn's multilayer perceptrons in float32: `partial_fit` is one epoch of Adam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor
from workloads import Array, Workload


def model_of(work: Workload) -> MLPClassifier | MLPRegressor:
    """The workload's network, without a penalty."""
    kind = MLPRegressor if work.task == "regression" else MLPClassifier
    return kind(
        hidden_layer_sizes=work.sizes[1:-1],
        batch_size=work.batch,
        learning_rate_init=work.lr,
        alpha=0.0,
        random_state=0,
    )


def train(work: Workload, tick: Callable[[], None]) -> None:
    """Epochs for ever; `tick` ends each."""
    X, y = work.scaled_rows()
    model = model_of(work)
    classes = {} if work.task == "regression" else {"classes": np.unique(y)}
    tick()
    with sklearn.config_context(assume_finite=True):  # the check would read all rows every epoch
        while True:
            model.partial_fit(X, y, **classes)
            tick()


def predictor(work: Workload) -> tuple[Callable[[Array], Array], Array]:
    """X → probabilities, and standardised rows."""
    X, y = work.scaled_rows()
    model = model_of(work)
    model.partial_fit(X[:1000], y[:1000], classes=np.unique(y))
    sklearn.set_config(assume_finite=True)
    return model.predict_proba, X
