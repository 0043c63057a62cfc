"""The folder of a sweep, in which several processes may be at work.

sweep.toml     what the sweep is: its name, store, recipe and space
study.db       the trials, where the store is SQLite's and nobody said otherwise
trials/7/      the run folder of trial 7
result.json    what was found, and report.html, the same as a page
"""

from __future__ import annotations

import contextlib
import tomllib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ground.errors import FileRefused, NotAvailable
from ..runs.folders import SWEEP, claim_folder
from ..storage.atomic import write_text
from ..storage.locks import hold, locked

__all__ = [
    "STUDY",
    "TRIALS",
    "Workplace",
    "check_folder",
    "described",
    "open_workplace",
]

TRIALS, STUDY = "trials", "study.db"
FOLDER_KEY = "folder"
SECONDS_TO_WAIT = 120.0
ABOUT = "# A sweep of deltarule: what is searched, and where its trials are kept.\n"


@dataclass(frozen=True)
class Workplace:
    """A folder that belongs to one sweep.

    Attributes
    ----------
    folder : Path
    identity : str
        Of the folder: workers that share it share this, wherever it is mounted.
    """

    folder: Path
    identity: str

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """For the moment in which a trial is chosen: one process after the other."""
        return locked(self.folder, wait=SECONDS_TO_WAIT)

    def hold_trial(self, number: int) -> Callable[[], None] | None:
        """Take a trial for this process; None if another one is at work on it."""
        return hold(self.folder / TRIALS, f".{number}.lock")

    def run(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.folder / TRIALS / str(number)

    def describe(self, facts: dict[str, Any]) -> None:
        """Write down what the sweep is."""
        import tomli_w

        text = ABOUT + tomli_w.dumps({FOLDER_KEY: self.identity} | _without_none(facts))
        path = self.folder / SWEEP
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)


def check_folder(folder: Path) -> None:
    """Refuse a folder that is in use for something else.

    Raises
    ------
    FileRefused
        Saying so.
    """
    try:
        used = folder.exists() and not (folder / SWEEP).is_file()
        if used and not folder.is_dir():
            raise FileRefused(f"{folder} is a file; --out names a folder that is new or empty.")
        if used and any(folder.iterdir()):
            raise FileRefused(
                f"The folder {folder} is in use, and not by a sweep; choose a new or an empty one "
                "with --out."
            )
    except OSError as error:
        raise NotAvailable(
            f"The folder {folder!s:.200} cannot be used: {error.strerror or error}. Choose "
            "another one with --out."
        ) from None


def described(folder: Path) -> dict[str, Any]:
    """What is written in the folder about its sweep; empty at the very beginning.

    Raises
    ------
    FileRefused
        If the file is damaged.
    """
    path = folder / SWEEP
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileRefused(
            f"{path} cannot be read: {reason}. Restore it, or choose another --out."
        ) from None


def open_workplace(folder: Path) -> Workplace:
    """The folder of a sweep, made if it is new.

    Raises
    ------
    FileRefused
        If it is in use for something else.
    NotAvailable
        If it cannot be made.
    """
    if not (folder / SWEEP).is_file():
        try:
            claim_folder(folder, {SWEEP: ABOUT})
        except FileRefused:
            if not (folder / SWEEP).is_file():  # else another process has just made it
                raise
    with locked(folder, wait=SECONDS_TO_WAIT):
        try:
            (folder / TRIALS).mkdir(exist_ok=True)
        except OSError as error:
            raise NotAvailable(
                f"The folder {folder} cannot be used: {error.strerror or error}. Choose another "
                "one with --out."
            ) from None
        identity = described(folder).get(FOLDER_KEY)
        place = Workplace(folder, identity or uuid.uuid4().hex)
        if identity is None:
            place.describe({})
    return place


def _without_none(value: Any) -> Any:
    """TOML has no word for nothing: what is None is left out, in lists written 'none'."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return ["none" if v is None else _without_none(v) for v in value]
    return value
