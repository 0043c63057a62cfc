"""How many threads: by the variables, by the processors, by the quota."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deltarule.engine import processors as module
from deltarule.engine.processors import default_threads, processors
from deltarule.ground.errors import InvalidInput


def machine(root: Path, files: dict[str, str]) -> Path:
    """A file system that holds nothing but these."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with eight processors for this process."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def test_the_processors_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a quota as many as the process may run on; where none can tell, those there are."""
    assert processors(tmp_path) == 8
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert processors(tmp_path) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors(tmp_path) == 1


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("250000 100000", 2),
        ("50000 100000", 1),
        ("1600000 100000", 8),
        ("", 8),
        ("nonsense", 8),
        ("100000 0", 8),
    ],
)
def test_the_quota_of_version_two(tmp_path: Path, quota: str, expected: int) -> None:
    """A quota in processors, rounded down, at least one; what is no quota is none."""
    files = {"proc/self/cgroup": "0::/inner\n", "sys/fs/cgroup/inner/cpu.max": quota}
    assert processors(machine(tmp_path, files)) == expected


def test_the_quota_of_a_group_around(tmp_path: Path) -> None:
    """The tightest of the nested groups holds."""
    files = {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/cpu.max": "700000 100000",
        "sys/fs/cgroup/a/cpu.max": "300000 100000",
        "sys/fs/cgroup/a/b/cpu.max": "max 100000",
    }
    assert processors(machine(tmp_path, files)) == 3


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("400000", 4)])
def test_the_quota_of_version_one(tmp_path: Path, quota: str, expected: int) -> None:
    """The older form has two files, and −1 for none."""
    files = {
        "proc/self/cgroup": "3:memory:/x\n2:cpu,cpuacct:/x\n",
        "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": quota,
        "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000",
    }
    assert processors(machine(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 5),
        ({"DELTARULE_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"OMP_NUM_THREADS": "many"}, 5),
        ({"OMP_NUM_THREADS": "0"}, 5),
        ({"OMP_NUM_THREADS": "1000"}, 64),
        ({"DELTARULE_NUM_THREADS": " "}, 5),
    ],
)
def test_the_variables(
    variables: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours comes first, then OpenMP's, then the processors."""
    monkeypatch.setattr(module, "processors", lambda: 5)
    assert default_threads(variables) == expected


@pytest.mark.parametrize("word", ["0", "-1", "two", "1.5", "257", "²"])
def test_a_wrong_variable_is_told(word: str) -> None:
    """A variable of ours that makes no sense is refused in one sentence."""
    with pytest.raises(InvalidInput, match="DELTARULE_NUM_THREADS must be a whole number from 1"):
        default_threads({"DELTARULE_NUM_THREADS": word})
