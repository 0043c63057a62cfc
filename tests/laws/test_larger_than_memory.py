"""Rows that stay in their file: the same training to the bit, and in less memory than they take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.selection import Selection

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts so on Linux")
N, FEATURES = 400, 12


def made(dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of a dtype, their classes, and weights."""
    generator = np.random.default_rng(3)
    y = generator.integers(0, 3, N)
    X = generator.integers(0, 90, (N, FEATURES)) + 10 * y[:, None]
    return X.astype(dtype), y, generator.integers(0, 3, N).astype(np.float64)


CONFIGURATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "engine": ({}, {}),
    "reference": ({}, {"engine": "reference"}),
    "dropout, average, clipping": (
        {"dropout": 0.2, "l2": 0.01},
        {"average": 0.9, "clip_norm": 1.0},
    ),
    "batch normalisation": ({"normalization": "batch"}, {}),
    "float64": ({"dtype": "float64", "optimizer": "sgd"}, {}),
    "bf16": ({}, {"precision": "bf16"}),
}


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int16", "int64", "float16"])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_bits_of_mapped_rows(name: str, dtype: str, tmp_path: Path) -> None:
    """Mapped rows, and rows chosen from them, train to the bits of the same rows in memory."""
    network, training = CONFIGURATIONS[name]
    X, y, weight = made(dtype)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    order = np.random.default_rng(4).permutation(N)
    train, held_out = order[:300], order[300:]
    found = []
    for rows, rows_val in (
        (X[train], X[held_out]),
        (Selection(X, train), Selection(X, held_out)),
        (Selection(mapped, train), Selection(mapped, held_out)),
    ):
        net = dr.Network([FEATURES, 9, 3], scaling="feature", **network)
        history = net.train(
            rows,
            y[train],
            rows_val,
            y[held_out],
            epochs=3,
            batch_size=32,
            sample_weight=weight[train],
            progress=False,
            **training,
        )
        of_epochs = [{k: v for k, v in e.items() if k != "seconds"} for e in history.epochs]
        told = net.evaluate(rows_val, y[held_out])
        found.append((history.weights_sha256, net.chain.theta.tobytes(), of_epochs, told))
        assert np.array_equal(net.predict(rows_val), net.predict(X[held_out]))
    assert found[0] == found[1] == found[2]
    whole = []
    for rows in (X, mapped):
        net = dr.Network([FEATURES, 9, 3], scaling="feature", **network)
        net.train(rows, y, epochs=2, batch_size=32, progress=False, **training)
        whole.append(net.chain.theta.tobytes())
    assert whole[0] == whole[1]


def write_set(folder: Path, n: int, features: int) -> int:
    """X.npy of uint8 and y.npy of classes, written a piece at a time; the bytes of X."""
    folder.mkdir()
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.uint8, (n, features))
    y = np.arange(n) % 3
    generator = np.random.default_rng(0)
    piece = generator.integers(0, 200, (1000, features), np.uint8)
    for start in range(0, n, 1000):
        part = slice(start, min(start + 1000, n))
        X[part] = piece[: len(y[part])] + y[part, None].astype(np.uint8) * 20
    X.flush()
    np.save(folder / "y.npy", y.astype(np.uint8))
    return X.nbytes


def train_under(limit: int, source: Path, out: Path, *options: str) -> dict[str, Any]:
    """The JSON of a run in a process that may have `limit` bytes of memory of its own."""
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({limit},) * 2)\n"
        "from deltarule.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["train", str(source), "--out", str(out), "--json", "--quiet", "--epochs", "1"]
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "DELTARULE_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--hidden-layer-sizes", "16", *options],
        env=os.environ | one,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@LINUX
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_more_rows_than_memory(engine: str, tmp_path: Path) -> None:
    """360 MB of rows train, split by classes, in a process that may have 250 MB."""
    size = write_set(tmp_path / "set", 60_000, 6_000)
    assert size == 360_000_000
    options = ("--engine", engine, "--batch-size", "256", "--lr", "0.0003")
    found = train_under(250_000_000, tmp_path / "set", tmp_path / "run", *options)
    assert found["val_accuracy"] > 0.5


@LINUX
@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DELTARULE_LONG"), reason="4 GB and a minute")
def test_four_gigabytes_in_one(tmp_path: Path) -> None:
    """4 GB of rows train in a process that may have 1 GB (`make torture` runs it)."""
    assert write_set(tmp_path / "set", 1_000_000, 4_096) > 4_000_000_000
    options = ("--batch-size", "256", "--lr", "0.0003")
    found = train_under(10**9, tmp_path / "set", tmp_path / "run", *options)
    assert found["val_accuracy"] > 0.5


@LINUX
def test_parquet_of_more_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Parquet table of 320 MB trains in a process that may have 400 MB, no room for copies."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "cache"))
    n, columns, piece = 400_000, 99, 20_000
    generator = np.random.default_rng(0)
    names = [f"c{i}" for i in range(columns)]
    schema = pyarrow.schema(
        [*((name, pyarrow.float64()) for name in names), ("y", pyarrow.int64())]
    )
    with parquet.ParquetWriter(tmp_path / "t.parquet", schema, compression="none") as writer:
        for _ in range(n // piece):
            values = generator.normal(size=(columns, piece))
            label = (values[0] + values[1] > 0).astype(np.int64)
            arrays = [pyarrow.array(v) for v in (*values, label)]
            writer.write_table(pyarrow.table(arrays, schema=schema))
    options = ("--target", "y", "--batch-size", "512")
    found = train_under(400_000_000, tmp_path / "t.parquet", tmp_path / "run", *options)
    assert found["val_accuracy"] > 0.9
