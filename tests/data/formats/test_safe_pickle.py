"""Reading pickles without running them."""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.data.formats.safe_pickle import load_plain
from deltarule.ground.errors import FileRefused

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)
BATCH = {
    b"batch_label": b"training batch 1 of 5",
    b"labels": [6, 9, 255, 70_000, -1],
    b"data": PIXELS,
    b"filenames": [b"a.png", b"a.png", b"c" * 300],
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_python_3_pickles_is_read(protocol, order):
    """Every protocol from 2 to 5 gives back the same values, in either memory order."""
    content = BATCH | {b"data": np.array(PIXELS, order=order)}
    value = load_plain(pickle.dumps(content, protocol=protocol), "batch")
    np.testing.assert_array_equal(value.pop("data"), PIXELS)
    expected = {key.decode(): item for key, item in BATCH.items() if key != b"data"}
    assert value == expected


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_text_keys_are_read_too(protocol):
    """A batch that was pickled again with text for bytes is read."""
    raw = pickle.dumps({"data": PIXELS, "labels": [1], "n": None, "t": (1, 2)}, protocol=protocol)
    value = load_plain(raw, "batch")
    assert value["labels"] == [1]
    assert value["data"].shape == (3, 4)


def python2_string(content: bytes) -> bytes:
    """SHORT_BINSTRING or BINSTRING: Python 2's str."""
    if len(content) < 256:
        return b"U" + bytes([len(content)]) + content
    return b"T" + struct.pack("<i", len(content)) + content


def python2_batch(pixels: np.ndarray, labels: list[int]) -> bytes:
    """A batch in the opcodes that Python 2's cPickle writes at protocol 2."""
    parts = [b"\x80\x02}q\x01("]
    parts += [python2_string(b"batch_label"), b"q\x02", python2_string(b"testing batch 1 of 1")]
    parts += [b"q\x03", python2_string(b"labels"), b"q\x04]q\x05("]
    parts += [b"K" + bytes([label]) for label in labels]
    parts += [b"e", python2_string(b"data"), b"q\x06"]
    parts += [b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85q\x09"]
    parts += [python2_string(b"b"), b"\x87q\x0aRq\x0b(K\x01"]
    parts += [b"M" + struct.pack("<H", n) for n in pixels.shape]
    parts += [b"\x86q\x0ccnumpy\ndtype\nq\x0d", python2_string(b"u1"), b"K\x00K\x01\x87q\x0eRq\x0f"]
    parts += [b"(K\x03", python2_string(b"|"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"]
    parts += [python2_string(pixels.tobytes()), b"tb", python2_string(b"filenames"), b"q\x10]"]
    parts += [b"r\x11\x00\x00\x00(", python2_string(b"x.png"), b"r\x12\x00\x00\x00eu."]
    return b"".join(parts)


def test_what_python_2_pickled_is_read():
    """The opcodes of the official files are read, and are a valid pickle."""
    pixels = np.arange(600, dtype=np.uint16).astype(np.uint8).reshape(2, 300)
    raw = python2_batch(pixels, [3, 200])
    value = load_plain(raw, "batch")
    assert value["labels"] == [3, 200]
    assert value["batch_label"] == b"testing batch 1 of 1"
    assert value["filenames"] == [b"x.png"]
    np.testing.assert_array_equal(value["data"], pixels)
    same = pickle.loads(raw.replace(b"numpy.core.", b"numpy._core."), encoding="bytes")
    np.testing.assert_array_equal(same[b"data"], pixels)


class Runs:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def attacks(path: Path) -> dict[str, bytes]:
    """Pickles that would make the folder `path`, or exhaust the machine."""
    name = str(path).encode()
    word = b"X" + struct.pack("<I", len(name)) + name
    array = pickle.dumps(PIXELS, protocol=2)[2:-1]  # without PROTO and STOP
    inner = b"\x80\x02}X\x01\x00\x00\x00a"
    deep_key = b"\x80\x02})q\x00" + b"h\x00h\x00\x86q\x00" * 100 + b"Ns."
    return {
        "GLOBAL and REDUCE": b"\x80\x02cos\nmkdir\n" + word + b"\x85R.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93" + word + b"\x85R.",
        "as Python writes it, 2": pickle.dumps({b"data": Runs(path)}, protocol=2),
        "as Python writes it, 5": pickle.dumps({b"data": Runs(path)}, protocol=5),
        "protocol 0": pickle.dumps({b"data": Runs(path)}, protocol=0),
        "INST": b"(S'" + name + b"'\nios\nmkdir\n.",
        "OBJ": b"\x80\x02(cos\nmkdir\n" + word + b"o.",
        "NEWOBJ": b"\x80\x02cos\nmkdir\n" + word + b"\x85\x81.",
        "NEWOBJ_EX": b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93" + word + b"\x85}\x92.",
        "EXT1": b"\x80\x02\x82\x01.",
        "EXT4": b"\x80\x02\x84\x01\x00\x00\x00.",
        "PERSID": b"\x80\x02Pos.mkdir\n.",
        "BINPERSID": b"\x80\x02Nq\x00Q.",
        "a builtin": b"\x80\x02cbuiltins\neval\nX\x03\x00\x00\x001+1\x85R.",
        "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0bos.mkdir\x93" + word + b"\x85R.",
        "another codec": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.",
        "encode of a number": b"\x80\x02c_codecs\nencode\nK\x01X\x06\x00\x00\x00latin1\x86R.",
        "a decoder": b"\x80\x02c_codecs\ndecode\nU\x01aU\x06latin1\x86R.",
        "NumPy's own load": b"\x80\x02cnumpy\nload\n" + word + b"\x85R.",
        "an object dtype": pickle.dumps({b"data": np.array([[1, None]], object)}, protocol=2),
        "a float dtype": pickle.dumps({b"data": np.ones((2, 2))}, protocol=5),
        "a structured dtype": pickle.dumps({b"data": np.zeros((1, 1), "u1,u1")}, protocol=2),
        "one axis": pickle.dumps({b"data": np.zeros(3, np.uint8)}, protocol=2),
        "BUILD on a dictionary": inner + b"}}b s.",
        "BUILD of another array": b"\x80\x02}X\x01\x00\x00\x00d" + array + b"(ttbs.",
        "BUILD twice": pickle.dumps({b"data": PIXELS}, protocol=2)[:-2] + b"Nbs.",
        "calling ndarray": b"\x80\x02cnumpy\nndarray\nK\x05K\x05\x86\x85R.",
        "calling a list": b"\x80\x02]X\x01\x00\x00\x00a\x85R.",
        "a huge string": b"\x80\x02T\xff\xff\xff\x7fabc.",
        "a negative string": b"\x80\x02T\xff\xff\xff\xffabc.",
        "huge bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
        "a huge frame": b"\x80\x04\x95" + struct.pack("<Q", 2**63) + b"N.",
        "a huge integer": b"\x80\x02\x8b\xff\xff\xff\x7f.",
        "a huge decimal": b"I" + b"9" * 10_000 + b"\n.",
        "a huge memo": b"\x80\x02Nr\xff\xff\xff\xff.",
        "a memo never stored": b"\x80\x02h\x05.",
        "a memo of nothing": b"\x80\x02q\x00.",
        "too many marks": b"\x80\x02" + b"(" * 1000 + b".",
        "too many steps": b"\x80\x02" + b"N0" * 10 + b"N\x85" * 600_000 + b".",
        "a key that takes for ever": deep_key,
        "a list as a key": b"\x80\x02}]Ns.",
        "a key without a value": b"\x80\x02}(X\x01\x00\x00\x00au.",
        "an empty stack": b"\x80\x02.",
        "POP below the mark": b"\x80\x02N(\x85.",
        "two values": b"\x80\x02}}.",
        "an open mark": b"\x80\x02}(.",
        "no dictionary": b"\x80\x02N.",
        "no end": b"\x80\x02}",
        "more behind the end": b"\x80\x02}.cos\nmkdir\n",
        "nothing": b"",
        "text": b"hello",
        "an odd escape": b"\x80\x02c\\u\nx\n.",
        "a shape that does not fit": pickle.dumps({b"data": PIXELS}, 2).replace(
            b"K\x03K\x04", b"K\x03K\x05"
        ),
        "a negative shape": pickle.dumps({b"data": PIXELS}, 2).replace(
            b"K\x03K\x04", b"J\xfd\xff\xff\xffJ\xfc\xff\xff\xff"
        ),
    }


@pytest.mark.parametrize("name", attacks(Path("/x")))
def test_attacks_are_refused_and_nothing_runs(name, tmp_path):
    """Whatever a pickle asks for beyond plain values is refused; nothing is imported or called."""
    path = tmp_path / "made"
    with pytest.raises(FileRefused, match=r"evil\.pkl cannot be read as a CIFAR-10 batch"):
        load_plain(attacks(path)[name], "evil.pkl")
    assert not path.exists()


def test_the_attacks_are_real(tmp_path):
    """The attacks would work on Python's own unpickler, so that refusing them means something."""
    for name in ("GLOBAL and REDUCE", "STACK_GLOBAL", "INST", "OBJ", "as Python writes it, 5"):
        path = tmp_path / name.replace(" ", "-").replace(",", "")
        pickle.loads(attacks(path)[name])
        assert path.is_dir()


def test_repeated_bytes_do_not_fill_the_memory():
    """One remembered text that is encoded again and again is refused before it amounts to much."""
    text = b"X" + struct.pack("<I", 10**6) + b"a" * 10**6 + b"q\x01"
    start = b"\x80\x02c_codecs\nencode\nq\x00X\x06\x00\x00\x00latin1q\x02" + text
    raw = b"\x80\x02}](" + start[2:] + b"h\x00h\x01h\x02\x86R" * 10_000 + b"e."
    tracemalloc.start()
    with pytest.raises(FileRefused, match="repeats its bytes"):
        load_plain(raw, "bomb")
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()


def test_a_doubling_list_is_held_once():
    """Lists that hold the one before them twice, 200 deep, cost what their text costs."""
    pairs = [(bytes([i]), bytes([i + 1])) for i in range(200)]
    lists = b"".join(b"U\x01a](h" + i + b"h" + i + b"eq" + after for i, after in pairs)
    tracemalloc.start()
    value = load_plain(b"\x80\x02}(U\x01a]q\x00" + lists + b"u.", "bomb")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert len(value["a"]) == 2


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_gives_a_value_or_a_refusal(data):
    """Flipped and cut pickles of every protocol give a dictionary or FileRefused, nothing else."""
    protocol = data.draw(st.integers(2, 5))
    raw = bytearray(pickle.dumps(BATCH, protocol=protocol))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(0, 2 * len(raw))) :]
    with contextlib.suppress(FileRefused):
        assert isinstance(load_plain(bytes(raw), "batch"), dict)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(raw):
    """Arbitrary instructions give a dictionary or FileRefused, nothing else."""
    with contextlib.suppress(FileRefused):
        assert isinstance(load_plain(b"\x80\x02" + raw, "batch"), dict)
