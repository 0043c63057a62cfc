"""Some rows of an array, chosen by number, without a copy of them."""

from __future__ import annotations

import mmap
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..ground.contracts import Array

__all__ = [
    "PIECE",
    "Input",
    "Selection",
    "in_pieces",
    "is_mapped",
    "rows_within",
    "scratch_file",
    "select",
]

# So many bytes of rows are copied at a time where a step, or a chunk, does not ask for more.
PIECE = 2**24


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows `index` of `base`: an array as far as a training asks, gathered piece by piece.

    Indexing copies an array's rows; this keeps the array, which may be memory-mapped and larger
    than memory, and the numbers, and gathers what is asked for.

    Attributes
    ----------
    base : array, (n_base, n_features)
    index : int64 array, (n,)
    """

    base: Array
    index: Array

    def __len__(self) -> int:
        return len(self.index)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the rows chosen."""
        return len(self.index), *self.base.shape[1:]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.base.ndim

    @property
    def size(self) -> int:
        """How many numbers all rows hold."""
        return len(self.index) * (self.base.size // max(len(self.base), 1))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers."""
        return self.base.dtype

    def __getitem__(self, rows: Array | slice) -> Array:
        """Those of its rows, a fresh array."""
        return np.asarray(self.base[self.index[rows]])


Input: TypeAlias = Array | Selection
"""Rows to learn from: all of an array, or some of one."""


def select(rows: Input, index: Array) -> Input:
    """Those rows, in that order, without a copy: a window where they follow one another."""
    if isinstance(rows, Selection):
        return select(rows.base, rows.index[index])
    first, last = int(index[0]), int(index[-1]) + 1
    if last - first == len(index) and (np.diff(index) == 1).all():
        return rows[first:last]
    return Selection(rows, np.ascontiguousarray(index, np.int64))


def is_mapped(rows: Input) -> bool:
    """Whether the rows lie in a file that is mapped, not in memory of their own."""
    array: Any = rows.base if isinstance(rows, Selection) else rows
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def in_pieces(rows: Input) -> bool:
    """Whether some of the rows are copied at a time: a copy of all may not fit into memory."""
    return isinstance(rows, Selection) or is_mapped(rows)


def rows_within(rows: Input, most: int, width: int = 8) -> int:
    """How many rows, at least one and at most `most`, to copy at a time as `width` bytes a number.

    A piece then takes little memory, however wide the rows are.
    """
    of_one = width * (rows.size // max(len(rows), 1))
    return max(1, min(most, PIECE // max(of_one, 1)))


def scratch_file(shape: tuple[int, ...], dtype: Any, folder: Path) -> Array:
    """Zeros in a file that nobody else sees, mapped; it goes when the array goes."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, dtype, "w+", shape=shape)
