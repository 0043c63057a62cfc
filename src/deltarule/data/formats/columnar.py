"""Parquet tables, read by pyarrow where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, InvalidInput, NotAvailable, Problems
from ..dataset import Table
from .reading import check_in_memory, parsing, require_start

__all__ = ["read_parquet"]

_CELL = 8  # bytes of a float64, or of a reference to a text


def read_parquet(path: Path) -> Table:
    """A table from a Parquet file: numbers and booleans as float64, text as text.

    Raises
    ------
    NotAvailable
        If pyarrow is not installed, or there is no such file.
    FileRefused
        If the file is damaged, has no rows, or has columns of other types; all are named.
    """
    require_start(path, b"PAR1", "a Parquet table")
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise NotAvailable(
            f"Reading {path} needs pyarrow: pip install 'deltarule[parquet]'."
        ) from error
    with parsing(path, "a Parquet table"):
        with ParquetFile(path) as file:
            check_in_memory(path, file.metadata.num_rows * file.metadata.num_columns * _CELL)
            if not file.metadata.num_rows:
                raise FileRefused(f"{path} has column names but no rows.")
            texts = _text_columns(path, file.schema_arrow)
        # As dictionaries, so that a long text repeated a million times is held once.
        with ParquetFile(path, read_dictionary=texts) as file:
            table = file.read()
        try:
            return Table(
                {
                    name: (_texts if name in texts else _numbers)(table.column(name))
                    for name in table.column_names
                }
            )
        except InvalidInput as error:
            raise FileRefused(f"{path}: {error}") from error


def _text_columns(path: Path, schema: Any) -> list[str]:
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


def _texts(column: Any) -> Array:
    pieces = []
    for chunk in column.chunks:
        known = np.array([*chunk.dictionary.to_pylist(), None], object)
        pieces.append(known[chunk.indices.fill_null(len(known) - 1).to_numpy()])
    return np.concatenate(pieces)


def _numbers(column: Any) -> Array:
    from pyarrow import float64

    numbers: Array = column.cast(float64(), safe=False).to_numpy()  # null becomes NaN
    return numbers
