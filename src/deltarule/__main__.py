"""The program `deltarule`, also as `python -m deltarule`."""

from __future__ import annotations

from typing import Any


def program() -> int:
    """The command of this process; of an early Ctrl-C no traceback is left either."""
    import os
    import signal

    def end(number: int, frame: Any) -> None:
        os.write(2, b"deltarule: Interrupted.\n")
        os._exit(128 + number)

    # Before our own imports: nothing has begun, and there is nothing to be ended well.
    heard = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, end)
    from .cli.main import main

    code = main()
    if code > 128:  # Python would make another code of an interruption within `exec`
        os._exit(code)
    for number in heard:  # all is done: the interpreter's own end needs no words
        signal.signal(number, signal.SIG_DFL)
    return code


if __name__ == "__main__":
    raise SystemExit(program())
