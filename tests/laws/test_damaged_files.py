"""What every reader owes to every file: rows, or one sentence that names the file."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from mutations import EXAMPLES, damaged
from PIL import Image

from deltarule.data.dataset import Dataset
from deltarule.data.sources import load_data
from deltarule.ground.errors import DeltaruleError, FileRefused

CSV = b"age,sex,label\n" + b"30,F,yes\n41.5,M,no\n,F,yes\n" * 3


def _batch() -> bytes:
    return b"".join(bytes([i]) + bytes([i, 2 * i, 255 - i]) * 1024 for i in range(3))


def _pickled() -> bytes:
    pixels = np.frombuffer(_batch(), np.uint8).reshape(3, 3073)[:, 1:]
    content = {b"data": pixels, b"labels": [0, 1, 2], b"filenames": [b"a.png"] * 3}
    return pickle.dumps(content, protocol=2)


def _archive(content: bytes, ending: str) -> bytes:
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for i in range(1, 6):
            info = tarfile.TarInfo(f"data_batch_{i}{ending}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _images() -> bytes:
    return b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (3, 2, 2)) + bytes(range(12))


def _labels() -> bytes:
    return b"\0\0\x08\x01\0\0\0\x03\0\1\2"


def _picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, X=np.eye(4), y=np.array([0, 1, 0, 1]))
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _parquet() -> bytes:
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow")
    import pyarrow.parquet

    buffer = io.BytesIO()
    table = pa.table({"age": [1.0, None, 3.0], "sex": ["F", None, "M"], "label": ["a", "b", "a"]})
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


Files = dict[str, Callable[[], bytes]]

_FIVE = [f"data_batch_{i}" for i in range(1, 6)]
_MNIST: Files = {"train-images-idx3-ubyte": _images, "train-labels-idx1-ubyte": _labels}

# name: (what to load, all its files, the one that is damaged)
SOURCES: dict[str, tuple[str, Files, str]] = {
    "CIFAR, binary": (".", {f"{n}.bin": _batch for n in _FIVE}, "data_batch_2.bin"),
    "CIFAR, Python": (".", dict.fromkeys(_FIVE, _pickled), "data_batch_2"),
    "CIFAR, binary archive": ("c.tar.gz", {"c.tar.gz": lambda: _archive(_batch(), ".bin")}, ""),
    "CIFAR, Python archive": ("c.tgz", {"c.tgz": lambda: _archive(_pickled(), "")}, ""),
    "idx images": (".", _MNIST, "train-images-idx3-ubyte"),
    "idx labels": (".", _MNIST, "train-labels-idx1-ubyte"),
    "idx packed": (
        ".",
        {f"{n}.gz": lambda make=make: gzip.compress(make(), mtime=0) for n, make in _MNIST.items()},
        "train-images-idx3-ubyte.gz",
    ),
    "CSV": ("t.csv", {"t.csv": lambda: CSV}, ""),
    "CSV packed": ("t.csv.gz", {"t.csv.gz": lambda: gzip.compress(CSV, mtime=0)}, ""),
    "Parquet": ("t.parquet", {"t.parquet": _parquet}, ""),
    "npz": ("a.npz", {"a.npz": _npz}, ""),
    "X.npy": (
        ".",
        {"X.npy": lambda: _npy(np.eye(3)), "y.npy": lambda: _npy(np.arange(3))},
        "X.npy",
    ),
    "y.npy": (
        ".",
        {"X.npy": lambda: _npy(np.eye(3)), "y.npy": lambda: _npy(np.arange(3))},
        "y.npy",
    ),
    "PNG": (".", {"cat/1.png": lambda: _picture("PNG")}, "cat/1.png"),
    "JPEG": (".", {"cat/1.jpg": lambda: _picture("JPEG")}, "cat/1.jpg"),
    "BMP": (".", {"cat/1.bmp": lambda: _picture("BMP")}, "cat/1.bmp"),
    "WebP": (".", {"cat/1.webp": lambda: _picture("WEBP")}, "cat/1.webp"),
}


class Source:
    """One source on disk, with one file that can be replaced."""

    def __init__(self, name: str, folder: Path) -> None:
        self.start, files, damaged = SOURCES[name]
        self.folder = folder
        for file, content in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content())
        self.damaged = folder / (damaged or self.start)
        self.valid = self.damaged.read_bytes()

    def load(self) -> Dataset:
        return load_data(self.folder / self.start, target="label")


@pytest.fixture(params=SOURCES)
def source(request, tmp_path) -> Source:
    return Source(request.param, tmp_path)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return buffer.getvalue()


FOREIGN = {
    "nothing": b"",
    "one byte": b"\x01",
    "zeros": bytes(5000),
    "a sentence": b"This is not the file that you are looking for.",
    "a web page": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "a GIF": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
    "a zip archive": _zip(),
    "packed text": gzip.compress(b"hello", mtime=0),
    "packed nothing": gzip.compress(b"", mtime=0),
    "a PDF": b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n1 0 obj",
    "UTF-16": "age,label\n1,a\n2,b\n".encode("utf-16"),
    "an ELF program": b"\x7fELF\x02\x01\x01" + bytes(57),
}


def test_the_files_are_valid(source):
    """Undamaged, every source loads."""
    assert len(source.load().X) >= 1


@pytest.mark.parametrize("content", FOREIGN)
def test_foreign_content_is_refused_in_one_sentence(content, source):
    """A file that is not what its name says is refused in a line that names it."""
    source.damaged.write_bytes(FOREIGN[content])
    with pytest.raises(FileRefused) as caught:
        _load_or_say_where(source)
    message = str(caught.value)
    assert source.damaged.name in message
    assert "\n" not in message
    assert message.endswith(".")
    assert len(message) < 600


def _load_or_say_where(source: Source) -> None:
    """Load; an archive without the expected members is as good as refused."""
    from deltarule.ground.errors import NotAvailable

    try:
        source.load()
    except NotAvailable as error:
        raise FileRefused(str(error)) from error


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.8])
def test_truncated_files_are_refused(kept, source):
    """A file that ends early is refused; a table of text only where that makes a line ragged."""
    source.damaged.write_bytes(source.valid[: int(kept * len(source.valid))])
    if source.start == "t.csv" and kept > 0.1:
        assert isinstance(_load_or_error(source), Dataset | DeltaruleError)
        return
    with pytest.raises(FileRefused):
        source.load()


def _load_or_error(source: Source) -> Dataset | DeltaruleError:
    try:
        return source.load()
    except DeltaruleError as error:
        return error


def test_a_folder_in_place_of_the_file_is_told(source):
    """A folder that is called like the file gives an error of ours."""
    source.damaged.unlink()
    source.damaged.mkdir()
    assert isinstance(_load_or_error(source), DeltaruleError)


@pytest.mark.parametrize("name", SOURCES)
def test_any_damage_gives_rows_or_a_refusal(name, tmp_path_factory):
    """Damaged files and arbitrary bytes load or are refused; no other error leaves a reader."""
    source = Source(name, tmp_path_factory.mktemp("fuzz"))

    @settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(damaged(source.valid))
    def law(content: bytes) -> None:
        source.damaged.write_bytes(content)
        result = _load_or_error(source)
        assert isinstance(result, Dataset | DeltaruleError)
        assert "\n" not in str(result) or isinstance(result, Dataset)

    law()
