"""deltarule: feed-forward neural networks, from the pen-and-paper derivation to production.

    import deltarule as dr
    net = dr.Network([3072, 100, 100, 50, 10], optimizer="adam", lr_decay=0.0001, weight_decay=0.02)
    history = net.train(X, y, X_val, y_val, epochs=20, batch_size=64, lr=0.008)
    net.evaluate(X_val, y_val); net.predict(X); net.save("net.safetensors")

The folders are the floors of a house, and imports go down only: `FLOORS` lists them from the
ground up.  Names are loaded when they are first used, so that importing is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparisons.answers import Comparison
    from .comparisons.comparing import compare
    from .data.dataset import Dataset, Table
    from .data.sources import load_data
    from .data.tables import TableEncoder
    from .engine.native import get_threads, set_threads
    from .estimators.classifier import MLPClassifier
    from .estimators.regressor import MLPRegressor
    from .exporting.door import export
    from .ground.errors import (
        CutShort,
        DeltaruleError,
        Diverged,
        DoubtfulFit,
        FileRefused,
        InvalidInput,
        NotAvailable,
        UnknownName,
    )
    from .learning.callbacks import Callback
    from .learning.history import History
    from .learning.tensorboard import TensorBoard
    from .mathematics import activations, initializers, losses, metrics, optimizers, schedules
    from .network.checks import check_gradients
    from .network.engines import explain_engine
    from .network.loading import load
    from .network.network import Network
    from .network.summary import summary
    from .sweeps.sweeping import sweep

__version__ = "0.1.0"

FLOORS = (
    ("ground",),
    ("mathematics",),
    ("machine",),
    ("data",),
    ("storage", "report", "engine", "distributed"),
    ("learning",),
    ("network",),
    ("estimators", "runs", "exporting"),
    ("comparisons", "sweeps"),
    ("cli",),
)

_HOMES = {
    "Callback": "learning.callbacks",
    "Comparison": "comparisons.answers",
    "CutShort": "ground.errors",
    "Dataset": "data.dataset",
    "DeltaruleError": "ground.errors",
    "Diverged": "ground.errors",
    "DoubtfulFit": "ground.errors",
    "FileRefused": "ground.errors",
    "History": "learning.history",
    "InvalidInput": "ground.errors",
    "MLPClassifier": "estimators.classifier",
    "MLPRegressor": "estimators.regressor",
    "Network": "network.network",
    "NotAvailable": "ground.errors",
    "Table": "data.dataset",
    "TableEncoder": "data.tables",
    "TensorBoard": "learning.tensorboard",
    "UnknownName": "ground.errors",
    "check_gradients": "network.checks",
    "compare": "comparisons.comparing",
    "explain_engine": "network.engines",
    "export": "exporting.door",
    "get_threads": "engine.native",
    "load": "network.loading",
    "load_data": "data.sources",
    "set_threads": "engine.native",
    "summary": "network.summary",
    "sweep": "sweeps.sweeping",
}
_TABLES = ("activations", "initializers", "losses", "metrics", "optimizers", "schedules")

__all__ = [
    "Callback",
    "Comparison",
    "CutShort",
    "Dataset",
    "DeltaruleError",
    "Diverged",
    "DoubtfulFit",
    "FileRefused",
    "History",
    "InvalidInput",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "NotAvailable",
    "Table",
    "TableEncoder",
    "TensorBoard",
    "UnknownName",
    "activations",
    "check_gradients",
    "compare",
    "explain_engine",
    "export",
    "get_threads",
    "initializers",
    "load",
    "load_data",
    "losses",
    "metrics",
    "optimizers",
    "schedules",
    "set_threads",
    "summary",
    "sweep",
]


# A type checker that saw this would take any name for one of ours, misspelt ones too.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _TABLES:
            value = importlib.import_module(f".mathematics.{name}", __name__)
        elif name in _HOMES:
            value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        else:
            raise AttributeError(f"module 'deltarule' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
