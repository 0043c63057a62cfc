"""Opening files that nobody vouches for: regular files only, no more bytes than expected."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ...ground.errors import DeltaruleError, FileRefused, InvalidInput, NotAvailable
from ...ground.memory import require_memory

__all__ = [
    "MAX_IN_MEMORY",
    "check_in_memory",
    "describe",
    "open_bounded",
    "parsing",
    "read_whole",
    "require_start",
    "size_of",
]

MAX_IN_MEMORY = 4 * 2**30
"""Bytes that one data set may take in memory; larger ones stay on disk as .npy."""

_STARTS = {
    b"\x1f\x8b": "gzip-compressed data",
    b"PK\x03\x04": "a zip archive",
    b"\x93NUMPY": "a NumPy .npy array",
    b"PAR1": "a Parquet table",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"RIFF": "a WebP image or other RIFF file",
    b"%PDF": "a PDF document",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x80": "a Python pickle",
}


def describe(head: bytes) -> str:
    """What a file that begins with `head` seems to be, for a message."""
    if not head:
        return "nothing"
    for start, what in _STARTS.items():
        if head.lower().startswith(start.lower()):
            return what
    return "text" if all(byte in b"\t\n\r" or byte >= 32 for byte in head) else "binary data"


def size_of(path: Path) -> int:
    """Bytes of a regular file.

    Raises
    ------
    NotAvailable
        If there is no such file.
    FileRefused
        If it is not a regular file (a folder, a pipe, a device).
    """
    try:
        if path.is_file():
            return path.stat().st_size
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise FileRefused(f"{path} cannot be read: {error}.") from error
    if exists:
        raise FileRefused(f"{path} is not a regular file; give the path of one.")
    raise NotAvailable(f"There is no file {path}; check the path.")


@contextmanager
def parsing(path: Path | str, what: str) -> Iterator[None]:
    """Turn whatever a parser raises or warns about foreign bytes into one `FileRefused`.

    Parsers of other packages document few of the errors that damaged input brings out of them.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except DeltaruleError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileRefused(
            f"{path} cannot be read as {what}: {reason}. It is damaged or not what its name says; "
            "get it again."
        ) from error


def _open(path: Path) -> BinaryIO:
    size_of(path)
    try:
        return path.open("rb")
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror or error}.") from error


def require_start(path: Path, start: bytes, what: str) -> None:
    """Refuse a file that does not begin with the bytes `start`, saying what it seems to be."""
    with _open(path) as file:
        head = file.read(64)
    if not head.startswith(start):
        raise FileRefused(f"{path} is named like {what} but holds {describe(head)}.")


def read_whole(path: Path, limit: int) -> bytes:
    """All bytes of a file of at most `limit` bytes."""
    size = size_of(path)
    if size > limit:
        raise FileRefused(
            f"{path} has {size:,} bytes, more than the {limit:,} that such a file can have; it is "
            "not what its name says."
        )
    with _open(path) as file:
        return file.read(size)  # of so many bytes, room is made for


def check_in_memory(path: Path, size: int) -> None:
    """Refuse, before anything is allocated, what would take more than there is or is allowed."""
    if size > MAX_IN_MEMORY:
        raise FileRefused(
            f"{path} would take {size / 2**30:,.1f} GiB in memory, more than the "
            f"{MAX_IN_MEMORY / 2**30:.0f} GiB allowed; store large data as X.npy and y.npy in a "
            "folder, which are read from disk as needed."
        )
    try:
        require_memory(size, str(path), "store the rows as X.npy and y.npy in a folder instead")
    except InvalidInput as error:
        raise FileRefused(str(error)) from None


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than `limit` bytes, however well they were packed."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile, limit: int, path: Path) -> None:
        self._stream, self._left, self._limit, self._path = stream, limit, limit, path

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(len(buffer), self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise FileRefused(
                f"{self._path} unpacks to more than {self._limit:,} bytes, more than such a file "
                "can hold; it is damaged or made to fill the memory."
            )
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_bounded(path: Path, limit: int) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked if its name ends in .gz or .tgz, at most `limit` of them.

    Raises
    ------
    FileRefused
        If the content contradicts the name, or there is more.  Damaged compressed data raises
        whatever `gzip` does: read it inside `parsing`.
    """
    packed = path.suffix in (".gz", ".tgz")
    if packed:
        require_start(path, b"\x1f\x8b", "gzip-compressed data")
    with _open(path) as file:
        stream = gzip.GzipFile(fileobj=file) if packed else file
        yield io.BufferedReader(_Bounded(stream, limit, path))
