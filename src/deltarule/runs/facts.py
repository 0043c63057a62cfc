"""What a report needs to know of a run, as plain values."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from ..ground.devices import torch
from ..learning.history import History
from ..network.network import Network
from ..network.summary import summary
from .held_out import held_out_facts
from .preparation import Prepared
from .recipes import Recipe

__all__ = ["about_run", "network_facts", "run_facts", "versions"]

OF_COURSE = ("best_epoch", "monitor", "seconds", "engine", "versions", "command", "warnings")


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
    """Everything that `report.pages.run_page` shows of a run that has just ended.

    Parameters
    ----------
    command : str
        What makes the run again.
    warnings : list of str
        Shown at the top, such as why the training stopped.
    """
    network = prepared.network
    facts: dict[str, Any] = {
        **network_facts(recipe, network),
        "history": history.epochs,
        "best_epoch": history.best_epoch,
        "monitor": history.monitor,
        "seconds": history.seconds,
        "engine": " on ".join(filter(None, (history.engine, history.device))),
        "versions": versions(history.device),
        "command": command,
        "warnings": warnings,
    }
    facts["data"]["n_train"] = len(prepared.X)
    facts["data"]["n_val"] = 0 if prepared.X_val is None else len(prepared.X_val)
    if history.epochs:
        facts |= held_out_facts(prepared, network)
    return facts


def about_run(facts: dict[str, Any]) -> dict[str, Any]:
    """What must be kept of a run's facts to make its report anew from its folder."""
    kept = {name: facts[name] for name in OF_COURSE}
    return kept | {name: facts["data"][name] for name in ("n_train", "n_val")}


def network_facts(recipe: Recipe, network: Network) -> dict[str, Any]:
    """What recipe and network say of themselves, without any rows."""
    encoder = network.preprocessing.encoder
    facts: dict[str, Any] = {
        "title": ": ".join(filter(None, (network.about["data"], recipe.description))),
        "data": {
            "name": network.about["data"],
            **({} if encoder is None else {"n_columns": len(encoder.columns)}),
            "n_features": network.settings.sizes[0],
            "n_outputs": network.settings.sizes[-1],
        },
        "task": network.preprocessing.targets.task,
        "parameters": network.n_parameters,
        "layers": list(summary(network).layers),
        "recipe": recipe.to_toml(),
    }
    if network.image_shape is not None:
        facts["first_layer"] = {
            "W": network.parameters["dense1.W"],
            "image_shape": network.image_shape,
        }
    return facts
