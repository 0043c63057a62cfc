"""The two shapes of data: `Table`, named columns, and `Dataset`, rows ready to learn from."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, overload

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, Problems, UnknownName, did_you_mean
from .selection import Input, rows_within

__all__ = ["Dataset", "Table", "as_number"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITY = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


def as_number(text: str) -> float | None:
    """The decimal number that `text` writes, ±inf for infinity and overflow, None for other text.

    The grammar is that of a table's file: a sign, digits, a point, an exponent; neither digit
    groups ("1_000", "1,000") nor other scripts' digits.
    """
    if _NUMBER.fullmatch(text) or _INFINITY.fullmatch(text):
        return float(text)
    return None


def _is_missing(value: object) -> bool:
    # pandas' NA and NaT are recognised by name, so that pandas need not be imported.
    return (
        value is None
        or (isinstance(value, (float, np.floating)) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _as_column(values: object) -> Array:
    """One column in its canonical form: float64 with NaN, or objects `str | None`."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InvalidInput("holds rows of several lengths") from error
    if array.ndim != 1:
        raise InvalidInput(f"has the shape {array.shape}, but a column has one dimension")
    if array.dtype.kind in "UT":
        array = array.astype(object)
    if array.dtype.kind == "O":
        if all(v is None or type(v) is str for v in array):
            return array
        array = _settled(array)
    if array.dtype.kind not in "biufO":
        raise InvalidInput(f"has the dtype {array.dtype}; give numbers, booleans or text instead")
    if array.dtype.kind == "O":
        return array
    infinite = int(np.isinf(array).sum())
    if infinite:
        raise InvalidInput(f"has {infinite} infinite values; leave missing values empty (NaN)")
    return array.astype(np.float64, copy=False)


def _settled(array: Array) -> Array:
    """Mixed objects as numbers, or as text, with whatever stands for a gap made NaN or None."""
    known = [v for v in array if not _is_missing(v)]
    if known and all(isinstance(v, str) for v in known):
        return np.array([None if _is_missing(v) else str(v) for v in array], object)
    numeric = (bool, int, float, np.bool_, np.integer, np.floating)
    strange = {type(v).__name__ for v in known if not isinstance(v, numeric)}
    if strange:
        raise InvalidInput(
            f"holds values of the type {', '.join(sorted(strange))}, but a column is all numbers "
            "or all text"
        )
    try:
        return np.array([math.nan if _is_missing(v) else float(v) for v in array])
    except OverflowError as error:
        raise InvalidInput("holds a number too large for float64") from error


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Named columns of equal length, in order.

    Parameters
    ----------
    columns : mapping of str to array
        Each one-dimensional: numbers or booleans (kept as float64, missing = NaN) or text (kept
        as objects `str | None`, missing = None).

    Raises
    ------
    InvalidInput
        For columns of other kinds, other shapes, unequal lengths or with infinite values; all
        such columns are told at once.
    """

    columns: Mapping[str, Array]

    def __post_init__(self) -> None:
        problems = Problems()
        columns = {}
        for name, values in self.columns.items():
            problems.require(
                isinstance(name, str) and name, f"{name!r} is no column name; use text."
            )
            try:
                columns[name] = _as_column(values)
            except InvalidInput as error:
                problems.add(f"Column {name!r} {error}.")
        problems.raise_if_any()
        lengths = {name: len(column) for name, column in columns.items()}
        problems.require(columns, "A table needs at least one column.")
        problems.require(
            len(set(lengths.values())) <= 1, f"Columns differ in their number of rows: {lengths}."
        )
        problems.raise_if_any()
        object.__setattr__(self, "columns", columns)

    @classmethod
    def from_any(cls, data: object) -> Table:
        """A table from a Table, a mapping of columns, or a pandas or polars data frame.

        Raises
        ------
        InvalidInput
            If `data` is none of these, or a column cannot be held (see `Table`).
        """
        if isinstance(data, Table):
            return data
        if isinstance(data, Mapping):
            return cls(data)
        names = getattr(data, "columns", None)
        if names is None or not hasattr(data, "__getitem__"):
            raise InvalidInput(
                f"Cannot read a table from {type(data).__name__}: give a data frame or a "
                "dictionary of columns."
            )
        names = list(names)
        if len(set(map(str, names))) < len(names):
            raise InvalidInput("The data frame has several columns of one name; rename them.")
        return cls({str(name): data[name].to_numpy() for name in names})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    @overload
    def __getitem__(self, key: str) -> Array: ...

    @overload
    def __getitem__(self, key: slice) -> Table: ...

    def __getitem__(self, key: str | slice) -> Array | Table:
        """A column by its name, or the table of some rows: table["age"], table[:100]."""
        if isinstance(key, slice):
            return self.take(key)
        return self.columns[key] if key in self.columns else self.select([key])[key]

    def __repr__(self) -> str:
        return f"Table({len(self)} rows: {', '.join(self.names)})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.columns)

    @property
    def shape(self) -> tuple[int, int]:
        """(number of rows, number of columns)."""
        return len(self), len(self.columns)

    def take(self, rows: Array | slice | list[int]) -> Table:
        """The table of the given rows, by position, slice or mask."""
        return Table({name: column[rows] for name, column in self.columns.items()})

    def select(self, names: Iterable[str]) -> Table:
        """The table of the columns `names`, in that order.

        Raises
        ------
        UnknownName
            If columns are missing: one message names all of them, and near ones.
        """
        names = list(names)
        problems = Problems()
        for name in names:
            problems.require(
                name in self.columns,
                f"There is no column {name!r}.{did_you_mean(name, self.columns)}",
            )
        problems.raise_if_any(UnknownName)
        return Table({name: self.columns[name] for name in names})

    def without(self, name: str) -> Table:
        """The table of all columns but `name`.

        Raises
        ------
        UnknownName
            If there is no column `name`.
        InvalidInput
            If no other column would be left.
        """
        self.select([name])
        return Table({other: self.columns[other] for other in self.columns if other != name})


# What a bare `Dataset` holds is its default, which TypeVar takes since Python 3.13.
if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Rows = TypeVar("Rows", bound=Input | Table, default=Input | Table, covariant=True)
    Labels = TypeVar("Labels", bound=Array | None, default=Array | None, covariant=True)
else:
    from typing import TypeVar

    Rows, Labels = TypeVar("Rows"), TypeVar("Labels")


@dataclass(frozen=True, eq=False)
class Dataset(Generic[Rows, Labels]):
    """Rows to learn from, as their source gives them.

    To a type checker it is `Dataset[type of X, type of y]`; a bare `Dataset` may hold either kind
    of X, with or without y.

    Attributes
    ----------
    name : str
        What the rows are called in reports.
    X : array of shape (n_samples, n_features), Selection of one, or Table
        Images are uint8, each row channel-major: channel, then height, then width.
    y : array of shape (n_samples,), optional
        Classes as int64 or as objects of str, or float64 targets; None for rows to predict.
    class_names : tuple of str, optional
        For display.  Integer labels index it; text labels are its members.
    image_shape : tuple of int, optional
        (channels, height, width), if rows are images.
    validation_rows : int, optional
        How many rows at the end are always the validation split.
    feature_names, target_name : optional
        The names of the columns that X and y came from.
    notes : tuple of str
        What was done to read them, that somebody may want to know.
    """

    name: str
    X: Rows
    y: Labels = None  # type: ignore[assignment]
    class_names: tuple[str, ...] | None = None
    image_shape: tuple[int, int, int] | None = None
    validation_rows: int | None = None
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.y is not None and len(self.X) != len(self.y):
            raise InvalidInput(
                f"{self.name} has {len(self.X)} rows but {len(self.y)} labels; "
                "there must be one for each row."
            )

    def fingerprint(self) -> str:
        """SHA-256, in hex, of the names, shapes, dtypes and contents of X and y.

        Arrays are read in pieces, so that a memory-mapped X stays on disk.
        """
        digest = hashlib.sha256()
        parts = self.X.columns if isinstance(self.X, Table) else {"": self.X}
        for name, part in parts.items():
            digest.update(f"{len(name)}:{name}".encode())
            _hash_array(digest, part)
        if self.y is not None:
            digest.update(b"y")
            _hash_array(digest, self.y)
        return digest.hexdigest()


def _hash_array(digest: hashlib._Hash, array: Input) -> None:
    digest.update(f"{array.shape}{array.dtype.str}".encode())
    rows = rows_within(array, len(array), array.dtype.itemsize)
    for start in range(0, len(array), rows):
        piece = array[start : start + rows]
        if array.dtype.kind == "O":
            # Each text carries its length, so that no two columns share one stream of bytes.
            texts = ("-" if v is None else f"{len(v)}:{v}" for v in map(_text_or_none, piece))
            digest.update("".join(texts).encode("utf-8", "surrogatepass"))
        else:
            digest.update(np.ascontiguousarray(piece).data)


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
