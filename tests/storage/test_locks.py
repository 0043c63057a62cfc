"""One process for one folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deltarule import NotAvailable
from deltarule.storage.locks import LOCK, hold, locked

HOLD = """
import sys, time
from deltarule.storage.locks import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    """While another process holds the folder it cannot be had; when that is killed, it can."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(NotAvailable, match="Another process is at work"), locked(tmp_path):
            pass
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        pass


def test_given_back(tmp_path: Path) -> None:
    """After an error, too, the folder is free again."""
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        _ = 1 / 0
    with locked(tmp_path):
        pass


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is one sentence."""
    with pytest.raises(NotAvailable, match="cannot be locked"), locked(tmp_path / "a" / "b"):
        pass


def test_locks_of_one_folder_differ(tmp_path: Path) -> None:
    """Each name is a lock of its own; a held one is not had by waiting, a given-back one is."""
    one = hold(tmp_path, ".1.lock")
    assert one is not None
    assert hold(tmp_path, ".1.lock", wait=0.05) is None
    two = hold(tmp_path, ".2.lock")
    assert two is not None
    one()
    with locked(tmp_path, ".1.lock"):
        pass
    two()
