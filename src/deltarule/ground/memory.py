"""How much memory this process may still take, and one sentence where that is not enough.

The least of what the system has, what its groups (Linux cgroups, which containers are) leave, and
what the process's own limits leave.  Where none of it can be read, nothing is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import InvalidInput

__all__ = ["Limit", "in_words", "memory_left", "require_memory"]

ROOT = Path("/")
# Less is not worth a look at the limits, which takes about as long as a step of a small network.
WORTH_A_LOOK = 2**25
FIELDS = {"RLIMIT_DATA": "VmData", "RLIMIT_AS": "VmSize"}


@dataclass(frozen=True)
class Limit:
    """How many bytes may still be taken, and what says so."""

    left: int
    source: str


def in_words(n: float) -> str:
    """'8.64 MB', as people take such numbers."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return f"{n:.3g} {unit}" if n < 1000 else f"{n:,.0f} {unit}"
        n /= 1000
    raise AssertionError


def memory_left(root: Path = ROOT) -> Limit | None:
    """The tightest limit, or None where none is known."""
    known = [*_of_system(root), *_of_groups(root), *_of_process(root)]
    return min(known, key=lambda limit: limit.left, default=None)


def require_memory(size: float, what: str, remedy: str) -> None:
    """Refuse what would take `size` bytes more than there are, before anything is taken.

    Parameters
    ----------
    what : str
        The beginning of the sentence: "The rows of data.csv".
    remedy : str
        The end of it: "use fewer rows".

    Raises
    ------
    InvalidInput
    """
    limit = memory_left() if size >= WORTH_A_LOOK else None
    if limit is not None and size > limit.left:
        raise InvalidInput(
            f"{what} would take {in_words(size)} of memory, and {in_words(limit.left)} are left "
            f"({limit.source}); {remedy}."
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _fields(text: str) -> dict[str, int]:
    """'MemAvailable:  123 kB' and 'inactive_file 123' as bytes by name."""
    found = {}
    for line in text.splitlines():
        words = line.replace(":", " ").split()
        if len(words) > 1 and words[1].isdigit():
            found[words[0]] = int(words[1]) * (1024 if words[-1] == "kB" else 1)
    return found


def _of_system(root: Path) -> list[Limit]:
    available = _fields(_read(root / "proc/meminfo")).get("MemAvailable")
    return [] if available is None else [Limit(available, "what the system has available")]


def _of_groups(root: Path) -> list[Limit]:
    """What is left in this process's group, and in each that it lies in; of either version."""
    found = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        names = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            if controllers
            else ("memory.max", "memory.current", "inactive_file")
        )
        group = top / path.strip("/")
        while True:
            found += _of_group(group, *names)
            if group in (top, top.parent):
                break
            group = group.parent
    return found


def _of_group(group: Path, most: str, now: str, cached: str) -> list[Limit]:
    limit, used = _read(group / most).strip(), _read(group / now).strip()
    if not limit.isdigit() or not used.isdigit() or int(limit) >= 2**60:  # "max", or as good as
        return []
    taken = int(used) - _fields(_read(group / "memory.stat")).get(cached, 0)  # files can be dropped
    return [Limit(max(int(limit) - max(taken, 0), 0), "the limit of this process's control group")]


def _of_process(root: Path) -> list[Limit]:
    try:
        import resource
    except ImportError:  # not on this system
        return []
    found, used = [], _fields(_read(root / "proc/self/status"))
    for name, field in FIELDS.items():
        soft, _ = resource.getrlimit(getattr(resource, name, resource.RLIMIT_STACK))
        if hasattr(resource, name) and soft != resource.RLIM_INFINITY and field in used:
            found.append(Limit(max(soft - used[field], 0), f"the limit {name} of this process"))
    return found
