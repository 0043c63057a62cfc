"""The power fails after any operation of a save: what was promised to be on the disk is enough.

The operations of some saves are recorded, and every prefix of them is turned into folders as a disk
may have them: writes that were not flushed are there, half there or not at all, and of the names
that changed since the folder was flushed any number of the first has arrived.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltarule.storage import atomic
from deltarule.storage.generations import Generations

SAVES = 20
Operation = tuple[str, ...] | tuple[str, str, bytes]


class Recorder:
    """Writes down what a save does to a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.operations: list[Any] = []
        self.handles: dict[int, str] = {}
        real = {name: getattr(os, name) for name in ("open", "fsync", "replace", "unlink")}

        def opened(path: Any, mode: str = "r") -> Any:
            file = open(path, mode, buffering=0)  # noqa: SIM115
            self.handles[file.fileno()] = Path(path).name
            self.operations.append(("create", Path(path).name))
            return _Recorded(file, self)

        def open_folder(path: Any, flags: int, *more: Any, **options: Any) -> int:
            handle: int = real["open"](path, flags, *more, **options)
            if Path(path) == folder:
                self.handles[handle] = ""
            return handle

        def fsync(handle: int) -> None:
            real["fsync"](handle)
            self.operations.append(("fsync", self.handles[handle]))

        def replace(source: Any, target: Any) -> None:
            real["replace"](source, target)
            self.operations.append(("rename", Path(source).name, Path(target).name))

        def unlink(path: Any, **options: Any) -> None:
            real["unlink"](path, **options)
            self.operations.append(("unlink", Path(path).name))

        monkeypatch.setattr(atomic, "open", opened, raising=False)
        monkeypatch.setattr(os, "open", open_folder)
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", replace)
        monkeypatch.setattr(os, "unlink", unlink)


class _Recorded:
    """A file whose writes are written down."""

    def __init__(self, file: Any, recorder: Recorder) -> None:
        self.file, self.recorder = file, recorder

    def write(self, data: Any) -> int:
        name = self.recorder.handles[self.file.fileno()]
        self.recorder.operations.append(("write", name, bytes(data)))
        written: int = self.file.write(data)
        return written

    def flush(self) -> None:
        self.file.flush()

    def fileno(self) -> int:
        number: int = self.file.fileno()
        return number

    def __enter__(self) -> _Recorded:
        return self

    def __exit__(self, *error: Any) -> None:
        self.file.close()


def disks(operations: list[Any]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Every folder that the disk may hold after these operations: what, and name → content."""
    inodes: list[dict[str, bytes]] = []  # content as it was flushed, and as it was written
    now: dict[str, int] = {}
    durable: dict[str, int] = {}
    pending: list[tuple[str, ...]] = []
    for operation in operations:
        kind, name, *rest = operation
        if kind == "create":
            inodes.append({"flushed": b"", "written": b""})
            now[name] = len(inodes) - 1
            pending.append(("link", name, str(len(inodes) - 1)))
        elif kind == "write":
            inodes[now[name]]["written"] += rest[0]
        elif kind == "fsync" and name:
            inodes[now[name]]["flushed"] = inodes[now[name]]["written"]
        elif kind == "fsync":
            durable, pending = dict(now), []
        elif kind == "rename":
            now[rest[0]] = now.pop(name)
            pending.append(("rename", name, rest[0]))
        else:
            now.pop(name)
            pending.append(("unlink", name))
    for arrived, part in itertools.product(range(len(pending) + 1), ("none", "half", "all")):
        names = dict(durable)
        for change in pending[:arrived]:
            if change[0] == "link":
                names[change[1]] = int(change[2])
            elif change[0] == "rename":
                names[change[2]] = names.pop(change[1])
            else:
                names.pop(change[1], None)
        yield (
            f"{arrived} names arrived, {part} of what was not flushed",
            {name: content(inodes[inode], part) for name, inode in names.items()},
        )


def content(inode: dict[str, bytes], part: str) -> bytes:
    """A file's content where all, half or nothing of what was not flushed is on the disk."""
    flushed, written = inode["flushed"], inode["written"]
    more = len(written) - len(flushed)
    return written[: len(flushed) + {"none": 0, "half": more // 2, "all": more}[part]]


def test_every_prefix_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest whole checkpoint is at least the last whose save had ended; at least 200 disks."""
    folder, done_at = tmp_path / "saved", []
    folder.mkdir()
    with monkeypatch.context() as patch:
        recorder = Recorder(patch, folder)
        where = Generations(folder)
        for number in range(1, SAVES + 1):
            where.write(number, {"x": np.full(50, float(number))}, {"n": number})
            done_at.append(len(recorder.operations))
    operations, tried = recorder.operations, set()
    assert {"create", "write", "fsync", "rename", "unlink"} <= {o[0] for o in operations}
    for length in range(len(operations) + 1):
        ended = sum(end <= length for end in done_at)
        for what, files in disks(operations[:length]):
            key = (ended, tuple(sorted(files.items())))
            if key in tried:
                continue
            tried.add(key)
            disk = tmp_path / f"disk-{len(tried)}"
            disk.mkdir()
            for name, data in files.items():
                (disk / name).write_bytes(data)
            found = Generations(disk).newest() if Generations(disk).numbers() else None
            least = ended and found and found[1]["n"] >= ended
            assert least or not ended, f"after {length} operations, {what}"
            if found:
                assert found[0]["x"].tolist() == [float(found[1]["n"])] * 50
    assert len(tried) >= 200
