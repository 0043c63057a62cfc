"""What a worker says when another has gone, and what a single one does."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import numpy as np
import pytest

from deltarule.distributed import workers as module
from deltarule.distributed.launch import Launch
from deltarule.distributed.workers import Workers, agreed, join
from deltarule.ground.errors import InvalidInput, NotAvailable

ALONE = Launch(0, 1)


def test_one_worker_needs_nobody() -> None:
    """Sums, votes and words of a single worker are its own."""
    one, vector = Workers(ALONE), np.arange(3.0)
    assert one.leads
    np.testing.assert_array_equal(one.gather(vector), [vector])
    np.testing.assert_array_equal(one.tree_sum(vector.copy()), vector)
    np.testing.assert_array_equal(one.scatter_sum(vector), vector)
    np.testing.assert_array_equal(one.collect(vector), [vector])
    one.add_up(vector)
    one.require_same(1, vector)
    assert one.greatest(5) == 5
    assert one.hear("ä word") == ["ä word"]
    assert agreed(one, lambda: 7) == 7
    one.leave()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "[/a/gloo/pair.cc:553] Connection closed by peer [127.0.0.1]:3. This is typical.\nX",
            "(Connection closed by peer [127.0.0.1]:3)",
        ),
        ("", "(no answer)"),
        ("x" * 500, "(" + "x" * 200 + ")"),
    ],
)
def test_what_is_lost(said: str, told: str) -> None:
    """The first sentence of what torch says, and how to go on."""

    class Backend:
        def all_reduce(self, tensor: Any) -> None:
            raise RuntimeError(said)

    workers = Workers(Launch(1, 2), Backend())
    with pytest.raises(NotAvailable, match="deltarule resume") as raised:
        workers.add_up(np.zeros(1))
    assert f"Worker 1 of 2 has lost another {told}." in str(raised.value)
    assert workers.lost


def test_an_error_of_its_own() -> None:
    """What one cannot make ends it with its own error, which the leading one tells."""

    def fails() -> int:
        raise InvalidInput("No such thing.")

    one = Workers(ALONE)
    with pytest.raises(InvalidInput, match="No such thing"):
        agreed(one, fails)
    assert one.told


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch is not installed, one sentence says what to do."""
    real = builtins.__import__

    def absent(name: str, *given: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "torch":
            raise ImportError(name)
        return real(name, *given, **more)

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(NotAvailable, match=r"pip install 'deltarule\[torch\]'"):
        join(ALONE)


def test_without_threadpoolctl(monkeypatch: pytest.MonkeyPatch) -> None:
    """BLAS threads that cannot be held to one would change bits: refused, unless there is one."""
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    with pytest.raises(NotAvailable, match="pip install threadpoolctl"):
        module.one_thread()
    monkeypatch.setattr(module.os, "cpu_count", lambda: 1)
    module.one_thread()
