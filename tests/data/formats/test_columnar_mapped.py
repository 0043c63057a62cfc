"""Parquet tables that memory does not hold: unpacked once, checked, mapped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltarule.data import sources
from deltarule.data.formats import columnar_mapped
from deltarule.data.formats.columnar import read_parquet
from deltarule.data.formats.columnar_mapped import map_parquet
from deltarule.data.selection import is_mapped
from deltarule.experiments.recipes import recipe_from
from deltarule.experiments.runs import train_run

pytest.importorskip("pyarrow")
N = 1000


def write(path: Path) -> Path:
    """A table of numbers with gaps, booleans, whole numbers and text, in ten row groups."""
    import pyarrow as pa
    from pyarrow import parquet

    generator = np.random.default_rng(0)
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


def test_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is unpacked; of a file that has changed everything is."""
    path, cache = write(tmp_path / "t.parquet"), tmp_path / "cache"
    map_parquet(path, cache)
    calls = []
    whole = columnar_mapped._unpack
    monkeypatch.setattr(columnar_mapped, "_unpack", lambda *a: calls.append(a[-1]) or whole(*a))
    assert same(map_parquet(path, cache), read_parquet(path))
    assert calls == []
    path.write_bytes(write(tmp_path / "other.parquet").read_bytes())
    map_parquet(path, cache)
    assert calls == [0]


def test_damage_is_found(tmp_path: Path) -> None:
    """A bit that has flipped in what was unpacked does not reach a training."""
    path, cache = write(tmp_path / "t.parquet"), tmp_path / "cache"
    map_parquet(path, cache)
    (column,) = cache.glob("*/0.npy")
    damaged = bytearray(column.read_bytes())
    damaged[-5] ^= 4
    column.write_bytes(damaged)
    assert same(map_parquet(path, cache), read_parquet(path))


@pytest.mark.parametrize("group", [0, 3, 9])
def test_goes_on(group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unpacking that was cut short goes on from the last whole row group."""
    path, cache = write(tmp_path / "t.parquet"), tmp_path / "cache"
    whole = columnar_mapped._write_state

    def stop(folder: Path, state: dict[str, Any]) -> None:
        whole(folder, state)
        if state["groups"] == group + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(columnar_mapped, "_write_state", stop)
    with pytest.raises(KeyboardInterrupt):
        map_parquet(path, cache)
    (state,) = cache.glob("*/state.json")
    assert json.loads(state.read_text()) == {"groups": group + 1, "sha256": None}
    written = []

    def follow(folder: Path, state: dict[str, Any]) -> None:
        whole(folder, state)
        written.append(state["groups"])

    monkeypatch.setattr(columnar_mapped, "_write_state", follow)
    assert same(map_parquet(path, cache), read_parquet(path))
    assert written == [*range(group + 2, 11), 10]


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
