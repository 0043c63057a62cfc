"""The machine: what it is, whether it is idle, and which of its processors the contestants get."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contestants import versions

# A share of one processor that the quiet background of a desktop stays below.
IDLE = 0.10


def describe() -> dict[str, Any]:
    """What a reader needs to know of the machine."""
    info = _text("/proc/cpuinfo")
    model = next(
        (line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    flags = next((line.split() for line in info.splitlines() if line.startswith("flags")), [])
    known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    memory = next((line.split()[1] for line in _text("/proc/meminfo").splitlines()), None)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model,
        "processors": os.cpu_count(),
        "instructions": [flag for flag in known if flag in flags],
        "memory_gib": round(int(memory) / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": versions(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def all_cpu() -> float | None:
    """Processor seconds that the whole machine has worked since it started; None if unknown."""
    words = _text("/proc/stat").splitlines()[:1]
    if not words:
        return None
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, words[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def others(seconds: float = 1.0) -> float:
    """How many processors are busy while this process sleeps."""
    before, start = all_cpu(), time.perf_counter()
    if before is None:
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    time.sleep(seconds)
    after = all_cpu()
    assert after is not None
    return (after - before) / (time.perf_counter() - start)


def refuse_if_busy(even_if_busy: bool) -> float:
    """The load of others; a busy machine ends the program unless told otherwise."""
    busy = others()
    if busy > IDLE and not even_if_busy:
        raise SystemExit(
            f"Other processes keep {busy:.2f} processors busy; two busy thread pools ruin each "
            "other, and the figures. Wait, or give --even-if-busy."
        )
    return busy


def claim(threads: int) -> None:
    """Bind this process and its children to `threads` processors, on different cores where
    there are enough; JAX takes all that it may run on.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    first_of_core = {_text(siblings.format(cpu)) or str(cpu): cpu for cpu in reversed(allowed)}
    cores = sorted(first_of_core.values())
    rest = [cpu for cpu in allowed if cpu not in cores]
    os.sched_setaffinity(0, (cores + rest)[:threads])


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
