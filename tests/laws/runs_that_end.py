"""A small run, children that end early, and what a run came to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import deltarule as dr
from deltarule.runs.recipes import Recipe, recipe_from
from deltarule.runs.running import resume_run, train_run
from deltarule.storage import atomic


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


class Dies:
    """Counts the calls of the system that a save makes, and dies before or after one of them.

    With `error` it fails instead, as on a full or broken disk; with `number` it gets that signal.
    """

    def __init__(
        self, at: int, after: bool, error: int | None = None, number: int = signal.SIGKILL
    ) -> None:
        self.at, self.after, self.error, self.number, self.count = at, after, error, number, 0

    def _end(self) -> None:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        os.kill(os.getpid(), self.number)

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
    monkeypatch.setattr("deltarule.runs.folders.open", opened, raising=False)


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
