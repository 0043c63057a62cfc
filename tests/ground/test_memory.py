"""How much memory is left, told from the files of the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from deltarule.ground import memory
from deltarule.ground.errors import InvalidInput
from deltarule.ground.memory import Limit, in_words, memory_left, require_memory


def system(root: Path, **files: str) -> Path:
    """A root folder with these files."""
    for name, text in {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:  5000 kB\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_nothing_known(tmp_path: Path) -> None:
    """Where the system tells nothing, there is no limit."""
    assert memory_left(tmp_path) is None


def test_of_the_system(tmp_path: Path) -> None:
    """Without limits it is what the system has available."""
    assert memory_left(system(tmp_path)) == Limit(5_120_000, "what the system has available")


@pytest.mark.parametrize("depth", ["", "/a", "/a/b"])
def test_group_of_version_2(tmp_path: Path, depth: str) -> None:
    """A group's limit counts, wherever above the process it is set; cached files do not."""
    files = {
        "proc/self/cgroup": "0::/a/b\n",
        f"sys/fs/cgroup{depth}/memory.max": "1000000\n",
        f"sys/fs/cgroup{depth}/memory.current": "700000\n",
        f"sys/fs/cgroup{depth}/memory.stat": "anon 1\ninactive_file 100000\n",
    }
    left = memory_left(system(tmp_path, **files))
    assert left == Limit(400_000, "the limit of this process's control group")


def test_group_of_version_1(tmp_path: Path) -> None:
    """The older version's files are read too; a container may see its group as the root."""
    files = {
        "proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/abc\n0::/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "500000\n",
    }
    left = memory_left(system(tmp_path, **files))
    assert left is not None
    assert left.left == 1_500_000


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "", "nonsense"])
def test_no_limit_of_a_group(tmp_path: Path, limit: str) -> None:
    """What stands for no limit, or for nothing, limits nothing."""
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": limit,
        "sys/fs/cgroup/memory.current": "1",
    }
    left = memory_left(system(tmp_path, **files))
    assert left is not None
    assert left.left == 5_120_000


def test_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is refused with both figures, the limit and what to do."""
    monkeypatch.setattr(memory, "memory_left", lambda: Limit(10**8, "a limit"))
    require_memory(10**8, "This", "do that")
    with pytest.raises(InvalidInput) as refused:
        require_memory(2 * 10**8, "This", "do that")
    assert str(refused.value) == (
        "This would take 200 MB of memory, and 100 MB are left (a limit); do that."
    )
    monkeypatch.setattr(memory, "memory_left", lambda: None)
    require_memory(10**18, "This", "do that")


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 bytes"), (999, "999 bytes"), (8.64e6, "8.64 MB"), (2e12, "2,000 GB")]
)
def test_words(n: float, text: str) -> None:
    """Bytes are told in the unit that people would take."""
    assert in_words(n) == text
