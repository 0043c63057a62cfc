"""Data sets that are fetched when asked for, checked by their published sums, and kept.

CIFAR-10 (A. Krizhevsky, 2009) comes from its home page.  MNIST (LeCun, Cortes, Burges) comes from
the mirror that torchvision uses; its published sums are those of the unpacked files.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..ground.errors import FileRefused, InvalidInput, NotAvailable, choose
from .formats.idx import IDX_FILES
from .formats.reading import open_bounded, parsing

__all__ = ["KNOWN", "Known", "available", "cache_folder", "get"]

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all) while a file comes in."""


@dataclass(frozen=True)
class _File:
    """A published file: its name, its size at most, and the sum of it or of what it unpacks to."""

    name: str
    size: int
    sha256: str | None = None
    unpacked_size: int = 0
    unpacked_md5: str | None = None


@dataclass(frozen=True)
class _Published:
    base_url: str
    files: tuple[_File, ...]
    about: str


def _mnist_file(name: str, unpacked_size: int, unpacked_md5: str) -> _File:
    size = unpacked_size + 2**16  # packed, no file is larger than unpacked, but for its header
    return _File(name + ".gz", size, unpacked_size=unpacked_size, unpacked_md5=unpacked_md5)


KNOWN = {
    "cifar10": _Published(
        "https://www.cs.toronto.edu/~kriz/",
        (
            _File(
                "cifar-10-binary.tar.gz",
                170_052_171,
                sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        "60,000 colour images of 10 kinds of things, 32 × 32 pixels",
    ),
    "mnist": _Published(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        (
            _mnist_file(IDX_FILES["train"][0], 47_040_016, "6bbc9ace898e44ae57da46a324031adb"),
            _mnist_file(IDX_FILES["train"][1], 60_008, "a25bea736e30d166cdddb491f175f624"),
            _mnist_file(IDX_FILES["test"][0], 7_840_016, "2646ac647ad5339dbf082846283269ea"),
            _mnist_file(IDX_FILES["test"][1], 10_008, "27ae3e4e09519cfbb04c329615203637"),
        ),
        "70,000 grey images of handwritten digits, 28 × 28 pixels",
    ),
}
"""What can be fetched, by name."""


@dataclass(frozen=True)
class Known:
    """The state of one data set.

    Attributes
    ----------
    name, about : str
        What it is called and what it is.
    present : bool
        Whether it can be used without a download.
    size : int
        Bytes on disk, 0 if absent.
    folder : Path, optional
        Where it is, or would be; None for what the package contains.
    """

    name: str
    about: str
    present: bool
    size: int
    folder: Path | None


def cache_folder() -> Path:
    """Where fetched data sets are kept: `$DELTARULE_DATA`, else the user's cache folder."""
    if given := os.environ.get("DELTARULE_DATA"):
        return Path(given).expanduser()
    import pooch

    return Path(pooch.os_cache("deltarule"))


def available() -> list[Known]:
    """All data sets that go by a name, embedded or fetched, with their state."""
    embedded = Path(__file__).with_name("digits.npz")
    about = "1,797 grey images of handwritten digits, 8 × 8 pixels (part of the package)"
    states = [Known("digits", about, True, embedded.stat().st_size, None)]
    for name, published in KNOWN.items():
        folder = cache_folder() / name
        paths = [folder / file.name for file in published.files]
        present = all(path.is_file() for path in paths)
        size = sum(path.stat().st_size for path in paths) if present else 0
        states.append(Known(name, published.about, present, size, folder))
    return states


def get(name: str, *, base_url: str | None = None, progress: Progress | None = None) -> Path:
    """Fetch a data set, unless it is there already, and return its folder.

    Parameters
    ----------
    name : str
        One of `KNOWN`.
    base_url : str, optional
        Another place that has the same files, over https (or http on this machine alone).
    progress : callable, optional
        Called with (bytes so far, bytes in all) of each file.

    Raises
    ------
    UnknownName, InvalidInput
        If the name or the address cannot be used.
    NotAvailable
        If the source cannot be reached, or the cache folder not written.
    FileRefused
        If a file is not the published one.  Nothing of it is kept, nor is anything of a download
        that was interrupted.
    """
    published: _Published = choose(name, KNOWN, "data set to download")
    base_url = (base_url or published.base_url).rstrip("/") + "/"
    _check_address(base_url)
    cache = cache_folder()
    folder = cache / name
    if all(_is_published(folder / file.name, file) for file in published.files):
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=cache) as temporary:
            paths = [_fetch(file, base_url, Path(temporary), progress) for file in published.files]
            folder.mkdir(exist_ok=True)
            for path in paths:
                path.replace(folder / path.name)
    except OSError as error:
        raise NotAvailable(
            f"{cache} cannot be written: {error.strerror or error}. Set DELTARULE_DATA to a folder "
            "that can."
        ) from error
    return folder


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    at_home = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not (parts.scheme == "https" or at_home):
        raise InvalidInput(f"Data sets are fetched over https only, not from {url!r}.")


def _on_response(response: Any, *args: Any, **kwargs: Any) -> None:
    """A hook of requests: a redirection may not leave https, and a .gz file stays packed."""
    if response.is_redirect:
        _check_address(urljoin(response.url, response.headers["location"]))
    # Some servers call a .gz file an encoding of its content, and requests would unpack it.
    response.raw.headers.pop("content-encoding", None)


class _Meter:
    """What pooch takes for a progress bar: it reports, and stops what is larger than published."""

    def __init__(self, url: str, limit: int, progress: Progress | None) -> None:
        self.url, self.limit, self.progress = url, limit, progress
        self.total = self.done = 0

    def update(self, count: int) -> None:
        self.done += count
        if self.done > self.limit:
            raise FileRefused(f"{self.url} is larger than the published file; nothing was kept.")
        if self.progress and count:
            self.progress(self.done, self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass


def _fetch(file: _File, base_url: str, folder: Path, progress: Progress | None) -> Path:
    """Fetch one file into `folder` and check it."""
    import pooch
    import requests

    url = base_url + file.name
    chunk = 2**16
    downloader = pooch.HTTPDownloader(
        # The meter counts whole chunks, so the last one may go beyond the end.
        progressbar=_Meter(url, file.size + chunk, progress),
        chunk_size=chunk,
        timeout=60,
        hooks={"response": _on_response},
    )
    pooch.get_logger().setLevel("WARNING")
    wrong = f"{url} is not the published file: its sum is wrong. Nothing was kept; try again later."
    try:
        path = Path(
            pooch.retrieve(
                url,
                known_hash=f"sha256:{file.sha256}" if file.sha256 else None,
                fname=file.name,
                path=folder,
                downloader=downloader,
            )
        )
    except requests.RequestException as error:
        status = getattr(error.response, "status_code", None)
        reason = f"the server answered {status}" if status else "it cannot be reached"
        raise NotAvailable(
            f"{url} could not be fetched: {reason}. Check the connection, or fetch it elsewhere "
            "and name its folder by --data DIR."
        ) from error
    except (FileRefused, InvalidInput):
        raise
    except ValueError as error:
        raise FileRefused(wrong) from error
    if not _is_published(path, file):
        raise FileRefused(wrong)
    return path


def _is_published(path: Path, file: _File) -> bool:
    """Whether a file is there and has the published sum."""
    if not path.is_file():
        return False
    if file.sha256:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    try:
        with (
            open_bounded(path, file.unpacked_size) as stream,
            parsing(path, "gzip-compressed data"),
        ):
            content = stream.read()
    except FileRefused:
        return False
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == file.unpacked_md5
