"""A network from its file."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from typing import Any

import numpy as np

from ..data.scaling import KINDS, Scaling
from ..data.tables import TableEncoder
from ..ground.contracts import Array
from ..ground.errors import DeltaruleError, FileRefused, InvalidInput, names_in
from ..mathematics import activations, initializers, losses, optimizers, schedules
from ..storage.container import read_tensors
from .inputs import brief
from .network import Network

__all__ = ["BEST", "PARTS", "load", "rebuilt"]

BEST = "best.safetensors"
"""The file of a run folder that holds its best weights."""

PARTS = {
    "activation": activations,
    "loss": losses,
    "optimizer": optimizers,
    "schedule": schedules,
    "initializer": initializers,
}


class _NeedsFunction(FileRefused):
    """The file names a function that is not at hand; its sentence says all there is to say."""


def load(path: str | os.PathLike[str], custom: dict[str, Any] | None = None) -> Network:
    """Read a network that `Network.save` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : path
        A model file, or a run folder, of which the best weights are read.
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
    functions = {} if custom is None else custom
    if not isinstance(functions, dict) or not all(map(callable, functions.values())):
        raise InvalidInput(
            f"custom must be a dictionary of names and functions, not {brief(custom)}."
        )
    if isinstance(path, str | os.PathLike) and os.path.isfile(os.path.join(path, BEST)):
        path = os.path.join(path, BEST)
    return rebuilt(*read_tensors(path), functions, str(path))


def rebuilt(
    tensors: dict[str, Array], description: dict[str, Any], custom: dict[str, Any], source: str
) -> Network:
    """The network that `described` took apart; every value is checked.

    Parameters
    ----------
    tensors, description
        What `described` gave.
    custom : dict of name to function
    source : str
        Where they come from, for messages.

    Raises
    ------
    FileRefused
        If they do not belong together, or describe no network.
    """
    try:
        given = dict(description["network"])
        for name, table in PARTS.items():
            given[name] = _with_custom(given[name], custom, (source, name), names_in(table))
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
        network.trainings = int(description["trainings"])
    except _NeedsFunction:
        raise
    except DeltaruleError as error:
        raise FileRefused(f"{source} does not describe a network: {error}") from None
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
        RecursionError,
    ) as error:
        raise FileRefused(f"{source} does not describe a network ({error!r}).") from None
    return network


def _under(prefix: str, tensors: dict[str, Array]) -> dict[str, Array]:
    start = len(prefix) + 1
    return {k[start:]: v for k, v in tensors.items() if k.startswith(f"{prefix}.")}


def _with_custom(
    spec: Any, custom: dict[str, Any], where: tuple[str, str], known: list[str]
) -> Any:
    """What the file names, with every function of one's own in the place of its name."""
    if isinstance(spec, list):
        return [_with_custom(s, custom, where, known) for s in spec]
    options = dict(spec) if isinstance(spec, dict) else {"name": spec}
    name, own = options.pop("name"), options.pop("custom", False)
    if name not in (custom if own else known):
        path, kind = where
        made = f"was made with a function of your own, {brief(name)}, as its {kind}"
        unknown = f"names {brief(name)}, which is no {kind} of this library"
        raise _NeedsFunction(
            f"{path} {made if own else unknown}; pass the function by custom={{{brief(name)}: …}}."
        )
    function = custom[name] if own else name
    return {"name": function, **options} if options else function


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
        shift, factor = (tensors[f"scaling.{n}"] for n in ("shift", "factor"))
        shapes = {(), (network.settings.sizes[0],)}
        numbers = {shift.dtype, factor.dtype} == {np.dtype(np.float64)}
        finite = numbers and np.isfinite(shift).all() and np.isfinite(factor).all()
        fits = finite and {shift.shape, factor.shape} <= shapes
        if description["scaling"] not in KINDS or not fits:
            raise ValueError("its scaling does not fit")
        scaling = Scaling(description["scaling"], shift, factor)
    network.preprocessing = replace(prepared, targets=targets, scaling=scaling)
