"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import InvalidInput, NotAvailable
from deltarule.storage import atomic
from deltarule.storage.atomic import as_path, write_bytes, write_text


@settings(deadline=None, derandomize=True, max_examples=30)
@given(old=st.none() | st.binary(), new=st.binary())
def test_content(tmp_path_factory: pytest.TempPathFactory, old: bytes | None, new: bytes) -> None:
    """What was written is there, whatever was there before, and nothing else is."""
    folder = tmp_path_factory.mktemp("atomic")
    path = folder / "file"
    if old is not None:
        path.write_bytes(old)
    write_bytes(path, new)
    assert path.read_bytes() == new
    assert os.listdir(folder) == ["file"]


def test_text_is_utf8(tmp_path: Path) -> None:
    """Text is written in UTF-8, with the line ends that it has."""
    write_text(str(tmp_path / "t"), "θ ← 1\r\n")
    assert (tmp_path / "t").read_bytes() == "θ ← 1\r\n".encode()


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_failure_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Where a write fails at any step, the old file is as it was, and no other is left."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os if step != "open" else atomic, step, fail, raising=False)
    with pytest.raises(NotAvailable, match=r"file cannot be written: No space left"):
        write_bytes(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption goes on upwards, and the temporary file is taken away."""

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "file", b"new")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="permissions are those of POSIX")
def test_permissions_stay(tmp_path: Path) -> None:
    """A file that is written again keeps its permissions."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_bytes(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("path", ["missing/file", "folder", "plain/file"])
def test_places_that_are_none(tmp_path: Path, path: str) -> None:
    """A missing folder, a folder, and a file that is taken for a folder are told by name."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(NotAvailable, match=f"{path} cannot be written"):
        write_bytes(tmp_path / path, b"x")


@pytest.mark.parametrize("path", [None, 5, 1.5, True, b"x", ["x"], "", "a\0b"])
def test_what_is_no_path(path: object) -> None:
    """Neither other types nor empty words nor NUL are paths."""
    with pytest.raises(InvalidInput, match="path"):
        as_path(path)


@pytest.mark.parametrize("path", ["file", Path("folder/file"), "θ.txt"])
def test_what_is_a_path(path: str | Path) -> None:
    """Text and Path objects are."""
    assert as_path(path) == Path(path)


def test_pieces(tmp_path: Path) -> None:
    """Pieces are written one behind the other, bytes and windows on bytes alike."""
    write_bytes(tmp_path / "file", (b"a", memoryview(b"xbcx")[1:3], b"", b"d"))
    assert (tmp_path / "file").read_bytes() == b"abcd"
