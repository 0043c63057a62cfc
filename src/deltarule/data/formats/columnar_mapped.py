"""A Parquet table that memory does not hold: its columns of numbers, unpacked into files, mapped.

A training takes its rows in another order every epoch, and Parquet is made to be read from front to
back, so the numbers are unpacked once, row group by row group, into one .npy file for each column.
Rows then come as from any mapped array: in the same order, to the same bits.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, InvalidInput, NotAvailable
from ..dataset import Table
from .columnar import numbers_of, open_parquet, text_columns, texts_of
from .reading import check_in_memory, parsing

__all__ = ["map_parquet"]

FORMAT = 2
STATE, LOCK = "state.json", ".lock"
ROWS_AT_ONCE = 2**16
_REFERENCE = 8

_Columns = dict[str, Array]


def map_parquet(path: Path, cache: Path) -> Table:
    """The table of a Parquet file, its numbers mapped from files in the folder `cache`.

    What was unpacked before is taken as far as its checksums are right, so that an unpacking that
    was cut short goes on from the last whole row group, and damage is made good.  Of a file that
    has changed everything is unpacked anew, in the place of what it was.  Texts are held in memory.

    Raises
    ------
    FileRefused, NotAvailable
        As `read_parquet`; also where the texts alone would not fit, or the cache cannot be locked.
    OSError
        If the cache cannot be written.
    """
    with parsing(path, "a Parquet table"), open_parquet(path) as file:
        rows = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        texts = text_columns(path, file.schema_arrow)
        names = [field.name for field in file.schema_arrow]
    check_in_memory(path, sum(rows) * _REFERENCE * len(texts))
    numbers = [name for name in names if name not in texts]
    folder = cache / hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        columns = _mapped(path, folder, numbers, rows)
    if texts:
        with parsing(path, "a Parquet table"), open_parquet(path, texts) as file:
            table = file.read(columns=texts)
        columns |= {name: texts_of(table.column(name)) for name in texts}
    try:
        return Table({name: columns[name] for name in names})
    except InvalidInput as error:
        raise FileRefused(f"{path}: {error}") from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder alone: whoever else wants the same table waits, and finds it unpacked.

    The lock is the system's and ends with its process, however that ends.
    """
    from filelock import FileLock

    try:
        lock = FileLock(folder / LOCK)
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotAvailable(
            f"{folder} cannot be locked: {reason}. Set DELTARULE_DATA to a folder on a disk of "
            "this machine."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _mapped(path: Path, folder: Path, names: list[str], rows: list[int]) -> _Columns:
    """The columns, unpacked where they are not there yet; for the owner of the folder."""
    for left in folder.glob(f"{STATE}.*"):  # by one that was killed
        left.unlink()
    about = path.stat()
    of = [FORMAT, about.st_size, about.st_mtime_ns, names, rows]
    files = {name: folder / f"{i}.npy" for i, name in enumerate(names)}
    state = _state(folder)
    sums = state["sums"] if state.get("of") == of else []
    columns = _opened(files, sum(rows)) if sums else None
    borders = np.cumsum([0, *rows]).tolist()
    done = 0
    if columns is None:
        for file in folder.glob("*.npy"):  # not written over: somebody may have them mapped
            file.unlink()
        columns = _made(files, sum(rows))
    else:
        while done < len(sums) and sums[done] == _sum(columns, *borders[done : done + 2]):
            done += 1
    if done < len(rows):
        _unpack(path, folder, columns, borders, {"of": of, "sums": sums[:done]})
    del columns
    return {name: np.load(file, "r") for name, file in files.items()}


def _state(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("sums"), list) else {}


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    new = folder / f"{STATE}.{os.getpid()}"
    new.write_text(json.dumps(state), encoding="utf-8")
    new.replace(folder / STATE)


def _opened(files: dict[str, Path], n: int) -> _Columns | None:
    """The files as they are there, to be read and written; None unless all are what they were."""
    try:
        found: _Columns = {
            name: np.lib.format.open_memmap(file, "r+") for name, file in files.items()
        }
    except Exception:  # NumPy says in many ways that a file is damaged or not there
        return None
    right = all(column.dtype == np.float64 and column.shape == (n,) for column in found.values())
    return found if right else None


def _made(files: dict[str, Path], n: int) -> _Columns:
    """New files for the columns; on a full disk that is told here, and not by the first write."""
    found: _Columns = {}
    for name, file in files.items():
        found[name] = np.lib.format.open_memmap(file, "w+", np.float64, (n,))
        if hasattr(os, "posix_fallocate"):
            with file.open("r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)
    return found


def _unpack(
    path: Path, folder: Path, columns: _Columns, borders: list[int], state: dict[str, Any]
) -> None:
    """Write the row groups that are missing; each is flushed before it counts."""
    sums = state["sums"]
    for group in range(len(sums), len(borders) - 1):
        at = borders[group]
        for n, numbers in _numbers_in(path, group, list(columns)):
            for name, column in columns.items():
                column[at : at + n] = numbers[name]
            at += n
        for column in columns.values():
            column.flush()  # type: ignore[attr-defined]
        sums.append(_sum(columns, borders[group], at))
        _write_state(folder, state)


def _numbers_in(path: Path, group: int, names: list[str]) -> Iterator[tuple[int, _Columns]]:
    """The numbers of a row group, some rows at a time, and how many."""
    with parsing(path, "a Parquet table"), open_parquet(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=names):
            yield len(batch), {name: numbers_of(batch.column(name)) for name in names}


def _sum(columns: _Columns, start: int, stop: int) -> str:
    """The checksum of some rows of all columns."""
    digest = hashlib.sha256()
    for column in columns.values():
        digest.update(column[start:stop].data)
    return digest.hexdigest()
