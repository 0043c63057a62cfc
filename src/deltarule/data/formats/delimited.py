"""Tables as text: CSV with commas, semicolons or tabs, and a header line."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, Problems
from ..dataset import Table, as_number
from ..disguises import decimal_commas
from .reading import describe, open_bounded, parsing

__all__ = ["MISSING", "read_delimited"]

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"})
"""What stands for a missing value, once spaces around it are taken off."""

MAX_TEXT = 2**30
MAX_COLUMNS = 100_000
_MAX_LINE = 2**24
_BLOCK_FIELDS = 2**12  # few enough to stay in the cache: blocks of 2**18 take three times as long
_BLOCK_ROWS = 32
_NAMED_AT_MOST = 10
_QUOTED = re.compile(r'"[^"]*"')
_NUMERIC = frozenset("0123456789+-.eE")

_Fields = list[str]
_Block = tuple[tuple[int, ...], list[tuple[str, ...]]]


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
    """(line number, fields) of each line that is not empty, the header first."""
    lines = _lines(path, stream)
    start = []
    for line in lines:
        start.append(line)
        if line.strip("\r\n"):
            break
    unquoted = _QUOTED.sub("", "".join(start))
    delimiter = "\t" if ".tsv" in path.suffixes else max(",;\t", key=unquoted.count)
    reader = csv.reader(itertools.chain(start, lines), delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise FileRefused(f"{path}: line {reader.line_num} cannot be read: {error}.") from error


def _check_names(path: Path, names: _Fields) -> None:
    if not names:
        raise FileRefused(f"{path} is empty; a table needs a line of column names and rows.")
    if len(names) > MAX_COLUMNS:
        raise FileRefused(f"{path} has {len(names):,} columns; at most {MAX_COLUMNS:,} are read.")
    unnamed = [str(position) for position, name in enumerate(names, 1) if not name]
    twice = [repr(name) for name, count in Counter(names).items() if name and count > 1]
    problems = Problems()
    problems.require(
        not unnamed,
        f"{path} has no name for column {', '.join(unnamed[:_NAMED_AT_MOST])} in its first line; "
        "name or remove it (pandas writes its row numbers so: use index=False).",
    )
    problems.require(
        not twice,
        f"{path} has several columns called {', '.join(twice[:_NAMED_AT_MOST])}; names must "
        "differ.",
    )
    problems.raise_if_any(FileRefused)


def _blocks(path: Path, records: Iterator[tuple[int, _Fields]], width: int) -> Iterator[_Block]:
    """Blocks of records as (line numbers, columns)."""
    size = max(_BLOCK_ROWS, _BLOCK_FIELDS // width)
    while block := list(itertools.islice(records, size)):
        lines, rows = zip(*block, strict=True)
        for line, fields in block:
            if len(fields) != width:
                mend = "quote fields that contain the delimiter"
                if len(fields) < width:
                    mend = "write a delimiter for every field, also for an empty one"
                raise FileRefused(
                    f"{path}: line {line} has {len(fields)} fields where the header has {width}; "
                    f"{mend}."
                )
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
    for text in map(str.strip, texts):
        number = np.nan if text in MISSING else as_number(text)
        if number is None:
            return None
        values.append(number)
    return np.array(values)


class _Known(dict[str, str | None]):
    """From a field to its text without spaces around it, or None; equal texts are one object."""

    def __missing__(self, field: str) -> str | None:
        text = field.strip()
        self[field] = None if text in MISSING else text
        return self[field]


def _read_numbers(path: Path, stream: BinaryIO) -> tuple[_Fields, dict[int, Array]]:
    """The names, and by position the columns that are numbers."""
    records = _records(path, stream)
    names = [name.strip() for name in next(records, (0, []))[1]]
    _check_names(path, names)
    pieces: dict[int, list[Array]] = {j: [] for j in range(len(names))}
    infinite: dict[int, int] = {}
    rows = 0
    for lines, columns in _blocks(path, records, len(names)):
        rows += len(lines)
        for j in list(pieces):
            values = _numbers(columns[j])
            if values is None:
                del pieces[j]
                continue
            pieces[j].append(values)
            if j not in infinite and (where := np.flatnonzero(np.isinf(values))).size:
                infinite[j] = lines[where[0]]
    if not rows:
        raise FileRefused(f"{path} has column names but no rows.")
    problems = Problems()
    for j in infinite.keys() & pieces.keys():
        problems.add(
            f"{path}: line {infinite[j]} has an infinite number in column {names[j]!r}; leave the "
            "field empty if the value is missing."
        )
    problems.raise_if_any(FileRefused)
    return names, {j: np.concatenate(arrays) for j, arrays in pieces.items()}


def _read_texts(path: Path, stream: BinaryIO, wanted: list[int], width: int) -> dict[int, Array]:
    """The columns `wanted` as text."""
    records = _records(path, stream)
    next(records)
    known = _Known()
    texts: dict[int, list[str | None]] = {j: [] for j in wanted}
    for _, columns in _blocks(path, records, width):
        for j in wanted:
            texts[j] += map(known.__getitem__, columns[j])
    return {j: np.array(column, object) for j, column in texts.items()}


def _read_commas(columns: dict[int, Array], names: _Fields, texts: Container[str]) -> Iterator[str]:
    """Make numbers of texts with decimal commas; a sentence that says so."""
    found = {}
    for j, values in columns.items():
        if values.dtype.kind == "O" and names[j] not in texts:
            read = decimal_commas(values)
            if read is not None:
                columns[j], found[names[j]] = read
    if found:
        told = [f"{name!r} ({example})" for name, example in list(found.items())[:_NAMED_AT_MOST]]
        more = f" and {len(found) - len(told)} more" if len(found) > len(told) else ""
        yield f"Numbers with decimal commas are read as such: {', '.join(told)}{more}."


def read_delimited(
    path: Path, tell: Callable[[str], object] | None = None, texts: Container[str] = ()
) -> Table:
    """A table from a CSV or TSV file, gzip-compressed if its name ends in .gz.

    The first line names the columns, and shows the delimiter: comma, semicolon or tab.  A column
    whose values are all decimal numbers becomes float64, any other one text.  Fields that say
    nothing (`MISSING`) are missing; a column that is missing throughout counts as numbers.
    A column whose values are all numbers with decimal commas becomes float64, too.

    Parameters
    ----------
    tell : function of a sentence, optional
        Called with what was read otherwise than it is written.
    texts : container of str
        Columns in which a comma is none of a number: names of classes.

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
    others = [j for j in range(len(names)) if j not in columns]
    if others:
        # Types show only at the end of a file.  Reading it twice costs less than keeping the
        # text of every number in memory until then.
        with open_bounded(path, MAX_TEXT) as stream, parsing(path, "a table of text"):
            columns |= _read_texts(path, stream, others, len(names))
        for sentence in _read_commas(columns, names, texts):
            if tell is not None:
                tell(sentence)
    return Table({name: columns[j] for j, name in enumerate(names)})
