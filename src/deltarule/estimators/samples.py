"""Rows as scikit-learn's users have them: frames, arrays, sparse matrices; and rows held out."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, Problems
from ..network.inputs import as_array, check_weights, greatest
from .requirements import validate_data

__all__ = ["Samples", "SparseRows", "checked_rows", "hold_out", "rows_for", "weights_for"]

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


def refuse_masks(X: Any, name: str) -> None:
    """Masked entries: scikit-learn drops the mask and learns what lies under it."""
    if np.ma.isMaskedArray(X):
        problems = Problems()
        as_array(X, name, problems)
        problems.raise_if_any()


def checked_rows(estimator: Any, X: Any, y: Any = "no_validation", **options: Any) -> Any:
    """X, or X and y, by scikit-learn's own rules, and what they let pass in silence.

    Raises
    ------
    ValueError, TypeError
        As scikit-learn's; and InvalidInput for masked entries and numbers too large to learn from.
    """
    refuse_masks(X, options.pop("name", "X"))
    if not (isinstance(y, str) and y == "no_validation"):
        refuse_masks(y, "y")
        options["multi_output"] = True
    checked = validate_data(
        estimator,
        X,
        y,
        accept_sparse="csr",
        dtype=(np.float64, np.float32),
        **options,
    )
    rows = checked[0] if isinstance(checked, tuple) else checked
    numbers = rows.data if hasattr(rows, "toarray") else rows
    limit = greatest(numbers.dtype)
    if numbers.size and not (numbers.max() <= limit and numbers.min() >= -limit):
        worst = numbers.ravel()[abs(numbers).argmax()]
        raise InvalidInput(
            f"X holds {worst:.3g}, too large for {numbers.dtype}: its square overflows. Use other "
            "units, or scale it with StandardScaler."
        )
    return checked


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
    if weight is None or isinstance(weight, numbers.Number):
        return None
    problems = Problems()
    checked = check_weights(weight, n, dtype, problems, name)
    problems.raise_if_any()
    return checked


def hold_out(
    samples: Samples, fraction: float, seed: int, stratify: Array | None
) -> tuple[Samples, Samples]:
    """Rows to learn from and rows held out, weights along, as `train_test_split` draws them.

    Raises
    ------
    ValueError
        If there are too few rows.
    """
    arrays = [samples.X, samples.y]
    if samples.weight is not None:
        arrays.append(samples.weight)
    parts = train_test_split(*arrays, random_state=seed, test_size=fraction, stratify=stratify)
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
