"""MNIST's idx files: a magic number, the sizes, then the bytes.

    images:  00 00 08 03, n, height, width (big-endian 32-bit), then n × height × width pixels
    labels:  00 00 08 01, n,                                     then n labels

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, NotAvailable
from ..dataset import Dataset
from .reading import MAX_IN_MEMORY, check_in_memory, open_bounded, parsing, size_of

__all__ = ["IDX_FILES", "holds_idx", "read_idx"]

IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

_SUBFOLDERS = ("", "MNIST/raw", "raw")
_DIGITS = tuple("0123456789")
_MAX_GZIP_RATIO = 1100  # deflate packs at most 1032 bytes into one
_PIECE = 2**20


def _find(folder: Path, name: str) -> Path | None:
    spellings = (name, name.replace("-idx", ".idx"))
    for sub in _SUBFOLDERS:
        for spelling in spellings:
            for ending in ("", ".gz"):
                path = folder / sub / (spelling + ending)
                if path.is_file():
                    return path
    return None


def holds_idx(folder: Path) -> bool:
    """Whether a folder, or its MNIST/raw, holds images of either split under their idx names."""
    return any(_find(folder, images) for images, _ in IDX_FILES.values())


def _read_array(path: Path, axes: int) -> Array:
    """The uint8 array of an idx file; its size is checked before it is allocated."""
    with (
        open_bounded(path, MAX_IN_MEMORY) as stream,
        parsing(path, "an idx file"),
    ):
        head = stream.read(4 + 4 * axes)
        magic = bytes((0, 0, 8, axes))
        if len(head) < 4 + 4 * axes or not head.startswith(magic):
            raise FileRefused(
                f"{path} does not begin like an idx file of bytes with {axes} axes "
                f"({magic.hex(' ')}); it is damaged or another file."
            )
        shape = struct.unpack(f">{axes}I", head[4:])
        size = math.prod(shape)
        holds = size_of(path) * (_MAX_GZIP_RATIO if path.suffix == ".gz" else 1)
        if not size or size > holds:
            raise FileRefused(
                f"{path} announces {' × '.join(map(str, shape))} bytes, which do not fit in its "
                f"{size_of(path):,}: it is truncated or damaged; get it again."
            )
        check_in_memory(path, size)
        values = np.empty(size, np.uint8)
        filled = 0
        while filled < size and (piece := stream.read(min(_PIECE, size - filled))):
            values[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        if filled < size or stream.read(1):
            raise FileRefused(
                f"{path} has {'fewer' if filled < size else 'more'} than the {size:,} bytes that "
                "it announces: it is damaged; get it again."
            )
    return values.reshape(shape)


def read_idx(folder: Path, split: str = "train", name: str = "mnist") -> Dataset:
    """Images and labels of one split from a folder with MNIST's files.

    Parameters
    ----------
    folder : Path
        Holds the files, or has them in MNIST/raw; gzip-compressed or not.
    split : {'train', 'test'}
        The files called train-… or t10k-….
    name : str
        The data set's name in reports.

    Returns
    -------
    Dataset
        X uint8 of shape (n, height · width); y int64 of shape (n,).

    Raises
    ------
    NotAvailable
        If a file of the split is not there.
    FileRefused
        If a file is damaged, or images and labels differ in number.
    """
    paths = {file: _find(folder, file) for file in IDX_FILES[split]}
    missing = [file for file, path in paths.items() if path is None]
    if missing:
        raise NotAvailable(f"{folder} has no {' and no '.join(missing)} (.gz); copy it there.")
    image_path, label_path = (path for path in paths.values() if path is not None)
    x, y = _read_array(image_path, 3), _read_array(label_path, 1)
    if len(x) != len(y):
        raise FileRefused(
            f"{image_path} has {len(x):,} images but {label_path} has {len(y):,} labels; the two "
            "belong to different sets."
        )
    return Dataset(
        name=name,
        X=x.reshape(len(x), -1),
        y=y.astype(np.int64),
        class_names=_DIGITS if y.max() < len(_DIGITS) else None,
        image_shape=(1, *x.shape[1:]),
    )
