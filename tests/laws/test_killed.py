"""Killed anywhere, a run goes on to the bits that it would have had.

Children are forked, in milliseconds; they die by SIGKILL, after which nothing is tidied up.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.experiments.recipes import Recipe, recipe_from
from deltarule.experiments.runs import resume_run, train_run
from deltarule.storage import atomic

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")

LONG = os.environ.get("DELTARULE_LONG") == "1"
KILLS = 300 if LONG else 60


def recipe(**changes: Any) -> Recipe:
    """A run of about a second with everything that can be lost."""
    settled = {
        "data": "digits",
        "epochs": 12,
        "hidden_layer_sizes": [24],
        "dropout": 0.1,
        "average": 0.9,
        "clip_norm": 1.0,
        "patience": 8,
        "schedule": "cosine",
        "checkpoint_every": "0.01 s",
    }
    return recipe_from(settled, changes)


def in_child(work: Callable[[], object], kill_after: float | None = None) -> int:
    """Run something in a forked child, killed after so many seconds; its exit code, or −9."""
    child = start(work)
    if kill_after is not None:
        time.sleep(kill_after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def start(work: Callable[[], object]) -> int:
    """Run something in a forked child that says nothing; its process number."""
    child = os.fork()
    if not child:
        code = 1
        try:
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, 1)
            os.dup2(devnull, 2)
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def go_on(folder: Path, given: Recipe) -> None:
    """Begin the run, or go on with it."""
    if (folder / "recipe.toml").exists():
        resume_run(folder, progress=False)
    else:
        train_run(given, folder, progress=False)


def outcome(folder: Path) -> tuple[dict[str, Any], bytes, list[dict[str, Any]]]:
    """What a run came to, without times and places."""
    facts = json.loads((folder / "result.json").read_text())
    facts = {k: v for k, v in facts.items() if k not in ("run", "seconds")}
    theta = dr.load(folder / "best.safetensors").chain.theta.tobytes()
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return facts, theta, [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_killed_at_random_moments(tmp_path: Path, engine: str) -> None:
    """After each of many kills the run goes on, and ends in the same bits, history and result."""
    chance = random.Random(engine)
    given = recipe(engine=engine)
    began = time.monotonic()
    assert in_child(lambda: go_on(tmp_path / "whole", given)) == 0
    whole, alone = outcome(tmp_path / "whole"), time.monotonic() - began
    kills = runs = 0
    while kills < KILLS // 2:
        folder = tmp_path / f"run-{runs}"
        runs += 1
        work = functools.partial(go_on, folder, given)
        while in_child(work, chance.uniform(0.0, 1.2 * alone)) == -9:
            kills += 1
            assert kills < 20 * KILLS
        assert outcome(folder) == whole


class Dies:
    """Counts the calls of the system that a save makes, and dies before or after one of them.

    With `error` it fails instead, as on a full or broken disk.
    """

    def __init__(self, at: int, after: bool, error: int | None = None) -> None:
        self.at, self.after, self.error, self.count = at, after, error, 0

    def _end(self) -> None:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            if self.count == self.at and not self.after:
                self._end()
            result = function(*args, **kwargs)
            if self.count == self.at and self.after:
                self._end()
            return result

        return call


def watched(monkeypatch: pytest.MonkeyPatch, dies: Dies) -> None:
    """Let every open, fsync, rename, permission and removal of a save count."""
    for name in ("fsync", "replace", "chmod", "rename", "open"):
        monkeypatch.setattr(os, name, dies.wrap(getattr(os, name)))
    real_open = open

    def opened(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        dies.wrap(lambda: None)()
        file = real_open(path, mode, *args, **kwargs)
        if "x" in mode or "a" in mode or "w" in mode:
            return _Counting(file, dies)
        return file

    monkeypatch.setattr(atomic, "open", opened, raising=False)
    monkeypatch.setattr("deltarule.experiments.folders.open", opened, raising=False)


class _Counting:
    """A file whose writes count, each of them flushed, so that half of what is written is there."""

    def __init__(self, file: Any, dies: Dies) -> None:
        self.file, self.dies = file, dies

    def write(self, data: Any) -> int:
        half = len(data) // 2
        self.file.write(data[:half])
        self.file.flush()
        self.dies.wrap(lambda: None)()
        written: int = half + self.file.write(data[half:])
        self.file.flush()
        return written

    def __enter__(self) -> _Counting:
        return self

    def __exit__(self, *error: Any) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_killed_at_every_call_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dead before or after each open, half write, fsync and rename of a run: it still goes on."""
    given = recipe(epochs=2, checkpoint_every="1 epoch", hidden_layer_sizes=[8])
    count = Dies(-1, False)
    with monkeypatch.context() as patch:
        watched(patch, count)
        train_run(given, tmp_path / "whole", progress=False)
    whole = outcome(tmp_path / "whole")
    assert count.count > 30
    for at in range(1, count.count + 1, 1 if LONG else 2):
        for after in (False, True):
            folder = tmp_path / f"{at}-{after}"

            def doomed(folder: Path = folder, at: int = at, after: bool = after) -> None:
                with pytest.MonkeyPatch.context() as patch:
                    watched(patch, Dies(at, after))
                    train_run(given, folder, progress=False)

            assert in_child(doomed) == -9, at
            go_on(folder, given)
            assert outcome(folder) == whole, (at, after)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """Full, broken or read-only at any call: one sentence, and then the run goes on as if not."""
    given = recipe(epochs=2, checkpoint_every="1 epoch", hidden_layer_sizes=[8])
    count = Dies(-1, False)
    with monkeypatch.context() as patch:
        watched(patch, count)
        train_run(given, tmp_path / "whole", progress=False)
    whole = outcome(tmp_path / "whole")
    for at in range(1, count.count + 1, 1 if LONG else 3):
        folder = tmp_path / str(at)
        with pytest.MonkeyPatch.context() as patch:
            watched(patch, Dies(at, False, error))
            with contextlib.suppress(dr.NotAvailable):
                train_run(given, folder, progress=False)
        go_on(folder, given)
        assert outcome(folder) == whole, at
        assert not list(folder.rglob("*.tmp")), at


def test_never_more_than_an_interval_is_lost(tmp_path: Path) -> None:
    """What a kill costs is at most what was done since the last checkpoint."""
    given = recipe(epochs=2000, checkpoint_every="0.05 s", patience=None)
    assert in_child(lambda: train_run(given, tmp_path / "a", progress=False), 1.0) == -9
    lines = (tmp_path / "a" / "metrics.jsonl").read_text().splitlines()
    files = sorted((tmp_path / "a" / "checkpoints").glob("checkpoint-*"))
    steps = int(files[-1].stem.split("-")[1])
    last = json.loads(lines[-1] if lines[-1].endswith("}") else lines[-2])
    per_second = last["step"] / last["seconds"]
    assert last["step"] - steps <= per_second * 0.5  # a tenth of a second, and a loaded machine


def test_overload(tmp_path: Path) -> None:
    """8 trainings at once on few cores, half of them killed: each ends as it does alone."""
    given = recipe(epochs=30, patience=None)
    train_run(given, tmp_path / "alone", progress=False)
    alone = outcome(tmp_path / "alone")
    folders = [tmp_path / str(number) for number in range(8)]
    children = [start(functools.partial(go_on, folder, given)) for folder in folders]
    time.sleep(0.3)
    for child in children[::2]:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    for folder in folders:
        go_on(folder, given)
        assert outcome(folder) == alone


def test_two_on_one_folder(tmp_path: Path) -> None:
    """While a process is at work in a run folder, another is refused in one sentence."""
    given = recipe(epochs=100_000, patience=None)
    child = start(lambda: train_run(given, tmp_path / "a", progress=False))
    while not (tmp_path / "a" / "checkpoints").exists():
        time.sleep(0.02)
    with pytest.raises(dr.NotAvailable, match="Another process is at work"):
        resume_run(tmp_path / "a", progress=False)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_memory_of_nothing(tmp_path: Path) -> None:
    """A run whose checkpoints are all lost begins anew, to the same bits."""
    given = recipe(epochs=3)
    train_run(given, tmp_path / "whole", progress=False)
    assert in_child(lambda: train_run(given, tmp_path / "cut", progress=False), 0.05) in (-9, 0)
    if (tmp_path / "cut" / "recipe.toml").exists():
        for path in (tmp_path / "cut").rglob("*"):
            if path.is_file() and path.name not in ("recipe.toml", "metrics.jsonl"):
                path.unlink()
    go_on(tmp_path / "cut", given)
    one, other = outcome(tmp_path / "cut"), outcome(tmp_path / "whole")
    assert one[0] == other[0]
    assert np.array_equal(one[1], other[1])
