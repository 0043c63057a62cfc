"""The values that an estimator's parameters may have, where no name or table says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from sklearn.utils import check_random_state as as_random_state

from ..ground.errors import Problems, names_in
from ..mathematics import schedules
from ..network.inputs import brief, check_number, check_one_of

__all__ = [
    "LearningRate",
    "check_activation",
    "check_batch_size",
    "check_class_weight",
    "check_counts",
    "check_learning_rate",
    "check_numbers",
    "check_random_state",
]

LearningRate: TypeAlias = Literal["constant", "invscaling", "adaptive"]
LEARNING_RATES = get_args(LearningRate)


def check_numbers(given: Mapping[str, Any], problems: Problems) -> None:
    """Require each number to lie in its range."""
    check_number(problems, "alpha", given["alpha"], low=0)
    check_number(problems, "power_t", given["power_t"], low=0)
    check_number(problems, "max_iter", given["max_iter"], low=1, integer=True)
    check_number(problems, "max_fun", given["max_fun"], low=1, integer=True)
    check_number(problems, "tol", given["tol"], low=0)
    check_number(problems, "average", given["average"], low=0, high=1, below=True)
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
    check_batch_size(given["batch_size"], given["normalization"], problems)
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
    both = given["precision"], given["engine"]
    if all(isinstance(value, str) for value in both) and both == ("bf16", "reference"):
        problems.add(
            'precision="bf16" is the fast engine\'s, and engine="reference" was asked for; leave '
            "one of them out."
        )


def check_batch_size(given: Any, normalization: Any, problems: Problems) -> None:
    """Require rows of a batch, or "auto"."""
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


def check_learning_rate(given: Mapping[str, Any], problems: Problems) -> None:
    """Require a rate, and how it changes, that go together."""
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
    fits = check_number(problems, "weight_decay", decay, low=0) and fits
    share = float(rate) * float(decay) if fits else 0.0
    if share >= 1:
        problems.add(
            f"learning_rate_init × weight_decay is {share:g}; from 1 on, a step would turn the "
            "weights around. Lower one of them."
        )
    if given["schedule"] is not None and isinstance(kind, str) and kind in LEARNING_RATES[1:]:
        problems.add(
            f"schedule and learning_rate={kind!r} both change the learning rate; "
            'leave learning_rate="constant" with a schedule.'
        )


def check_class_weight(given: Any, problems: Problems) -> None:
    """Require None, "balanced" or a number of at least 0 for each class."""
    if isinstance(given, dict):
        for label, value in given.items():
            check_number(problems, f"class_weight[{brief(label)}]", value, low=0)
    else:
        problems.require(
            given is None or (isinstance(given, str) and given == "balanced"),
            'class_weight must be None, "balanced" or a dictionary of class to weight, not '
            f"{brief(given)}.",
        )


def check_random_state(given: Any, problems: Problems) -> None:
    """Require what scikit-learn makes a generator of."""
    try:
        as_random_state(given)
    except (ValueError, TypeError):
        problems.add(
            "random_state must be an integer from 0 to 2**32 - 1, a numpy.random.RandomState or "
            f"None, not {brief(given)}."
        )


def check_activation(function: Any, problems: Problems) -> None:
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


def check_counts(**given: Any) -> None:
    """Require whole numbers of features or outputs.

    Raises
    ------
    InvalidInput
    """
    problems = Problems()
    for name, count in given.items():
        check_number(problems, name, count, low=1, high=10**8, integer=True)
    problems.raise_if_any()
