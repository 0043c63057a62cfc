"""NumPy's archives and arrays."""

from __future__ import annotations

import io
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest

from deltarule.data.formats import reading
from deltarule.data.formats.arrays import holds_arrays, read_array_folder, read_npy, read_npz
from deltarule.ground.errors import FileRefused, NotAvailable

X, Y = np.arange(24.0).reshape(8, 3), np.arange(8) % 2


def npy(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def npz(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("array", [X, np.asfortranarray(X), X.astype(">f4"), X.astype(np.uint8)])
def test_archives_give_what_was_saved(save, array, tmp_path):
    """Arrays of any order and byte order come back as they were."""
    save(tmp_path / "a.npz", X=array, y=Y)
    arrays = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(arrays.X, array)
    np.testing.assert_array_equal(arrays.y, Y)
    assert arrays.X.dtype == array.dtype.newbyteorder("=")
    assert arrays.image_shape is None


@pytest.mark.parametrize("x", ["X", "x"])
def test_archives_may_hold_splits(x, tmp_path):
    """X_train and X_test, or x_train and x_test, are the splits."""
    np.savez(
        tmp_path / "a.npz",
        **{f"{x}_train": X, "y_train": Y, f"{x}_test": X[:2], "y_test": Y[:2], "other": X},
    )
    assert len(read_npz(tmp_path / "a.npz").X) == 8
    assert len(read_npz(tmp_path / "a.npz", "test").X) == 2
    np.savez(tmp_path / "b.npz", **{f"{x}_train": X})
    assert read_npz(tmp_path / "b.npz").y is None
    with pytest.raises(NotAvailable, match=f"X_test; it holds: {x}_train"):
        read_npz(tmp_path / "b.npz", "test")


def test_images_become_rows_channel_by_channel(tmp_path):
    """Grey images, channels last and channels first become channel-major rows."""
    pixels = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    for array, shape in (
        (pixels, (3, 4, 5)),
        (np.ascontiguousarray(np.moveaxis(pixels, 3, 1)), (3, 4, 5)),
        (pixels[..., :1], (1, 4, 5)),
        (pixels[..., 0], (1, 4, 5)),
    ):
        np.savez(tmp_path / "a.npz", X=array, y=np.array([[0], [1]]))
        arrays = read_npz(tmp_path / "a.npz")
        assert arrays.image_shape == shape
        assert arrays.y.tolist() == [0, 1]
        for channel in range(shape[0]):
            np.testing.assert_array_equal(
                arrays.X.reshape(2, *shape)[:, channel], pixels[..., channel]
            )


def test_folders_are_mapped_from_disk(tmp_path):
    """X.npy of a folder is a memory map, with y.npy."""
    np.save(tmp_path / "X.npy", np.asfortranarray(X))
    assert holds_arrays(tmp_path)
    assert read_array_folder(tmp_path).y is None
    np.save(tmp_path / "y.npy", Y)
    arrays = read_array_folder(tmp_path, "test")
    assert isinstance(arrays.X, np.memmap)
    assert not arrays.X.flags.writeable
    np.testing.assert_array_equal(arrays.X, X)
    np.testing.assert_array_equal(arrays.y, Y)


def test_folders_may_hold_splits(tmp_path):
    """X_test.npy is the test split; without it, there is none."""
    np.save(tmp_path / "X_train.npy", X)
    with pytest.raises(NotAvailable, match=r"X_test\.npy"):
        read_array_folder(tmp_path, "test")
    np.save(tmp_path / "X_test.npy", X[:2])
    assert len(read_array_folder(tmp_path, "test").X) == 2
    assert not holds_arrays(tmp_path.parent)


HEADER = npy(X)[:128]
HUGE = HEADER.replace(b"(8, 3)", b"(2**40, 3)".ljust(10)[:6])


def _shape(text: bytes) -> bytes:
    """The head of a .npy array of another shape, of equal length."""
    return HEADER.replace(b"(8, 3), }" + b" " * 20, (b"(" + text + b"), }").ljust(29))


BAD_ARRAYS = {
    "nothing": b"",
    "text": b"hello",
    "a cut head": HEADER[:50],
    "no values": HEADER,
    "truncated": npy(X)[:-1],
    "one byte more": npy(X) + b"\0",
    "objects": npy(np.array([[1, None]], object), allow_pickle=True),
    "structured": npy(np.zeros(2, "u1,u1")),
    "complex": npy(np.ones((2, 2), complex)),
    "dates": npy(np.zeros((2, 2), "datetime64[D]")),
    "a huge shape": _shape(b"1000000000000, 3") + bytes(100),
    "a negative shape": _shape(b"-8, -3") + X.tobytes(),
    "an odd shape": _shape(b"'a', 3") + X.tobytes(),
    "one axis": npy(np.arange(8.0)),
    "no rows": npy(np.empty((0, 3))),
    "text in X": npy(np.array([["a", "b"]])),
    "five axes": npy(np.ones((2,) * 5)),
    "four channels": npy(np.ones((2, 4, 4, 4), np.uint8)),
    "a pickle": pickle.dumps(X),
    "code in the head": HEADER.replace(b"'descr'", b"exit() "),
    "a future version": b"\x93NUMPY\x09\x00" + HEADER[8:],
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_refused(case, write):
    """A .npy that is damaged, holds no plain numbers, or has an odd shape is refused."""
    tracemalloc.start()
    with pytest.raises(FileRefused, match=r"X\.npy"):
        read_npy(write("X.npy", BAD_ARRAYS[case]))
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_members_are_refused(case, write):
    """So is the same content in an archive, in little memory."""
    path = write("a.npz", npz({"X.npy": BAD_ARRAYS[case]}))
    tracemalloc.start()
    with pytest.raises(FileRefused, match=r"a\.npz"):
        read_npz(path)
    assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    tracemalloc.stop()


BAD_ARCHIVES = {
    "nothing": b"",
    "text": b"hello",
    "an empty zip": npz({}),
    "no X": npz({"Z.npy": npy(X)}),
    "truncated": npz({"X.npy": npy(X)})[:-30],
    "bzip2": npz({"X.npy": npy(X)}, zipfile.ZIP_BZIP2),
    "lzma": npz({"X.npy": npy(X)}, zipfile.ZIP_LZMA),
    "another y": npz({"X.npy": npy(X), "y.npy": npy(Y[:3])}),
    "a wide y": npz({"X.npy": npy(X), "y.npy": npy(X)}),
    "a flipped byte": npz({"X.npy": npy(X)}, zipfile.ZIP_STORED).replace(b"\xf0?", b"\xf1?", 1),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_bad_archives_are_refused(case, write):
    """An archive that is damaged, or lacks X, is refused with its name."""
    with pytest.raises((FileRefused, NotAvailable), match=r"a\.npz"):
        read_npz(write("a.npz", BAD_ARCHIVES[case]))


def test_a_bomb_is_refused_from_the_headers(write, monkeypatch):
    """An archive that unpacks to more than the memory allowed is refused before it is unpacked."""
    monkeypatch.setattr(reading, "MAX_IN_MEMORY", 10**6)
    path = write("bomb.npz", npz({"X.npy": npy(np.zeros((2**20, 8)))}))
    assert path.stat().st_size < 10**5
    tracemalloc.start()
    with pytest.raises(FileRefused, match=r"bomb\.npz would take"):
        read_npz(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_nothing_in_an_object_array_runs(tmp_path, write):
    """Objects in an array are refused unread."""

    class Runs:
        def __reduce__(self):
            return (tmp_path / "made").mkdir, ()

    content = npy(np.array([[Runs()]], object), allow_pickle=True)
    for path, read in (
        (write("X.npy", content), read_npy),
        (write("a.npz", npz({"X": content})), read_npz),
    ):
        with pytest.raises(FileRefused, match="objects never"):
            read(path)
    assert not (tmp_path / "made").exists()
