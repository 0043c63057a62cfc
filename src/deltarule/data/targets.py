"""What is to be learned: classes or quantities, told from the values of the targets."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput
from .disguises import disguised, mostly_numbers

__all__ = ["Task", "as_targets", "count_missing", "guess_task"]

Task: TypeAlias = Literal["classification", "regression"]

_MOST_WHOLE_CLASSES = 20
_MOST_INTEGER_CLASSES = 1000
_LARGEST_CLASS = 2**53


def guess_task(y: Array) -> Task:
    """Whether targets are classes or quantities.

    Text and booleans are classes.  Numbers are classes only if they look like numbered ones:
    whole, from 0 or 1 upwards without a gap, each twice or more on average, and at most 20 of
    them, or 1,000 where the dtype is an integer one.  All other numbers are quantities: ratings
    from 3 to 9, counts with gaps, prices, anything with a fraction.

    Parameters
    ----------
    y : array of shape (n_samples,)
        Text, booleans, integers or floats, without missing values.
    """
    if y.dtype.kind not in "iuf":
        return "classification"
    values = np.unique(y)
    count = len(values)
    most = _MOST_WHOLE_CLASSES if y.dtype.kind == "f" else _MOST_INTEGER_CLASSES
    if not 2 <= count <= min(most, len(y) // 2) or values[0] not in (0, 1):
        return "regression"
    numbered = np.array_equal(values, values[0] + np.arange(count))
    return "classification" if numbered else "regression"


def count_missing(y: Array) -> int:
    """How many targets are None, NaN or infinite."""
    if y.dtype.kind == "O":
        return sum(value is None for value in y)
    return int(np.count_nonzero(~np.isfinite(y))) if y.dtype.kind == "f" else 0


def as_targets(y: Array, task: Task | None, where: str) -> Array:
    """Targets in their final type: int64 or text for classes, float64 for quantities.

    Parameters
    ----------
    y : array of shape (n_samples,)
        Text (objects or fixed), booleans or numbers.
    task : {'classification', 'regression'}, optional
        What they are; by default, `guess_task` decides.
    where : str
        The file and the target's name, for messages.

    Raises
    ------
    InvalidInput
        If values are missing, are not what `task` needs, or look like something else.
    """
    missing = count_missing(y)
    if missing:
        raise InvalidInput(
            f"{where} is missing in {missing:,} of {len(y):,} rows; remove these rows, as nothing "
            "can be learned from them."
        )
    text = y.dtype.kind in "OU"
    if text and task != "classification" and (found := disguised(y)) is not None:
        insist = "" if task else " If they are names of classes, say --task classification."
        raise InvalidInput(f"{where} looks like {found[0]}: {found[1]}.{insist}")
    if (task or guess_task(y)) == "regression":
        if text and (few := mostly_numbers(y)) is not None:
            raise InvalidInput(
                f"{where} holds text in {few[0]:,} of {len(y):,} rows, such as {few[1]!r}; "
                "regression needs numbers, so mend or remove these rows."
            )
        if text:
            raise InvalidInput(
                f"{where} holds text such as {y[0]!r}; regression needs numbers, so use "
                "classification."
            )
        return np.asarray(y, np.float64)
    if text:
        return np.asarray(y, object)
    if y.dtype.kind == "f" and ((y != np.round(y)) | (np.abs(y) > _LARGEST_CLASS)).any():
        raise InvalidInput(
            f"{where} holds numbers with fractions or beyond 2⁵³; classes are whole numbers or "
            "text: use regression, or name the classes."
        )
    return np.asarray(y, np.int64)
