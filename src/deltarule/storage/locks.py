"""One process for one folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..ground.errors import NotAvailable
from .atomic import as_path

__all__ = ["LOCK", "locked"]

LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: object) -> Iterator[None]:
    """Hold a folder alone.

    The lock is the system's, on the file `.lock` in the folder: it ends with its process, however
    that ends, so that a file left behind by one that was killed locks nobody out.

    Raises
    ------
    NotAvailable
        If another process holds it, or the file cannot be made.
    """
    from filelock import FileLock, Timeout

    target = as_path(folder)
    if not target.is_dir():
        raise NotAvailable(f"The folder {target} cannot be locked: it is not there.")
    lock = FileLock(target / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise NotAvailable(
            f"Another process is at work in {target}; wait for it to end, or choose another folder."
        ) from None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotAvailable(f"The folder {target} cannot be locked: {reason}.") from None
    try:
        yield
    finally:
        lock.release()
