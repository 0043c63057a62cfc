"""Archives and pickles made to do harm, each in a line: nothing runs, nothing is written, and what
is refused is refused in one sentence.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import tarfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr

CANARY = "DELTARULE_CANARY"
BATCH = "cifar-10-batches-bin/data_batch_1.bin"
RECORDS = b"".join(bytes([i]) + bytes([7 * i % 256]) * 3072 for i in range(4))
MOST_MEMORY = 64 * 2**20


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive, with whatever its header shall say."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


GOOD = [member(f"cifar-10-batches-bin/data_batch_{i}.bin", RECORDS) for i in range(1, 6)]
REST = GOOD[1:]


def packed(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    """An archive of these."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), 1)


def header(name: str, **fields: Any) -> bytes:
    """The header of a member alone."""
    return member(name, **fields)[0].tobuf()


def with_pax(**headers: str) -> bytes:
    """The archive with extended headers on its first member."""
    info, content = member(BATCH, RECORDS)
    info.pax_headers = {name.replace("__", "."): value for name, value in headers.items()}
    return packed((info, content), *REST, format=tarfile.PAX_FORMAT)


EVIL = b"* * * * * root sh -c 'touch /tmp/owned'\n"
WHOLE = packed(*GOOD)
REFUSED, ROWS, EITHER = "refused", "the rows, and nothing of it", "either"

ARCHIVES: dict[str, tuple[bytes, str]] = {
    "an absolute path": (packed(member("/etc/cron.d/owned", EVIL), *GOOD), ROWS),
    "a path that climbs": (packed(member("../../../owned", EVIL), *GOOD), ROWS),
    "a batch that climbs": (packed(member(f"x/../../{BATCH}", EVIL), *REST), REFUSED),
    "a batch of an absolute path": (packed(member(f"/{BATCH}", RECORDS), *REST), REFUSED),
    "a symbolic link outside": (
        packed(member(BATCH, type=tarfile.SYMTYPE, linkname="/etc/passwd"), *REST),
        REFUSED,
    ),
    "a link, and a file through it": (
        packed(
            member("cifar-10-batches-bin", type=tarfile.SYMTYPE, linkname="/tmp"),
            *GOOD,
            member("cifar-10-batches-bin/owned", EVIL),
        ),
        ROWS,
    ),
    "a hard link": (
        packed(member(BATCH, type=tarfile.LNKTYPE, linkname="/etc/shadow"), *REST),
        REFUSED,
    ),
    "a device": (
        packed(member(BATCH, type=tarfile.BLKTYPE, devmajor=8, devminor=0), *REST),
        REFUSED,
    ),
    "a terminal": (packed(member(BATCH, type=tarfile.CHRTYPE, devmajor=5), *REST), REFUSED),
    "a pipe that never ends": (packed(member(BATCH, type=tarfile.FIFOTYPE), *REST), REFUSED),
    "a folder": (packed(member(BATCH, type=tarfile.DIRTYPE), *REST), REFUSED),
    "a sparse file": (packed(member(BATCH, type=tarfile.GNUTYPE_SPARSE), *REST), REFUSED),
    "a sparse file of exabytes": (with_pax(GNU__sparse__realsize="9" * 18), EITHER),
    "a type that nobody knows": (packed(member(BATCH, RECORDS, type=b"Z"), *REST), REFUSED),
    "a bomb within a batch": (
        gzip.compress(header(BATCH, size=2**35) + bytes(2**24), 9),
        REFUSED,
    ),
    "a bomb beside the batches": (
        gzip.compress(header("readme.html", size=2**35)) + gzip.compress(bytes(2**24), 9) * 20,
        REFUSED,
    ),
    "a name of gigabytes": (
        gzip.compress(header("././@LongLink", size=2**34, type=b"L") + bytes(2**20), 9),
        REFUSED,
    ),
    "twenty thousand members": (
        gzip.compress(header("x") * 20_000 + gzip.decompress(WHOLE), 1),
        ROWS,
    ),
    "headers of headers": (
        gzip.compress((header("././@LongLink", size=1, type=b"L") + b"a".ljust(512, b"\0")) * 5000),
        REFUSED,
    ),
    "the same name twice": (packed(*GOOD, member(BATCH, RECORDS[::-1])), REFUSED),
    "the same name by another path": (
        packed(*GOOD, member("data_batch_1.bin", RECORDS)),
        REFUSED,
    ),
    "a name in capitals": (packed(member(BATCH.upper(), EVIL), *GOOD), ROWS),
    "a name with a line end": (packed(member(f"{BATCH}\n", EVIL), *GOOD), ROWS),
    "a name with NUL": (packed(member(f"{BATCH}\0.sh", EVIL), *REST), REFUSED),
    "a name that is no text": (
        gzip.compress(header("x").replace(b"x", b"\xff", 1) + gzip.decompress(WHOLE)),
        EITHER,
    ),
    "a size that is no number": (with_pax(size="x"), EITHER),
    "a size below nothing": (with_pax(size="-1"), EITHER),
    "an archive in the archive": (packed(member(BATCH, WHOLE), *REST), REFUSED),
    "packed twice": (gzip.compress(WHOLE), REFUSED),
    "cut off": (WHOLE[: len(WHOLE) // 2], REFUSED),
    "without its checksum": (WHOLE[:-8], REFUSED),
    "with a wrong checksum": (WHOLE[:-8] + b"\0\1\2\3" + WHOLE[-4:], REFUSED),
    "a zip archive": (b"PK\x03\x04" + bytes(100), REFUSED),
    "a program": (b"#!/bin/sh\ntouch /tmp/owned\n", REFUSED),
}


class Does:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.does = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.does


def text(value: str) -> bytes:
    """BINUNICODE of it."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


SETS = f"import os; os.environ[{CANARY!r}] = 'owned'"
TOUCH = f"export {CANARY}=owned; touch owned"
DEEP_KEY = b"\x80\x02})q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"Ns."
DOUBLING = b"\x80\x02}U\x01a]q\x00" + b"](h\x00h\x00eq\x00" * 40 + b"s."
REPEATED = (
    b"\x80\x02}](c_codecs\nencode\nq\x00X\x06\x00\x00\x00latin1q\x02"
    + (b"X" + struct.pack("<I", 10**5) + b"a" * 10**5 + b"q\x01")
    + b"h\x00h\x01h\x02\x86R" * 20_000
    + b"e."
)

PICKLES: dict[str, bytes] = {
    "os.system": pickle.dumps({b"data": Does(os.system, TOUCH)}, 2),
    "os.putenv by posix": b"\x80\x02cposix\nputenv\n" + text(CANARY) + text("owned") + b"\x86R.",
    "eval": b"\x80\x02cbuiltins\neval\n" + text("__import__('os').mkdir('owned')") + b"\x85R.",
    "exec": b"\x80\x02cbuiltins\nexec\n" + text(SETS) + b"\x85R.",
    "exec as Python 2 has it": b"\x80\x02c__builtin__\nexec\n" + text(SETS) + b"\x85R.",
    "a name on the stack": b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93" + text("owned") + b"\x85R.",
    "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0bos.mkdir\x93" + text("owned") + b"\x85R.",
    "a name put together": b"\x80\x04" + text("o") + text("s") + b"\x93" + text("x") + b"\x85R.",
    "a name of an old module": b"\x80\x02cnt\nsystem\n" + text(TOUCH) + b"\x85R.",
    "a class made anew": b"\x80\x02cos\nmkdir\n" + text("owned") + b"\x85\x81.",
    "a class with keywords": b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93" + text("owned") + b"\x85}\x92.",
    "protocol 0": pickle.dumps({b"data": Does(os.mkdir, "owned")}, 0),
    "an instance of protocol 0": b"(S'owned'\nios\nmkdir\n.",
    "an object of protocol 1": b"\x80\x02(cos\nmkdir\n" + text("owned") + b"o.",
    "an array of objects": pickle.dumps(
        {b"data": np.array([[Does(os.mkdir, "owned")]], object)}, 2
    ),
    "NumPy's load": b"\x80\x02cnumpy\nload\n" + text("owned.npy") + b"\x85R.",
    "ctypes": b"\x80\x02cctypes\nCDLL\n" + text("libc.so.6") + b"\x85R.",
    "an import": b"\x80\x02cimportlib\nimport_module\n" + text("antigravity") + b"\x85R.",
    "an unpickler in a pickle": b"\x80\x02cpickle\nloads\nU\x05cos\n.\x85R.",
    "a number of the registry": b"\x80\x02\x82\x01.",
    "a persistent identity": b"\x80\x02Pos.mkdir\n.",
    "another, on the stack": b"\x80\x02" + text("os.mkdir") + b"Q.",
    "state into an object": b"\x80\x02cnumpy\ndtype\nU\x02u1\x85R}" + text("x") + b"Nsb.",
    "a bomb of the memo": DOUBLING,
    "bytes repeated without end": REPEATED,
    "a key that takes for ever": DEEP_KEY,
    "nested a million deep": b"\x80\x02" + b"(" * 10**6 + b".",
    "tuples 200,000 deep": b"\x80\x02N" + b"\x85" * 200_000 + b".",
    "an integer of two gigabytes": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "an integer of a million digits": b"I" + b"9" * 10**6 + b"\n.",
    "bytes of exabytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
    "a frame of exabytes": b"\x80\x04\x95" + struct.pack("<Q", 2**63) + b"N.",
    "a memo of four billion": b"\x80\x02Nr\xff\xff\xff\xff.",
}


class Watch:
    """A cache folder within a folder of which nothing else may change."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache = folder, folder / "cache"
        (self.cache / "cifar10").mkdir(parents=True)
        (folder / "elsewhere").mkdir()
        self.began = time.monotonic()

    def put(self, files: dict[str, bytes]) -> None:
        """Lay files into the cache, as a download would."""
        for name, content in files.items():
            (self.cache / "cifar10" / name).write_bytes(content)
        self.before, self.environment = self._everything(), dict(os.environ)
        self.outside = {name: os.path.exists(f"/tmp/{name}") for name in ("owned", "deltarule")}
        tracemalloc.start()

    def _everything(self) -> dict[str, tuple[int, int]]:
        found = {}
        for path in sorted(self.folder.rglob("*")):
            about = path.lstat()
            found[str(path)] = (about.st_mode, about.st_mtime_ns if path.is_file() else 0)
        return found

    def hold(self) -> None:
        """Nothing was written, run, or taken."""
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert self._everything() == self.before
        assert {name: os.path.exists(f"/tmp/{name}") for name in self.outside} == self.outside
        assert dict(os.environ) == self.environment
        assert peak < MOST_MEMORY, f"{peak:,}"
        assert time.monotonic() - self.began < 30


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The place of a test, which it also stands in."""
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv(CANARY, raising=False)
    watch = Watch(tmp_path)
    monkeypatch.chdir(tmp_path / "elsewhere")
    return watch


def sentence_or_rows(watch: Watch) -> str:
    """Load the data set by its name; the sentence, or nothing where its rows are the good ones."""
    try:
        data = dr.load_data("cifar10")
    except dr.DeltaruleError as error:
        return str(error)
    expected = np.frombuffer(RECORDS * 5, np.uint8).reshape(20, 3073)[:, 1:]
    np.testing.assert_array_equal(data.X, expected)
    return ""


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name: str, watch: Watch) -> None:
    """An archive gives the rows of its batches, or a sentence; nothing is made of it on a disk."""
    content, expected = ARCHIVES[name]
    watch.put({"cifar-10-binary.tar.gz": content})
    sentence = sentence_or_rows(watch)
    watch.hold()
    assert bool(sentence) == (expected == REFUSED) or expected == EITHER
    if sentence:
        assert "cifar-10-binary.tar.gz" in sentence
        assert "\n" not in sentence
        assert sentence.endswith(".")
        assert len(sentence) < 600


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("where", ["data_batch_3", "batches.meta"])
def test_pickles(name: str, where: str, watch: Watch) -> None:
    """A pickle in the place of a batch, or of the names, is refused, and nothing of it is run."""
    rows = np.frombuffer(RECORDS, np.uint8).reshape(4, 3073)
    good = pickle.dumps({b"data": rows[:, 1:].copy(), b"labels": [0, 1, 2, 3]}, 2)
    watch.put({f"data_batch_{i}": good for i in range(1, 6)} | {where: PICKLES[name]})
    sentence = sentence_or_rows(watch)
    watch.hold()
    assert where in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 600


@pytest.mark.parametrize("name", ["eval", "exec", "a name on the stack", "protocol 0"])
def test_the_pickles_are_real(name: str, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own unpickler runs them, so that it means something that ours does not."""
    monkeypatch.setenv(CANARY, "")
    pickle.loads(PICKLES[name])
    assert os.environ[CANARY] == "owned" or (watch.folder / "elsewhere" / "owned").is_dir()


def test_there_are_enough() -> None:
    """At least 15 archives and 10 pickles, no two of them alike."""
    assert len({content for content, _ in ARCHIVES.values()}) == len(ARCHIVES) >= 15
    assert len(set(PICKLES.values())) == len(PICKLES) >= 10
