"""Ctrl-C and SIGTERM: noted where something must be done whole, raised where nothing must."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from .errors import Terminated

__all__ = ["SIGNALS", "Listening", "RaisedAtOnce", "interruption", "undivided"]

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name))
# Whoever asks twice within so many seconds does not want to wait.
AT_ONCE = 2.0


def interruption(number: int, sentence: str = "") -> KeyboardInterrupt:
    """What is raised for a signal: KeyboardInterrupt, of SIGTERM `Terminated`."""
    kind = Terminated if number == signal.SIGTERM else KeyboardInterrupt
    return kind(sentence) if sentence else kind()


class Listening:
    """While it is entered, Ctrl-C and SIGTERM are noted, and whoever looks at `heard` acts.

    A second signal within two seconds ends the process at once, with exit code 130 or 143; with
    `handed_on` only the same one again does, for torchrun hands Ctrl-C on as SIGTERM to those who
    have heard it already.  Signals are heard in the main thread only, as Python has it; those that
    the process was told to ignore, as in the background of a script, stay ignored.  What was done
    before is put back at the end.  One that listens within another hears what that one hears.
    """

    def __init__(self, handed_on: bool = False) -> None:
        self._heard: int | None = None
        self._handed_on = handed_on
        self._at = -AT_ONCE
        self._before: dict[int, Any] = {}
        self._outer: Listening | None = None

    @property
    def heard(self) -> int | None:
        """The number of the last signal, or None."""
        return self._heard if self._outer is None else self._outer.heard

    def __enter__(self) -> Listening:
        if threading.current_thread() is threading.main_thread():
            self._outer = _who_notes()
            if self._outer is None:
                for number in SIGNALS:
                    if signal.getsignal(number) not in (signal.SIG_IGN, None):
                        self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _hear(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        again = self._heard is not None and now - self._at < AT_ONCE
        if again and (number == self._heard or not self._handed_on):
            os._exit(128 + number)
        self._heard, self._at = number, now


def _who_notes() -> Listening | None:
    """Who notes signals already, if anybody does."""
    owner = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    if owner is None:
        owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    notes = isinstance(owner, Listening) and not isinstance(owner, RaisedAtOnce)
    return owner if notes else None


class RaisedAtOnce(Listening):
    """While it is entered, Ctrl-C raises KeyboardInterrupt, and SIGTERM `Terminated`.

    Python prints and forgets what is raised where nobody could catch it, as within the collection
    of garbage; there the signal comes again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._deaf, self._hook = False, sys.unraisablehook

    def __enter__(self) -> RaisedAtOnce:
        super().__enter__()
        if self._before:
            sys.unraisablehook = self._not_raised
        return self

    def __exit__(self, *error: object) -> None:
        if self._before:
            sys.unraisablehook = self._hook
        super().__exit__(*error)

    def settled(self) -> None:
        """From now on nothing is raised: what was to be done is done, or given up."""
        self._deaf = True

    def _hear(self, number: int, frame: Any) -> None:
        super()._hear(number, frame)
        if not self._deaf:
            raise interruption(number)

    def _not_raised(self, unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt) and self._heard is not None:
            number, self._heard = self._heard, None  # from a thread, later: nobody catches it here
            threading.Timer(0.05, signal.raise_signal, [number]).start()
        else:
            self._hook(unraisable)


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """What is done within is done whole: a signal waits until its end."""
    ears = _Patient()
    try:
        with ears:
            yield
    finally:
        if ears.waiting is not None:
            signal.raise_signal(ears.waiting)


class _Patient(Listening):
    """Notes signals for a moment so short that nobody becomes impatient."""

    waiting: int | None = None

    def _hear(self, number: int, frame: Any) -> None:
        self.waiting = number
