"""Named tensors in one checked file: right, or refused."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deltarule.ground.errors import FileRefused, InvalidInput, NotAvailable
from deltarule.storage import container
from deltarule.storage.container import FORMAT_VERSION, read_tensors, write_tensors

DTYPES = (np.float32, np.float64, np.int64, np.uint8, np.bool_)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
tensors = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name != "__metadata__"),
    st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, shapes)),
    max_size=3,
)
descriptions = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans()))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(given_tensors=tensors, description=descriptions)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    given_tensors: dict[str, np.ndarray],
    description: dict[str, Any],
) -> None:
    """Every tensor comes back with its bytes, shape and type, and so does the description."""
    path = tmp_path_factory.mktemp("c") / "file"
    write_tensors(path, given_tensors, description)
    found, told = read_tensors(path)
    assert told == description
    assert found.keys() == given_tensors.keys()
    for name, tensor in given_tensors.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape
        assert found[name].tobytes() == tensor.tobytes()


def test_order_in_memory(tmp_path: Path) -> None:
    """Transposed and strided windows are written as they read, not as they lie."""
    base = np.arange(24.0).reshape(4, 6)
    windows = {"T": base.T, "strided": base[::2, ::3], "reversed": base[::-1]}
    write_tensors(tmp_path / "file", windows, {})
    found, _ = read_tensors(tmp_path / "file")
    for name, window in windows.items():
        np.testing.assert_array_equal(found[name], window)


def test_plain_safetensors(tmp_path: Path) -> None:
    """Any reader of safetensors opens the file."""
    from safetensors.numpy import load_file

    write_tensors(tmp_path / "file", {"w": np.arange(3.0)}, {"a": 1})
    np.testing.assert_array_equal(load_file(tmp_path / "file")["w"], np.arange(3.0))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small good file."""
    path = tmp_path_factory.mktemp("whole") / "file"
    write_tensors(path, {"w": np.arange(4, dtype=np.float32)}, {"a": [1, "θ"]})
    return path.read_bytes()


def refusal(tmp_path: Path, data: bytes) -> str:
    """The sentence with which a file of these bytes is refused."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(FileRefused) as caught:
        read_tensors(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_every_truncation(tmp_path: Path, whole: bytes) -> None:
    """A file cut off anywhere is refused."""
    for length in range(len(whole)):
        assert refusal(tmp_path, whole[:length])


def test_every_flipped_bit(tmp_path: Path, whole: bytes) -> None:
    """A file with any one bit flipped, in header, checksum or data, is refused."""
    for place in range(len(whole)):
        for bit in (place % 8, 5):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            assert refusal(tmp_path, bytes(damaged))


@pytest.mark.parametrize("extra", [b"\0", b"more", bytes(8)])
def test_more_bytes(tmp_path: Path, whole: bytes, extra: bytes) -> None:
    """A file with something behind its end or before its start is refused."""
    assert refusal(tmp_path, whole + extra)
    assert refusal(tmp_path, extra + whole)


def test_the_header_is_refused_before_the_rest_is_read(tmp_path: Path, whole: bytes) -> None:
    """Gigabytes behind a header that is not ours, or speaks of other bytes, stay on the disk."""
    length = int.from_bytes(whole[:8], "little")
    foreign = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    heads = (len(foreign).to_bytes(8, "little") + foreign, whole[: 8 + length])
    for head in heads:
        path = tmp_path / "large"
        with path.open("wb") as file:
            file.write(head)
            file.truncate(1 << 33)  # a hole, which takes no room
        tracemalloc.start()
        with pytest.raises(FileRefused):
            read_tensors(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
        tracemalloc.stop()


def sealed(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    """A file with any header, and the checksum that it should have."""
    text = (
        header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    )
    size = (len(text) if length is None else length).to_bytes(8, "little")
    data = size + text + body
    start = data.find(container.MARK) + len(container.MARK)
    digest = hashlib.sha256(data).hexdigest().encode()
    return data[:start] + digest + data[start + 64 :]


def metadata(**changes: Any) -> dict[str, Any]:
    """The metadata of a good file, changed."""
    good = {
        "format": "deltarule",
        "format_version": str(FORMAT_VERSION),
        "sha256": "0" * 64,
        "description": "{}",
    }
    return {"__metadata__": {**good, **changes}}


TENSOR = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}


def test_sealed_is_taken(tmp_path: Path) -> None:
    """The builder of hostile files makes a good one from a good header."""
    (tmp_path / "file").write_bytes(sealed({**metadata(), **TENSOR}, bytes(4)))
    found, told = read_tensors(tmp_path / "file")
    assert found["w"].shape == (1,)
    assert told == {}


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "nine bytes": bytes(9),
    "zeros": bytes(1000),
    "no JSON": sealed(b'{"__metadata__":{"sha256":"' + b"0" * 64),
    "a list": sealed([metadata()]),
    "a number": sealed(b"12345678"),
    "not UTF-8": sealed(b'{"\xff":1}' + bytes(90)),
    "deep": sealed(b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "no metadata": sealed(TENSOR, bytes(4)),
    "metadata a list": sealed({"__metadata__": ["format"]}),
    "without checksum": sealed({"__metadata__": {"format": "deltarule"}}),
    "another format": sealed(metadata(format="pt")),
    "version a word": sealed(metadata(format_version="new")),
    "version missing": sealed(metadata(format_version=None)),
    "description no JSON": sealed(metadata(description="{")),
    "description deep": sealed(metadata(description="[" * 100_000)),
    "description a number": sealed(metadata(description=5)),
    "two checksums": sealed(metadata(description='"sha256":"') | {"x": '"sha256":"'}),
    "unknown type": sealed({**metadata(), "w": {**TENSOR["w"], "dtype": "F8_E4M3"}}, bytes(4)),
    "objects": sealed({**metadata(), "w": {**TENSOR["w"], "dtype": "O"}}, bytes(4)),
    "tensor a number": sealed({**metadata(), "w": 5}),
    "shape too large": sealed({**metadata(), "w": {**TENSOR["w"], "shape": [2**60]}}, bytes(4)),
    "shape negative": sealed({**metadata(), "w": {**TENSOR["w"], "shape": [-1]}}, bytes(4)),
    "offsets beyond": sealed(
        {**metadata(), "w": {**TENSOR["w"], "data_offsets": [0, 2**62]}}, bytes(4)
    ),
    "offsets that overlap": sealed({**metadata(), **TENSOR, "v": TENSOR["w"]}, bytes(4)),
    "data unclaimed": sealed({**metadata(), **TENSOR}, bytes(99)),
    "too many tensors": sealed({**metadata(), **{str(i): TENSOR["w"] for i in range(10_001)}}),
    "header longer than the file": sealed(metadata(), length=10**9),
    "header longer than memory": sealed(metadata(), length=2**64 - 1),
    "header shorter": sealed(metadata(), length=2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers(tmp_path: Path, name: str) -> None:
    """A header made to confuse is refused, even where its checksum is right."""
    assert len(refusal(tmp_path, HOSTILE[name])) >= 25


def test_newer_version(tmp_path: Path) -> None:
    """A file of a version to come is refused with what to do, although it is whole."""
    newer = sealed({**metadata(format_version=str(FORMAT_VERSION + 1)), **TENSOR}, bytes(4))
    sentence = refusal(tmp_path, newer)
    assert f"format version {FORMAT_VERSION + 1}" in sentence
    assert "upgrade deltarule: `git pull`" in sentence


def test_checksum_is_of_the_whole_file(whole: bytes) -> None:
    """The checksum is SHA-256 of all bytes with its own 64 digits as zeros."""
    start = whole.index(b'"sha256":"') + 10
    blank = whole[:start] + b"0" * 64 + whole[start + 64 :]
    assert whole[start : start + 64].decode() == hashlib.sha256(blank).hexdigest()


def test_size_is_checked_before_reading(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file larger than any model is refused unread."""
    (tmp_path / "large").write_bytes(whole)
    monkeypatch.setattr(container, "MOST_BYTES", len(whole) - 1)
    monkeypatch.setattr(Path, "read_bytes", None)
    with pytest.raises(FileRefused, match="at most"):
        read_tensors(tmp_path / "large")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_or_a_device(tmp_path: Path) -> None:
    """What has no end or keeps its reader waiting is refused unread."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(FileRefused, match="not a regular file"):
            read_tensors(path)


def test_no_file(tmp_path: Path) -> None:
    """A missing file is not a damaged one."""
    with pytest.raises(NotAvailable, match="There is no file"):
        read_tensors(tmp_path / "none")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"x"])
def test_description_must_be_json(tmp_path: Path, value: object) -> None:
    """A description that JSON cannot hold is refused before anything is written."""
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        write_tensors(tmp_path / "file", {}, {"x": value})
    assert list(tmp_path.iterdir()) == []


def test_a_mark_among_the_numbers(tmp_path: Path) -> None:
    """Tensors whose bytes look like the checksum's place are data as any other."""
    numbers = np.frombuffer(2 * b'"sha256":"' + bytes(4), np.uint8)
    write_tensors(tmp_path / "file", {"w": numbers}, {})
    assert read_tensors(tmp_path / "file")[0]["w"].tobytes() == numbers.tobytes()


def test_memory(tmp_path: Path) -> None:
    """Writing holds the file once, reading twice (as a file, and as the tensors)."""
    size = 1 << 24
    tensor = {"w": np.zeros(size, np.uint8)}
    write_tensors(tmp_path / "warm", {"w": np.zeros(1)}, {})
    read_tensors(tmp_path / "warm")
    peaks = []
    for act in (
        lambda: write_tensors(tmp_path / "file", tensor, {}),
        lambda: read_tensors(tmp_path / "file"),
    ):
        tracemalloc.start()
        try:
            act()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[0] < 1.5 * size
    assert peaks[1] < 2.5 * size
