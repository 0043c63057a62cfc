"""Tables become numbers: what is learned from the training rows, and applied to all later ones.

Numbers: missing → the median, with a column of 0 and 1 that says so if any were missing among the
training rows; then (x − mean) / standard deviation, and if wanted the number in pieces
(`pieces.py`).  Text: one column of 0 and 1 for each category; unseen and missing texts are zeros
throughout.

Columns of 0 and 1 stay as they are.  They are of order one already, their zero says "absent", and
to divide by its deviation √(p(1−p)) would make a category that is rare by chance loud.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ground.contracts import Array
from ..ground.errors import FileRefused, InvalidInput, Problems
from ..ground.memory import require_memory
from .dataset import Table, as_number
from .downloads import cache_folder
from .pieces import MOST_PIECES, choose_knots, write_pieces
from .selection import is_mapped, scratch_file

__all__ = ["MAX_CATEGORIES", "NumberColumn", "TableEncoder", "TextColumn"]

MAX_CATEGORIES = 100
"""Categories of one text column, the most frequent; the others are zeros, like unseen ones."""

# So many rows are encoded at a time, so that a mapped file is read and written from front to back.
ROWS_AT_ONCE = 2**16
_TENSORS = ("median", "mean", "scale")


@dataclass(frozen=True)
class NumberColumn:
    """x ↦ ((x or median) − mean) / scale, [x is missing] if `indicator`, and its pieces between
    `knots`, if there are any.
    """

    name: str
    median: float
    mean: float
    scale: float
    indicator: bool
    knots: tuple[float, ...] = ()

    @classmethod
    def fit(cls, name: str, values: Array, pieces: int = 0) -> NumberColumn:
        """Median, mean, deviation and knots of a float64 column, whatever its magnitude."""
        missing = np.isnan(values)
        indicator = bool(missing.any())
        known = values[~missing]
        if not known.size:
            return cls(name, 0.0, 0.0, 1.0, indicator)
        if known.min() == known.max():
            return cls(name, float(known[0]), float(known[0]), 1.0, indicator)
        knots = tuple(choose_knots(known, pieces).tolist())
        # In units of the largest value no sum or square overflows.
        unit = float(np.abs(known).max())
        known = known / unit
        median = float(np.median(known))
        filled = np.where(missing, median, values / unit)
        scale = float(filled.std()) * unit
        mean = float(filled.mean()) * unit
        return cls(name, median * unit, mean, scale or 1.0, indicator, knots)

    @property
    def feature_names(self) -> list[str]:
        """The names of the columns that this one becomes."""
        k = max(len(self.knots) - 1, 0)
        return [
            self.name,
            *([f"{self.name} (missing)"] if self.indicator else []),
            *(f"{self.name} (piece {j} of {k})" for j in range(1, k + 1)),
        ]

    def write(self, values: Array, out: Array) -> None:
        """Write the encoding of float64 `values` (n,) into `out` (n, len(feature_names))."""
        missing = np.isnan(values)
        known = np.where(missing, self.median, values)
        with np.errstate(over="ignore"):
            scaled = (known - self.mean) / self.scale
        # A value far beyond the training rows must not become infinite in the smaller dtype.
        largest = np.finfo(out.dtype).max
        out[:, 0] = np.clip(scaled, -largest, largest)
        if self.indicator:
            out[:, 1] = missing
        if self.knots:
            write_pieces(known, np.array(self.knots), out[:, 1 + self.indicator :])


@dataclass(frozen=True)
class TextColumn:
    """v ↦ ([v = c] for each category c)."""

    name: str
    categories: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, values: Array) -> TextColumn:
        """The most frequent categories, sorted; of equally frequent ones the first in order."""
        counts = Counter(value for value in values if value is not None)
        frequent = sorted(counts, key=lambda text: (-counts[text], text))[:MAX_CATEGORIES]
        return cls(name, tuple(sorted(frequent)))

    @property
    def feature_names(self) -> list[str]:
        """The names of the columns that this one becomes."""
        return [f"{self.name}={category}" for category in self.categories]

    def write(self, values: Array, out: Array) -> None:
        """Write the encoding of `values` (n,), text or numbers, into zeros `out` (n, k)."""
        index: dict[Any, int] = {}
        for i, category in enumerate(self.categories):
            # Another file may spell all of "1", "2" as numbers, even as 1.0: then numbers compare.
            key = as_number(category) if values.dtype.kind == "f" else category
            index.setdefault(key, i)
        found = np.array([index.get(value, -1) for value in values.tolist()], np.int64)
        rows = np.flatnonzero(found >= 0)
        out[rows, found[rows]] = 1


@dataclass(frozen=True)
class TableEncoder:
    """The encoding of a table, learned by `fit` and applied by `transform`.

    Attributes
    ----------
    columns : tuple of NumberColumn and TextColumn
        Sorted by name, so that the order of a file's columns does not matter.

    Examples
    --------
    >>> import deltarule as dr
    >>> table = {"plant": ["fern", "ivy", "fern"], "sun": [3, None, 5]}
    >>> encoder = dr.TableEncoder.fit(table)
    >>> encoder.feature_names
    ('plant=fern', 'plant=ivy', 'sun', 'sun (missing)')
    >>> net = dr.Network([len(encoder.feature_names), 8, 2], encoder=encoder)
    """

    columns: tuple[NumberColumn | TextColumn, ...]

    @classmethod
    def fit(cls, table: Any, rows: Array | slice = slice(None), *, pieces: int = 0) -> TableEncoder:
        """Learn the encoding from the training rows, `rows` of a table; one column at a time.

        Parameters
        ----------
        table : Table, mapping of columns, or data frame
        rows : slice or array of int or bool
            All, if not said.
        pieces : int
            Features that each column of numbers gets besides itself, at the most: parts of it
            between quantiles of the training rows, each from 0 to 1, where a network can bend.

        Raises
        ------
        InvalidInput
            If it is no table, has no rows, or `pieces` is no number from 0 to 256.
        """
        table = Table.from_any(table)
        if not len(table) or not len(np.arange(len(table))[rows]):
            raise InvalidInput("A table without rows teaches no encoding; give training rows.")
        whole = isinstance(pieces, int | np.integer) and not isinstance(pieces, bool)
        if not whole or not 0 <= pieces <= MOST_PIECES:
            raise InvalidInput(
                f"pieces must be a whole number from 0 to {MOST_PIECES}, not {pieces!r:.40}."
            )
        return cls(tuple(_fit(name, table[name], rows, pieces) for name in sorted(table)))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the encoded columns: 'age', 'age (missing)', 'sex=F', 'sex=M'.

        A network has as many inputs.
        """
        return tuple(name for column in self.columns for name in column.feature_names)

    def transform(self, table: Any, dtype: npt.DTypeLike = np.float32) -> Array:
        """Encode rows; columns are found by name, others ignored.

        Parameters
        ----------
        table : Table, mapping of columns, or data frame
            Any rows with the columns of the training rows.
        dtype : float dtype
            Of the result.

        Returns
        -------
        array of shape (n_samples, n_features)
            Finite, in the order of `feature_names`.

        Raises
        ------
        UnknownName
            If columns are missing; all are named.
        InvalidInput
            If text stands where numbers were learned; with how many and an example.
        """
        table = Table.from_any(table)
        chosen = table.select(column.name for column in self.columns)
        problems = Problems()
        values = [
            _as_floats(column.name, chosen[column.name], problems)
            if isinstance(column, NumberColumn)
            else chosen[column.name]
            for column in self.columns
        ]
        problems.raise_if_any()
        shape = (len(table), len(self.feature_names))
        if any(map(is_mapped, values)):
            out = scratch_file(shape, dtype, cache_folder())
        else:
            size = math.prod(shape) * np.dtype(dtype).itemsize
            require_memory(size, "The table as numbers", "use fewer rows or columns")
            out = np.zeros(shape, dtype)
        widths = [len(column.feature_names) for column in self.columns]
        for first in range(0, len(table), ROWS_AT_ONCE):
            rows, start = slice(first, first + ROWS_AT_ONCE), 0
            for column, column_values, width in zip(self.columns, values, widths, strict=True):
                column.write(column_values[rows], out[rows, start : start + width])
                start += width
        return out

    def to_json(self) -> dict[str, Any]:
        """Names, kinds and categories, ready for JSON; the numbers are in `tensors`."""
        return {
            "columns": [
                {"name": column.name, "categories": list(column.categories)}
                if isinstance(column, TextColumn)
                else {"name": column.name, "indicator": column.indicator}
                | ({"knots": len(column.knots)} if column.knots else {})
                for column in self.columns
            ]
        }

    def tensors(self) -> dict[str, Array]:
        """'median', 'mean' and 'scale': float64, one value for each column of numbers; and
        'knots', those of all columns in a row, where there are any.
        """
        numbers = [column for column in self.columns if isinstance(column, NumberColumn)]
        tensors = {
            name: np.array([getattr(column, name) for column in numbers], np.float64)
            for name in _TENSORS
        }
        knots = [knot for column in numbers for knot in column.knots]
        return tensors | ({"knots": np.array(knots, np.float64)} if knots else {})

    @classmethod
    def from_json(cls, description: object, tensors: Mapping[str, Array]) -> TableEncoder:
        """The encoder that `to_json` and `tensors` describe.

        Raises
        ------
        FileRefused
            If they do not describe one; they may come from a damaged or hostile file.
        """
        return cls(_read_columns(description, tensors))


def _fit(name: str, values: Array, rows: Array | slice, pieces: int) -> NumberColumn | TextColumn:
    if _is_text(values):
        return TextColumn.fit(name, values[rows])
    return NumberColumn.fit(name, values[rows], pieces)


def _is_text(values: Array) -> bool:
    return values.dtype.kind == "O"


def _as_floats(name: str, values: Array, problems: Problems) -> Array:
    if not _is_text(values):
        return values
    numbers = [np.nan if value is None else as_number(value) for value in values]
    strange = [v for v, x in zip(values, numbers, strict=True) if x is None or np.isinf(x)]
    if strange:
        problems.add(
            f"Column {name!r} held numbers in the training rows, but {len(strange):,} of "
            f"{len(values):,} rows have text there, such as {strange[0][:40]!r}; write numbers, or "
            "leave the field empty if the value is missing."
        )
    return np.array(numbers, np.float64)


def _read_columns(
    description: object, tensors: Mapping[str, Array]
) -> tuple[NumberColumn | TextColumn, ...]:
    def require(condition: object, what: str) -> None:
        if not condition:
            raise FileRefused(f"The model's description of its table is damaged: {what}.")

    require(isinstance(description, dict) and set(description) == {"columns"}, "it has no columns")
    entries = description["columns"]  # type: ignore[index]
    require(isinstance(entries, list), "the columns are not a list")
    for entry in entries:
        require(isinstance(entry, dict) and isinstance(entry.get("name"), str), "a nameless column")
        require(
            set(entry) == {"name", "categories"} or set(entry) - {"knots"} == {"name", "indicator"},
            "a column of no known kind",
        )
        require(
            isinstance(entry.get("indicator", True), bool), "an indicator that is not a boolean"
        )
        require(
            type(entry.get("knots", 3)) is int and 3 <= entry.get("knots", 3) <= MOST_PIECES + 1,
            "a number of knots that is none",
        )
        categories = entry.get("categories", [])
        require(
            isinstance(categories, list)
            and len(categories) <= MAX_CATEGORIES
            and all(isinstance(category, str) for category in categories)
            and len(set(categories)) == len(categories),
            "categories that are not distinct texts",
        )
    require(len({entry["name"] for entry in entries}) == len(entries), "two columns of one name")
    count = sum("indicator" in entry for entry in entries)
    for name in _TENSORS:
        values = tensors.get(name)
        require(
            isinstance(values, np.ndarray)
            and values.shape == (count,)
            and values.dtype == np.float64
            and bool(np.isfinite(values).all()),
            f"{name} is not {count} finite float64 values",
        )
    require((tensors["scale"] > 0).all(), "a scale that is not positive")
    counts = [entry.get("knots", 0) for entry in entries if "indicator" in entry]
    knots = _read_knots(counts, tensors.get("knots"))
    require(knots is not None, f"knots are not {sum(counts)} values that rise in each column")
    assert knots is not None
    numbers = zip(*(tensors[name].tolist() for name in _TENSORS), knots, strict=True)
    columns: list[NumberColumn | TextColumn] = []
    for entry in entries:
        if "indicator" in entry:
            median, mean, scale, cuts = next(numbers)
            indicator = entry["indicator"]
            columns.append(NumberColumn(entry["name"], median, mean, scale, indicator, cuts))
        else:
            columns.append(TextColumn(entry["name"], tuple(entry["categories"])))
    return tuple(columns)


def _read_knots(counts: list[int], values: Array | None) -> list[tuple[float, ...]] | None:
    """The knots of each column of numbers; None if they are none."""
    values = np.empty(0) if values is None else values
    if not isinstance(values, np.ndarray) or values.dtype != np.float64:
        return None
    if values.shape != (sum(counts),) or not np.isfinite(values).all():
        return None
    parts = np.split(values, np.cumsum(counts)[:-1])
    if any((np.diff(part / 2) <= 0).any() for part in parts):
        return None
    return [tuple(part.tolist()) for part in parts]
