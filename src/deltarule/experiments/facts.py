"""What a report needs to know of a run, as plain values."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.devices import torch
from ..ground.errors import Problems
from ..learning.history import History
from ..network.network import Network
from ..network.summary import summary
from .preparation import Prepared
from .recipes import Recipe

__all__ = ["run_facts", "versions"]

MOST_POINTS = 2000


def versions(device: str = "") -> dict[str, str]:
    """The versions that numbers may depend on; PyTorch's where a device computed them."""
    from .. import __version__

    return {
        "deltarule": __version__,
        "numpy": np.__version__,
        **({"torch": torch().__version__} if device else {}),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def run_facts(
    recipe: Recipe, prepared: Prepared, history: History, command: str, warnings: list[str]
) -> dict[str, Any]:
    """Everything that `report.pages.run_page` shows.

    Parameters
    ----------
    command : str
        What makes the run again.
    warnings : list of str
        Shown at the top, such as why the training stopped.
    """
    network = prepared.network
    targets = network.preprocessing.targets
    n_val = 0 if prepared.X_val is None else len(prepared.X_val)
    facts: dict[str, Any] = {
        "title": ": ".join(filter(None, (network.about["data"], recipe.description))),
        "data": {
            "name": network.about["data"],
            "n_train": len(prepared.X),
            "n_val": n_val,
            "n_features": network.settings.sizes[0],
            "n_outputs": network.settings.sizes[-1],
        },
        "task": targets.task,
        "history": history.epochs,
        "best_epoch": history.best_epoch,
        "monitor": history.monitor,
        "seconds": history.seconds,
        "parameters": network.n_parameters,
        "engine": " on ".join(filter(None, (history.engine, history.device))),
        "layers": list(summary(network).layers),
        "recipe": recipe.to_toml(),
        "versions": versions(history.device),
        "command": command,
        "warnings": warnings,
    }
    if network.image_shape is not None:
        facts["first_layer"] = {
            "W": network.parameters["dense1.W"],
            "image_shape": network.image_shape,
        }
    if n_val and history.epochs:
        facts |= _validation_facts(network, prepared)
    return facts


def _validation_facts(network: Network, prepared: Prepared) -> dict[str, Any]:
    assert prepared.X_val is not None
    assert prepared.y_val is not None
    targets = network.preprocessing.targets
    decision = targets.point(network.scores(prepared.X_val))
    problems = Problems()
    encoded = targets.encode(prepared.y_val, len(decision), problems, "y")
    problems.raise_if_any()
    assert encoded is not None
    truth = targets.restore(encoded)
    if targets.task == "regression":
        few = slice(0, MOST_POINTS)
        return {"scatter": {"y": truth[few, 0], "prediction": decision[few, 0]}}
    names = network.about["class_names"]
    k = 2 if network.settings.sizes[-1] == 1 else network.settings.sizes[-1]
    return {
        "confusion": _confusion(truth, decision, k),
        "class_names": names or [str(i) for i in range(k)],
    }


def _confusion(truth: Array, decision: Array, k: int) -> Array:
    """Counts by (true class, predicted class), (k, k)."""
    return np.bincount(truth * k + decision, minlength=k * k).reshape(k, k)
