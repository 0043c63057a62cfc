"""Opening files that nobody vouches for."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import warnings

import pytest

from deltarule.data.formats import reading
from deltarule.ground.errors import FileRefused, InvalidInput, NotAvailable


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "nothing"),
        (b"a,b\n1,2\n", "text"),
        (b"\x00\x01", "binary data"),
        (b"\x1f\x8b\x08", "gzip-compressed data"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"<HTML>", "a web page"),
        (b"PAR1", "a Parquet table"),
        ("ä".encode("utf-16"), "UTF-16 text"),
    ],
)
def test_content_is_described(head, what):
    """The first bytes of common kinds of files are called by name."""
    assert reading.describe(head) == what


def test_sizes_of_regular_files_only(tmp_path):
    """A missing file is not available; folders, pipes and devices are refused."""
    with pytest.raises(NotAvailable, match="no file"):
        reading.size_of(tmp_path / "none")
    with pytest.raises(FileRefused, match="not a regular file"):
        reading.size_of(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileRefused, match="not a regular file"):
        reading.size_of(tmp_path / "pipe")
    with pytest.raises((FileRefused, NotAvailable)):
        reading.size_of(tmp_path / "nul\0byte")


def test_whole_files_are_limited(write):
    """A file above the limit is refused before it is read."""
    path = write("a.bin", bytes(10))
    assert reading.read_whole(path, 10) == bytes(10)
    with pytest.raises(FileRefused, match=r"a\.bin has 10 bytes, more than the 9"):
        reading.read_whole(path, 9)


def test_bounded_streams_stop_at_their_limit(write):
    """A packed bomb is refused after its limit, with little memory."""
    path = write("bomb.gz", gzip.compress(bytes(2**26)))
    tracemalloc.start()
    with (
        reading.open_bounded(path, 10**6) as stream,
        pytest.raises(FileRefused, match="more than 1,000,000 bytes"),
    ):
        stream.read()
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


def test_bounded_streams_give_all_up_to_their_limit(write):
    """Content of exactly the limit is given whole, packed or not."""
    content = bytes(range(256)) * 10
    for path in (write("a", content), write("a.gz", gzip.compress(content))):
        with reading.open_bounded(path, len(content)) as stream:
            assert stream.read() == content


def test_a_gz_that_is_none_is_refused(write):
    """A name that ends in .gz needs gzip's first bytes."""
    with (
        pytest.raises(FileRefused, match="but holds text"),
        reading.open_bounded(write("a.gz", "text"), 100) as stream,
    ):
        stream.read()


def test_parsing_turns_any_error_into_a_refusal():
    """Errors and warnings of a parser become FileRefused; our own errors pass."""
    for error, passed, match in (
        (KeyError("odd"), FileRefused, r"x\.bin cannot be read as a thing: 'odd'"),
        (UserWarning("careful"), FileRefused, "careful"),
        (MemoryError(), FileRefused, "MemoryError"),
        (InvalidInput("ours"), InvalidInput, "ours"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
    ):
        with pytest.raises(passed, match=match), reading.parsing("x.bin", "a thing"):
            raise error
    with pytest.raises(FileRefused, match="warned"), reading.parsing("x.bin", "a thing"):
        warnings.warn("warned", stacklevel=1)


def test_memory_is_limited():
    """What would not fit in memory is refused with the way out."""
    reading.check_in_memory("a.npz", reading.MAX_IN_MEMORY)
    with pytest.raises(FileRefused, match=r"X\.npy"):
        reading.check_in_memory("a.npz", reading.MAX_IN_MEMORY + 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(write):
    """A file that may not be read is refused in a sentence."""
    path = write("secret.csv", "a")
    path.chmod(0)
    with pytest.raises(FileRefused, match="Permission denied"):
        reading.read_whole(path, 10)
