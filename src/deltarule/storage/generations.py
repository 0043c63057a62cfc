"""Numbered checked files in a folder, of which the newest that is whole counts."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from ..ground.contracts import Array
from ..ground.errors import FileRefused, NotAvailable
from .atomic import as_path
from .container import read_tensors, write_tensors

__all__ = ["Generations"]

KEPT = 2


class Generations:
    """Files STEM-NUMBER.safetensors in a folder, each written whole; the two newest are kept.

    There is no file that names the latest, since it could be lost or be wrong: the latest is the
    one with the highest number that verifies.

    Parameters
    ----------
    folder : path
        Made when the first is written.
    stem : str
    """

    def __init__(self, folder: object, stem: str = "checkpoint") -> None:
        self.folder, self.stem = as_path(folder), stem
        self._name = re.compile(rf"{re.escape(stem)}-(\d+)\.safetensors")

    def numbers(self) -> list[int]:
        """Those that are there, whole or not, the newest first.

        Raises
        ------
        NotAvailable
            If the folder cannot be read.
        """
        try:
            names = [entry.name for entry in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise NotAvailable(
                f"The folder {self.folder} cannot be read: {error.strerror or error}."
            ) from None
        found = (self._name.fullmatch(name) for name in names)
        return sorted((int(match[1]) for match in found if match), reverse=True)

    def path(self, number: int) -> Path:
        """Where the file with a number stands."""
        return self.folder / f"{self.stem}-{number:012d}.safetensors"

    def write(self, number: int, tensors: dict[str, Array], description: dict[str, Any]) -> Path:
        """Write one, and then take away all but the two newest and what others left half-written.

        Raises
        ------
        NotAvailable
            If it cannot be written; those that were there are.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise NotAvailable(
                f"The folder {self.folder} cannot be made: {error.strerror or error}. Choose one "
                "that exists, has room and may be written to."
            ) from None
        path = self.path(number)
        write_tensors(path, tensors, description)
        for old in self.numbers()[KEPT:]:
            with contextlib.suppress(OSError):  # it does no harm, and the next write tries again
                self.path(old).unlink()
        return path

    def tidy(self) -> None:
        """Take away what killed processes left half-written; only for the owner of the folder."""
        with contextlib.suppress(OSError):
            for entry in self.folder.glob(f".{self.stem}-*.tmp"):
                entry.unlink()

    def newest(self) -> tuple[dict[str, Array], dict[str, Any], tuple[str, ...]] | None:
        """The newest that verifies, and why newer ones were passed over; None where none is there.

        Raises
        ------
        FileRefused
            If there are some, and none of them is whole.
        """
        refused: list[str] = []
        for number in self.numbers():
            try:
                return *read_tensors(self.path(number)), tuple(refused)
            except (FileRefused, NotAvailable) as error:
                refused.append(str(error))
        if refused:
            raise FileRefused(
                f"No checkpoint in {self.folder} can be used: {' '.join(refused)} Begin anew."
            )
        return None
