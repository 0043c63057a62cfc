"""An estimator's parameters, scikit-learn's and ours, checked at `fit` and translated at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from ..ground.errors import InvalidInput, Problems, did_you_mean, names_in
from ..ground.options import options_of
from ..learning.callbacks import Callback
from ..learning.plan import ENGINES, PRECISIONS
from ..mathematics import activations, losses, optimizers
from ..network.inputs import brief, check_flag, check_number, check_one_of
from ..network.judging import callbacks_for
from ..network.parts import Part, part
from ..network.settings import Settings, settings_from
from .judging import scorer_named
from .losses import check_loss
from .values import (
    check_activation,
    check_class_weight,
    check_learning_rate,
    check_numbers,
    check_random_state,
)
from .words import retold

__all__ = ["Choices", "ScalingName", "read_parameters"]

# "channel" is for images, of which an estimator knows no shape.
ScalingName: TypeAlias = Literal["none", "unit", "feature"]
FLAGS = (
    "calibrate",
    "early_stopping",
    "progress",
    "shuffle",
    "standardize_targets",
    "warm_start",
)
# scikit-learn's names of what the library has under the name that the field uses today.
ACTIVATIONS = {"logistic": "sigmoid"}
# Parameters of scikit-learn that are options of an optimizer here.
OPTIONS = {
    "momentum": "momentum",
    "nesterovs_momentum": "nesterov",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "epsilon": "epsilon",
}
# Parameters that one loss alone has, and what it calls them.
OF_LOSSES = (("quantile", "quantile", "level"), ("delta", "huber", "delta"))
# What L-BFGS, which takes all rows at once and finds its own step, has no use for.
NOT_FOR_LBFGS = (
    "average",
    "batch_size",
    "beta_1",
    "beta_2",
    "clip_norm",
    "dropout",
    "epsilon",
    "learning_rate",
    "learning_rate_init",
    "momentum",
    "nesterovs_momentum",
    "power_t",
    "precision",
    "schedule",
    "shuffle",
    "weight_decay",
)


@dataclass(frozen=True)
class Choices:
    """What an estimator's parameters come to.

    Attributes
    ----------
    hidden : tuple of int
    activation : as `Network` takes it
    optimizer : Part or None
        None is L-BFGS.
    schedule : as `Network` takes it
        Without "invscaling" and "adaptive", which the estimator adds itself.
    settings : Settings
        Of a network with one feature, one output and some loss.
    scorer : (str, scorer)
        See `scorer_named`.
    callbacks : list of Callback
    """

    hidden: tuple[int, ...]
    activation: Any
    optimizer: Part | None
    schedule: Any
    settings: Settings
    scorer: tuple[str, Any]
    callbacks: list[Callback]


def read_parameters(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Choices:
    """Check all parameters of an estimator.

    Parameters
    ----------
    given : mapping
        What `get_params` gives.
    defaults : mapping
        Of its constructor.

    Raises
    ------
    InvalidInput
        Naming every problem at once.
    """
    problems = Problems()
    hidden = _hidden(given["hidden_layer_sizes"], problems)
    check_numbers(given, problems)
    for name in FLAGS:
        if name in given:
            check_flag(problems, name, given[name])
    check_learning_rate(given, problems)
    check_one_of(problems, "dtype", given["dtype"], (None, "float32", "float64"))
    check_one_of(problems, "engine", given["engine"], ENGINES)
    check_one_of(problems, "precision", given["precision"], PRECISIONS)
    check_one_of(problems, "scaling", given["scaling"], get_args(ScalingName))
    check_class_weight(given.get("class_weight"), problems)
    options = {name: given[name] for name in OPTIONS if _option_fits(name, given[name], problems)}
    optimizer = _optimizer(given, options, defaults, problems)
    activation = _activation(given["activation"], problems)
    callbacks = callbacks_for(given["callbacks"], problems)
    scorer: tuple[str, Any] = ("", None)
    with taken(problems):
        scorer = scorer_named(given["validation_metric"])
    with taken(problems):
        check_loss(given["loss"], "classification" if "class_weight" in given else "regression")
    for name, loss, option in OF_LOSSES:
        if name not in given:
            continue
        with taken(problems), retold():
            part({"name": loss, option: given[name]}, losses, "loss")
            problems.require(
                given["loss"] == loss or np.array_equal(given[name], defaults[name]),
                f'{name} is an option of loss="{loss}", and loss is {brief(given["loss"])}; change '
                "one of them.",
            )
    check_random_state(given["random_state"], problems)
    with taken(problems), retold():
        settings = _settings(given, hidden, activation, optimizer)
    problems.raise_if_any()
    return Choices(hidden, activation, optimizer, given["schedule"], settings, scorer, callbacks)


@contextmanager
def taken(problems: Problems) -> Iterator[None]:
    """Remember what is refused inside."""
    try:
        yield
    except InvalidInput as error:
        problems.take(error)


def _settings(
    given: Mapping[str, Any], hidden: tuple[int, ...], activation: Any, optimizer: Part | None
) -> Settings:
    """What a network would say of its own arguments, before there are any rows."""
    lists = [v for v in (activation, given["dropout"]) if isinstance(v, list | tuple)]
    hidden = hidden or (1,) * max(map(len, lists), default=0)
    return settings_from(
        {
            "sizes": (1, *hidden, 1),
            "activation": activation,
            "dropout": given["dropout"],
            "normalization": given["normalization"],
            "loss": "squared_error",
            "optimizer": optimizer or "adam",
            "schedule": given["schedule"],
            "lr_decay": 0.0,
            "weight_decay": given["weight_decay"],
            "l2": 0.0,
            "initializer": given["initializer"],
            "scaling": "none",
            "standardize_targets": False,
            "classes": None,
            "dtype": "float64",
            "seed": 0,
        }
    )


def _hidden(given: Any, problems: Problems) -> tuple[int, ...]:
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        given = (given,)
    listed = given.tolist() if isinstance(given, np.ndarray) else given
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        problems.add(
            "hidden_layer_sizes must hold the units of each hidden layer, such as (100, 50), not "
            f"{brief(given)}."
        )
        return ()
    for i, size in enumerate(listed):
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size <= 0:
            problems.add(
                f"hidden_layer_sizes must be > 0, whole numbers; hidden_layer_sizes[{i}] is "
                f"{brief(size)}."
            )
            return ()
    return tuple(int(size) for size in listed)


def _option_fits(name: str, value: Any, problems: Problems) -> bool:
    """Whether a parameter that is an option of an optimizer may have this value."""
    if name == "nesterovs_momentum":
        return check_flag(problems, name, value)
    if name == "epsilon":
        return check_number(problems, name, value, low=0, above=True)
    # scikit-learn lets a momentum of 1 pass where no solver uses it.
    return check_number(problems, name, value, low=0, high=1, below=name != "momentum")


def _optimizer(
    given: Mapping[str, Any],
    fitting: Mapping[str, Any],
    defaults: Mapping[str, Any],
    problems: Problems,
) -> Part | None:
    """The update rule of `solver`, with scikit-learn's parameters as its options."""
    solver = given["solver"]
    if isinstance(solver, str) and solver == "lbfgs":
        senseless = [name for name in NOT_FOR_LBFGS if not _same(given[name], defaults[name])]
        if isinstance(given["normalization"], str) and given["normalization"] == "batch":
            senseless.append("normalization")
        if senseless:
            problems.add(
                'solver="lbfgs" takes all rows at once and finds its own steps; it has no use for '
                f"{', '.join(senseless)}. Leave {'it' if len(senseless) == 1 else 'them'} out."
            )
        return None
    if isinstance(solver, str) and solver not in names_in(optimizers):
        known = ["lbfgs", *names_in(optimizers)]
        problems.add(
            f"Unknown solver {brief(solver)}.{did_you_mean(solver, known)} Known are: "
            f"{', '.join(known)}."
        )
        return None
    try:
        found = part(solver, optimizers, "solver")
        known_options = options_of(found.function)
        options = {
            ours: given[theirs]
            for theirs, ours in OPTIONS.items()
            if theirs in fitting
            and ours in known_options
            and ours not in found.options
            and (found.name in ("sgd", "adam") or not _same(given[theirs], defaults[theirs]))
        }
        if options.get("momentum") == 1:  # scikit-learn lets it pass; it never forgets a gradient
            problems.add("momentum must be below 1: at 1 the steps never fade.")
            return None
        if isinstance(options.get("nesterov"), np.bool_):
            options["nesterov"] = bool(options["nesterov"])
        if isinstance(solver, str):
            return part({"name": found.name, **options}, optimizers, "solver")
        return Part(found.name, {**options, **found.options}, found.function, found.custom)
    except InvalidInput as error:
        problems.take(error)
        return None


def _same(value: Any, default: Any) -> bool:
    """Whether a parameter has its default value; arrays and functions never do."""
    return type(value) in (str, int, float, bool, type(None)) and value == default


def _activation(given: Any, problems: Problems, of_layers: bool = False) -> Any:
    """An activation, or a list of one for each hidden layer, as `Network` takes it."""
    if isinstance(given, list | tuple) and given and not of_layers:
        return [_activation(one, problems, True) for one in given]
    known = [*ACTIVATIONS, *names_in(activations)]
    if isinstance(given, str) and given in known:
        return ACTIVATIONS.get(given, given)
    if isinstance(given, Mapping):
        name = given.get("name")
        return {**given, "name": ACTIVATIONS.get(name, name)} if isinstance(name, str) else given
    if callable(given):
        check_activation(given, problems)
        return given
    problems.add(
        f"Unknown activation {brief(given)}.{did_you_mean(given, known)} Known are: "
        f"{', '.join(known)}; or a list of one of each hidden layer's."
    )
    return "relu"
