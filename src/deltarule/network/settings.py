"""What a network is made of: its constructor's arguments, checked, as one frozen value."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from ..data.tables import TableEncoder
from ..ground.contracts import Schedule
from ..ground.errors import InvalidInput, Problems
from ..machine.optimizer import product_of
from ..mathematics import activations, initializers, losses, optimizers, schedules
from .inputs import brief, check_number, check_one_of
from .parts import Part, levels_of, part

__all__ = ["NORMALIZATIONS", "Normalization", "ScalingName", "Settings", "settings_from"]

Normalization: TypeAlias = Literal["batch", "layer"]
NORMALIZATIONS = get_args(Normalization)
ScalingName: TypeAlias = Literal["auto", "none", "unit", "feature", "channel"]
# θ, ∇ and the optimizer's state of so many weights fill 40 GB.
MOST_WEIGHTS = 2 * 10**9


@dataclass(frozen=True)
class Settings:
    """A network's arguments with every name resolved; see `Network` for their meaning."""

    sizes: tuple[int, ...]
    activation: tuple[Part, ...]
    dropout: tuple[float, ...]
    normalization: str | None
    loss: Part
    optimizer: Part
    schedule: tuple[Part, ...]
    lr_decay: float
    weight_decay: float
    l2: float
    initializer: Part
    scaling: str
    standardize_targets: bool
    classes: tuple[Any, ...] | None
    dtype: str
    seed: int

    def factor(self) -> Schedule | None:
        """The product of the schedules, e^(−lr_decay·t) among them; None where there is none."""
        factors = [p.bound for p in self.schedule]
        if self.lr_decay:
            decay = self.lr_decay
            factors.append(lambda done, total: schedules.exponential(done, total, decay=decay))
        return product_of(factors) if factors else None

    def to_json(self) -> dict[str, Any]:
        """The arguments that make these settings again."""
        return {
            "sizes": list(self.sizes),
            "activation": [p.spec() for p in self.activation],
            "dropout": list(self.dropout),
            "normalization": self.normalization,
            "loss": self.loss.spec(),
            "optimizer": self.optimizer.spec(),
            "schedule": [p.spec() for p in self.schedule],
            "lr_decay": self.lr_decay,
            "weight_decay": self.weight_decay,
            "l2": self.l2,
            "initializer": self.initializer.spec(),
            "scaling": self.scaling,
            "standardize_targets": self.standardize_targets,
            "classes": None if self.classes is None else list(self.classes),
            "dtype": self.dtype,
            "seed": self.seed,
        }


def settings_from(
    given: Mapping[str, Any], encoder: object = None, image_shape: object = None
) -> Settings:
    """Check the constructor's arguments and resolve their names.

    Raises
    ------
    InvalidInput
        Naming every problem at once.
    """
    problems = Problems()
    sizes = _sizes(given["sizes"], problems)
    hidden = max(len(sizes) - 2, 0)
    loss = _declared(_part(given["loss"], losses, "loss", problems), "loss", problems)
    link = getattr(loss.function, "link", None) if loss else None
    if loss and link is losses.softmax and sizes and sizes[-1] < 2:
        problems.add(
            f"{loss.name} needs at least 2 outputs, one for each class, and the last size is "
            f'{sizes[-1]}. For two classes use 2, or loss="binary_cross_entropy"; to predict a '
            'number use loss="squared_error".'
        )
    levels = levels_of(loss) if loss else None
    if loss and levels and sizes and len(levels) != sizes[-1]:
        problems.add(
            f"{loss.name} has {len(levels)} levels, and the last size is {sizes[-1]}; it must be "
            f"{len(levels)}, one output for each level."
        )
    shared = ("activation", activations), ("schedule", schedules)
    lists = {name: _parts(given[name], table, name, problems) for name, table in shared}
    activation = _one_per_layer(lists["activation"], hidden, "activation", problems)
    dropout = _dropout(given["dropout"], hidden, problems)
    optimizer = _part(given["optimizer"], optimizers, "optimizer", problems)
    optimizer = _declared(optimizer, "optimizer", problems)
    initializer = _part(given["initializer"], initializers, "initializer", problems)
    for name in ("lr_decay", "weight_decay", "l2"):
        check_number(problems, name, given[name], low=0)
    check_one_of(problems, "normalization", given["normalization"], (None, *NORMALIZATIONS))
    check_one_of(problems, "scaling", given["scaling"], get_args(ScalingName))
    check_one_of(
        problems, "standardize_targets", given["standardize_targets"], ("auto", True, False)
    )
    dtype = _dtype_name(given["dtype"])
    check_one_of(problems, "dtype", dtype, ("float32", "float64"))
    check_number(problems, "seed", given["seed"], low=0, high=2**63 - 1, integer=True)
    problems.require(
        given["standardize_targets"] is not True or link is not losses.exp_link,
        f"The loss {loss.name if loss else ''} takes counts, which standardising would make "
        "negative; leave standardize_targets out.",
    )
    problems.require(
        given["classes"] is None or link is not losses.sigmoid_link or not sizes or sizes[-1] == 1,
        "classes names the labels of one output; several labels at once are columns of 0 and 1.",
    )
    classes = _classes(given["classes"], sizes, problems)
    if sizes:
        _check_encoder(encoder, sizes[0], problems)
        _check_images(image_shape, sizes[0], problems)
    problems.raise_if_any()
    assert loss
    assert optimizer
    assert initializer
    standardize = given["standardize_targets"]
    if standardize == "auto":
        standardize = loss.function.task == "regression" and link is not losses.exp_link  # type: ignore[attr-defined]
    return Settings(
        sizes=sizes,
        activation=activation,
        dropout=dropout,
        normalization=given["normalization"],
        loss=loss,
        optimizer=optimizer,
        schedule=lists["schedule"],
        lr_decay=float(given["lr_decay"]),
        weight_decay=float(given["weight_decay"]),
        l2=float(given["l2"]),
        initializer=initializer,
        scaling=given["scaling"],
        standardize_targets=bool(standardize),
        classes=classes,
        dtype=dtype,
        seed=int(given["seed"]),
    )


def _sizes(given: Any, problems: Problems) -> tuple[int, ...]:
    listed = given.tolist() if isinstance(given, np.ndarray) else given
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        problems.add(
            f"sizes must be a list such as [784, 100, 10] (features, hidden units, outputs), "
            f"not {brief(given)}."
        )
        return ()
    if len(listed) < 2:
        problems.add(
            f"sizes must name at least the inputs and the outputs, such as [784, 10], not "
            f"{brief(list(listed))}."
        )
        return ()
    fits = [
        check_number(problems, f"sizes[{i}]", size, low=1, high=10**8, integer=True)
        for i, size in enumerate(listed)
    ]
    sizes = tuple(int(size) for size in listed) if all(fits) else ()
    weights = sum(a * b for a, b in itertools.pairwise(sizes))
    problems.require(
        weights <= MOST_WEIGHTS,
        f"sizes {brief(list(sizes))} make {weights:,} weights, more than the {MOST_WEIGHTS:,} that "
        "can be trained here; make the layers smaller.",
    )
    return sizes


def _part(spec: Any, table: Any, what: str, problems: Problems) -> Part | None:
    try:
        return part(spec, table, what)
    except InvalidInput as error:
        problems.take(error)
        return None


def _declared(found: Part | None, what: str, problems: Problems) -> Part | None:
    """A part, if it says of itself what others need to know."""
    needed, decorator = {
        "loss": (("task", "link"), 'losses.declare("classification") or ("regression")'),
        "optimizer": (("slots", "scalars"), "optimizers.rule(slots=...)"),
    }[what]
    if found is None or all(hasattr(found.function, name) for name in needed):
        return found
    problems.add(
        f"The {what} {found.name} does not declare its {' and '.join(needed)}: decorate it with "
        f"@deltarule.{decorator}."
    )
    return None


def _parts(specs: Any, table: Any, what: str, problems: Problems) -> tuple[Part, ...]:
    if specs is None:
        return ()
    many = specs if isinstance(specs, list | tuple) else [specs]
    found = [_part(spec, table, what, problems) for spec in many]
    return tuple(p for p in found if p)


def _one_per_layer(given: tuple[Any, ...], hidden: int, what: str, problems: Problems) -> Any:
    if len(given) == 1:
        return given * hidden
    problems.require(
        len(given) == hidden or not given,
        f"{what} takes one value for all hidden layers or a list of one for each, here {hidden}; "
        f"{len(given)} were given.",
    )
    return given


def _dropout(given: Any, hidden: int, problems: Problems) -> tuple[float, ...]:
    rates = tuple(given) if isinstance(given, list | tuple) else (given,)
    fits = [check_number(problems, "dropout", rate, low=0, high=1, below=True) for rate in rates]
    if not all(fits):
        return ()
    if not rates and hidden:
        rates = (0.0,)
    return tuple(map(float, _one_per_layer(rates, hidden, "dropout", problems)))


def _dtype_name(given: Any) -> Any:
    """'float32' of "float32", np.float32 or np.dtype("float32"); anything else as it is."""
    if isinstance(given, type | np.dtype) and np.dtype(given).kind == "f":
        return np.dtype(given).name
    return given


def _classes(given: Any, sizes: tuple[int, ...], problems: Problems) -> tuple[Any, ...] | None:
    if given is None:
        return None
    listed = given.tolist() if isinstance(given, np.ndarray) else given
    values = [
        c.item() if isinstance(c, np.generic) else c
        for c in (listed if isinstance(listed, list | tuple) else ())
    ]
    kinds = {type(c) for c in values}
    large = kinds == {int} and max(map(abs, values)) >= 2**63
    if large or kinds not in ({int}, {str}, {bool}):
        problems.add(
            "classes must be a list of all integers or all strings, in the order of the outputs, "
            f"not {brief(given)}."
        )
        return None
    problems.require(
        len(set(values)) == len(values), f"classes names a label twice: {brief(values)}."
    )
    k = 2 if sizes and sizes[-1] == 1 else (sizes[-1] if sizes else len(values))
    problems.require(
        len(values) == k,
        f"classes names {len(values)} labels, but by its last size the network tells {k} apart.",
    )
    return tuple(values)


def _check_encoder(encoder: object, n_features: int, problems: Problems) -> None:
    if encoder is None:
        return
    if not isinstance(encoder, TableEncoder):
        problems.add(
            f"encoder must be a TableEncoder, such as dr.TableEncoder.fit(table), not "
            f"{brief(encoder)}."
        )
        return
    made = len(encoder.feature_names)
    problems.require(
        made == n_features,
        f"The encoder makes {made} features, but the first of the sizes is {n_features}; it must "
        f"be {made}.",
    )


def _check_images(image_shape: Any, n_features: int, problems: Problems) -> None:
    if image_shape is None:
        return
    fits = isinstance(image_shape, tuple | list) and len(image_shape) == 3
    fits = fits and all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0 for n in image_shape
    )
    problems.require(
        fits and math.prod(image_shape) == n_features,
        "image_shape must be (channels, height, width), three whole numbers whose product is the "
        f"first of the sizes, {n_features}, not {brief(image_shape)}.",
    )
