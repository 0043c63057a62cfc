"""The configurations that scikit-learn's contract is checked over, and what cannot hold."""

from __future__ import annotations

from typing import Any

import deltarule as dr

__all__ = ["CONFIGURATIONS", "expected_failures"]

# Small and quick, whatever scikit-learn's checks give them to learn.
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "learning_rate_init": 0.03,
    "max_iter": 60,
    "random_state": 0,
}

CLASSIFIERS: list[dict[str, Any]] = [
    {},
    {"hidden_layer_sizes": (8, 8), "activation": ["gelu", "silu"]},
    {"activation": "logistic"},
    {"activation": {"name": "elu", "alpha": 0.5}},
    {"activation": "tanh", "solver": "sgd", "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
    {"solver": "nadam", "schedule": "linear", "learning_rate_init": 0.06},
    {"solver": "rmsprop", "weight_decay": 0.01},
    {"solver": "lion", "learning_rate_init": 0.01},
    {"solver": "lbfgs", "learning_rate_init": 0.001},
    {"early_stopping": True, "validation_fraction": 0.2},
    {"early_stopping": True, "validation_fraction": 0.2, "calibrate": True},
    {"dtype": "float32"},
    {"dropout": 0.2},
    {"normalization": "batch", "scaling": "feature"},
    {"normalization": "layer"},
    {"class_weight": "balanced", "label_smoothing": 0.1},
    {"average": 0.9, "clip_norm": 1.0},
    {"engine": "reference"},
]
REGRESSORS: list[dict[str, Any]] = [
    {},
    {"loss": "absolute_error"},
    {"loss": "huber", "activation": "softplus"},
    {"loss": "quantile", "quantile": 0.7},
    {"loss": "poisson"},
    {"solver": "lbfgs", "activation": "tanh", "learning_rate_init": 0.001},
    {"early_stopping": True, "validation_fraction": 0.2},
    {"standardize_targets": False},
    {"dtype": "float32", "scaling": "feature"},
    {"dropout": 0.1, "normalization": "layer"},
]
CONFIGURATIONS = [
    *(dr.MLPClassifier(**{**QUICK, **options}) for options in CLASSIFIERS),
    *(dr.MLPRegressor(**{**QUICK, **options}) for options in REGRESSORS),
]

EQUIVALENCE = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def expected_failures(estimator: Any) -> dict[str, str]:
    """Checks that no such configuration can pass, each with its reason."""
    reason = ""
    if estimator.early_stopping:
        reason = "other rows are held out where rows are repeated"
    elif estimator.dropout:
        reason = "every row has a dropout of its own, repeated ones too"
    elif estimator.normalization == "batch":
        reason = "the statistics of a batch count rows, not weights"
    elif estimator.dtype == "float32":
        reason = "rounding in float32 depends on the order and number of terms"
    return dict.fromkeys(EQUIVALENCE, reason) if reason else {}
