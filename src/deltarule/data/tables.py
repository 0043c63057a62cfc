"""Tables become numbers: what is learned from the training rows, and applied to all later ones.

Numbers: missing → the median, with a column of 0 and 1 that says so if any were missing among the
training rows; then (x − mean) / standard deviation.  Text: one column of 0 and 1 for each
category; unseen and missing texts are zeros throughout.

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
from .selection import is_mapped, scratch_file

__all__ = ["MAX_CATEGORIES", "NumberColumn", "TableEncoder", "TextColumn"]

MAX_CATEGORIES = 100
"""Categories of one text column, the most frequent; the others are zeros, like unseen ones."""

# So many rows are encoded at a time, so that a mapped file is read and written from front to back.
ROWS_AT_ONCE = 2**16
_TENSORS = ("median", "mean", "scale")


@dataclass(frozen=True)
class NumberColumn:
    """x ↦ ((x or median) − mean) / scale, and [x is missing] if `indicator`."""

    name: str
    median: float
    mean: float
    scale: float
    indicator: bool

    @classmethod
    def fit(cls, name: str, values: Array) -> NumberColumn:
        """Median, mean and standard deviation of a float64 column, whatever its magnitude."""
        missing = np.isnan(values)
        indicator = bool(missing.any())
        known = values[~missing]
        if not known.size:
            return cls(name, 0.0, 0.0, 1.0, indicator)
        if known.min() == known.max():
            return cls(name, float(known[0]), float(known[0]), 1.0, indicator)
        # In units of the largest value no sum or square overflows.
        unit = float(np.abs(known).max())
        known = known / unit
        median = float(np.median(known))
        filled = np.where(missing, median, values / unit)
        scale = float(filled.std()) * unit
        return cls(name, median * unit, float(filled.mean()) * unit, scale or 1.0, indicator)

    @property
    def feature_names(self) -> list[str]:
        """The names of the columns that this one becomes."""
        return [self.name, f"{self.name} (missing)"] if self.indicator else [self.name]

    def write(self, values: Array, out: Array) -> None:
        """Write the encoding of float64 `values` (n,) into `out` (n, 1 or 2)."""
        missing = np.isnan(values)
        with np.errstate(over="ignore"):
            scaled = (np.where(missing, self.median, values) - self.mean) / self.scale
        # A value far beyond the training rows must not become infinite in the smaller dtype.
        largest = np.finfo(out.dtype).max
        out[:, 0] = np.clip(scaled, -largest, largest)
        if self.indicator:
            out[:, 1] = missing


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
    def fit(cls, table: Any, rows: Array | slice = slice(None)) -> TableEncoder:
        """Learn the encoding from the training rows, `rows` of a table; one column at a time.

        Parameters
        ----------
        table : Table, mapping of columns, or data frame
        rows : slice or array of int or bool
            All, if not said.

        Raises
        ------
        InvalidInput
            If it is no table, or has no rows.
        """
        table = Table.from_any(table)
        if not len(table) or not len(np.arange(len(table))[rows]):
            raise InvalidInput("A table without rows teaches no encoding; give training rows.")
        kinds = {name: TextColumn if _is_text(table[name]) else NumberColumn for name in table}
        return cls(tuple(kinds[name].fit(name, table[name][rows]) for name in sorted(table)))

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
                for column in self.columns
            ]
        }

    def tensors(self) -> dict[str, Array]:
        """'median', 'mean' and 'scale': float64, one value for each column of numbers."""
        numbers = [column for column in self.columns if isinstance(column, NumberColumn)]
        return {
            name: np.array([getattr(column, name) for column in numbers], np.float64)
            for name in _TENSORS
        }

    @classmethod
    def from_json(cls, description: object, tensors: Mapping[str, Array]) -> TableEncoder:
        """The encoder that `to_json` and `tensors` describe.

        Raises
        ------
        FileRefused
            If they do not describe one; they may come from a damaged or hostile file.
        """
        return cls(_read_columns(description, tensors))


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
            set(entry) in ({"name", "categories"}, {"name", "indicator"}),
            "a column of no known kind",
        )
        require(
            isinstance(entry.get("indicator", True), bool), "an indicator that is not a boolean"
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
    numbers = zip(*(tensors[name].tolist() for name in _TENSORS), strict=True)
    columns: list[NumberColumn | TextColumn] = []
    for entry in entries:
        if "indicator" in entry:
            median, mean, scale = next(numbers)
            columns.append(NumberColumn(entry["name"], median, mean, scale, entry["indicator"]))
        else:
            columns.append(TextColumn(entry["name"], tuple(entry["categories"])))
    return tuple(columns)
