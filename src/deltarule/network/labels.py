"""Targets of all sorts as arrays of one kind, one for each row; labels as places among classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import Problems, did_you_mean
from .inputs import as_array, brief, shape_of

__all__ = ["classes_in", "one_class_only", "places_of", "target_rows"]


def target_rows(y: Any, n: int, name: str, problems: Problems) -> Array | None:
    """y as an array of numbers, booleans or text with n rows."""
    array = as_array(y, name, problems)
    if array is None:
        return None
    if not len(array):
        problems.add(f"{name} is empty: it has no targets; give one for each row.")
        return None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or len(array) != n:
        problems.add(
            f"{name} must have one target for each of the {n} rows of X{name[1:]}, not the shape "
            f"{shape_of(array)}."
        )
        return None
    if array.dtype.kind in "OT":
        array = _of_one_kind(array, name, problems)
        if array is None:
            return None
    if array.dtype.kind not in "fiubU":
        hint = f": decode it with {name}.astype(str)" if array.dtype.kind == "S" else ""
        problems.add(f"{name} must hold labels or numbers; it has the type {array.dtype}{hint}.")
        return None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        problems.add(
            f"{name} holds {array[at]} (row {at[0]}); remove such rows or fill in the value."
        )
        return None
    return array


def _of_one_kind(array: Array, name: str, problems: Problems) -> Array | None:
    """Python objects as text, or else as numbers."""
    entries = array.ravel().tolist()
    others = [v for v in entries if not isinstance(v, str)]
    if len(others) < len(entries):
        if others:
            problems.add(
                f"{name} mixes text with other values, such as {brief(others[0])}; use one kind."
            )
            return None
        return np.array(entries).reshape(array.shape)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        strange = next(v for v in entries if not _is_float(v))
        problems.add(
            f"{name} must hold labels or numbers that fit float64, not {brief(strange)} of type "
            f"{type(strange).__name__}."
        )
        return None


def _is_float(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def places_of(
    y: Array, classes: Array, name: str, problems: Problems, n_outputs: int
) -> Array | None:
    """The place of each label among the classes, (n,) int64."""
    if y.dtype.kind == "f" and classes.dtype.kind in "iu" and (y != np.floor(y)).any():
        problems.add(
            f"{name} holds fractions such as {y[y != np.floor(y)][0]:g}, which are no class "
            'labels; to predict numbers use loss="squared_error".'
        )
        return None
    if (y.dtype.kind == "U") != (classes.dtype.kind == "U"):
        problems.add(
            f"{name} holds {'text' if y.dtype.kind == 'U' else 'numbers'}, but the classes are "
            f"{_some(classes)}."
        )
        return None
    order = np.argsort(classes, kind="stable")
    place = np.minimum(np.searchsorted(classes, y, sorter=order), len(classes) - 1)
    codes = order[place]
    wrong = classes[codes] != y
    if wrong.any():
        stranger = y[wrong][0]
        near = did_you_mean(stranger, map(str, classes)) if classes.dtype.kind == "U" else ""
        hint = (
            f" Labels are counted from 0: for {n_outputs} classes 0 to {n_outputs - 1}."
            if classes.dtype.kind in "iu" and np.array_equal(classes, np.arange(len(classes)))
            else ""
        )
        problems.add(
            f"{name} holds {int(wrong.sum())} labels outside the classes {_some(classes)}; the "
            f"first is {stranger.item()!r}.{near}{hint}"
        )
        return None
    return codes.astype(np.int64)


def _some(classes: Array) -> str:
    values = [repr(c) for c in classes.tolist()]
    return ", ".join(values) if len(values) <= 6 else f"{', '.join(values[:3])}, …, {values[-1]}"


def classes_in(y: Array, k: int, problems: Problems) -> Array:
    """The classes that integer labels (0..k−1) or k distinct strings or booleans stand for."""
    if y.dtype.kind not in "Ub":
        return np.arange(k)
    found = np.unique(y)
    if len(found) == 1:
        problems.add(one_class_only(found[0]))
        return found
    problems.require(
        len(found) == k,
        f"y holds {len(found)} different labels ({_some(found)}), but the network tells {k} apart; "
        "make its last size fit, or name all labels with classes=[…].",
    )
    return found


def one_class_only(label: Any) -> str:
    """The sentence about training rows of a single class."""
    return (
        f"y holds one class only, {label.item()!r}; there is nothing to tell apart. "
        "Add rows of another class."
    )
