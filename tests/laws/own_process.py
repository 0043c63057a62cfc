"""What may end a process runs in one of its own; memory beyond which a touch ends it."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from pathlib import Path

import numpy as np


def guarded(a: np.ndarray, at_end: bool = True) -> np.ndarray:
    """A copy at the very end, or beginning, of memory beyond which a touch ends the process."""
    page = mmap.PAGESIZE
    size = max(-(-a.nbytes // page), 1) * page
    memory = mmap.mmap(-1, size + 2 * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for begin in (address, address + page + size):
        if libc.mprotect(ctypes.c_void_p(begin), ctypes.c_size_t(page), 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = page + (size - a.nbytes if at_end else 0)
    copy = np.frombuffer(memory, a.dtype, a.size, offset).reshape(a.shape)
    copy[...] = a
    return copy


def in_own_process(code: str, timeout: float = 120.0, **environment: str) -> str:
    """What Python code prints that finds this folder's modules; fails as the code fails."""
    here = str(Path(__file__).parent)
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        env=os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
