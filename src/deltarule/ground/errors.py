"""What can go wrong, and how it is said.

    DeltaruleError
    ├── InvalidInput   (ValueError)   an argument or an array is not what the call needs
    │   └── UnknownName               a name that is in no table, with the nearest one
    ├── FileRefused    (ValueError)   a file is damaged, too large, or not what its name says
    ├── NotAvailable   (LookupError)  a data set, an optional package or a folder is not there
    └── Diverged       (ArithmeticError, ValueError)  training left the finite numbers

    DoubtfulFit        (UserWarning)        not an error: a training went badly
    CutShort           (UserWarning)        not an error: a training diverged and keeps what it had
    Terminated         (KeyboardInterrupt)  not an error: the process was asked to end, by SIGTERM

Every message says what was wrong, what was given and what to do.  Several mistakes of one
call become one message (`Problems`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from .synonyms import synonym_of

__all__ = [
    "CutShort",
    "DeltaruleError",
    "Diverged",
    "DoubtfulFit",
    "FileRefused",
    "InvalidInput",
    "NotAvailable",
    "Problems",
    "Terminated",
    "UnknownName",
    "choose",
    "did_you_mean",
    "names_in",
]


class DeltaruleError(Exception):
    """The root of all errors that deltarule raises on purpose.

    Attributes
    ----------
    sentences : tuple of str
        One for each mistake.
    """

    sentences: tuple[str, ...] = ()


class InvalidInput(DeltaruleError, ValueError):
    """An argument or an array is not what the call needs."""


class UnknownName(InvalidInput):
    """A name stands in no table; the message offers the nearest ones."""


class FileRefused(DeltaruleError, ValueError):
    """A file is damaged, truncated, too large, or not what its name says."""


class NotAvailable(DeltaruleError, LookupError):
    """A data set, an optional package or a folder that the call needs is not there."""


class Diverged(DeltaruleError, ArithmeticError, ValueError):
    """Training left the finite numbers; the best weights so far survive.

    A ValueError too: what made it leave, a rate or a unit, was given, and searches over parameters
    expect nothing else of a fit that fails.

    Attributes
    ----------
    step : int
        The step, counted from 1, after which the loss or a weight was not finite.
    """

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class DoubtfulFit(UserWarning):
    """A training ended, but it shows signs that it went badly; the message names the gravest."""


class CutShort(UserWarning):
    """A training diverged and ended early, with its best weights; the message says why."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM; of a training, after a whole step."""


class Problems:
    """Collects every mistake of one call, then raises them as one message.

    Raises
    ------
    InvalidInput
        (or the given error class) by `raise_if_any`, if anything was added.
    """

    def __init__(self) -> None:
        self._sentences: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._sentences)

    def add(self, sentence: str) -> None:
        """Remember one mistake, a whole sentence; the same one only once."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)

    def take(self, error: DeltaruleError) -> None:
        """Remember every mistake that an error tells."""
        for sentence in error.sentences or (str(error),):
            self.add(sentence)

    def require(self, condition: object, sentence: str) -> bool:
        """Add `sentence` unless `condition` holds; returns whether it held."""
        if not condition:
            self.add(sentence)
        return bool(condition)

    def raise_if_any(self, error: type[DeltaruleError] = InvalidInput) -> None:
        """Raise one error that tells all problems, or return if there are none."""
        if not self._sentences:
            return
        message = self._sentences[0]
        if len(self._sentences) > 1:
            numbered = " ".join(f"({i}) {s}" for i, s in enumerate(self._sentences, 1))
            message = f"{len(self._sentences)} problems: {numbered}"
        told = error(message)
        told.sentences = tuple(self._sentences)
        raise told


def names_in(table: ModuleType | Mapping[str, Any]) -> list[str]:
    """The public names of a table: a mapping's keys, or a module's `__all__` without helpers.

    A module lists in `__all__` what belongs to its table, and may keep other public names out of
    it by `NOT_IN_TABLE`.
    """
    if isinstance(table, Mapping):
        return sorted(table)
    hidden = getattr(table, "NOT_IN_TABLE", ())
    return [name for name in table.__all__ if name not in hidden]


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """' Did you mean …?' with what it is called here, or the nearest known name, or ''."""
    known = list(known)
    synonym = synonym_of(name, known)
    if synonym is not None:
        return f" Did you mean {synonym}?"
    folded = {k.casefold().replace("-", "_"): k for k in known}
    near = difflib.get_close_matches(
        str(name).casefold().replace("-", "_"), list(folded), n=1, cutoff=0.6
    )
    return f" Did you mean {folded[near[0]]!r}?" if near else ""


def choose(name: object, table: ModuleType | Mapping[str, Any], what: str) -> Any:
    """Look `name` up in `table`.

    Parameters
    ----------
    name : str
        The name that a user gave.
    table : module or mapping
        Where the names live (see `names_in`).
    what : str
        What is being chosen, for the message: 'activation', 'optimizer'.

    Raises
    ------
    UnknownName
        If there is no such name; the message lists all names and offers the nearest.
    """
    known = names_in(table)
    if isinstance(name, str) and name in known:
        return table[name] if isinstance(table, Mapping) else getattr(table, name)
    raise UnknownName(
        f"Unknown {what} {name!r}.{did_you_mean(name, known)} Known are: {', '.join(known)}."
    )
