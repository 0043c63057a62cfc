"""The command `deltarule`: every error that is ours ends as one sentence and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from ..ground.errors import DeltaruleError, Diverged, Terminated
from ..ground.signals import RaisedAtOnce, interruption
from .output import Output
from .parser import build_parser

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after `deltarule`; those of the process by default.

    Returns
    -------
    int
        The exit code: 0 done, 1 failed, 2 refused (the input, or what was to be written),
        130 interrupted by Ctrl-C, 143 by SIGTERM.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks λ must not end in a crash
            stream.reconfigure(errors="backslashreplace")
    with RaisedAtOnce() as signals:
        try:
            return _ended(words, signals)
        except KeyboardInterrupt as error:
            signals.settled()
            return _say(str(error) or "Interrupted.", 143 if isinstance(error, Terminated) else 130)


def _ended(words: list[str], signals: RaisedAtOnce) -> int:
    try:
        try:
            with _what_was_heard(signals):
                return _run(words)
        finally:  # here, not at the interpreter's end, a failure to write can be told
            print(end="", flush=True)
    except Diverged as error:
        return _say(error, 1)
    except DeltaruleError as error:
        return _say(error, 2)
    except MemoryError:
        return _say("There is not enough memory for this; use fewer rows or a smaller network.", 1)
    except BrokenPipeError:  # the reader has left
        _give_up(sys.stdout)
        return 0
    except OSError as error:
        _give_up(sys.stdout)
        what = error.filename and f"{error.filename} cannot be read or written"
        reason = error.strerror or error
        return _say(f"{what or 'The output cannot be written'}: {reason}. Choose another place.", 2)


@contextlib.contextmanager
def _what_was_heard(signals: RaisedAtOnce) -> Iterator[None]:
    """A signal stays one, also where a package made an error of its own of what was raised."""
    try:
        yield
    except Exception:
        if signals.heard is None:
            raise
        raise interruption(signals.heard) from None


def _run(words: list[str]) -> int:
    parser = build_parser()
    args = parser.parse_strictly(words)
    if args.version:
        from .. import __version__

        print(f"deltarule {__version__}")
        return 0
    if args.command is None:
        parser.print_help()
        return 0
    from .commands import COMMANDS

    args.argv = words
    return COMMANDS[args.command](args, Output(args.json, args.quiet))


def _say(error: object, code: int) -> int:
    sentence = " ".join(str(error).split())  # one line, whatever was quoted in it
    try:
        print(f"deltarule: {sentence}", file=sys.stderr, flush=True)
    except OSError:  # the exit code can still be told
        _give_up(sys.stderr)
    return code


def _give_up(stream: TextIO) -> None:
    """Let what is left in the buffer go nowhere, so that the interpreter's end does not fail."""
    with contextlib.suppress(OSError, AttributeError):  # a stand-in for a stream has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
