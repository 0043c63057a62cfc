"""Tables as text: CSV with commas, semicolons or tabs, and a header line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, Problems
from ..dataset import Table, as_number
from .reading import describe, open_bounded, parsing

__all__ = ["MISSING", "read_delimited"]

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"})
"""What stands for a missing value, once spaces around it are taken off."""

MAX_TEXT = 2**30
_MAX_LINE = 2**24
_BLOCK = 2**14
_NUMERIC = frozenset("0123456789+-.eE")

_Fields = list[str]
_Block = tuple[list[int], list[tuple[str, ...]]]


def _lines(path: Path, stream: BinaryIO) -> Iterator[str]:
    head = stream.peek(512)[:512]  # type: ignore[attr-defined]
    if head and describe(head) != "text":
        raise FileRefused(f"{path} is named like a table of text but holds {describe(head)}.")
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    number = 0
    try:
        while line := text.readline(_MAX_LINE):
            number += 1
            if len(line) == _MAX_LINE or "\0" in line:
                what = "is too long" if len(line) == _MAX_LINE else "has a NUL character"
                raise FileRefused(f"{path}: line {number} {what}; this is no table of text.")
            yield line
    except UnicodeDecodeError as error:
        raise FileRefused(
            f"{path} is not UTF-8 text (after line {number}); save it as UTF-8."
        ) from error


def _records(path: Path, stream: BinaryIO) -> Iterator[tuple[int, _Fields]]:
    """(line number, stripped fields) of each line that is not blank, the header first."""
    lines = _lines(path, stream)
    header = next(lines, "")
    guess = max(",;\t", key=header.count)
    delimiter = "\t" if ".tsv" in path.suffixes else guess

    def again() -> Iterator[str]:
        yield header
        yield from lines

    reader = csv.reader(again(), delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, [field.strip() for field in fields]
    except csv.Error as error:
        raise FileRefused(f"{path}: line {reader.line_num} cannot be read: {error}.") from error


def _names(path: Path, fields: _Fields) -> _Fields:
    problems = Problems()
    for position, name in enumerate(fields, 1):
        problems.require(
            name,
            f"{path}: column {position} has no name in the first line; name it or remove it "
            "(pandas writes its row numbers so: use index=False).",
        )
        problems.require(
            not name or fields.count(name) == 1,
            f"{path}: {fields.count(name)} columns are called {name!r}; names must differ.",
        )
    problems.raise_if_any(FileRefused)
    return fields


def _blocks(path: Path, records: Iterator[tuple[int, _Fields]], width: int) -> Iterator[_Block]:
    """Blocks of records as (line numbers, columns)."""
    lines: list[int] = []
    rows: list[_Fields] = []
    for line, fields in records:
        if len(fields) != width:
            raise FileRefused(
                f"{path}: line {line} has {len(fields)} fields where the header has {width}; "
                "quote fields that contain the delimiter."
            )
        lines.append(line)
        rows.append(fields)
        if len(rows) == _BLOCK:
            yield lines, list(zip(*rows, strict=True))
            lines, rows = [], []
    if rows:
        yield lines, list(zip(*rows, strict=True))


def _numbers(texts: tuple[str, ...]) -> Array | None:
    """The texts as float64, missing as NaN; None if one of them is no number."""
    plain = ["nan" if text in MISSING else text for text in texts]
    if _NUMERIC.issuperset("".join(text for text in plain if text != "nan")):
        # With these characters alone, float accepts exactly what as_number does, and is faster.
        try:
            return np.array([float(text) for text in plain])
        except ValueError:
            return None
    values = []
    for text in plain:
        number = np.nan if text == "nan" else as_number(text)
        if number is None:
            return None
        values.append(number)
    return np.array(values)


def _read_numbers(path: Path, stream: BinaryIO) -> tuple[_Fields, list[Array | None]]:
    """The names, and each column as numbers or None where it is text."""
    records = _records(path, stream)
    names = _names(path, next(records, (0, []))[1])
    if not names:
        raise FileRefused(f"{path} is empty; a table needs a line of column names and rows.")
    pieces: list[list[Array]] = [[] for _ in names]
    text: set[int] = set()
    infinite: dict[int, int] = {}
    for lines, columns in _blocks(path, records, len(names)):
        for j, texts in enumerate(columns):
            if j in text:
                continue
            values = _numbers(texts)
            if values is None:
                text.add(j)
                pieces[j].clear()
                continue
            pieces[j].append(values)
            if j not in infinite and (where := np.flatnonzero(np.isinf(values))).size:
                infinite[j] = lines[where[0]]
    if not text and not pieces[0]:
        raise FileRefused(f"{path} has column names but no rows.")
    problems = Problems()
    for j, line in infinite.items():
        problems.require(
            j in text,
            f"{path}: line {line} has an infinite number in column {names[j]!r}; leave the field "
            "empty if the value is missing.",
        )
    problems.raise_if_any(FileRefused)
    return names, [None if j in text else np.concatenate(pieces[j]) for j in range(len(names))]


def _read_texts(path: Path, stream: BinaryIO, wanted: list[int], width: int) -> dict[int, Array]:
    """The columns `wanted` as text; equal texts are one object."""
    records = _records(path, stream)
    next(records)
    known: dict[str, str | None] = dict.fromkeys(MISSING)
    texts: dict[int, list[str | None]] = {j: [] for j in wanted}
    for _, columns in _blocks(path, records, width):
        for j in wanted:
            texts[j] += [known.setdefault(text, text) for text in columns[j]]
    return {j: np.array(column, object) for j, column in texts.items()}


def read_delimited(path: Path) -> Table:
    """A table from a CSV or TSV file, gzip-compressed if its name ends in .gz.

    The first line names the columns, and shows the delimiter: comma, semicolon or tab.  A column
    whose values are all decimal numbers becomes float64, any other one text.  Fields that say
    nothing (`MISSING`) are missing; a column that is missing throughout counts as numbers.

    Raises
    ------
    NotAvailable
        If there is no such file.
    FileRefused
        For ragged lines, columns without a name or of one name, infinite numbers, no rows, text
        that is not UTF-8, content that is not what the name says; with the line.
    """
    with open_bounded(path, MAX_TEXT) as stream, parsing(path, "a table of text"):
        names, columns = _read_numbers(path, stream)
    texts = [j for j, column in enumerate(columns) if column is None]
    if texts:
        # Types show only at the end of a file.  Reading it twice costs less than keeping the
        # text of every number in memory until then.
        with open_bounded(path, MAX_TEXT) as stream, parsing(path, "a table of text"):
            found = _read_texts(path, stream, texts, len(names))
        columns = [found.get(j, column) for j, column in enumerate(columns)]
    return Table(dict(zip(names, columns, strict=True)))  # type: ignore[arg-type]
