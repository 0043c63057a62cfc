"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..ground.errors import InvalidInput, NotAvailable

__all__ = ["as_path", "write_bytes", "write_text"]


def as_path(path: object) -> Path:
    """What names a file or a folder, as a Path.

    Raises
    ------
    InvalidInput
        If it names none: no text, empty, or with a character that no system allows.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(path, bytes):
        raise InvalidInput(f"A path must be text or a pathlib.Path, not {path!r:.60}.")
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidInput(f"The path {text!r:.60} names no file; give the name of one.")
    return Path(text)


def write_bytes(path: str | os.PathLike[str], data: bytes | Iterable[bytes | memoryview]) -> None:
    """Write a file so that, whenever the machine stops, the old or the new one is there, whole.

    A temporary file in the same folder, flushed to the disk, takes the name at once; the
    permissions of a file that was there are kept.  Large files may come in pieces, so that nobody
    has to join them in memory.

    Raises
    ------
    InvalidInput
        If `path` names no file.
    NotAvailable
        If the folder is missing or cannot be written to, or the disk is full.
    """
    target = as_path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        try:
            with open(temporary, "xb") as file:
                for piece in (data,) if isinstance(data, bytes) else data:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise NotAvailable(
            f"{target} cannot be written: {error.strerror or error}. "
            "Choose a folder that exists, has room and may be written to."
        ) from None


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """`write_bytes` of the text in UTF-8."""
    write_bytes(path, text.encode())


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows neither needs nor allows it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
