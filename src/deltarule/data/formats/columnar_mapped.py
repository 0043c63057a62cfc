"""A Parquet table that memory does not hold: its columns of numbers, unpacked into files, mapped.

A training takes its rows in another order every epoch, and Parquet is made to be read from front to
back, so the numbers are unpacked once, row group by row group, into one .npy file for each column.
Rows then come as from any mapped array: in the same order, to the same bits.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, InvalidInput
from ..dataset import Table
from .columnar import numbers_of, open_parquet, text_columns, texts_of
from .reading import check_in_memory, parsing

__all__ = ["map_parquet"]

FORMAT = 1
STATE = "state.json"
ROWS_AT_ONCE = 2**16
_PIECE = 2**22
_REFERENCE = 8


def map_parquet(path: Path, cache: Path) -> Table:
    """The table of a Parquet file, its numbers mapped from files in the folder `cache`.

    What was unpacked before is taken if its checksum is right, and an unpacking that was cut short
    goes on from the last whole row group.  Texts are held in memory.

    Raises
    ------
    FileRefused, NotAvailable
        As `read_parquet`; also where the texts alone would not fit.
    OSError
        If the cache cannot be written.
    """
    with parsing(path, "a Parquet table"), open_parquet(path) as file:
        n, groups = file.metadata.num_rows, file.num_row_groups
        texts = text_columns(path, file.schema_arrow)
        names = [field.name for field in file.schema_arrow]
    check_in_memory(path, n * _REFERENCE * len(texts))
    numbers = [name for name in names if name not in texts]
    folder = cache / _key(path, names)
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{i}.npy" for i, name in enumerate(numbers)}
    state = _state(folder)
    if state.get("sha256") is None or state["sha256"] != _checksum(files.values()):
        done = state.get("groups", 0) if state.get("sha256") is None else 0
        _unpack(path, n, groups, files, folder, done)
    columns: dict[str, Array] = {name: np.load(file, "r") for name, file in files.items()}
    if texts:
        with parsing(path, "a Parquet table"), open_parquet(path, texts) as file:
            table = file.read(columns=texts)
        columns |= {name: texts_of(table.column(name)) for name in texts}
    try:
        return Table({name: columns[name] for name in names})
    except InvalidInput as error:
        raise FileRefused(f"{path}: {error}") from error


def _key(path: Path, names: list[str]) -> str:
    """A name for what is unpacked of this file as it is now."""
    about = path.stat()
    facts = (FORMAT, str(path.resolve()), about.st_size, about.st_mtime_ns, names)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _state(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    new = folder / f"{STATE}.{os.getpid()}"
    new.write_text(json.dumps(state), encoding="utf-8")
    new.replace(folder / STATE)


def _unpack(
    path: Path, n: int, groups: int, files: dict[str, Path], folder: Path, done: int
) -> None:
    """Write the columns from row group `done` on; what is written is flushed before it counts."""
    fresh = not all(file.is_file() for file in files.values())
    done = 0 if fresh else done
    out = {
        name: np.lib.format.open_memmap(file, "w+", np.float64, (n,))
        if fresh
        else np.lib.format.open_memmap(file, "r+")
        for name, file in files.items()
    }
    with parsing(path, "a Parquet table"), open_parquet(path) as file:
        at = sum(file.metadata.row_group(g).num_rows for g in range(done))
        for group in range(done, groups):
            batches = file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=list(files))
            for batch in batches:
                for name, column in out.items():
                    column[at : at + len(batch)] = numbers_of(batch.column(name))
                at += len(batch)
            for column in out.values():
                column.flush()
            _write_state(folder, {"groups": group + 1, "sha256": None})
    _write_state(folder, {"groups": groups, "sha256": _checksum(files.values())})


def _checksum(files: Any) -> str:
    """Of the content of files, in order; of those that are not there, none."""
    digest = hashlib.sha256()
    for file in files:
        if not file.is_file():
            return ""
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    return digest.hexdigest()
