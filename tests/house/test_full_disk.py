"""Output that cannot be written ends in one sentence, as every other failure does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs the device /dev/full")


def run(words: list[str], stream: str, unbuffered: bool) -> subprocess.CompletedProcess[str]:
    """Run the command with one stream going to a full disk."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1" if unbuffered else ""}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with FULL.open("w") as full:
        return subprocess.run(
            [sys.executable, "-m", "deltarule", *words],
            text=True,
            check=False,
            env=environment,
            **{**streams, stream: full},  # type: ignore[call-overload]
        )


@needs_full
@pytest.mark.parametrize("unbuffered", [True, False])
@pytest.mark.parametrize("words", [["--version"], ["recipes"], ["recipes", "--json"]])
def test_a_full_disk_is_told(words: list[str], unbuffered: bool) -> None:
    """A result that cannot be written is one sentence on stderr and the exit code 2."""
    done = run(words, "stdout", unbuffered)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("deltarule: The output cannot be written: ")


@needs_full
def test_help_that_cannot_be_written() -> None:
    """Help left in the buffer fails as a result does, not at the interpreter's end."""
    done = run(["--help"], "stdout", unbuffered=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@needs_full
@pytest.mark.parametrize("unbuffered", [True, False])
def test_errors_that_cannot_be_written(unbuffered: bool) -> None:
    """Where the sentence itself cannot be written, the exit code still tells."""
    assert run(["recipes", "nono"], "stderr", unbuffered).returncode == 2
