"""One process for one folder, or for one thing in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from ..ground.errors import NotAvailable
from .atomic import as_path

__all__ = ["LOCK", "hold", "locked"]

LOCK = ".lock"


def hold(folder: object, name: str = LOCK, wait: float = 0.0) -> Callable[[], None] | None:
    """Take a lock, and return what gives it back; None if another process holds it.

    The lock is the system's, on a file in the folder: it ends with its process, however that ends,
    so that a file left behind by one that was killed locks nobody out.

    Parameters
    ----------
    folder : path
    name : str
        Of the file: `.lock` for the folder itself.
    wait : float
        For how many seconds to wait for it.

    Raises
    ------
    NotAvailable
        If the file cannot be made.
    """
    from filelock import FileLock, Timeout

    target = _there(folder)
    lock = FileLock(target / name)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        return None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotAvailable(f"The folder {target} cannot be locked: {reason}.") from None
    return lock.release


@contextlib.contextmanager
def locked(folder: object, name: str = LOCK, wait: float = 0.0) -> Iterator[None]:
    """Hold a folder, or one thing in it, alone (see `hold`).

    Raises
    ------
    NotAvailable
        If another process holds it, or the file cannot be made.
    """
    release = hold(folder, name, wait)
    if release is None:
        raise NotAvailable(
            f"Another process is at work in {_there(folder)}; wait for it to end, or choose "
            "another folder."
        )
    try:
        yield
    finally:
        release()


def _there(folder: object) -> Path:
    target = as_path(folder)
    if not target.is_dir():
        raise NotAvailable(f"The folder {target} cannot be locked: it is not there.")
    return target
