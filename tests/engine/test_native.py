"""The compiled core: there, not there, or switched off; and its threads."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.engine import native


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing chosen or said yet."""
    monkeypatch.setattr(native, "_chosen", None)
    monkeypatch.setattr(native, "_told", False)
    monkeypatch.setenv("DELTARULE_NUM_THREADS", "3")


def test_importing_does_not_load_it() -> None:
    """`import deltarule` and a network leave the core alone until it is needed."""
    code = (
        "import sys, deltarule as dr; dr.Network([3, 2]); dr.set_threads(2); "
        "assert 'deltarule.engine._core' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_there(fake: ModuleType) -> None:
    """Where the core is there, nothing speaks against it, and it knows how many threads."""
    assert native.available()
    assert native.why_not() == ""
    assert native.core() is fake
    assert fake.threads == 3


@pytest.mark.usefixtures("absent")
def test_not_there() -> None:
    """Where it is not compiled, one sentence says so and what to do."""
    assert not native.available()
    assert native.why_not() == native.NOT_COMPILED
    with pytest.raises(dr.NotAvailable, match=r'install a wheel.* engine="reference" does'):
        native.core()


def test_it_cannot_be_loaded(absent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that is there and does not load is told with the reason."""

    def fails(*_: Any) -> None:
        raise ImportError("undefined symbol")

    monkeypatch.setattr(native.importlib, "import_module", fails)
    assert "cannot be loaded (undefined symbol)" in native.why_not()


@pytest.mark.parametrize(("word", "there"), [("reference", False), ("auto", True), ("", True)])
@pytest.mark.usefixtures("fake")
def test_switched_off(word: str, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """DELTARULE_ENGINE=reference keeps the core out of the process."""
    monkeypatch.setenv("DELTARULE_ENGINE", word)
    native._find.cache_clear()
    assert native.available() == there
    assert native.why_not() == ("" if there else native.SWITCHED_OFF)


@pytest.mark.usefixtures("fake")
def test_a_wrong_switch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another word is refused, each time."""
    monkeypatch.setenv("DELTARULE_ENGINE", "fast")
    native._find.cache_clear()
    for _ in range(2):
        with pytest.raises(dr.InvalidInput, match="must be auto or reference, not 'fast'"):
            native.available()


def test_threads(fake: ModuleType) -> None:
    """What is set is what is told, before and after the core is loaded."""
    assert dr.get_threads() == 3
    dr.set_threads(2)
    assert dr.get_threads() == fake.threads == 2
    assert native.available()
    dr.set_threads(np.int64(5))
    assert dr.get_threads() == fake.threads == 5
    assert type(dr.get_threads()) is int


@pytest.mark.usefixtures("absent")
def test_threads_without_a_core() -> None:
    """They can be set where there is nothing to use them."""
    dr.set_threads(2)
    assert dr.get_threads() == 2


@pytest.mark.parametrize("n", [0, -1, 65, 1.0, True, "2", None])
def test_wrong_threads(n: Any) -> None:
    """What is no number of threads is refused, and nothing changes."""
    with pytest.raises(dr.InvalidInput, match="from 1 to 64"):
        dr.set_threads(n)
    assert dr.get_threads() == 3


@pytest.mark.usefixtures("absent")
def test_the_notice_is_said_once() -> None:
    """That only the missing core kept a training from it is said once in a process."""
    why = native.why_not()
    assert native.notice(()) == ""
    assert native.notice((why, "The loss mine is a function of your own.")) == ""
    assert native.notice((why,)).startswith(why)
    assert native.notice((why,)) == ""


@pytest.mark.usefixtures("absent")
def test_no_notice_where_it_was_wanted_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has switched the engine off need not be told."""
    monkeypatch.setenv("DELTARULE_ENGINE", "reference")
    assert native.notice((native.why_not(),)) == ""


def test_the_real_one_takes_the_threads(core: Any) -> None:
    """The compiled core uses as many threads as were set."""
    before = core.get_threads()
    dr.set_threads(before + 1)
    assert core.get_threads() == before + 1
    dr.set_threads(before)
    assert core.get_threads() == before
