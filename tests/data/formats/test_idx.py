"""MNIST's files."""

from __future__ import annotations

import gzip
import tracemalloc

import numpy as np
import pytest

from deltarule.data.formats.idx import holds_idx, read_idx
from deltarule.ground.errors import FileRefused, NotAvailable

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("sub", [".", "MNIST/raw", "raw"])
def test_places_and_packing_do_not_matter(packed, sub, tmp_path, make):
    """Packed or not, in the folder or in MNIST/raw, the same images and labels come out."""
    make.mnist(tmp_path / sub, packed)
    assert holds_idx(tmp_path)
    data = read_idx(tmp_path)
    files = make.mnist_files()
    expected = np.frombuffer(files[IMAGES][16:], np.uint8).reshape(6, 20)
    np.testing.assert_array_equal(data.X, expected)
    assert data.y.tolist() == [0, 1, 2, 3, 4, 5]
    assert data.y.dtype == np.int64
    assert data.image_shape == (1, 5, 4)
    assert len(read_idx(tmp_path, "test").X) == 3


def test_dotted_names_are_known(tmp_path, make):
    """train-images.idx3-ubyte is train-images-idx3-ubyte."""
    files = {name.replace("-idx", ".idx"): content for name, content in make.mnist_files().items()}
    assert len(read_idx(make.folder(tmp_path, files)).X) == 6


def test_class_names_only_for_digits(tmp_path, make):
    """Labels above 9 get no names."""
    files = {IMAGES: make.idx(np.zeros((2, 3, 3), np.uint8)), LABELS: make.idx(np.uint8([0, 25]))}
    assert read_idx(make.folder(tmp_path, files)).class_names is None
    assert read_idx(make.mnist(tmp_path / "m")).class_names == tuple("0123456789")


def test_missing_files_are_named(tmp_path, make):
    """Every missing file of the split is named."""
    make.folder(tmp_path, {IMAGES: b""})
    with pytest.raises(NotAvailable, match=LABELS):
        read_idx(tmp_path)
    with pytest.raises(NotAvailable, match=r"t10k-images.* and no t10k-labels"):
        read_idx(tmp_path, "test")


def test_another_number_of_labels_is_refused(tmp_path, make):
    """Images and labels must be as many."""
    make.mnist(tmp_path, packed=False)
    (tmp_path / LABELS).write_bytes(make.idx(np.zeros(5, np.uint8)))
    with pytest.raises(FileRefused, match=r"6 images but .* 5 labels"):
        read_idx(tmp_path)


def _head(*sizes: int) -> bytes:
    return b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in sizes)


BAD = {
    "nothing": b"",
    "a cut head": _head(6)[:10],
    "another magic": b"\0\0\x08\x01" + _head(6, 5, 4)[4:] + bytes(120),
    "floats": b"\0\0\x0d\x03" + _head(6, 5, 4)[4:] + bytes(480),
    "text": b"hello world, this is no image",
    "no images": _head(0, 28, 28),
    "no pixels": _head(6, 0, 28),
    "truncated": _head(6, 5, 4) + bytes(119),
    "too long": _head(6, 5, 4) + bytes(121),
    "huge": _head(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(100),
    "larger than memory": _head(2**20, 2**10, 2**10) + bytes(100),
}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("case", BAD)
def test_damaged_files_are_refused_in_little_memory(case, packed, tmp_path, make):
    """A file whose size is not what it announces is refused, and nothing large is allocated."""
    make.mnist(tmp_path, packed=False)
    (tmp_path / IMAGES).unlink()
    name = IMAGES + (".gz" if packed else "")
    (tmp_path / name).write_bytes(gzip.compress(BAD[case]) if packed else BAD[case])
    tracemalloc.start()
    with pytest.raises(FileRefused, match=name):
        read_idx(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    tracemalloc.stop()


def test_a_packed_bomb_is_bounded(tmp_path, make):
    """A packed file that goes on behind its end is refused without unpacking the rest."""
    make.mnist(tmp_path)
    bomb = gzip.compress(_head(6, 5, 4) + bytes(2**27))
    (tmp_path / f"{IMAGES}.gz").write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(FileRefused, match="more than the 120 bytes"):
        read_idx(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    tracemalloc.stop()


def test_a_gz_that_is_none_is_refused(tmp_path, make):
    """A .gz that is not packed is refused for what it is."""
    make.mnist(tmp_path)
    (tmp_path / f"{IMAGES}.gz").write_bytes(make.mnist_files()[IMAGES])
    with pytest.raises(FileRefused, match="gzip-compressed data but holds binary data"):
        read_idx(tmp_path)


def test_real_mnist(real_data):
    """60,000 and 10,000 images of 28 × 28, with the published counts of the classes."""
    train, test = (read_idx(real_data("mnist"), split) for split in ("train", "test"))
    assert train.X.shape == (60_000, 784)
    assert test.X.shape == (10_000, 784)
    assert train.image_shape == (1, 28, 28)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train.y).tolist() == counts
    assert test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
