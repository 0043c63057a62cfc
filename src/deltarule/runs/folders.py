"""Run folders: claimed whole, written line by line."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from pathlib import Path
from shlex import quote
from typing import Any

from ..ground.errors import DeltaruleError, FileRefused, NotAvailable
from ..storage.atomic import as_path, write_text
from ..storage.json_text import json_text

__all__ = [
    "ABOUT",
    "CHECKPOINTS",
    "METRICS",
    "RECIPE",
    "REPORT",
    "RESULT",
    "SWEEP",
    "TENSORBOARD",
    "append_line",
    "claim_folder",
    "claim_next",
    "free_folder",
    "read_lines",
    "repair_lines",
]

RECIPE, METRICS, CHECKPOINTS = "recipe.toml", "metrics.jsonl", "checkpoints"
TENSORBOARD = "tensorboard"
REPORT, RESULT = "report.html", "result.json"
SWEEP = "sweep.toml"
"""What tells the folder of a sweep from that of a run."""
ABOUT = "about.json"
"""What a report says of a run that stands neither in its recipe, metrics nor weights."""

TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
"""What systems say where a folder is to take the place of one that holds something."""


def free_folder(parent: Path, stem: str) -> Path:
    """The first of parent/stem-1, stem-2, … that is not there."""
    number = 1
    while (parent / f"{stem}-{number}").exists():
        number += 1
    return parent / f"{stem}-{number}"


def claim_folder(folder: str | Path, files: dict[str, str], folders: tuple[str, ...] = ()) -> Path:
    """Make a folder that appears at once with these text files, and empty folders, in it.

    An empty folder is accepted and gets the files one by one, each whole; a used one is refused.
    What could not be finished is taken away again.

    Raises
    ------
    InvalidInput
        If `folder` names none.
    FileRefused
        If it is used, or a file.
    NotAvailable
        If it cannot be made.
    """
    out = as_path(folder).absolute()
    try:
        if out.is_dir():
            if any(out.iterdir()):
                raise _in_use(folder, resumable=(out / RECIPE).is_file())
            _fill(out, files, folders)
            return Path(folder)
        if out.exists():
            raise FileRefused(f"{folder} is a file; --out names a folder that is new or empty.")
        missing = [parent for parent in out.parents if not parent.exists()]
        temporary = out.parent / f".deltarule-{os.getpid()}.tmp"
        try:
            temporary.mkdir(parents=True)
            _fill(temporary, files, folders)
            os.rename(temporary, out)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            for parent in missing:
                with contextlib.suppress(OSError):
                    parent.rmdir()
            raise
    except OSError as error:
        if error.errno in TAKEN:  # another process was a moment faster
            raise _in_use(folder) from None
        raise NotAvailable(
            f"The folder {folder!s:.200} cannot be made: {error.strerror or error}. Choose "
            "another one with --out."
        ) from None
    return Path(folder)


def claim_next(
    parent: Path, stem: str, files: dict[str, str], folders: tuple[str, ...] = ()
) -> Path:
    """Claim the first of parent/stem-1, stem-2, … that is free, as `claim_folder` does.

    Raises
    ------
    NotAvailable
        If it cannot be made.
    """
    while True:
        folder = free_folder(parent, stem)
        try:
            return claim_folder(folder, files, folders)
        except DeltaruleError:
            if not folder.exists():
                raise  # else another process has just taken this number


def _in_use(folder: str | Path, *, resumable: bool = False) -> FileRefused:
    hint = f" It holds a run, which `deltarule resume {quote(str(folder))}` goes on with."
    return FileRefused(
        f"The folder {folder} is in use; choose a new or an empty one with --out."
        f"{hint if resumable else ''}"
    )


def _fill(folder: Path, files: dict[str, str], folders: tuple[str, ...]) -> None:
    """Make all of the folders and files, or none of them; the last file comes last."""
    made: list[str] = []
    written: list[str] = []
    try:
        for name in folders:
            (folder / name).mkdir()
            made.append(name)
        for name, text in files.items():
            written.append(name)
            write_text(folder / name, text)
    except BaseException:
        for name in written:
            (folder / name).unlink(missing_ok=True)
        for name in made:
            with contextlib.suppress(OSError):
                (folder / name).rmdir()
        raise


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Add one record to a file of JSON lines, and hand it to the system at once.

    Raises
    ------
    NotAvailable
        If the disk is full, or the file has gone.
    """
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json_text(record) + "\n")
    except OSError as error:
        raise NotAvailable(
            f"{path} cannot be written: {error.strerror or error}. Choose a folder that has room."
        ) from None


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines; without the last, if it is not whole yet.

    Raises
    ------
    FileRefused
        If another line is no record.
    NotAvailable
        If there is no such file, or it cannot be read.
    """
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
        return [_record(line) for line in lines[:-1]]  # what follows the last end is half a line
    except (ValueError, RecursionError) as error:
        raise FileRefused(
            f"{path} is damaged: {error}. Take it from a backup, or train again."
        ) from None
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read: {error.strerror or error}.") from None


def _record(line: str) -> dict[str, Any]:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError(f"the line {line:.40} is no record")
    return record


def repair_lines(path: Path, records: list[dict[str, Any]]) -> None:
    """Make a file of JSON lines hold exactly these records again, before more are appended.

    A killed process may have left lines that no checkpoint knows of, half a line, or fewer lines
    than the checkpoint, if the system lost the last.  Lines that are right are left as they are.

    Raises
    ------
    NotAvailable
        If the file cannot be read or written.
    """
    wanted = [json_text(record) + "\n" for record in records]
    try:
        had = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        whole = "".join(wanted)
        if had == whole:
            return
        if had.startswith(whole):
            os.truncate(path, len(whole.encode()))
        else:
            write_text(path, whole)
    except OSError as error:
        raise NotAvailable(f"{path} cannot be repaired: {error.strerror or error}.") from None
