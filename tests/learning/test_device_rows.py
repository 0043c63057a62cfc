"""Rows on a device are the rows that the reference sees, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltarule.data.batches import Rows
from deltarule.data.scaling import learn_scaling
from deltarule.data.selection import Selection
from deltarule.ground.errors import InvalidInput
from deltarule.learning.device_rows import DeviceRows, row_bytes, tensor

torch = pytest.importorskip("torch", reason="needs the optional package torch")
CPU, META = torch.device("cpu"), torch.device("meta")
RNG = np.random.default_rng(0)
N = 50
GIVEN = {
    "uint8": RNG.integers(256, size=(N, 7), dtype=np.uint8),
    "bool": RNG.random((N, 7)) < 0.5,
    "int16": RNG.integers(-900, 900, size=(N, 7)).astype(np.int16),
    "uint16": RNG.integers(60_000, size=(N, 7)).astype(np.uint16),
    "int64": RNG.integers(10**9, 10**9 + 99, size=(N, 7)),
    "float16": RNG.normal(size=(N, 7)).astype(np.float16),
    "float32": RNG.normal(size=(N, 7)).astype(np.float32),
    "float64": 1e6 + RNG.normal(size=(N, 7)),
    "float32, swapped": RNG.normal(size=(N, 7)).astype(">f4"),
    "float32, columns": np.asfortranarray(RNG.normal(size=(N, 7)).astype(np.float32)),
    "float32, reversed": RNG.normal(size=(N, 7)).astype(np.float32)[::-1, ::-1],
    "float32, strided": RNG.normal(size=(2 * N, 14)).astype(np.float32)[::2, 1::2],
}


def rows_of(X: Any, kind: str, dtype: str = "float32") -> Rows:
    """Rows with targets and weights."""
    weight = RNG.uniform(size=len(X)).astype(dtype)
    return Rows(X, np.arange(len(X)) % 3, learn_scaling(kind, X), np.dtype(dtype), weight)


def hold(rows: Rows) -> DeviceRows:
    """Require that batches, windows, targets and weights are those of the host's."""
    there = DeviceRows(rows, CPU)
    index = RNG.permutation(len(rows))[:20]
    at = torch.from_numpy(index)
    for found, expected in (
        (there.x(at), rows.x(index)),
        (there.part(slice(3, 9)), rows.x(slice(3, 9))),
        (there.y[at], rows.y[index]),
        (there.weight[at], rows.weight[index]),
    ):
        assert found.numpy().dtype == expected.dtype
        np.testing.assert_array_equal(found.numpy(), expected)
    return there


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["none", "unit", "feature"])
@pytest.mark.parametrize("given", GIVEN)
def test_every_kind_of_rows(given: str, kind: str, dtype: str) -> None:
    """Of every dtype, layout and scaling the batches are the reference's to the bit."""
    X = GIVEN[given]
    if X.dtype != np.bool_:
        hold(rows_of(X, kind, dtype))
        hold(rows_of(Selection(X, RNG.permutation(N)[:33]), kind, dtype))
    elif kind == "none":
        hold(rows_of(X, kind, dtype))


def test_memory_is_shared_where_it_can_be(tmp_path: Path) -> None:
    """On the host nothing is copied that tensors can read, mapped and read-only rows included."""
    plain = GIVEN["uint8"].copy()
    assert tensor(plain).data_ptr() == plain.ctypes.data
    plain.flags.writeable = False
    assert tensor(plain).data_ptr() == plain.ctypes.data
    np.save(tmp_path / "X.npy", plain)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    there = hold(rows_of(mapped, "unit"))
    assert there._X.data_ptr() == mapped.ctypes.data


def test_shared_memory_outlives_its_name() -> None:
    """A tensor keeps the read-only array that it lies over."""
    array = np.arange(1000.0)
    array.flags.writeable = False
    t = tensor(array)
    del array
    _ = [np.ones(1000) for _ in range(50)]
    assert t.tolist() == list(range(1000))


def test_bytes_stay_bytes_on_a_device() -> None:
    """Elsewhere rows of bytes take a byte a number, others the network's width."""
    assert DeviceRows(rows_of(GIVEN["uint8"], "unit"), META)._X.dtype == torch.uint8
    assert DeviceRows(rows_of(GIVEN["bool"], "none"), META)._X.dtype == torch.uint8
    assert DeviceRows(rows_of(GIVEN["int16"], "unit"), META)._X.dtype == torch.float32
    assert row_bytes(rows_of(GIVEN["uint8"], "unit")) == N * (7 + 8 + 4)
    assert row_bytes(rows_of(GIVEN["float64"], "unit")) == N * (28 + 8 + 4)


def test_too_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that a device, or the host as a copy, has no room for are refused, with a remedy."""
    monkeypatch.setattr("deltarule.ground.devices.room_on", lambda device: 100)
    with pytest.raises(InvalidInput, match=r"The 50 rows would take 950 bytes .*rows of uint8"):
        DeviceRows(rows_of(GIVEN["uint8"], "unit"), META)
    monkeypatch.setattr("deltarule.ground.memory.WORTH_A_LOOK", 0)
    limit = type("Limit", (), {"left": 100, "source": "a limit of this test"})()
    monkeypatch.setattr("deltarule.ground.memory.memory_left", lambda: limit)
    with pytest.raises(InvalidInput, match="rows of float64, as numbers of float32,"):
        DeviceRows(rows_of(GIVEN["float64"], "unit"), CPU)
    DeviceRows(rows_of(GIVEN["float32"], "unit"), CPU)
