"""A network as one file, and back."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.scaling import KINDS, Scaling
from ..ground.contracts import Array
from ..ground.errors import DeltaruleError, FileRefused, InvalidInput, names_in
from ..mathematics import activations, initializers, losses, optimizers, schedules
from ..storage.container import read_tensors, write_tensors
from .inputs import brief

if TYPE_CHECKING:
    from .network import Network

__all__ = ["load", "save"]

PARTS = {
    "activation": activations,
    "loss": losses,
    "optimizer": optimizers,
    "schedule": schedules,
    "initializer": initializers,
}


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network's settings, preprocessing, weights and statistics.

    Raises
    ------
    NotAvailable
        If the file cannot be written.
    """
    prepared = network.preprocessing
    settings = network.settings.to_json()
    tensors = {f"theta.{name}": w for name, w in network.parameters.items()}
    chain = network.chain
    for name, s in chain.statistics_layout.views(chain.statistics).items():
        tensors[f"statistics.{name}"] = s
    description: dict[str, Any] = {
        "network": settings,
        "targets": prepared.targets.to_json(),
        "image_shape": prepared.image_shape,
        "scaling": None,
        "encoder": None,
        "about": network.about,
    }
    if prepared.scaling is not None:
        description["scaling"] = prepared.scaling.kind
        tensors["scaling.shift"] = prepared.scaling.shift
        tensors["scaling.factor"] = prepared.scaling.factor
    if prepared.encoder is not None:
        description["encoder"] = prepared.encoder.to_json()
        tensors |= {f"encoder.{k}": v for k, v in prepared.encoder.tensors().items()}
    write_tensors(path, tensors, description)


def load(path: str | os.PathLike[str], custom: dict[str, Any] | None = None) -> Network:
    """Read a network that `Network.save` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : path
    custom : dict of name to function, optional
        Your own activations, losses or rules that the network was made with, by their names.

    Raises
    ------
    InvalidInput
        If `custom` is no dictionary of functions.
    NotAvailable
        If there is no such file.
    FileRefused
        If it is damaged, truncated, of a newer version, or no model of this library.
    """
    from ..data.tables import TableEncoder
    from .network import Network

    functions = {} if custom is None else custom
    if not isinstance(functions, dict) or not all(map(callable, functions.values())):
        raise InvalidInput(
            f"custom must be a dictionary of names and functions, not {brief(custom)}."
        )
    tensors, description = read_tensors(path)
    try:
        given = dict(description["network"])
        for name, table in PARTS.items():
            given[name] = _with_custom(given[name], functions, name, names_in(table))
        shape = description["image_shape"]
        encoder = None
        if description["encoder"] is not None:
            encoder = TableEncoder.from_json(description["encoder"], _under("encoder", tensors))
        sizes = given.pop("sizes")
        if sum(a * b for a, b in itertools.pairwise(sizes)) > sum(t.size for t in tensors.values()):
            raise ValueError("its sizes ask for more weights than it holds")
        network = Network(sizes, **given, encoder=encoder, image_shape=shape and tuple(shape))
        _fill(network, tensors, description)
        network.about = dict(description["about"])
    except DeltaruleError as error:
        raise FileRefused(f"{path} does not describe a network: {error}") from None
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
        RecursionError,
    ) as error:
        raise FileRefused(f"{path} does not describe a network ({error!r}).") from None
    return network


def _under(prefix: str, tensors: dict[str, Array]) -> dict[str, Array]:
    start = len(prefix) + 1
    return {k[start:]: v for k, v in tensors.items() if k.startswith(f"{prefix}.")}


def _with_custom(spec: Any, custom: dict[str, Any], what: str, known: list[str]) -> Any:
    """A name of the file, replaced by the function of one's own with that name."""
    if isinstance(spec, list):
        return [_with_custom(s, custom, what, known) for s in spec]
    if isinstance(spec, dict):
        return {**spec, "name": _with_custom(spec["name"], custom, what, known)}
    if spec not in custom and spec not in known:
        raise FileRefused(
            f"{brief(spec)} is no {what} of this library; if it is a function of your own, pass it "
            f"by custom={{{brief(spec)}: function}}."
        )
    return custom.get(spec, spec)


def _fill(network: Network, tensors: dict[str, Array], description: dict[str, Any]) -> None:
    chain = network.chain
    for prefix, layout, vector in (
        ("theta", chain.layout, chain.theta),
        ("statistics", chain.statistics_layout, chain.statistics),
    ):
        for name, window in layout.views(vector).items():
            value = tensors[f"{prefix}.{name}"]
            if value.shape != window.shape or value.dtype != window.dtype:
                raise ValueError(f"{name} is {value.shape} {value.dtype}, not {window.shape}")
            window[...] = value
    prepared = network.preprocessing
    targets = prepared.targets.from_json(description["targets"])
    scaling = None
    if description["scaling"] is not None:
        shift, factor = (
            np.asarray(tensors[f"scaling.{n}"], np.float64) for n in ("shift", "factor")
        )
        shapes = {(), (network.settings.sizes[0],)}
        if description["scaling"] not in KINDS or not {shift.shape, factor.shape} <= shapes:
            raise ValueError("its scaling does not fit")
        scaling = Scaling(description["scaling"], shift, factor)
    network.preprocessing = replace(prepared, targets=targets, scaling=scaling)
