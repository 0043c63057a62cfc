"""Which rows train and which validate: a function of the seed."""

from __future__ import annotations

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput
from ..ground.randomness import derive, permutation

__all__ = ["split_rows"]


def split_rows(
    n: int, validation: float, seed: int, *, y: Array | None = None, shuffle: bool = True
) -> tuple[Array, Array]:
    """Split the rows 0..n−1 into training and validation rows, both in ascending order.

    Parameters
    ----------
    n : int
        The number of rows.
    validation : float
        Below 1 the share of the rows that validates, from 1 on their number; 0 for none.
    seed : int
        Decides which rows; the same seed gives the same split.
    y : array, (n,), optional
        Classes: each is then split in the same proportion, to within one row (stratified).
    shuffle : bool
        False takes the last rows.

    Returns
    -------
    training, validation : int64 arrays

    Raises
    ------
    InvalidInput
        If no row would be left for one of the two.
    """
    wanted = round(n * validation) if validation < 1 else int(validation)
    if validation == 0:
        return np.arange(n), np.arange(0)
    if not 0 < wanted < n:
        raise InvalidInput(
            f"validation={validation:g} of {n} rows leaves {n - wanted} to train and {wanted} to "
            "validate; give a share below 1 or a number of rows that leaves some for both."
        )
    if not shuffle:
        return np.arange(n - wanted), np.arange(n - wanted, n)
    order = permutation(derive(seed, "split"), n)
    if y is not None:
        order = order[_interleaved(y[order])]
    chosen = np.zeros(n, dtype=bool)
    chosen[order[:wanted]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _interleaved(y: Array) -> Array:
    """An order in which every beginning holds the classes in nearly their own proportions.

    The j-th row of a class of m rows is placed at (j + ½)/m.
    """
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    by_class = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(y), dtype=np.float64)
    rank[by_class] = np.arange(len(y)) - np.repeat(starts, counts)
    return np.argsort((rank + 0.5) / counts[codes], kind="stable")
