"""What reaches a network is checked here, once: shapes, types, and that numbers are numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import Problems

__all__ = ["check_number", "check_rows", "check_weights", "shape_of"]


def shape_of(array: Array) -> str:
    """'(100, 3)', as people write it."""
    return str(tuple(array.shape))


def check_number(
    problems: Problems,
    name: str,
    value: object,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    below: bool = False,
    integer: bool = False,
) -> bool:
    """Require a finite number (an integer) from `low` to `high`; `above`/`below` exclude the end."""
    kinds = (int, np.integer) if integer else (int, float, np.integer, np.floating)
    what = "a whole number" if integer else "a number"
    if isinstance(value, bool | np.bool_) or not isinstance(value, kinds):
        return problems.require(False, f"{name} must be {what}, not {value!r}.")
    number = float(value)
    fits = (number > low if above else number >= low) and (
        number < high if below else number <= high
    )
    bounds = [
        f"{'above' if above else 'at least'} {low:g}" if low > -math.inf else "",
        f"{'below' if below else 'at most'} {high:g}" if high < math.inf else "",
    ]
    told = " and ".join(b for b in bounds if b) or "finite"
    return problems.require(
        math.isfinite(number) and fits, f"{name} must be {what} {told}, not {value!r}."
    )


def check_rows(
    X: Any, n_features: int, dtype: Any, problems: Problems, *, name: str = "X", n_rows: int = -1
) -> Array | None:
    """X as an array (n, n_features) of finite numbers that fit `dtype`, or None and a problem.

    `n_rows`, the length of y where it is known, helps to recognise a transposed X.
    """
    try:
        array = np.asarray(X)
    except ValueError:
        problems.add(f"{name} is ragged: its rows have different lengths.")
        return None
    if array.dtype.kind not in "fiub":
        example = next(iter(array.ravel()[:1]), "")
        problems.add(
            f"{name} must hold numbers; it has the type {array.dtype} (its first entry is "
            f"{example!r}). Turn text into numbers first, or train on the table with "
            "`deltarule train FILE.csv --target COLUMN`."
        )
        return None
    if array.ndim != 2:
        hint = (
            f"; flatten the images: {name}.reshape(len({name}), -1)"
            if array.ndim > 2
            else f"; for one row use {name}.reshape(1, -1)"
        )
        problems.add(f"{name} must be (n_samples, n_features), not {shape_of(array)}{hint}.")
        return None
    if array.shape[1] != n_features:
        if array.shape[0] == n_features or (n_rows > 0 and array.shape[1] == n_rows):
            problems.add(
                f"{name} looks transposed: it is {shape_of(array)}, and this network takes "
                f"{n_features} features. Rows are samples here: pass {name}.T."
            )
        else:
            problems.add(
                f"{name} has {array.shape[1]} features, but the network takes {n_features} "
                "(the first of its sizes)."
            )
        return None
    if not problems.require(len(array), f"{name} is empty: it has no rows."):
        return None
    return array if _finite(array, dtype, name, problems) else None


def _finite(array: Array, dtype: Any, name: str, problems: Problems) -> bool:
    if array.dtype.kind != "f":
        return True
    limit = np.finfo(dtype).max
    for start in range(0, len(array), 4096):
        part = array[start : start + 4096]
        with np.errstate(invalid="ignore"):
            bad = ~(abs(part) <= limit)
        if bad.any():
            at = tuple(int(i) for i in np.argwhere(bad)[0])
            value = part[at]
            where = f"row {start + at[0]}" + (f", column {at[1]}" if len(at) > 1 else "")
            if np.isfinite(value):
                problems.add(
                    f"{name} holds {value:.3g} ({where}), too large for {np.dtype(dtype)}; "
                    'scale it, or use dtype="float64".'
                )
            else:
                problems.add(
                    f"{name} holds {value} ({where}); remove such rows or fill in the value."
                )
            return False
    return True


def check_weights(
    weight: Any, n: int, dtype: Any, problems: Problems, name: str = "sample_weight"
) -> Array | None:
    """Sample weights, (n,), finite, none negative, not all zero; None stays None."""
    if weight is None:
        return None
    array = np.asarray(weight)
    if array.dtype.kind not in "fiub" or array.shape != (n,):
        problems.add(
            f"{name} must be {n} numbers, one for each row; it is {shape_of(array)} of "
            f"{array.dtype}."
        )
        return None
    if not _finite(array, dtype, name, problems):
        return None
    low = problems.require((array >= 0).all(), f"{name} holds negative weights.")
    some = problems.require(array.sum() > 0, f"{name} is zero for every row.")
    return array.astype(dtype) if low and some else None
