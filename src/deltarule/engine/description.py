"""A chain and its training in the words of the core, or why the core cannot do them.

The core knows functions by the names that they have in the library's tables; a function that only
bears such a name is another function.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..data.scaling import Scaling
from ..ground.contracts import Array
from ..ground.errors import names_in
from ..ground.options import options_of, unbound
from ..machine.chain import Chain
from ..machine.layers import Activation, Dense, Dropout
from ..mathematics import activations, losses, optimizers
from . import native

__all__ = [
    "Description",
    "core_rows",
    "core_scaling",
    "describe_chain",
    "describe_training",
    "in_core_dtype",
    "loss_words",
]

# What may follow a dense layer, in this order, each at most once.
STAGES: dict[type, int] = {Dense: 0, Activation: 1, Dropout: 2}
# The options of rules that share the first place of the core's four.
FIRST = ("beta1", "momentum", "rho")
ROWS = (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True)
class Description:
    """What the core is told.

    Attributes
    ----------
    words : dict
        Keyword arguments of `_core.Trainer`; of a chain alone sizes, activations, dropout, dtype.
    reasons : tuple of str
        Whole sentences: what the core cannot do.  Where there are any, `words` means nothing.
    """

    words: dict[str, Any]
    reasons: tuple[str, ...]


def describe_chain(chain: Chain) -> Description:
    """The layers of a chain and the dtype that it computes in."""
    reasons: list[str] = []
    sizes: list[int] = []
    functions: list[tuple[str, float]] = []
    dropout: list[tuple[float, int]] = []
    last = 2
    for place, (name, layer) in enumerate(chain.layers.items()):
        stage = STAGES.get(type(layer))
        if stage is None:
            reasons.append(
                f"The layer {name} is a {type(layer).__name__}; the engine knows dense layers, "
                "elementwise activations and dropout."
            )
            continue
        if 0 < stage <= last:
            reasons.append(
                f"The layer {name} stands where the engine expects none: behind each dense layer "
                "it takes one activation and then one dropout."
            )
            continue
        last = stage
        if isinstance(layer, Dense):
            _add_dense(name, layer, sizes, reasons)
            functions.append(("identity", 0.0))
            dropout.append((0.0, 0))
        elif isinstance(layer, Activation):
            functions[-1] = _with_one_option(layer.function, "activation", reasons)
        elif isinstance(layer, Dropout):
            dropout[-1] = (layer.rate, place)
    if last:
        reasons.append("The engine's last layer is a dense one, without an activation or dropout.")
    dtype = getattr(chain.theta.dtype, "name", "")
    if not isinstance(chain.theta, np.ndarray) or dtype not in ("float32", "float64"):
        reasons.append(f"The engine computes in float32 or float64, not in {chain.theta.dtype}.")
    words = {
        "sizes": sizes,
        "activations": functions[:-1],
        "dropout": dropout[:-1],
        "dtype": dtype,
    }
    return Description(words, tuple(dict.fromkeys(reasons)))


def _add_dense(name: str, layer: Dense, sizes: list[int], reasons: list[str]) -> None:
    if not layer.bias:
        reasons.append(f"The layer {name} has no bias; the engine's dense layers have one.")
    if sizes and sizes[-1] != layer.n_in:
        reasons.append(f"The layer {name} does not take what the layer before it gives.")
    sizes.extend([layer.n_out] if sizes else [layer.n_in, layer.n_out])


def describe_training(
    chain: Chain,
    objective: Callable[..., Any],
    rule: Callable[..., Any],
    options: dict[str, Any],
    *,
    precision: str = "full",
) -> Description:
    """A chain with its loss and update rule.

    Parameters
    ----------
    objective : callable
        A loss, its options bound.
    rule, options
        An update rule and its hyper-parameters.
    precision : {"full", "bf16"}
    """
    of_chain = describe_chain(chain)
    reasons = list(of_chain.reasons)
    dtype = of_chain.words["dtype"]
    name, given = _named(rule, "optimizer", reasons)
    given = {**given, **options}
    epsilon = float(given.get("epsilon", 1.0))
    if dtype in ("float32", "float64") and epsilon < float(np.finfo(dtype).tiny):
        reasons.append(
            f"The optimizer's epsilon is {epsilon:g}, which the engine, without denormal numbers, "
            f"would round to 0 in {dtype}."
        )
    if precision == "bf16" and dtype != "float32":
        reasons.append(
            f'With precision="bf16" the weights are float32, and this network computes in {dtype}.'
        )
    words = {
        **of_chain.words,
        "loss": loss_words(objective, dtype, reasons),
        "rule": (
            name,
            float(next((given[key] for key in FIRST if key in given), 0.0)),
            float(given.get("beta2", 0.0)),
            epsilon,
            bool(given.get("nesterov", False)),
        ),
        "bf16": precision == "bf16",
    }
    return Description(words, tuple(reasons))


def loss_words(objective: Callable[..., Any], dtype: str, reasons: list[str]) -> tuple[str, float]:
    """The core's name for a loss, and its option; 0 where there is none.

    ½r² is the inner branch of huber's loss.  With the largest δ that there is, the outer branch
    begins where r overflows, and there both losses are infinite.
    """
    loss, options = unbound(objective)
    level = options.get("level", 0.5)
    if loss is losses.quantile and not isinstance(level, float | int):
        if len(level) > 1:
            reasons.append("The loss quantile has several quantile levels; the engine takes one.")
        objective = functools.partial(loss, level=level[0])
    if loss is losses.half_squared_error:
        largest = np.finfo(dtype if dtype == "float32" else "float64").max
        objective = functools.partial(losses.huber, delta=float(largest))
    return _with_one_option(objective, "loss", reasons)


TABLES: dict[str, tuple[ModuleType, str]] = {
    "activation": (activations, "ACTIVATIONS"),
    "loss": (losses, "LOSSES"),
    "optimizer": (optimizers, "RULES"),
}
"""Where the functions of a kind live, and where the core lists those that it knows."""


def _named(
    function: Callable[..., Any], kind: str, reasons: list[str]
) -> tuple[str, dict[str, Any]]:
    """The name of a function of the tables, and its options with their values."""
    table, listed = TABLES[kind]
    bare, bound = unbound(function)
    name = getattr(bare, "__name__", type(bare).__name__)
    if getattr(table, name, None) is not bare:
        reasons.append(f"The {kind} {name} is a function of your own, and the engine is compiled.")
        return name, {}
    known = getattr(native.core(), listed) if native.available() else names_in(table)
    if name not in known:
        reasons.append(f"The engine does not know the {kind} {name}.")
        return name, {}
    return name, {**options_of(bare), **bound}


def _with_one_option(
    function: Callable[..., Any], kind: str, reasons: list[str]
) -> tuple[str, float]:
    """A name and the value of the only option, 0 where there is none."""
    name, options = _named(function, kind, reasons)
    return name, float(next(iter(options.values()), 0.0))


def core_scaling(scaling: Scaling, n_features: int) -> dict[str, Any]:
    """A scaling as the core takes it: one number for each feature, float64."""
    vectors = {
        name: np.array(np.broadcast_to(value, (n_features,)), np.float64)
        for name, value in (("shift", scaling.shift), ("factor", scaling.factor))
    }
    return {**vectors, "scaled": scaling.kind != "none"}


def in_core_dtype(X: Array) -> bool:
    """Whether the core reads rows where they lie."""
    return X.dtype == np.bool_ or (X.dtype in ROWS and X.flags.aligned)


def core_rows(X: Array, dtype: Any) -> Array:
    """Rows as the core takes them: uint8, float32 or float64, without a copy wherever they are.

    Others become what the scaling would compute in: short numbers are exact in `dtype`.
    """
    X = np.asarray(X)
    if X.dtype in ROWS:
        return X if X.flags.aligned else X.copy()
    if X.dtype == np.bool_:
        return X.view(np.uint8)
    return X.astype(dtype if X.dtype.itemsize <= 2 else np.float64)
