"""A network as one file."""

from __future__ import annotations

import os
from typing import Any

from ..ground.contracts import Array
from ..ground.errors import InvalidInput
from ..machine.chain import Chain
from ..storage.container import write_tensors
from .preprocessing import Preprocessing
from .targets import targets_for

__all__ = ["described", "save"]


def described(
    chain: Chain, prepared: Preprocessing, about: dict[str, Any], trainings: int
) -> tuple[dict[str, Array], dict[str, Any]]:
    """A network as named tensors, windows on its own, and values that JSON knows."""
    tensors: dict[str, Array] = {
        f"theta.{name}": w for name, w in chain.layout.views(chain.theta).items()
    }
    for name, s in chain.statistics_layout.views(chain.statistics).items():
        tensors[f"statistics.{name}"] = s
    description: dict[str, Any] = {
        "network": prepared.settings.to_json(),
        "targets": prepared.targets.to_json(),
        "image_shape": prepared.image_shape,
        "scaling": None,
        "encoder": None,
        "about": about,
        "trainings": trainings,
    }
    if prepared.scaling is not None:
        description["scaling"] = prepared.scaling.kind
        tensors["scaling.shift"] = prepared.scaling.shift
        tensors["scaling.factor"] = prepared.scaling.factor
    if prepared.encoder is not None:
        description["encoder"] = prepared.encoder.to_json()
        tensors |= {f"encoder.{k}": v for k, v in prepared.encoder.tensors().items()}
    return tensors, description


def save(
    path: str | os.PathLike[str],
    chain: Chain,
    prepared: Preprocessing,
    about: dict[str, Any],
    trainings: int,
) -> None:
    """Write a network's settings, preprocessing, weights and statistics.

    Raises
    ------
    InvalidInput
        If it would be read as a network for targets of another kind.
    NotAvailable
        If the file cannot be written.
    """
    if type(prepared.targets) is not type(targets_for(prepared.settings)):
        raise InvalidInput(
            f"The loss {prepared.settings.loss.name} does not say that each output is a yes or no "
            "of its own, and a saved network would be read as one of classes; declare it with "
            "link=dr.losses.sigmoid_link."
        )
    write_tensors(path, *described(chain, prepared, about, trainings))
