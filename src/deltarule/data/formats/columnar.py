"""Parquet tables, read by pyarrow where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, InvalidInput, NotAvailable, Problems
from ...ground.installing import extra
from ..dataset import Table
from .reading import check_in_memory, parsing, require_start

__all__ = [
    "numbers_of",
    "open_parquet",
    "parquet_size",
    "read_parquet",
    "text_columns",
    "texts_of",
]

_CELL = 8  # bytes of a float64, or of a reference to a text


def open_parquet(path: Path, texts: list[str] | None = None) -> Any:
    """The file, opened by pyarrow; the columns `texts` come as dictionaries.

    Raises
    ------
    NotAvailable
        If pyarrow is not installed, or there is no such file.
    FileRefused
        If it is no Parquet file.
    """
    require_start(path, b"PAR1", "a Parquet table")
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise NotAvailable(f"Reading {path} needs pyarrow: {extra('parquet')}.") from error
    return ParquetFile(path, read_dictionary=texts)


def parquet_size(path: Path) -> int:
    """Bytes that the table of a Parquet file would take in memory."""
    with parsing(path, "a Parquet table"), open_parquet(path) as file:
        return int(file.metadata.num_rows * file.metadata.num_columns * _CELL)


def read_parquet(path: Path) -> Table:
    """A table from a Parquet file: numbers and booleans as float64, text as text.

    Raises
    ------
    NotAvailable
        If pyarrow is not installed, or there is no such file.
    FileRefused
        If the file is damaged, has no rows, or has columns of other types; all are named.
    """
    with parsing(path, "a Parquet table"):
        with open_parquet(path) as file:
            check_in_memory(path, file.metadata.num_rows * file.metadata.num_columns * _CELL)
            if not file.metadata.num_rows:
                raise FileRefused(f"{path} has column names but no rows.")
            texts = text_columns(path, file.schema_arrow)
        # As dictionaries, so that a long text repeated a million times is held once.
        with open_parquet(path, texts) as file:
            table = file.read()
        try:
            return Table(
                {
                    name: (texts_of if name in texts else numbers_of)(table.column(name))
                    for name in table.column_names
                }
            )
        except InvalidInput as error:
            raise FileRefused(f"{path}: {error}") from error


def text_columns(path: Path, schema: Any) -> list[str]:
    """The names of the text columns, once every column is known to be numbers or text."""
    from pyarrow import types

    numeric = (
        types.is_boolean,
        types.is_integer,
        types.is_floating,
        types.is_decimal,
        types.is_null,
    )
    texts = []
    problems = Problems()
    for field in schema:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        if types.is_string(kind) or types.is_large_string(kind):
            texts.append(field.name)
        elif not any(is_kind(kind) for is_kind in numeric):
            problems.add(
                f"{path}: column {field.name!r} holds {field.type}; only numbers, booleans and "
                "text are read: convert or drop it."
            )
        problems.require(
            schema.names.count(field.name) == 1,
            f"{path} has several columns called {field.name!r}; names must differ.",
        )
    problems.raise_if_any(FileRefused)
    return texts


def texts_of(column: Any) -> Array:
    """A column of texts, as dictionaries, as objects `str | None`."""
    pieces = []
    for chunk in column.chunks:
        known = np.array([*chunk.dictionary.to_pylist(), None], object)
        pieces.append(known[chunk.indices.fill_null(len(known) - 1).to_numpy()])
    return np.concatenate(pieces)


def numbers_of(column: Any) -> Array:
    """A column of numbers or booleans as float64, NaN for what is missing."""
    from pyarrow import float64

    cast = column.cast(float64(), safe=False)  # null becomes NaN
    numbers: Array = (
        cast.to_numpy(zero_copy_only=False) if hasattr(cast, "buffers") else cast.to_numpy()
    )
    return numbers
