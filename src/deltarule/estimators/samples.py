"""Rows as scikit-learn's users have them: frames, arrays, sparse matrices; and rows held out."""

from __future__ import annotations

import numbers
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, Problems
from ..network.inputs import brief, check_number, check_weights
from .refusals import naming, refuse_huge, refuse_labels, refuse_numbers, refuse_rows
from .requirements import validate_data

__all__ = [
    "Samples",
    "SparseRows",
    "checked_rows",
    "hold_out",
    "rows_for",
    "samples_of",
    "samples_to_judge",
    "weights_for",
]

# A sparse matrix that would fill more as a dense one is read batch by batch.
DENSE_BYTES = 10**9


class SparseRows:
    """A sparse matrix of which rows are taken as dense ones.

    Parameters
    ----------
    matrix : CSR matrix or array, (n_samples, n_features)
    """

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix
        self.shape, self.dtype = matrix.shape, matrix.dtype
        self.size = self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: Any) -> Array:
        dense: Array = self.matrix[index].toarray()
        return dense


@dataclass(frozen=True, eq=False)
class Samples:
    """Checked rows with their encoded targets and weights.

    Attributes
    ----------
    X : array (n_samples, n_features), or a CSR matrix
    y : array, as given, (n_samples,) or (n_samples, n_outputs)
    weight : array, (n_samples,), or None
    """

    X: Any
    y: Array
    weight: Array | None

    def __len__(self) -> int:
        return int(self.X.shape[0])


def checked_rows(
    estimator: Any, X: Any, y: Any = "no_validation", *, of: str = "", **options: Any
) -> Any:
    """X, or X and y, by scikit-learn's own rules, and what they let pass in silence.

    Raises
    ------
    ValueError, TypeError
        As scikit-learn's; and InvalidInput for what they let pass.
    """
    with_y = not (isinstance(y, str) and y == "no_validation")
    numeric = options.get("y_numeric", False)
    refuse_rows(X, f"X{of}")
    if with_y and y is not None:
        (refuse_numbers if numeric else refuse_labels)(y, f"y{of}")
        options["multi_output"] = True
    with naming(of, X):
        checked = validate_data(
            estimator, X, y, accept_sparse="csr", dtype=(np.float64, np.float32), **options
        )
    rows = checked[0] if with_y else checked
    numbers = rows.data if hasattr(rows, "toarray") else rows
    refuse_huge(numbers, f"X{of}", estimator.dtype or numbers.dtype)
    if with_y and numeric:
        refuse_huge(checked[1], f"y{of}", numbers.dtype)  # in which it is predicted
    return checked


def samples_of(
    estimator: Any, X: Any, y: Any, weight: Any, *, reset: bool, numeric: bool, of: str = ""
) -> Samples:
    """Rows by scikit-learn's rules; `of` is "_val" for rows to judge by."""
    X, y = checked_rows(estimator, X, y, of=of, reset=reset, y_numeric=numeric)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return Samples(X, y, weights_for(weight, X.shape[0], np.float64, f"sample_weight{of}"))


def samples_to_judge(
    estimator: Any, X: Any, y: Any, weight: Any, *, numeric: bool
) -> Samples | None:
    """The rows that are given to judge by, if any are."""
    if X is None and y is None and weight is None:
        return None
    missing = [name for name, given in (("X_val", X), ("y_val", y)) if given is None]
    if missing:
        raise InvalidInput(
            "X_val and y_val belong together, and sample_weight_val to them; "
            f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} missing."
        )
    return samples_of(estimator, X, y, weight, reset=False, numeric=numeric, of="_val")


def rows_for(X: Any) -> Any:
    """What batches are gathered from: an array, or sparse rows where that would not fit."""
    if not hasattr(X, "toarray"):
        return X
    size = X.shape[0] * X.shape[1] * X.dtype.itemsize
    return X.toarray() if size <= DENSE_BYTES else SparseRows(X)


def weights_for(weight: Any, n: int, dtype: Any, name: str = "sample_weight") -> Array | None:
    """Sample weights, (n,), checked; a single number weighs all rows alike.

    Raises
    ------
    InvalidInput
        For weights of another length, negative ones, or none above zero.
    """
    problems = Problems()
    if weight is None or isinstance(weight, numbers.Number):
        if weight is not None:
            check_number(problems, name, weight, low=0, above=True)
        problems.raise_if_any()
        return None
    if isinstance(weight, str):
        raise InvalidInput(
            f"{name} must be a number for each row, not {brief(weight)}; to weigh classes use "
            "class_weight."
        )
    checked = check_weights(weight, n, dtype, problems, name)
    problems.raise_if_any()
    return checked


def hold_out(
    samples: Samples, fraction: float, seed: int, stratify: Array | None
) -> tuple[Samples, Samples]:
    """Rows to learn from and rows held out, weights along, as `train_test_split` draws them.

    Raises
    ------
    InvalidInput
        If there are too few rows, of a class too.
    """
    from sklearn.model_selection import train_test_split  # slow to import

    arrays = [samples.X, samples.y]
    if samples.weight is not None:
        arrays.append(samples.weight)
    try:
        parts = train_test_split(*arrays, random_state=seed, test_size=fraction, stratify=stratify)
    except ValueError as error:
        told = re.sub(r"test_size = (?=\d+ )", "number of rows held out, ", str(error))
        each = "" if stratify is None else ", some of each class"
        raise InvalidInput(
            f"{told.replace('test_size', 'validation_fraction').rstrip('.')}. early_stopping and "
            f"calibrate hold out validation_fraction={fraction:g} of the {len(samples)} rows to "
            f"judge by{each}, and learn from the others: change it, or give X_val and y_val."
        ) from error
    train, held = parts[0::2], parts[1::2]
    if held[0].shape[0] < 2:
        raise InvalidInput(
            "The validation set is too small: it has one row. Increase validation_fraction or the "
            "number of rows, or give X_val and y_val."
        )
    both = [Samples(p[0], p[1], p[2] if len(p) > 2 else None) for p in (train, held)]
    for part, name in zip(both, ("left to learn from", "held out"), strict=True):
        if part.weight is not None and not part.weight.any():
            raise InvalidInput(f"All rows {name} have the weight 0; give X_val and y_val.")
    return both[0], both[1]
