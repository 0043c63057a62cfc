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
from pathlib import Path

import numpy as np
import pytest
from runs_that_end import Dies, go_on, in_child, outcome, recipe, start, watched

import deltarule as dr
from deltarule.runs.running import resume_run, train_run

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked"),
    pytest.mark.usefixtures("plain_pages"),
]

LONG = os.environ.get("DELTARULE_LONG") == "1"
KILLS = 300 if LONG else 60


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
    child = start(lambda: train_run(given, tmp_path / "a", progress=False))
    while not list(tmp_path.glob("a/checkpoints/*.safetensors")):
        time.sleep(0.02)
    time.sleep(0.5)
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
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
