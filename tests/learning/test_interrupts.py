"""Signals end a training after a whole step, with a checkpoint, and once only."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.ground.errors import Terminated
from deltarule.storage.generations import Generations

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(80, 4)), RNG.integers(2, size=80)


class Send(dr.Callback):
    """Sends this process signals at a step."""

    every_step = False

    def __init__(self, step: int, number: int, times: int = 1) -> None:
        self.step, self.number, self.times = step, number, times

    def on_step(self, training: Any) -> None:
        if training.t >= self.step and self.times:
            times, self.times = self.times, 0
            for _ in range(times):
                os.kill(os.getpid(), self.number)


def train(folder: Path, callbacks: list[Any], **more: Any) -> dr.Network:
    """5 epochs of 8 steps by the reference."""
    net = dr.Network([4, 6, 2], seed=1)
    given: dict[str, Any] = {"epochs": 5, "batch_size": 10, "progress": False, **more}
    try:
        net.train(X, Y, **given, engine="reference", callbacks=callbacks, resume=folder)
    except KeyboardInterrupt as error:
        net.about |= {"error": type(error).__name__, "told": str(error)}
    return net


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 8, 11, 23, 39])
def test_finish_and_go_on(tmp_path: Path, number: int, step: int) -> None:
    """The step is finished and kept; going on ends in the bits of an undisturbed training."""
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    whole = train(tmp_path / "whole", [])
    cut = train(tmp_path / "cut", [Send(step, number)])
    assert cut.about["error"] == ("KeyboardInterrupt" if number == signal.SIGINT else "Terminated")
    assert "a checkpoint is in" in cut.about["told"]
    assert Generations(tmp_path / "cut").numbers()[0] == step
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
    rest = train(tmp_path / "cut", [])
    assert np.array_equal(rest.chain.theta, whole.chain.theta)


def test_in_the_last_step(tmp_path: Path) -> None:
    """A signal that comes when all is done but the record still leaves a checkpoint to end from."""
    whole = train(tmp_path / "whole", [])
    train(tmp_path / "cut", [Send(40, signal.SIGTERM)])
    assert np.array_equal(train(tmp_path / "cut", []).chain.theta, whole.chain.theta)


def test_twice_is_at_once(tmp_path: Path) -> None:
    """A second signal within two seconds ends the process with 128 + its number."""
    child = os.fork()
    if not child:
        train(tmp_path, [Send(5, signal.SIGTERM, times=2)])
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 143


def test_in_another_thread(tmp_path: Path) -> None:
    """Outside the main thread no handler is set, and the training is the same."""
    found: list[dr.Network] = []
    before = signal.getsignal(signal.SIGINT)
    worker = threading.Thread(target=lambda: found.append(train(tmp_path / "a", [])))
    worker.start()
    worker.join()
    assert signal.getsignal(signal.SIGINT) is before
    assert np.array_equal(found[0].chain.theta, train(tmp_path / "b", []).chain.theta)


def test_names() -> None:
    """Terminated is a KeyboardInterrupt, so that no `except Exception` swallows it."""
    assert issubclass(Terminated, KeyboardInterrupt)
