"""CIFAR-10, from a folder or the official archive, in the binary or the Python layout.

The binary layout is records of 3,073 bytes: a label 0..9, then 1,024 red, 1,024 green and 1,024
blue pixels, row by row.  The Python layout is a pickled dictionary for each batch.
Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...ground.contracts import Array
from ...ground.errors import FileRefused, NotAvailable
from ..dataset import Dataset
from .reading import open_bounded, parsing, read_whole
from .safe_pickle import MAX_PICKLE, load_plain

__all__ = ["CLASS_NAMES", "holds_cifar10", "read_cifar10"]

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

IMAGE_SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS
MAX_RECORDS = 10_000
MAX_UNPACKED = 256 * 2**20  # the official archives unpack to less than 200 MiB
MAX_META = 2**16

_Batch = tuple[Array, Array]  # labels, pixels


def _parse_binary(raw: bytes, where: str) -> _Batch:
    if not raw or len(raw) % RECORD:
        raise FileRefused(
            f"{where} has {len(raw):,} bytes, which is not a whole number of records of {RECORD:,} "
            "bytes: it is truncated or damaged; get it again."
        )
    records = np.frombuffer(raw, np.uint8).reshape(-1, RECORD)
    return records[:, 0], records[:, 1:]


def _parse_python(raw: bytes, where: str) -> _Batch:
    batch = load_plain(raw, where)
    labels, pixels = batch.get("labels"), batch.get("data")
    if not (isinstance(pixels, np.ndarray) and pixels.shape[1] == PIXELS and len(pixels)):
        raise FileRefused(f"{where} has no uint8 array 'data' of {PIXELS:,} columns; get it again.")
    if not (
        isinstance(labels, list)
        and len(labels) == len(pixels)
        and all(type(label) is int and 0 <= label < 256 for label in labels)
    ):
        raise FileRefused(
            f"{where} has no list 'labels' with a class for each of its {len(pixels):,} images; "
            "get it again."
        )
    return np.array(labels, np.uint8), pixels


def _names_of_text(raw: bytes, where: str) -> list[str]:
    return raw.decode("utf-8", "replace").split()


def _names_of_pickle(raw: bytes, where: str) -> list[str]:
    names = load_plain(raw, where).get("label_names")
    names = names if isinstance(names, list) else []
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names[:99]]


@dataclass(frozen=True)
class _Layout:
    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: str
    folder: str
    archive: str
    max_batch: int
    parse: Callable[[bytes, str], _Batch]
    names: Callable[[bytes, str], list[str]]

    def batches(self, split: str) -> tuple[str, ...]:
        return self.test if split == "test" else self.train


_LAYOUTS = (
    _Layout(
        train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
        test=("test_batch.bin",),
        meta="batches.meta.txt",
        folder="cifar-10-batches-bin",
        archive="cifar-10-binary.tar.gz",
        max_batch=MAX_RECORDS * RECORD,
        parse=_parse_binary,
        names=_names_of_text,
    ),
    _Layout(
        train=tuple(f"data_batch_{i}" for i in range(1, 6)),
        test=("test_batch",),
        meta="batches.meta",
        folder="cifar-10-batches-py",
        archive="cifar-10-python.tar.gz",
        max_batch=MAX_PICKLE,
        parse=_parse_python,
        names=_names_of_pickle,
    ),
)

_Members = dict[str, bytes]


def _read_folder(folder: Path, layout: _Layout, split: str) -> _Members:
    wanted = [*layout.batches(split), layout.meta]
    return {
        name: read_whole(folder / name, layout.max_batch)
        for name in wanted
        if (folder / name).is_file()
    }


def _read_archive(path: Path, split: str) -> tuple[_Layout, _Members]:
    """The expected regular members of an archive, kept in memory; nothing is unpacked to disk."""
    wanted = {
        prefix + name: (layout, name)
        for layout in _LAYOUTS
        for name in (*layout.batches(split), layout.meta)
        for prefix in ("", layout.folder + "/")
    }
    found: dict[str, _Members] = {layout.folder: {} for layout in _LAYOUTS}
    with (
        open_bounded(path, MAX_UNPACKED) as stream,
        parsing(path, "an archive of CIFAR-10"),
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for member in archive:
            if member.name not in wanted:
                continue
            layout, name = wanted[member.name]
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
                raise FileRefused(f"{path}: {member.name} is a link or a special file; refused.")
            if member.size > layout.max_batch:
                raise FileRefused(f"{path}: {member.name} has {member.size:,} bytes; too large.")
            if name in found[layout.folder]:
                raise FileRefused(f"{path} holds {name} twice; get the official archive.")
            content = archive.extractfile(member)
            found[layout.folder][name] = content.read() if content else b""
        while stream.read(2**20):
            pass  # to the end, where gzip's checksum stands
    for layout in _LAYOUTS:
        if any(name in found[layout.folder] for name in layout.batches(split)):
            return layout, found[layout.folder]
    raise NotAvailable(
        f"{path} holds no {split} batch of CIFAR-10; expected {_LAYOUTS[0].archive} or "
        f"{_LAYOUTS[1].archive}."
    )


def _find(path: Path, split: str) -> tuple[_Layout, Path] | None:
    """The first place in or under a folder that holds a batch of the split; binary first."""
    for layout in _LAYOUTS:
        for folder in (path, path / layout.folder):
            if any((folder / name).is_file() for name in layout.batches(split)):
                return layout, folder
        if (path / layout.archive).is_file():
            return layout, path / layout.archive
    return None


def holds_cifar10(path: Path) -> bool:
    """Whether `path` is a file, or a folder with batches of either split or an archive."""
    return path.is_file() or any(_find(path, split) for split in ("train", "test"))


def read_cifar10(path: Path, split: str = "train") -> Dataset:
    """CIFAR-10 from `path`, a folder or an official tar.gz archive.

    Parameters
    ----------
    path : Path
        The archive, or a folder with the batches, with the official sub-folder, or with an
        archive.  The binary layout is preferred where both are.
    split : {'train', 'test'}
        data_batch_1 to data_batch_5 in this order, or test_batch.

    Returns
    -------
    Dataset
        X uint8 of shape (n, 3072), channel-major; y int64 of shape (n,).  The last 5,000 of the
        50,000 training rows (the last tenth of fewer) are the validation rows.

    Raises
    ------
    NotAvailable
        If there is no batch of the split.
    FileRefused
        If a batch is missing among others, truncated, too large, or not what its name says.
    """
    if path.is_dir():
        place = _find(path, split)
        if place is None:
            raise NotAvailable(
                f"{path} holds no {split} batch of CIFAR-10; expected "
                f"{_LAYOUTS[0].batches(split)[0]} or {_LAYOUTS[1].batches(split)[0]}."
            )
        layout, path = place
    if path.is_dir():
        members = _read_folder(path, layout, split)
    else:
        layout, members = _read_archive(path, split)

    missing = [name for name in layout.batches(split) if name not in members]
    if missing:
        raise FileRefused(f"{path} lacks {', '.join(missing)}; copy or download the set again.")
    names = _class_names(members.pop(layout.meta, None), layout, _where(path, layout.meta))
    batches = []
    for name in layout.batches(split):
        where = _where(path, name)
        batches.append(_checked(layout.parse(members.pop(name), where), where))
    labels = np.concatenate([labels for labels, _ in batches]).astype(np.int64)
    return Dataset(
        name="cifar10",
        X=np.concatenate([pixels for _, pixels in batches]),
        y=labels,
        class_names=names,
        image_shape=IMAGE_SHAPE,
        validation_rows=min(5000, len(labels) // 10) if split == "train" else None,
    )


def _where(place: Path, name: str) -> str:
    return str(place / name) if place.is_dir() else f"{place}: {name}"


def _class_names(raw: bytes | None, layout: _Layout, where: str) -> tuple[str, ...]:
    if raw is None:
        return CLASS_NAMES
    names = layout.names(raw, where) if len(raw) <= MAX_META else []
    if len(names) != len(CLASS_NAMES) or len(set(names)) != len(names):
        raise FileRefused(f"{where} does not name ten classes; get it again or remove it.")
    return tuple(names)


def _checked(batch: _Batch, where: str) -> _Batch:
    labels, pixels = batch
    if len(pixels) > MAX_RECORDS:
        raise FileRefused(f"{where} has {len(pixels):,} images; a batch has at most 10,000.")
    if (wrong := np.flatnonzero(labels >= len(CLASS_NAMES))).size:
        raise FileRefused(
            f"{where} has the label {labels[wrong[0]]} at record {wrong[0] + 1}; labels are 0 to "
            "9: it is damaged or another data set."
        )
    return batch
