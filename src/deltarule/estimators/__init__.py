"""Floor 7, a door: the network under scikit-learn's contract, `MLPClassifier` and `MLPRegressor`.

from deltarule.estimators import MLPClassifier
MLPClassifier(hidden_layer_sizes=(100, 50)).fit(X, y, X_val=X_val, y_val=y_val)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .classifier import MLPClassifier
    from .regressor import MLPRegressor

ORDER = (
    "requirements",
    "words",
    "losses",
    "refusals",
    "samples",
    "targets",
    "calibrating",
    "reporting",
    "judging",
    "values",
    "parameters",
    "stopping",
    "hooks",
    "fitting",
    "memory",
    "state",
    "serving",
    "attributes",
    "base",
    "classifier",
    "regressor",
)

__all__ = ["MLPClassifier", "MLPRegressor"]

_HOMES = {"MLPClassifier": "classifier", "MLPRegressor": "regressor"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deltarule.estimators' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "ORDER"]
