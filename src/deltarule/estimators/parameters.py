"""An estimator's parameters, scikit-learn's and ours, checked at `fit` and translated at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..ground.errors import InvalidInput, Problems, did_you_mean, names_in
from ..ground.options import options_of
from ..learning.callbacks import Callback
from ..learning.plan import ENGINES, PRECISIONS
from ..mathematics import activations, losses, optimizers, schedules
from ..network.inputs import brief, check_flag, check_number, check_one_of
from ..network.judging import callbacks_for
from ..network.parts import Part, part
from ..network.settings import Settings, settings_from
from .judging import scorer_named
from .losses import check_loss
from .words import retold

__all__ = ["Choices", "read_parameters"]

LEARNING_RATES = ("constant", "invscaling", "adaptive")
# "channel" is for images, of which an estimator knows no shape.
SCALINGS = ("none", "unit", "feature")
FLAGS = (
    "calibrate",
    "early_stopping",
    "nesterovs_momentum",
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
    _check_numbers(given, problems)
    for name in FLAGS:
        if name in given:
            check_flag(problems, name, given[name])
    _check_learning_rate(given, problems)
    check_one_of(problems, "dtype", given["dtype"], (None, "float32", "float64"))
    check_one_of(problems, "engine", given["engine"], ENGINES)
    check_one_of(problems, "precision", given["precision"], PRECISIONS)
    check_one_of(problems, "scaling", given["scaling"], SCALINGS)
    _check_class_weight(given.get("class_weight"), problems)
    optimizer = _optimizer(given, defaults, problems)
    activation = _activation(given["activation"], problems)
    callbacks = callbacks_for(given["callbacks"], problems)
    scorer: tuple[str, Any] = ("", None)
    with taken(problems):
        scorer = scorer_named(given["validation_metric"])
    with taken(problems):
        check_loss(given["loss"], "classification" if "class_weight" in given else "regression")
    for name, loss, option in (("quantile", "quantile", "level"), ("delta", "huber", "delta")):
        with taken(problems), retold():
            if name in given:
                part({"name": loss, option: given[name]}, losses, "loss")
    _check_random_state(given["random_state"], problems)
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


def _check_numbers(given: Mapping[str, Any], problems: Problems) -> None:
    check_number(problems, "alpha", given["alpha"], low=0)
    check_number(problems, "power_t", given["power_t"], low=0)
    check_number(problems, "max_iter", given["max_iter"], low=1, integer=True)
    check_number(problems, "max_fun", given["max_fun"], low=1, integer=True)
    check_number(problems, "tol", given["tol"], low=0)
    check_number(problems, "momentum", given["momentum"], low=0, high=1)
    for name in ("beta_1", "beta_2", "average"):
        check_number(problems, name, given[name], low=0, high=1, below=True)
    holds_out = given["early_stopping"] is True or given.get("calibrate") is True
    check_number(
        problems,
        "validation_fraction",
        given["validation_fraction"],
        low=0,
        high=1,
        above=holds_out,
        below=holds_out,
    )
    check_number(problems, "epsilon", given["epsilon"], low=0, above=True)
    _check_batch_size(given["batch_size"], given["normalization"], problems)
    patience = given["n_iter_no_change"]
    if not (isinstance(patience, float) and math.isinf(patience) and patience > 0):
        check_number(problems, "n_iter_no_change", patience, low=1, integer=True)
    for name in ("clip_norm", "max_seconds"):
        if given[name] is not None:
            check_number(problems, name, given[name], low=0, above=True)
    verbose = given["verbose"]
    if not isinstance(verbose, bool | np.bool_):
        check_number(problems, "verbose", verbose, low=0, integer=True)
    if "label_smoothing" in given:
        check_number(
            problems, "label_smoothing", given["label_smoothing"], low=0, high=1, below=True
        )
    if given["precision"] == "bf16" and given["engine"] == "reference":
        problems.add(
            'precision="bf16" is the fast engine\'s, and engine="reference" was asked for; leave '
            "one of them out."
        )


def _check_batch_size(given: Any, normalization: Any, problems: Problems) -> None:
    if isinstance(given, str) and given == "auto":
        return
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        problems.add(f"batch_size must be a whole number or 'auto', not {brief(given)}.")
    elif check_number(problems, "batch_size", given, low=1, integer=True):
        problems.require(
            given > 1 or not isinstance(normalization, str) or normalization != "batch",
            "batch_size=1 leaves batch normalisation without a variance; take larger batches, or "
            'normalization="layer".',
        )


def _check_learning_rate(given: Mapping[str, Any], problems: Problems) -> None:
    kind, rate, decay = (
        given[name] for name in ("learning_rate", "learning_rate_init", "weight_decay")
    )
    if isinstance(kind, str) and kind not in LEARNING_RATES and kind in names_in(schedules):
        problems.add(
            f"Unknown learning_rate {kind!r}: it is one of the schedules here; write "
            f'schedule="{kind}".'
        )
    elif isinstance(kind, int | float | np.number) and not isinstance(kind, bool):
        problems.add(
            f"learning_rate is the name of a schedule, not {brief(kind)}; write "
            f"learning_rate_init={brief(kind)}."
        )
    else:
        check_one_of(problems, "learning_rate", kind, LEARNING_RATES)
    fits = check_number(problems, "learning_rate_init", rate, low=0, above=True)
    if check_number(problems, "weight_decay", decay, low=0) and fits and rate * decay >= 1:
        problems.add(
            f"learning_rate_init × weight_decay is {rate * decay:g}; from 1 on, a step would turn "
            "the weights around. Lower one of them."
        )
    if given["schedule"] is not None and isinstance(kind, str) and kind in LEARNING_RATES[1:]:
        problems.add(
            f"schedule and learning_rate={kind!r} both change the learning rate; "
            'leave learning_rate="constant" with a schedule.'
        )


def _check_class_weight(given: Any, problems: Problems) -> None:
    if isinstance(given, dict):
        for label, value in given.items():
            check_number(problems, f"class_weight[{brief(label)}]", value, low=0)
    else:
        problems.require(
            given is None or (isinstance(given, str) and given == "balanced"),
            'class_weight must be None, "balanced" or a dictionary of class to weight, not '
            f"{brief(given)}.",
        )


def _check_random_state(given: Any, problems: Problems) -> None:
    try:
        check_random_state(given)
    except (ValueError, TypeError):
        problems.add(
            "random_state must be an integer from 0 to 2**32 - 1, a numpy.random.RandomState or "
            f"None, not {brief(given)}."
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
        _try_activation(given, problems)
        return given
    problems.add(
        f"Unknown activation {brief(given)}.{did_you_mean(given, known)} Known are: "
        f"{', '.join(known)}; or a list of one of each hidden layer's."
    )
    return "relu"


def _try_activation(function: Any, problems: Problems) -> None:
    """Whether a function of one's own gives a value and its pullback."""
    x = np.linspace(-1.0, 1.0, 6).reshape(2, 3)
    try:
        y, pullback = function(x)
        fits = np.shape(y) == x.shape and np.shape(pullback(np.ones_like(x))) == x.shape
    except Exception as error:  # whatever one's own function raises
        fits, failed = False, f" ({brief(error)})"
    else:
        failed = ""
    name = getattr(function, "__name__", brief(function))
    problems.require(
        fits,
        f"The activation {name} must take an array x and return (y, pullback), both of x's "
        f"shape{failed}; see deltarule.activations for its like.",
    )
