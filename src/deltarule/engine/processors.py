"""How many threads this process may keep busy."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..ground.errors import InvalidInput

__all__ = ["MOST_THREADS", "default_threads", "processors"]

MOST_THREADS = 64  # as many as the core takes
VARIABLE = "DELTARULE_NUM_THREADS"


def default_threads(environment: Mapping[str, str] = os.environ) -> int:
    """DELTARULE_NUM_THREADS, else OMP_NUM_THREADS, else the processors of this process.

    Raises
    ------
    InvalidInput
        If DELTARULE_NUM_THREADS is no such number.  OMP_NUM_THREADS is not ours to judge: one
        that makes no sense is passed over.
    """
    own = environment.get(VARIABLE, "").strip()
    if own:
        if not own.isascii() or not own.isdigit() or not 1 <= int(own) <= MOST_THREADS:
            raise InvalidInput(
                f"The environment variable {VARIABLE} must be a whole number from 1 to "
                f"{MOST_THREADS}, not {own!r:.60}."
            )
        return int(own)
    shared = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # "4,2": nested
    if shared.isascii() and shared.isdigit() and int(shared) > 0:
        return min(int(shared), MOST_THREADS)
    return processors()


def processors(root: Path = Path("/")) -> int:
    """The processors that this process may run on, no more than its control group's quota.

    A quota is rounded down: threads that meet at barriers wait for the one that is held back.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quota = min(_quotas(root), default=math.inf)
    return max(1, int(min(count, quota, MOST_THREADS)))


def _quotas(root: Path) -> Iterator[float]:
    """Processors by the quotas of this process's control group and of those around it."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kinds, inner = line.split(":", 2) if line.count(":") >= 2 else ("", "-", "")
        if kinds == "":  # version 2
            mount = root / "sys/fs/cgroup"
        elif "cpu" in kinds.split(","):
            mount = root / "sys/fs/cgroup" / kinds
        else:
            continue
        place = mount / inner.lstrip("/")
        for folder in (place, *place.parents):
            yield from _quota(folder)
            if folder == mount:
                break


def _quota(folder: Path) -> Iterator[float]:
    of_two = _text(folder / "cpu.max").split()  # version 2: "200000 100000" or "max 100000"
    of_one = [_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    for words in (of_two, of_one):
        if len(words) == 2 and all(word.isdigit() and int(word) for word in words):
            yield int(words[0]) / int(words[1])


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""
