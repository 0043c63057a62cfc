"""Small valid files of every format, made on the fly."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

RECORD = 3073
FOLDERS = {"bin": "cifar-10-batches-bin", "py": "cifar-10-batches-py"}
NAMES = [b"airplane", b"automobile", b"bird", b"cat", b"deer", b"dog", b"frog", b"horse"]
NAMES += [b"ship", b"truck"]


def cifar_rows(batch: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and pixels of a made-up batch; the first pixel tells the batch."""
    generator = np.random.default_rng(batch)
    labels = generator.integers(0, 10, n).astype(np.uint8)
    pixels = generator.integers(0, 256, (n, RECORD - 1)).astype(np.uint8)
    pixels[:, 0] = batch
    return labels, pixels


def binary_batch(batch: int = 1, n: int = 4) -> bytes:
    """A batch of the binary layout."""
    labels, pixels = cifar_rows(batch, n)
    return np.hstack([labels[:, None], pixels]).tobytes()


def python_batch(batch: int = 1, n: int = 4, protocol: int = 2) -> bytes:
    """The same batch in the Python layout, as Python 3 pickles it."""
    labels, pixels = cifar_rows(batch, n)
    content = {
        b"batch_label": b"training batch 1 of 5",
        b"labels": labels.tolist(),
        b"data": pixels,
        b"filenames": [b"leptodactylus_pentadactylus_s_000004.png"] * n,
    }
    return pickle.dumps(content, protocol=protocol)


def _files(layout: str, n: int) -> dict[str, bytes]:
    """All files of a small CIFAR-10, by name; batch 6 is the test batch."""
    ending, make = (".bin", binary_batch) if layout == "bin" else ("", python_batch)
    files = {f"data_batch_{i}{ending}": make(i, n) for i in range(1, 6)}
    files[f"test_batch{ending}"] = make(6, n)
    if layout == "bin":
        files["batches.meta.txt"] = b"\n".join(NAMES) + b"\n\n"
    else:
        meta = {b"label_names": NAMES, b"num_cases_per_batch": 10000, b"num_vis": 3072}
        files["batches.meta"] = pickle.dumps(meta, protocol=2)
    return files


def tar_gz(members: dict[str, bytes]) -> bytes:
    """A tar.gz archive of regular members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def idx(array: np.ndarray) -> bytes:
    """A uint8 array in idx format."""
    head = bytes((0, 0, 8, array.ndim))
    return head + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def mnist_files(n: int = 6, height: int = 5, width: int = 4) -> dict[str, bytes]:
    """The four files of a small MNIST, not packed."""
    generator = np.random.default_rng(0)
    files = {}
    for part, size in (("train", n), ("t10k", n // 2)):
        images = generator.integers(0, 256, (size, height, width)).astype(np.uint8)
        files[f"{part}-images-idx3-ubyte"] = idx(images)
        files[f"{part}-labels-idx1-ubyte"] = idx((np.arange(size) % 10).astype(np.uint8))
    return files


class Make:
    """Builders, so that tests need not import from one another."""

    RECORD = RECORD
    cifar_rows = staticmethod(cifar_rows)
    binary_batch = staticmethod(binary_batch)
    python_batch = staticmethod(python_batch)
    tar_gz = staticmethod(tar_gz)
    idx = staticmethod(idx)
    mnist_files = staticmethod(mnist_files)

    @staticmethod
    def folder(folder: Path, files: dict[str, bytes]) -> Path:
        """Write files into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return folder

    @classmethod
    def cifar(cls, folder: Path, layout: str = "bin", n: int = 4) -> Path:
        """Write a small CIFAR-10 into a folder."""
        return cls.folder(folder, _files(layout, n))

    @staticmethod
    def cifar_archive(layout: str = "bin", n: int = 4) -> bytes:
        """The official archive, small."""
        return tar_gz({f"{FOLDERS[layout]}/{k}": v for k, v in _files(layout, n).items()})

    @classmethod
    def mnist(cls, folder: Path, packed: bool = True) -> Path:
        """Write a small MNIST into a folder."""
        files = mnist_files()
        if packed:
            files = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
        return cls.folder(folder, files)


@pytest.fixture(scope="session")
def make() -> type[Make]:
    """Builders of small valid files."""
    return Make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    """`write(name, content)`: a file in the test's folder."""

    def one(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return one
