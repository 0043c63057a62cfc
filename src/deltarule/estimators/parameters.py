"""An estimator's parameters, scikit-learn's and ours, checked at `fit` and translated at once."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.errors import InvalidInput, Problems, did_you_mean, names_in
from ..ground.options import options_of
from ..learning.plan import ENGINES, PRECISIONS
from ..mathematics import optimizers
from ..network.inputs import brief, check_flag, check_number, check_one_of
from ..network.parts import Part, part

__all__ = ["Choices", "read_parameters"]

LEARNING_RATES = ("constant", "invscaling", "adaptive")
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
    """

    hidden: tuple[int, ...]
    activation: Any
    optimizer: Part | None
    schedule: Any


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
    _check_numbers(given, problems)
    for name in ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping", "calibrate"):
        if name in given:
            check_flag(problems, name, given[name])
    check_one_of(problems, "learning_rate", given["learning_rate"], LEARNING_RATES)
    check_one_of(problems, "dtype", given["dtype"], (None, "float32", "float64"))
    check_one_of(problems, "engine", given["engine"], ENGINES)
    check_one_of(problems, "precision", given["precision"], PRECISIONS)
    optimizer = _optimizer(given, defaults, problems)
    problems.raise_if_any()
    if given["schedule"] is not None and given["learning_rate"] != "constant":
        problems.add(
            f"schedule and learning_rate={given['learning_rate']!r} both change the learning rate; "
            'leave learning_rate="constant" with a schedule.'
        )
    problems.raise_if_any()
    return Choices(hidden, _activation(given["activation"]), optimizer, given["schedule"])


def _hidden(given: Any, problems: Problems) -> tuple[int, ...]:
    if isinstance(given, numbers.Integral) and given is not True:
        given = (given,)
    listed = given.tolist() if isinstance(given, np.ndarray) else given
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        problems.add(
            "hidden_layer_sizes must hold the units of each hidden layer, such as (100, 50), not "
            f"{brief(given)}."
        )
        return ()
    for i, size in enumerate(listed):
        if not isinstance(size, numbers.Integral) or size is True or size <= 0:
            problems.add(
                f"hidden_layer_sizes must be > 0, whole numbers; hidden_layer_sizes[{i}] is "
                f"{brief(size)}."
            )
            return ()
    return tuple(int(size) for size in listed)


def _check_numbers(given: Mapping[str, Any], problems: Problems) -> None:
    check_number(problems, "alpha", given["alpha"], low=0)
    check_number(problems, "learning_rate_init", given["learning_rate_init"], low=0, above=True)
    check_number(problems, "power_t", given["power_t"], low=0)
    check_number(problems, "max_iter", given["max_iter"], low=1, integer=True)
    check_number(problems, "max_fun", given["max_fun"], low=1, integer=True)
    check_number(problems, "tol", given["tol"], low=0)
    check_number(problems, "momentum", given["momentum"], low=0, high=1)
    for name in ("beta_1", "beta_2", "average"):
        check_number(problems, name, given[name], low=0, high=1, below=True)
    check_number(problems, "validation_fraction", given["validation_fraction"], low=0, high=1)
    check_number(problems, "epsilon", given["epsilon"], low=0, above=True)
    if given["batch_size"] != "auto":
        check_number(problems, "batch_size", given["batch_size"], low=1, integer=True)
    patience = given["n_iter_no_change"]
    if not (isinstance(patience, float) and math.isinf(patience) and patience > 0):
        check_number(problems, "n_iter_no_change", patience, low=1, integer=True)
    for name in ("clip_norm", "max_seconds"):
        if given[name] is not None:
            check_number(problems, name, given[name], low=0, above=True)
    check_number(problems, "weight_decay", given["weight_decay"], low=0)
    if "label_smoothing" in given:
        check_number(
            problems, "label_smoothing", given["label_smoothing"], low=0, high=1, below=True
        )
    if given["precision"] == "bf16" and given["engine"] == "reference":
        problems.add(
            'precision="bf16" is the fast engine\'s, and engine="reference" was asked for; leave '
            "one of them out."
        )


def _optimizer(
    given: Mapping[str, Any], defaults: Mapping[str, Any], problems: Problems
) -> Part | None:
    """The update rule of `solver`, with scikit-learn's parameters as its options."""
    solver = given["solver"]
    if isinstance(solver, str) and solver == "lbfgs":
        senseless = [name for name in NOT_FOR_LBFGS if not _same(given[name], defaults[name])]
        if given["normalization"] == "batch":
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
            if ours in known_options
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


def _activation(given: Any) -> Any:
    if isinstance(given, list | tuple):
        return [_activation(one) for one in given]
    return ACTIVATIONS.get(given, given) if isinstance(given, str) else given
