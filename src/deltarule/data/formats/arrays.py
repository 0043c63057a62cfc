"""NumPy's own files: .npz archives, read into memory, and .npy arrays, mapped from disk.

An archive holds `X` and `y`, or `X_train`, `y_train`, `X_test`, `y_test` (upper or lower case).
A folder holds `X.npy` and `y.npy`, or the same four names.  X is (n, features), or images:
(n, height, width), (n, height, width, channels) or (n, channels, height, width) with 1 or 3
channels.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, NotAvailable
from .reading import check_in_memory, parsing, require_start, size_of

__all__ = ["Arrays", "holds_arrays", "read_array_folder", "read_npy", "read_npz"]

_PIECE = 2**24
_MAX_HEADER = 10_000


@dataclass(frozen=True)
class Arrays:
    """What an archive or a folder held: rows, labels if any, and the shape if rows are images."""

    X: Array
    y: Array | None
    image_shape: tuple[int, int, int] | None


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran: bool

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _read_header(stream: IO[bytes], where: str) -> _Header:
    """The header of a .npy array; call it inside `parsing`."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise FileRefused(
            f"{where} is a .npy array of version {version}; only 1.0 and 2.0 are read."
        )
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read(stream, max_header_size=_MAX_HEADER)
    if dtype.kind not in "biufU" or not dtype.itemsize or any(n < 0 for n in shape):
        raise FileRefused(
            f"{where} holds values of dtype {str(dtype)[:60]}; only numbers, booleans and fixed "
            "text are read (objects never, as they can run code)."
        )
    return _Header(shape, dtype, fortran)


def _row_names(split: str) -> tuple[str, ...]:
    """What the rows may be called, in the order in which they are looked for."""
    return f"X_{split}", f"x_{split}", "X", "x"


def _label_name(row_name: str) -> str:
    return "y" + row_name[1:]


def read_npz(path: Path, split: str = "train") -> Arrays:
    """X and y of a .npz archive, in memory; X and y without a split are all the rows.

    Parameters
    ----------
    path : Path
        The archive; sizes are checked before memory is taken.
    split : {'train', 'test'}
        Which of X_train and X_test is wanted, where there are such.

    Raises
    ------
    FileRefused
        If the archive is damaged, holds objects, or announces more than fits in memory.
    NotAvailable
        If it holds no array of these names.
    """
    require_start(path, b"PK", "a NumPy archive (.npz)")
    with parsing(path, "a NumPy archive"), zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        for name in _row_names(split):
            if name in members:
                wanted = [members[n] for n in (name, _label_name(name)) if n in members]
                check_in_memory(path, sum(member.file_size for member in wanted))
                x, *y = (_read_member(archive, member, path) for member in wanted)
                return _arranged(x, y[0] if y else None, path)
        held = ", ".join(sorted(members)[:20])
    raise NotAvailable(f"{path} holds no array X or X_{split}; it holds: {held or 'nothing'}.")


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Array:
    where = f"{path}: {info.filename}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileRefused(f"{where} is compressed as NumPy never does; save it by numpy.savez.")
    with archive.open(info) as stream:
        header = _read_header(stream, where)
        if header.nbytes > info.file_size:
            raise FileRefused(f"{where} announces more values than it holds; it is damaged.")
        flat = np.empty(math.prod(header.shape), header.dtype)
        raw = flat.view(np.uint8) if flat.size else np.empty(0, np.uint8)
        filled = 0
        while filled < len(raw) and (piece := stream.read(min(_PIECE, len(raw) - filled))):
            raw[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        if filled < len(raw) or stream.read(1):
            raise FileRefused(f"{where} does not have the length it announces; it is damaged.")
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _map(path: Path) -> Array:
    require_start(path, b"\x93NUMPY", "a NumPy array (.npy)")
    with parsing(path, "a NumPy array"), path.open("rb") as stream:
        header = _read_header(stream, str(path))
        offset = stream.tell()
        if size_of(path) != offset + header.nbytes or not header.nbytes:
            raise FileRefused(
                f"{path} announces {header.nbytes:,} bytes of values but has "
                f"{size_of(path) - offset:,}; it is truncated or damaged."
            )
        return np.memmap(
            path, header.dtype, "r", offset, header.shape, "F" if header.fortran else "C"
        )


def read_npy(path: Path) -> Arrays:
    """The rows of a .npy file, mapped from disk, read-only.

    The labels are those of the file beside it whose name has y for X: y.npy for X.npy,
    y_train.npy for X_train.npy.

    Raises
    ------
    FileRefused
        If a file is no such array, holds objects, or has another length than it announces.
    """
    labels = path.with_name(_label_name(path.name))
    named_so = path.name[0] in "Xx" and labels.is_file()
    return _arranged(_map(path), _map(labels) if named_so else None, path)


def holds_arrays(folder: Path) -> bool:
    """Whether a folder holds X.npy, X_train.npy or X_test.npy."""
    names = (*_row_names("train"), *_row_names("test"))
    return any((folder / f"{name}.npy").is_file() for name in names)


def read_array_folder(folder: Path, split: str = "train") -> Arrays:
    """X.npy and y.npy of a folder, or X_train.npy and y_train.npy, as `read_npy`.

    Raises
    ------
    NotAvailable
        If the folder holds no rows of the split.
    FileRefused
        As `read_npy`.
    """
    for name in _row_names(split):
        if (folder / f"{name}.npy").is_file():
            return read_npy(folder / f"{name}.npy")
    raise NotAvailable(f"{folder} has no X.npy and no X_{split}.npy; name the arrays so.")


def _arranged(x: Array, y: Array | None, where: Path) -> Arrays:
    """X as rows, images channel-major, and y as one column."""
    shape = x.shape
    if x.dtype.kind == "U" or not 2 <= x.ndim <= 4 or not x.size:
        raise FileRefused(
            f"{where}: X has shape {shape} and dtype {x.dtype}; it must be numbers of shape "
            "(n, features), or images (n, height, width) or (n, height, width, channels)."
        )
    image_shape = None
    if x.ndim == 3:
        image_shape = (1, shape[1], shape[2])
    elif x.ndim == 4:
        if shape[3] not in (1, 3) and shape[1] not in (1, 3):
            raise FileRefused(f"{where}: X has shape {shape}; images have 1 or 3 channels.")
        if shape[3] in (1, 3):
            x = np.moveaxis(x, 3, 1)
        image_shape = (x.shape[1], x.shape[2], x.shape[3])
    if (x.ndim > 2 and not x.flags.c_contiguous) or not x.dtype.isnative:
        check_in_memory(where, x.nbytes)  # what follows copies them
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    if y is not None:
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1 or len(y) != len(x):
            raise FileRefused(
                f"{where}: y has shape {y.shape} where X has {len(x):,} rows; give one label or "
                "target for each row, in one dimension."
            )
    return Arrays(x.reshape(len(x), -1), y, image_shape)
