"""A model or a checkpoint that lacks a byte or has one bit flipped is refused, every one of them.

So are files whose headers ask for what nobody has, before anything of it is allocated.
"""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule.runs.recipes import recipe_from
from deltarule.runs.running import train_run
from deltarule.storage.container import FORMAT_VERSION, read_tensors
from deltarule.storage.generations import Generations

LONG = os.environ.get("DELTARULE_LONG") == "1"
MANY = 10**6 if LONG else 3 * 10**5  # a header longer than any may be
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 2)), RNG.integers(2, size=20)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small model and a small checkpoint; in the long form those of a real run, too."""
    folder = tmp_path_factory.mktemp("models")
    net = dr.Network([2, 3, 2], optimizer="adam", normalization="batch")
    net.train(X, Y, epochs=2, batch_size=10, average=0.5, progress=False, checkpoints=folder / "c")
    net.save(folder / "model.safetensors")
    where = Generations(folder / "c")
    found = {"model": folder / "model.safetensors", "checkpoint": where.path(where.numbers()[0])}
    if LONG:
        train_run(recipe_from({}, {"epochs": 2}), folder / "run", progress=False)
        found["real model"] = folder / "run" / "best.safetensors"
    return found


def truncated(path: Path) -> Iterator[str]:
    """The file without its last byte, without its last two, … until nothing is left."""
    for length in range(path.stat().st_size - 1, -1, -1):
        os.truncate(path, length)
        yield f"cut to {length} bytes"


def flipped(path: Path) -> Iterator[str]:
    """The file with each of its bits flipped, one at a time."""
    data = path.read_bytes()
    handle = os.open(path, os.O_WRONLY)
    try:
        for place, byte in enumerate(data):
            for bit in range(8):
                os.pwrite(handle, bytes([byte ^ (1 << bit)]), place)
                yield f"bit {bit} of byte {place}"
            os.pwrite(handle, bytes([byte]), place)
    finally:
        os.close(handle)
    assert path.read_bytes() == data


def refusal(path: Path, otherwise: str) -> str:
    """The sentence with which a file is refused; no other error will do."""
    try:
        read_tensors(path)
    except dr.FileRefused as error:
        return str(error)
    pytest.fail(otherwise)


def test_all_of_ten_thousand(files: dict[str, Path], tmp_path: Path) -> None:
    """Of at least 10,000 truncated or flipped files none is read, and all are refused as such."""
    tried = refused = 0
    for name, path in files.items():
        copy = tmp_path / f"{name}.safetensors"
        for damage in (flipped, truncated):
            copy.write_bytes(path.read_bytes())
            read_tensors(copy)
            for what in damage(copy):
                tried += 1
                refused += str(copy) in refusal(copy, f"{name}: {what} was read")
    print(f"{refused} of {tried} damaged files refused")
    assert refused == tried >= 10_000


@pytest.mark.parametrize("damage", [truncated, flipped])
def test_by_the_doors(files: dict[str, Path], tmp_path: Path, damage: object) -> None:
    """The doors, dr.load and resume=, say the same of a damaged file as the reader does."""
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(files["model"].read_bytes())
    for i, _ in enumerate(damage(copy)):  # type: ignore[operator]
        if i % 97 == 0:
            with pytest.raises(dr.FileRefused):
                dr.load(copy)
    folder = tmp_path / "c"
    folder.mkdir()
    for i in (1, 2):
        cut = files["checkpoint"].read_bytes()[:-i]
        (folder / f"checkpoint-{i:012d}.safetensors").write_bytes(cut)
    net = dr.Network([2, 3, 2], optimizer="adam", normalization="batch")
    with pytest.raises(dr.FileRefused, match=r"No checkpoint in .* can be used"):
        net.train(X, Y, epochs=2, batch_size=10, average=0.5, progress=False, resume=folder)


def sealed(
    tensors: dict[str, object], size: int = 0, length: int | None = None, **own: str
) -> bytes:
    """A file with any header, whole by its checksum."""
    told = {
        "format": "deltarule",
        "format_version": str(FORMAT_VERSION),
        "sha256": "0" * 64,
        "description": "{}",
    }
    text = json.dumps({"__metadata__": told | own} | tensors, separators=(",", ":")).encode()
    data = (len(text) if length is None else length).to_bytes(8, "little") + text + bytes(size)
    start = data.find(b'"sha256":"') + 10
    return data[:start] + hashlib.sha256(data).hexdigest().encode() + data[start + 64 :]


def tensor(shape: list[int], begin: int = 0, end: int = 0, dtype: str = "F32") -> dict[str, object]:
    """What a header says of a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


ABSURD: dict[str, Callable[[], bytes]] = {
    "a header of 2^63 bytes": lambda: sealed({}, length=2**63),
    "a header of 2^64 - 1 bytes": lambda: sealed({}, length=2**64 - 1),
    "a header of 100 GB": lambda: sealed({}, length=10**11),
    "a header as long as the file": lambda: sealed({}, size=100, length=2**12),
    "many tensors": lambda: sealed({str(i): tensor([0]) for i in range(MANY)}),
    "ten thousand and one": lambda: sealed({str(i): tensor([0]) for i in range(10_001)}),
    "a shape of 2^62": lambda: sealed({"w": tensor([2**62], 0, 4)}, 4),
    "a shape that overflows": lambda: sealed({"w": tensor([2**32, 2**32], 0, 4)}, 4),
    "a shape of many axes": lambda: sealed({"w": tensor([2] * 10_000, 0, 4)}, 4),
    "40 GB of nothing": lambda: sealed({"w": tensor([10**10], 0, 4 * 10**10)}, 4),
    "offsets that overlap": lambda: sealed({"a": tensor([1], 0, 4), "b": tensor([1], 0, 4)}, 4),
    "offsets that cross": lambda: sealed({"a": tensor([2], 0, 8), "b": tensor([1], 4, 8)}, 8),
    "offsets backwards": lambda: sealed({"w": tensor([1], 4, 0)}, 4),
    "offsets beyond the end": lambda: sealed({"w": tensor([1], 2**40, 2**40 + 4)}, 4),
    "a hole": lambda: sealed({"a": tensor([1], 0, 4), "b": tensor([1], 8, 12)}, 12),
    "negative offsets": lambda: sealed({"w": {**tensor([1]), "data_offsets": [-4, 0]}}, 4),
    "offsets that are text": lambda: sealed({"w": {**tensor([1]), "data_offsets": ["0", "4"]}}, 4),
    "a shape that is a number": lambda: sealed({"w": {**tensor([1], 0, 4), "shape": 1}}, 4),
    "a type that runs code": lambda: sealed({"w": tensor([1], 0, 8, "O")}, 8),
    "a newer version": lambda: sealed(
        {"w": tensor([1], 0, 4)}, 4, format_version=str(FORMAT_VERSION + 1)
    ),
    "a much newer version": lambda: sealed({}, format_version="9" * 4000),
    "a version below none": lambda: sealed({}, format_version="-1"),
    "a description without end": lambda: sealed({}, description="[" * 10**6),
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_headers_cost_nothing(name: str, tmp_path: Path) -> None:
    """Whole by their checksum, they are refused in one sentence, in memory as large as the file."""
    path, content = tmp_path / "model.safetensors", ABSURD[name]()
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(dr.FileRefused) as caught:
            read_tensors(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(content) + 20_000_000, f"{peak:,}"
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    with pytest.raises(dr.FileRefused):
        dr.load(path)
