"""Parquet tables that memory does not hold: unpacked once, checked, mapped."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltarule.data import sources
from deltarule.data.formats import columnar_mapped
from deltarule.data.formats.columnar import read_parquet
from deltarule.data.formats.columnar_mapped import map_parquet
from deltarule.data.selection import is_mapped
from deltarule.ground.errors import NotAvailable
from deltarule.runs.recipes import recipe_from
from deltarule.runs.running import train_run

pytest.importorskip("pyarrow")
N = 1000


def write(path: Path, seed: int = 0) -> Path:
    """A table of numbers with gaps, booleans, whole numbers and text, in ten row groups."""
    import pyarrow as pa
    from pyarrow import parquet

    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=N)
    table = {
        "a": [None if i % 7 == 0 else float(x) for i, x in enumerate(numbers)],
        "flag": (numbers > 0).tolist(),
        "count": generator.integers(0, 9, N).tolist(),
        "word": [None if i % 11 == 0 else "xyz"[i % 3] for i in range(N)],
        "label": ["yes" if x > 0.1 else "no" for x in numbers],
    }
    parquet.write_table(pa.table(table), path, row_group_size=100)
    return path


def same(one: Any, other: Any) -> bool:
    """Whether two tables hold the same values, gaps included."""
    return one.names == other.names and all(
        np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f")
        for name in one
    )


def test_the_same_table(tmp_path: Path) -> None:
    """Mapped, a table holds what it holds in memory; its numbers stay in their files."""
    path = write(tmp_path / "t.parquet")
    found = map_parquet(path, tmp_path / "cache")
    assert same(found, read_parquet(path))
    assert [name for name in found if is_mapped(found[name])] == ["a", "flag", "count"]


def follow(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many row groups were done, each time that it is written down."""
    written: list[int] = []
    whole = columnar_mapped._write_state

    def write_state(folder: Path, state: dict[str, Any]) -> None:
        whole(folder, state)
        written.append(len(state["sums"]))

    monkeypatch.setattr(columnar_mapped, "_write_state", write_state)
    return written


def test_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is unpacked; a file that has changed is unpacked in its place."""
    path, cache = write(tmp_path / "t.parquet"), tmp_path / "cache"
    before = map_parquet(path, cache)
    kept = before["a"].copy()
    written = follow(monkeypatch)
    assert same(map_parquet(path, cache), read_parquet(path))
    assert written == []
    path.write_bytes(write(tmp_path / "other.parquet", seed=1).read_bytes())
    assert same(map_parquet(path, cache), read_parquet(path))
    assert written == [*range(1, 11)]
    assert len(list(cache.iterdir())) == 1  # what was unpacked of the old one is gone,
    assert np.array_equal(before["a"], kept, equal_nan=True)  # but not for who has it open


DAMAGE: dict[str, Any] = {
    "a bit of the last column": lambda f: flip(f / "2.npy", -5),
    "a bit of the first row": lambda f: flip(f / "0.npy", 130),
    "a bit of a header": lambda f: flip(f / "1.npy", 40),
    "a file cut off": lambda f: (f / "0.npy").write_bytes((f / "0.npy").read_bytes()[:-8]),
    "a file emptied": lambda f: (f / "1.npy").write_bytes(b""),
    "a file removed": lambda f: (f / "2.npy").unlink(),
    "another array": lambda f: np.save(f / "0.npy", np.zeros(N, np.float32)),
    "a longer array": lambda f: np.save(f / "0.npy", np.zeros(N + 1)),
    "a pickle": lambda f: np.save(f / "0.npy", np.array([None] * N), allow_pickle=True),
    "no state": lambda f: (f / "state.json").unlink(),
    "half a state": lambda f: (f / "state.json").write_text('{"of": [2, 99'),
    "a state of nothing": lambda f: (f / "state.json").write_text("[]"),
    "a state that lies": lambda f: (f / "state.json").write_text(
        (f / "state.json").read_text().replace('"sums": ["', '"sums": ["0')
    ),
    "what killed ones left": lambda f: (f / "state.json.123").write_text("{"),
}


def flip(path: Path, place: int) -> None:
    """Flip a bit of a file."""
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 4
    path.write_bytes(damaged)


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found(damage: str, tmp_path: Path) -> None:
    """Whatever has happened to what was unpacked, no training sees it, and it is mended."""
    path, cache = write(tmp_path / "t.parquet"), tmp_path / "cache"
    map_parquet(path, cache)
    (folder,) = cache.iterdir()
    DAMAGE[damage](folder)
    assert same(map_parquet(path, cache), read_parquet(path))
    left = {"0.npy", "1.npy", "2.npy", "state.json", ".lock"}
    assert {p.name for p in folder.iterdir()} == left


@pytest.mark.parametrize("group", [0, 3, 9])
def test_goes_on(group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unpacking that was cut short goes on from the last whole row group that is right."""
    path, cache = write(tmp_path / "t.parquet"), tmp_path / "cache"
    whole = columnar_mapped._write_state

    def stop(folder: Path, state: dict[str, Any]) -> None:
        whole(folder, state)
        if len(state["sums"]) == group + 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(columnar_mapped, "_write_state", stop)
        with pytest.raises(KeyboardInterrupt):
            map_parquet(path, cache)
    (state,) = cache.glob("*/state.json")
    assert len(json.loads(state.read_text())["sums"]) == group + 1
    written = follow(monkeypatch)
    assert same(map_parquet(path, cache), read_parquet(path))
    assert written == [*range(group + 2, 11)]


def start(work: Any) -> int:
    """Run something in a forked child; its process number."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
KILLS = 100 if os.environ.get("DELTARULE_LONG") == "1" else 20


@FORK
def test_killed_anywhere(tmp_path: Path) -> None:
    """Killed at random moments, while it unpacks or checks, the table is in the end the same."""
    path, chance = write(tmp_path / "t.parquet"), random.Random(2)
    read_parquet(path)  # what is imported by the parent the children need not import
    expected, killed = read_parquet(path), 0
    for attempt in range(KILLS):
        cache = tmp_path / f"cache-{attempt // 4}"
        child = start(lambda cache=cache: map_parquet(path, cache))
        time.sleep(chance.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        if attempt % 4 == 3:
            assert same(map_parquet(path, cache), expected)
            assert not list(cache.glob("*/state.json.*"))
    assert killed > KILLS // 4


@FORK
def test_several_at_once(tmp_path: Path) -> None:
    """Several processes that want the same table have it unpacked by one, and all read the same."""
    path, cache = write(tmp_path / "t.parquet"), tmp_path / "cache"
    expected = read_parquet(path)

    def work() -> None:
        for _ in range(5):
            assert same(map_parquet(path, cache), expected)

    children = [start(work) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is asked for before anything is written, so that a full disk is one sentence."""
    path = write(tmp_path / "t.parquet")
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "MAX_IN_MEMORY", 0)

    def full(handle: int, start: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full, raising=False)
        with pytest.raises(NotAvailable, match="No space left on device"):
            sources.load_data(path, target="label")
    assert len(sources.load_data(path, target="label").X) == N


def test_a_folder_that_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot lock, one sentence says where to put the cache."""
    import filelock

    def refuse(self: Any) -> None:
        raise NotImplementedError("no locks here")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with pytest.raises(NotAvailable, match=r"cannot be locked: no locks here\. Set DELTARULE_DATA"):
        map_parquet(write(tmp_path / "t.parquet"), tmp_path / "cache")


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_bits_of_a_mapped_table(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is mapped trains to the bits of the same table in memory, and says so."""
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "cache"))
    changes = {"data": str(write(tmp_path / "t.parquet")), "target": "label", "epochs": 2}
    recipe = recipe_from({}, {**changes, "engine": engine})
    found = []
    for room in (sources.MAX_IN_MEMORY, 0):
        monkeypatch.setattr(sources, "MAX_IN_MEMORY", room)
        outcome = train_run(recipe, tmp_path / f"run{room}", progress=False)
        found.append(outcome.facts["weights_sha256"])
        told = "were unpacked once" in (outcome.folder / "report.html").read_text(encoding="utf-8")
        assert told == (room == 0)
    assert found[0] == found[1]
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["parquet"]
