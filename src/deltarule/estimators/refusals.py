"""What scikit-learn's checks of X and y let pass in silence, or refuse without saying of what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, Problems
from ..network.inputs import as_array, brief, greatest

__all__ = [
    "columns_with",
    "naming",
    "refuse_huge",
    "refuse_labels",
    "refuse_numbers",
    "refuse_rows",
]

MOST_NAMED = 5
FOR_TEXT = (
    "turn text into numbers first: OneHotEncoder in a ColumnTransformer before this estimator, "
    "deltarule.TableEncoder.fit(X).transform(X), or `deltarule train FILE`, which does it itself"
)
FOR_GAPS = (
    "fill them in first: SimpleImputer in a Pipeline before this estimator, "
    "deltarule.TableEncoder.fit(X).transform(X) for a frame, or `deltarule train FILE`, which does "
    "it itself"
)
# What scikit-learn says of rows that did not pass through the steps that X has passed.
UNTRANSFORMED = (
    "could not convert string to float",
    "features as input",
    "feature names",
    "contains NaN",
)


def refuse_rows(X: Any, name: str) -> None:
    """Refuse nothing at all, masked entries and dates, which would be read as numbers.

    Raises
    ------
    InvalidInput
    """
    if X is None:
        raise InvalidInput(f"{name} is None; pass an array, (n_samples, n_features).")
    _refuse_unreadable(X, name)
    dtypes: Any = getattr(X, "dtypes", None)  # a frame's; of a single column it is one alone
    kinds = {getattr(t, "kind", "") for t in (dtypes if hasattr(dtypes, "__iter__") else ())}
    if {getattr(getattr(X, "dtype", None), "kind", ""), *kinds} & {"m", "M"}:
        raise InvalidInput(
            f"{name} holds dates or time spans; turn them into numbers, such as days since the "
            "first."
        )


def refuse_labels(y: Any, name: str) -> None:
    """Refuse gaps among labels, and labels of types that have no common order.

    Raises
    ------
    InvalidInput
    """
    _refuse_unreadable(y, name)
    array = _objects_in(y)
    if array is None:
        return
    entries = array.ravel().tolist()
    for row, label in enumerate(entries):
        if label is None or label != label or type(label).__name__ == "NAType":
            raise InvalidInput(
                f"{name} holds {brief(label)} (row {row}), which is no label; remove such rows."
            )
    texts = [isinstance(label, str) for label in entries]
    if any(texts) and not all(texts):
        types = sorted({type(label).__name__ for label in entries})
        raise InvalidInput(
            f"{name} mixes labels of the types {' and '.join(types)}, which have no common order; "
            f"use one type, for instance {name}.astype(str)."
        )


def refuse_numbers(y: Any, name: str) -> None:
    """Refuse text where numbers are to be predicted.

    Raises
    ------
    InvalidInput
    """
    _refuse_unreadable(y, name)
    array = np.asarray(y) if isinstance(y, list | tuple) else y
    if getattr(getattr(array, "dtype", None), "kind", "") not in "OUS":
        return
    for value in np.asarray(y, object).ravel().tolist():
        try:
            float(value)
        except (TypeError, ValueError):
            if value is not None:
                raise InvalidInput(
                    f"{name} must hold numbers, not {brief(value)}; for labels use MLPClassifier."
                ) from None


def _refuse_unreadable(values: Any, name: str) -> None:
    """Masks, which NumPy would drop; lists that are ragged, or of which it would make text."""
    if np.ma.isMaskedArray(values) or isinstance(values, list | tuple):
        problems = Problems()
        as_array(values, name, problems)
        problems.raise_if_any()


def _objects_in(y: Any) -> Array | None:
    """y as an array, if it is one of objects."""
    if type(y) is np.ndarray and y.dtype.kind != "O":
        return None
    if hasattr(y, "toarray"):
        return None
    array = np.asarray(y)
    return array if array.dtype.kind == "O" and array.ndim else None


def refuse_huge(values: Array, name: str, dtype: Any) -> None:
    """Refuse numbers whose squares overflow.

    Raises
    ------
    InvalidInput
    """
    dtype = np.dtype(dtype)
    limit = greatest(dtype)
    if values.dtype.kind == "f":  # or it would overflow itself
        limit = min(limit, float(np.finfo(values.dtype).max))
    if values.size and not (values.max() <= limit and values.min() >= -limit):
        worst = values.ravel()[abs(values).argmax()]
        raise InvalidInput(
            f"{name} holds {worst:.3g}, too large for {dtype}; use other units, or scale "
            "it with StandardScaler."
        )


def columns_with(X: Any, what: str) -> str:
    """'the columns 'age', 'pay' and 3 more', of those that hold "text" or "gaps"; '' of none."""
    holds = _is_text if what == "text" else _is_gap
    try:
        names, columns = _columns_of(X)
        found = [j for j, column in enumerate(columns) if holds(column)]
    except Exception:  # whatever an object's own conversion or comparison raises
        return ""
    told = ", ".join(repr(names[j]) if names else str(j) for j in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    if not found:
        return ""
    named = f"column{'s' if len(found) > 1 else ''} {told}{more}"
    return f"the {named}" if names else f"{named}, counted from 0"


def _columns_of(X: Any) -> tuple[list[str], Iterable[Array]]:
    """Names, if there are any, and columns one by one: a whole frame of objects would be large."""
    if getattr(X, "dtypes", None) is None:
        table = np.asarray(X)
        return [], table.T if table.ndim == 2 else ()
    names = list(X.columns)
    return list(map(str, names)), (np.asarray(X[name]) for name in names)


def _is_text(column: Array) -> bool:
    """Whether there is something that no number is read from."""
    for value in column.tolist() if column.dtype.kind in "OUS" else ():
        if isinstance(value, str | bytes):
            try:
                float(value)
            except ValueError:
                return True
    return False


def _is_gap(column: Array) -> bool:
    """Whether a value is missing."""
    if column.dtype.kind == "f":
        return bool(np.isnan(column).any())
    return column.dtype.kind == "O" and any(
        value is None or type(value).__name__ == "NAType" or value != value
        for value in column.tolist()
    )


@contextmanager
def naming(of: str, X: Any = None) -> Iterator[None]:
    """Say of which array, and of which columns of X, scikit-learn's checks speak.

    `of` is "_val" for rows to judge by.

    Raises
    ------
    InvalidInput, TypeError
        In place of the ValueError or TypeError raised inside.
    """
    try:
        yield
    except InvalidInput:
        raise
    except (ValueError, TypeError) as error:
        message = str(error)
        if "could not convert string to float" in message:
            columns = columns_with(X, "text")
            where = f" ({columns})" if columns else ""
            advice = f"; {FOR_TEXT}" if not of else ""
            message = f"X must hold numbers, but {message}{where}{advice}."
        elif message.startswith("float() argument"):
            message = f"X must hold numbers: {message}."
        elif message.startswith("Input X contains NaN"):
            columns = columns_with(X, "gaps")
            where = f" in {columns}" if columns else ""
            message = f"Input X contains NaN{where}" + ("." if of else f"; {FOR_GAPS}.")
        elif not of:
            raise
        if of:
            message = re.sub(r"\b[Xy]\b", lambda m: f"{m[0]}{of}", message)
            if not re.search(rf"\b[Xy]{of}\b", message):
                message = f"X{of} and y{of}: {message}"
            of_y = re.search(r"\by\b", str(error))
            if not of_y and any(words in str(error) for words in UNTRANSFORMED):
                message = (
                    f"{message.rstrip().rstrip('.')}. If X comes from the steps of a Pipeline, let "
                    f'X{of} pass through them, too: Pipeline(steps, transform_input=["X{of}"]), '
                    "under sklearn.set_config(enable_metadata_routing=True)."
                )
        kind = TypeError if isinstance(error, TypeError) else InvalidInput
        raise kind(message) from error
