"""CIFAR-10 in both layouts, from folders and archives."""

from __future__ import annotations

import contextlib
import gzip
import io
import pickle
import tarfile
import tracemalloc

import numpy as np
import pytest

from deltarule.data.formats import cifar
from deltarule.data.formats.cifar import CLASS_NAMES, holds_cifar10, read_cifar10
from deltarule.ground.errors import FileRefused, NotAvailable


def expected(make, split: str, n: int = 4) -> tuple[np.ndarray, np.ndarray]:
    batches = [make.cifar_rows(i, n) for i in ([6] if split == "test" else range(1, 6))]
    return np.concatenate([p for _, p in batches]), np.concatenate([k for k, _ in batches])


@pytest.mark.parametrize("layout", ["bin", "py"])
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("place", ["here", "sub-folder", "archive in a folder", "archive"])
def test_every_place_gives_the_same_rows(layout, split, place, tmp_path, make):
    """Both layouts, in a folder, its sub-folder or an archive, give the same rows in order."""
    folder = "cifar-10-batches-" + layout
    archive = f"cifar-10-{'binary' if layout == 'bin' else 'python'}.tar.gz"
    path = tmp_path
    if place == "here":
        make.cifar(tmp_path, layout)
    elif place == "sub-folder":
        make.cifar(tmp_path / folder, layout)
    else:
        (tmp_path / archive).write_bytes(make.cifar_archive(layout))
        path = tmp_path if place == "archive in a folder" else tmp_path / archive
    assert holds_cifar10(path)
    data = read_cifar10(path, split)
    x, y = expected(make, split)
    np.testing.assert_array_equal(data.X, x)
    np.testing.assert_array_equal(data.y, y)
    assert data.X.dtype == np.uint8
    assert data.y.dtype == np.int64
    assert data.image_shape == (3, 32, 32)
    assert data.class_names == CLASS_NAMES
    assert data.validation_rows == (2 if split == "train" else None)


def test_the_binary_layout_is_preferred(tmp_path, make):
    """Where both layouts are, the binary one is read."""
    make.cifar(tmp_path, "py", n=3)
    make.cifar(tmp_path, "bin", n=2)
    assert len(read_cifar10(tmp_path).X) == 10


def test_batches_may_differ_in_length(tmp_path, make):
    """A batch of fewer records than others is fine."""
    make.cifar(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(make.binary_batch(3, 1))
    data = read_cifar10(tmp_path)
    assert data.X[:, 0].tolist() == [1] * 4 + [2] * 4 + [3] + [4] * 4 + [5] * 4


def test_a_folder_may_hold_the_test_batch_alone(tmp_path, make):
    """With the test batch alone, the test split loads and the training split is not there."""
    make.folder(tmp_path, {"test_batch.bin": make.binary_batch(6)})
    assert len(read_cifar10(tmp_path, "test").X) == 4
    with pytest.raises(NotAvailable, match=r"no train batch.*data_batch_1\.bin"):
        read_cifar10(tmp_path)


def test_a_folder_may_lack_the_test_batch(tmp_path, make):
    """Without the test batch the training split loads."""
    make.cifar(tmp_path)
    (tmp_path / "test_batch.bin").unlink()
    assert len(read_cifar10(tmp_path).X) == 20
    with pytest.raises(NotAvailable, match=r"no test batch.*test_batch\.bin"):
        read_cifar10(tmp_path, "test")


def test_class_names_come_from_the_set(tmp_path, make):
    """The meta file names the classes; without it the official names stand."""
    make.cifar(tmp_path)
    names = [f"kind{i}" for i in range(10)]
    (tmp_path / "batches.meta.txt").write_text("\n".join(names))
    assert read_cifar10(tmp_path).class_names == tuple(names)
    (tmp_path / "batches.meta.txt").unlink()
    assert read_cifar10(tmp_path).class_names == CLASS_NAMES


def test_missing_batches_are_all_named(tmp_path, make):
    """Of an incomplete set all missing batches are named."""
    make.cifar(tmp_path)
    (tmp_path / "data_batch_2.bin").unlink()
    (tmp_path / "data_batch_5.bin").unlink()
    with pytest.raises(FileRefused, match=r"lacks data_batch_2\.bin, data_batch_5\.bin"):
        read_cifar10(tmp_path)


BAD_BINARY = {
    "empty": (lambda make: b"", "not a whole number of records"),
    "truncated": (lambda make: make.binary_batch(n=4)[:-1], "not a whole number of records"),
    "one byte more": (lambda make: make.binary_batch(n=4) + b"\0", "not a whole number"),
    "a label of ten": (lambda make: b"\x0a" + make.binary_batch(n=4)[1:], "label 10 at record 1"),
    "a later label": (
        lambda make: make.binary_batch(n=2) + b"\xff" + bytes(3072),
        "label 255 at record 3",
    ),
    "too many records": (lambda make: bytes(10_001 * 3073), "more than the 30,730,000"),
}


@pytest.mark.parametrize("case", BAD_BINARY)
def test_damaged_binary_batches_are_refused(case, tmp_path, make):
    """A batch that is no whole number of records with labels 0..9 is refused, with its name."""
    content, match = BAD_BINARY[case]
    make.cifar(tmp_path)
    (tmp_path / "data_batch_4.bin").write_bytes(content(make))
    with pytest.raises(FileRefused, match=match) as caught:
        read_cifar10(tmp_path)
    assert "data_batch_4.bin" in str(caught.value)


def _python(**changes) -> bytes:
    content = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 9]}
    content |= {name.encode(): value for name, value in changes.items()}
    return pickle.dumps({k: v for k, v in content.items() if v is not None}, protocol=2)


BAD_PYTHON = {
    "no data": (_python(data=None), "no uint8 array 'data'"),
    "no labels": (_python(labels=None), "no list 'labels'"),
    "data of another width": (_python(data=np.zeros((2, 9), np.uint8)), "no uint8 array 'data'"),
    "data that is text": (_python(data="abc"), "no uint8 array 'data'"),
    "no rows": (_python(data=np.zeros((0, 3072), np.uint8), labels=[]), "which no batch needs"),
    "a label too few": (_python(labels=[1]), "no list 'labels'"),
    "labels of text": (_python(labels=["a", "b"]), "no list 'labels'"),
    "labels of booleans": (_python(labels=[True, False]), "no list 'labels'"),
    "huge labels": (_python(labels=[0, 2**31 - 1]), "no list 'labels'"),
    "a label of ten": (_python(labels=[0, 10]), "label 10 at record 2"),
    "not a pickle": (b"hello", "cannot be read as a CIFAR-10 batch"),
}


@pytest.mark.parametrize("case", BAD_PYTHON)
def test_damaged_python_batches_are_refused(case, tmp_path, make):
    """A pickle without the right array and labels is refused, with its name."""
    content, match = BAD_PYTHON[case]
    make.cifar(tmp_path, "py")
    (tmp_path / "data_batch_4").write_bytes(content)
    with pytest.raises(FileRefused, match=match) as caught:
        read_cifar10(tmp_path)
    assert "data_batch_4" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"a b c", b"\n".join([b"x"] * 10), b"x\n" * 10**6])
def test_odd_class_names_are_refused(content, tmp_path, make):
    """A meta file that does not name ten different classes is refused."""
    make.cifar(tmp_path)
    (tmp_path / "batches.meta.txt").write_bytes(content)
    with pytest.raises(FileRefused, match=r"batches\.meta\.txt does not name ten classes"):
        read_cifar10(tmp_path)


def test_odd_pickled_class_names_are_refused(tmp_path, make):
    """So is a pickled one."""
    make.cifar(tmp_path, "py")
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({b"label_names": "x"}, protocol=2))
    with pytest.raises(FileRefused, match=r"batches\.meta does not name ten classes"):
        read_cifar10(tmp_path)


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def archive(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=format) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def good(make) -> list[tuple[tarfile.TarInfo, bytes]]:
    names = [(i, f"cifar-10-batches-bin/data_batch_{i}.bin") for i in range(1, 6)]
    return [member(name, make.binary_batch(i)) for i, name in names]


BATCH = "cifar-10-batches-bin/data_batch_1.bin"
TYPES = {
    "a symbolic link": tarfile.SYMTYPE,
    "a hard link": tarfile.LNKTYPE,
    "a character device": tarfile.CHRTYPE,
    "a block device": tarfile.BLKTYPE,
    "a pipe": tarfile.FIFOTYPE,
    "a folder": tarfile.DIRTYPE,
    "a sparse file": tarfile.GNUTYPE_SPARSE,
}


@pytest.mark.parametrize("kind", TYPES)
def test_members_that_are_no_files_are_refused(kind, write, make):
    """A batch that is a link, a device, a pipe, a folder or sparse is refused."""
    odd = member(BATCH, type=TYPES[kind], linkname="/etc/passwd")
    path = write("cifar-10-binary.tar.gz", archive(odd, *good(make)[1:]))
    with pytest.raises(FileRefused, match=r"tar\.gz"):
        read_cifar10(path)


@pytest.mark.parametrize(
    "name",
    [
        "/" + BATCH,
        "../" + BATCH,
        "cifar-10-batches-bin/../" + BATCH,
        "/etc/passwd",
        "data_batch_1.bin\n",
        "DATA_BATCH_1.BIN",
    ],
)
def test_members_of_other_names_are_ignored(name, tmp_path, write, make, monkeypatch):
    """Absolute, dotted and unknown names change nothing, and nothing is written anywhere."""
    monkeypatch.chdir(tmp_path)
    evil = member(name, b"evil" * 100)
    path = write("cifar-10-binary.tar.gz", archive(evil, *good(make), evil))
    before = sorted(tmp_path.rglob("*"))
    np.testing.assert_array_equal(read_cifar10(path).X, expected(make, "train")[0])
    assert sorted(tmp_path.rglob("*")) == before


def test_a_member_that_is_there_twice_is_refused(write, make):
    """Two members of one name are refused, be it under two paths."""
    for name in (BATCH, "data_batch_1.bin"):
        twice = [*good(make), member(name, make.binary_batch(9))]
        path = write("cifar-10-binary.tar.gz", archive(*twice))
        with pytest.raises(FileRefused, match=r"data_batch_1\.bin twice"):
            read_cifar10(path)


def test_a_missing_member_is_named(write, make):
    """An archive without one of the batches is refused with its name."""
    path = write("cifar-10-binary.tar.gz", archive(*good(make)[:4]))
    with pytest.raises(FileRefused, match=r"lacks data_batch_5\.bin"):
        read_cifar10(path)


def test_an_archive_of_something_else_is_told(write):
    """An archive without any batch says what it should be."""
    path = write("photos.tar.gz", archive(member("cat.jpg", b"x")))
    with pytest.raises(NotAvailable, match=r"cifar-10-binary\.tar\.gz"):
        read_cifar10(path)


def _peak_while_refused(path) -> float:
    """Megabytes at the peak while an archive is refused."""
    tracemalloc.start()
    with pytest.raises(FileRefused):
        read_cifar10(path)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return peak


def test_an_oversized_member_is_refused_from_its_header(write, make):
    """A batch that announces more than 10,000 records is refused before it is read."""
    content = gzip.compress(member(BATCH, size=2**33)[0].tobuf() + bytes(10**6))
    assert _peak_while_refused(write("cifar-10-binary.tar.gz", content)) < 4


def test_a_bomb_in_an_ignored_member_is_bounded(write, monkeypatch):
    """A member of another name that unpacks without end is cut off, in little memory."""
    monkeypatch.setattr(cifar, "MAX_UNPACKED", 2**24)
    header = gzip.compress(member("readme.html", size=2**33)[0].tobuf())
    bomb = header + gzip.compress(bytes(2**24)) * 2
    assert _peak_while_refused(write("cifar-10-binary.tar.gz", bomb)) < 8


def test_a_long_name_is_bounded(write):
    """A name that announces gigabytes is cut off at what an archive can hold."""
    header = member("././@LongLink", size=2**34, type=tarfile.GNUTYPE_LONGNAME)[0].tobuf()
    path = write("cifar-10-binary.tar.gz", gzip.compress(header + bytes(10**6)))
    assert _peak_while_refused(path) < 32


def test_nested_headers_do_not_overflow_the_stack(write):
    """Thousands of headers that each announce another one are refused."""
    header = member("././@LongLink", size=1, type=tarfile.GNUTYPE_LONGNAME)[0].tobuf()
    nested = (header + b"a".ljust(512, b"\0")) * 5000
    with pytest.raises(FileRefused):
        read_cifar10(write("cifar-10-binary.tar.gz", gzip.compress(nested)))


@pytest.mark.parametrize("cut", [0, 5, 100, 5000, -8, -1])
def test_truncated_archives_are_refused(cut, write, make):
    """An archive that ends early, be it in gzip's checksum, is refused."""
    content = make.cifar_archive()
    with pytest.raises(FileRefused):
        read_cifar10(write("cifar-10-binary.tar.gz", content[:cut]))


def test_a_flipped_bit_is_noticed(write, make):
    """gzip's checksum guards the pixels."""
    content = bytearray(gzip.compress(gzip.decompress(make.cifar_archive()), compresslevel=0))
    content[2000] ^= 1
    with pytest.raises(FileRefused):
        read_cifar10(write("cifar-10-binary.tar.gz", bytes(content)))


def test_odd_extended_headers_are_refused(write, make):
    """Extended headers with hostile numbers give a refusal, not an error of tarfile."""
    info, content = good(make)[0]
    for key, value in [("size", "x"), ("size", "-1"), ("GNU.sparse.size", "9" * 30)]:
        info.pax_headers = {key: value}
        packed = archive((info, content), *good(make)[1:], format=tarfile.PAX_FORMAT)
        path = write("cifar-10-binary.tar.gz", packed)
        with contextlib.suppress(FileRefused):
            assert len(read_cifar10(path).X) == 20
