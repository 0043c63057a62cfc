"""What reaches a network is checked here, once: shapes, types, and that numbers are numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..data.selection import Input, Selection, rows_within
from ..ground.contracts import Array
from ..ground.errors import Problems, did_you_mean

__all__ = [
    "as_array",
    "brief",
    "check_flag",
    "check_number",
    "check_one_of",
    "check_rows",
    "check_weights",
    "greatest",
]

# Beyond it the squares of float64 values, which spreads are made of, overflow.
GREATEST = 1e150

# Kinds of entries that are no numbers: what they are, and what to do.
STRANGE = {
    "c": ("complex numbers", "pass their real and imaginary parts as features of their own"),
    "M": ("dates", "turn them into numbers, such as days since the first"),
    "m": ("time spans", "turn them into numbers, such as seconds"),
    "O": ("Python objects", "if all of them are numbers, pass {name}.astype(float)"),
    "V": ("records", "pass a plain array of numbers, (n_samples, n_features)"),
}
TEXT = (
    "text",
    "turn it into numbers first, or train on the table with "
    "`deltarule train FILE.csv --target COLUMN`",
)

HUGE_WEIGHT = 1e18


def shape_of(array: Input) -> str:
    """'(100, 3)', as people write it."""
    return str(tuple(array.shape))


def brief(value: object) -> str:
    """How Python writes a value, on one line and cut off at 60 characters."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no number of more than 4,300 digits
        text = f"a {type(value).__name__} too long to be written"
    return text if len(text) <= 60 else f"{text[:59]}…"


def check_flag(problems: Problems, name: str, value: object) -> bool:
    """Require True or False."""
    return problems.require(
        isinstance(value, bool | np.bool_), f"{name} must be True or False, not {brief(value)}."
    )


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
    """Require a finite number (an integer) from `low` to `high`, which `above`/`below` exclude."""
    kinds = (int, np.integer) if integer else (int, float, np.integer, np.floating)
    what = "a whole number" if integer else "a number"
    if isinstance(value, bool | np.bool_) or not isinstance(value, kinds):
        return problems.require(False, f"{name} must be {what}, not {brief(value)}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    fits = (number > low if above else number >= low) and (
        number < high if below else number <= high
    )
    style = "," if integer else "g"
    bounds = [
        f"{'above' if above else 'at least'} {low:{style}}" if low > -math.inf else "",
        f"{'below' if below else 'at most'} {high:{style}}" if high < math.inf else "",
    ]
    told = " and ".join(b for b in bounds if b) or "finite"
    return problems.require(
        math.isfinite(number) and fits, f"{name} must be {what} {told}, not {brief(value)}."
    )


def check_one_of(problems: Problems, name: str, value: object, allowed: tuple[Any, ...]) -> bool:
    """Require one of some values; a word that is none is told the nearest."""
    if any(value is v for v in allowed) or (isinstance(value, str) and value in allowed):
        return True
    known = [v for v in allowed if isinstance(v, str)]
    told = ", ".join(repr(v) for v in allowed)
    return problems.require(
        False, f"Unknown {name} {brief(value)}.{did_you_mean(value, known)} Known are: {told}."
    )


def as_array(value: Any, name: str, problems: Problems) -> Array | None:
    """What has one entry for each row as an array, or None and a problem.

    NumPy would make one object of a sparse matrix, drop a mask, and turn a number among texts into
    text: each would teach something else than what was meant.
    """
    if hasattr(value, "toarray"):
        problems.add(f"{name} is a sparse matrix; pass {name}.toarray().")
        return None
    masked = np.count_nonzero(np.ma.getmaskarray(value)) if np.ma.isMaskedArray(value) else 0
    if masked:
        problems.add(
            f"{name} has {masked:,} masked entries; remove such rows, or fill them in with "
            f"{name}.filled(...)."
        )
        return None
    try:
        array = np.asarray(value)
    except ValueError:
        problems.add(f"{name} is ragged: its rows have different lengths; make them equally long.")
        return None
    except Exception as error:  # whatever an object's own conversion raises
        problems.add(f"{name} cannot be read as an array ({brief(error)}); pass a NumPy array.")
        return None
    if array.ndim == 0:
        problems.add(
            f"{name} must be an array or a list with one entry for each row, not {brief(value)}."
        )
        return None
    if array.dtype.kind == "U" and isinstance(value, list | tuple):
        others = [v for v in np.asarray(value, object).ravel() if not isinstance(v, str)]
        if others:
            problems.add(
                f"{name} mixes text with other values, such as {brief(others[0])}; use one kind."
            )
            return None
    return array


def check_rows(
    X: Any, n_features: int, dtype: Any, problems: Problems, *, name: str = "X", n_rows: int = -1
) -> Input | None:
    """X, (n, n_features), of finite numbers that fit `dtype`, or None and a problem.

    `n_rows`, the length of y where it is known, helps to recognise a transposed X.
    """
    array = X if isinstance(X, Selection) else as_array(X, name, problems)
    if array is None:
        return None
    if array.dtype.kind not in "fiub":
        what, remedy = STRANGE.get(array.dtype.kind, TEXT)
        first = next(iter(array[:1].ravel()[:1].tolist()), "nothing")
        problems.add(
            f"{name} must hold numbers, but it holds {what} (the first is {brief(first)}); "
            f"{remedy.format(name=name)}."
        )
        return None
    if array.ndim != 2 or not len(array):
        problems.add(_no_rows(array, n_features, name))
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
    return array if _finite(array, dtype, name, problems) else None


def _no_rows(array: Input, n_features: int, name: str) -> str:
    """Why an array is no rows of features, and what would be."""
    if not len(array):
        return f"{name} is empty: it has no rows; pass at least one."
    hint = "each sample is a row"
    if array.ndim > 2:
        hint = f"flatten the images: {name}.reshape(len({name}), -1)"
    elif len(array) == n_features:
        hint = f"for one row use {name}.reshape(1, -1)"
    elif n_features == 1:
        hint = f"for one feature use {name}.reshape(-1, 1)"
    return f"{name} must be (n_samples, n_features), not {shape_of(array)}; {hint}."


def greatest(dtype: Any) -> float:
    """The largest number that rows of a network of this dtype may hold."""
    return min(float(np.finfo(dtype).max), GREATEST)


def _finite(array: Input, dtype: Any, name: str, problems: Problems) -> bool:
    if array.dtype.kind != "f":
        return True
    wanted = greatest(dtype)
    limit = min(wanted, float(np.finfo(array.dtype).max))  # so that inf is beyond it in any dtype
    rows = rows_within(array, 4096)
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        with np.errstate(invalid="ignore"):
            bad = ~(abs(part) <= limit)
        if bad.any():
            at = tuple(int(i) for i in np.argwhere(bad)[0])
            value = part[at]
            where = f"row {start + at[0]}" + (f", column {at[1]}" if len(at) > 1 else "")
            if np.isfinite(value):
                other = ', or use dtype="float64"' if wanted < GREATEST else ""
                problems.add(
                    f"{name} holds {value:.3g} ({where}), too large for {np.dtype(dtype)}; "
                    f"use other units{other}."
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
    array = as_array(weight, name, problems)
    if array is None:
        return None
    if array.dtype.kind not in "fiub" or array.shape != (n,):
        problems.add(
            f"{name} must be {n} numbers, one for each row; it is {shape_of(array)} of "
            f"{array.dtype}."
        )
        return None
    if not _finite(array, dtype, name, problems):
        return None
    if (array < 0).any():
        problems.add(
            f"{name} holds negative weights, such as {array[array < 0][0]:g}; a weight is at "
            "least 0."
        )
        return None
    fitting = array.astype(dtype)
    some = fitting.sum(dtype=np.float64) > 0
    problems.require(some, f"{name} is zero for every row; give some rows a positive weight.")
    if fitting.max(initial=0.0) > HUGE_WEIGHT:  # only ratios count, and the sum must fit
        fitting /= fitting.max()
    return fitting if some else None
