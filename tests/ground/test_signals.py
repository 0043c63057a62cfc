"""Ctrl-C and SIGTERM: noted, raised, or waiting until something is whole."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from deltarule.ground.errors import Terminated
from deltarule.ground.signals import SIGNALS, Listening, RaisedAtOnce, interruption, undivided

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals as POSIX has them")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[list[object]]:
    """Whatever a test does, the handlers are in the end as they were; here those of a shell."""
    before = [signal.getsignal(number) for number in SIGNALS]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield [signal.getsignal(number) for number in SIGNALS]
    now = [signal.getsignal(number) for number in SIGNALS]
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)
    assert now[0] in (signal.default_int_handler, signal.SIG_IGN)


def now() -> list[object]:
    """The handlers."""
    return [signal.getsignal(number) for number in SIGNALS]


def exit_code(work: Callable[[], object]) -> int:
    """That of a child which does this."""
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            work()
        finally:
            os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("number", SIGNALS)
def test_noted(number: int, handlers: list[object]) -> None:
    """A signal is noted, raises nothing, and in the end the handlers are those from before."""
    with Listening() as ears:
        assert ears.heard is None
        signal.raise_signal(number)
        assert ears.heard == number
    assert now() == handlers


def test_put_back_after_an_error(handlers: list[object]) -> None:
    """They are put back where something fails, too."""
    for listening in (Listening, RaisedAtOnce, undivided):
        with pytest.raises(ZeroDivisionError), listening():
            _ = 1 / 0
        assert now() == handlers


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("listening", [Listening, RaisedAtOnce])
def test_twice_is_at_once(number: int, listening: type[Listening]) -> None:
    """A second signal within two seconds ends the process with 128 + its number."""

    def twice() -> None:
        with listening():
            for _ in range(2):
                with contextlib.suppress(KeyboardInterrupt):
                    signal.raise_signal(number)

    assert exit_code(twice) == 128 + number


def test_later_is_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After two seconds a second one is the first again."""
    monkeypatch.setattr("deltarule.ground.signals.AT_ONCE", 0.01)
    with Listening() as ears:
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.02)
        assert ears.heard == signal.SIGINT


def test_within_another(handlers: list[object]) -> None:
    """One within another hears what was heard before it began, and changes no handler."""
    with Listening() as outer:
        signal.raise_signal(signal.SIGTERM)
        between = now()
        with Listening() as inner:
            assert inner.heard == signal.SIGTERM
            assert now() == between
        assert now() == between
        assert outer.heard == signal.SIGTERM
    assert now() == handlers


def test_ignored_stays_ignored() -> None:
    """What a process was told to ignore, as in the background of a script, it ignores."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Listening() as ears:
        signal.raise_signal(signal.SIGINT)
        assert ears.heard is None
        signal.raise_signal(signal.SIGTERM)
        assert ears.heard == signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


@pytest.mark.parametrize("listening", [Listening, RaisedAtOnce, undivided])
def test_in_another_thread(listening: Callable[[], Listening], handlers: list[object]) -> None:
    """Outside the main thread nothing is set."""
    found = []

    def work() -> None:
        with listening():
            found.append(now())

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert found == [handlers]


@pytest.mark.parametrize(
    ("number", "kind"), [*zip(SIGNALS, (KeyboardInterrupt, Terminated), strict=False)]
)
def test_raised(number: int, kind: type[BaseException], handlers: list[object]) -> None:
    """Where nothing must be whole it is raised at once; once all is settled, no more."""
    with RaisedAtOnce() as ears:
        with pytest.raises(KeyboardInterrupt) as caught:
            signal.raise_signal(number)
        assert type(caught.value) is kind is type(interruption(number))
        assert ears.heard == number
    with RaisedAtOnce() as ears:
        ears.settled()
        signal.raise_signal(number)
        assert ears.heard == number
    assert now() == handlers


def test_what_python_forgets_comes_again() -> None:
    """Raised where nobody can catch it, a signal is raised again where somebody can."""

    class Ends:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def work() -> None:
        ends = [Ends()]
        ends.clear()
        gc.collect()
        for _ in range(200):
            time.sleep(0.01)

    with RaisedAtOnce(), pytest.raises(KeyboardInterrupt):
        work()


def test_undivided(handlers: list[object]) -> None:
    """A signal waits until what was begun is whole, and is then what it would have been."""
    done = []

    def work() -> None:
        with undivided():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]
    assert now() == handlers
    with Listening() as ears, undivided():
        signal.raise_signal(signal.SIGINT)
    assert ears.heard == signal.SIGINT


def test_undivided_ends_what_would_have_ended() -> None:
    """Where SIGTERM ends a process, it still does, only later."""

    def work() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with undivided():
            signal.raise_signal(signal.SIGTERM)

    assert exit_code(work) == -signal.SIGTERM


def test_terminated_is_no_exception() -> None:
    """No `except Exception` swallows it."""
    assert issubclass(Terminated, KeyboardInterrupt)
    code = (
        "import os, signal\nfrom deltarule.ground.signals import RaisedAtOnce\n"
        "with RaisedAtOnce():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n        signal.pause()\n"
        "    except Exception:\n        print('swallowed')\n"
        "    except KeyboardInterrupt:\n        print('ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ended\n"
