"""How many threads are called beside other processes: `team.hpp`, without a clock."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WINDOW = 0.0625  # seconds of a call that is judged by itself


class Machine:
    """So many processors of which others keep some busy; a training calls threads on the rest.

    Threads that are more than the free processors are served half of the time, all of them: those
    that have a processor wait for those that have none.
    """

    def __init__(self, program: Path) -> None:
        self.team = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.size, self.clock = 64, 0.0

    def call(self, threads: int, seconds: float, share: float) -> None:
        """A call by so many threads, which had a processor for a share of the time."""
        assert self.team.stdin
        assert self.team.stdout
        end = self.clock + seconds
        self.team.stdin.write(f"{threads} {self.clock!r} {end!r} {threads * seconds * share!r}\n")
        self.size = int(self.team.stdout.readline())
        self.clock = end

    def calls(self, n: int, wanted: int, free: int, seconds: float = WINDOW) -> list[int]:
        """How many threads took each of n calls."""
        taken = []
        for _ in range(n):
            taken.append(min(wanted, self.size))
            self.call(taken[-1], seconds, 1.0 if taken[-1] <= free else 0.5)
        return taken


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver, or a skip where nothing can be compiled."""
    pytest.importorskip("setuptools")
    if not shutil.which("g++"):
        pytest.skip("needs g++")
    core = ROOT / runpy.run_path(str(ROOT / "setup.py"))["CORE"]
    made = tmp_path_factory.mktemp("team") / "driver"
    source = Path(__file__).with_name("engine_team.cpp")
    subprocess.run(["g++", "-std=c++20", f"-I{core}", str(source), "-o", str(made)], check=True)
    return made


@pytest.fixture
def machine(program: Path) -> Iterator[Machine]:
    """A machine on which nothing has run yet."""
    made = Machine(program)
    yield made
    made.team.communicate()


@pytest.mark.parametrize("wanted", [1, 2, 8, 64])
def test_nobody_else(machine: Machine, wanted: int) -> None:
    """Where all threads are served, all that are wanted are called, always."""
    assert machine.calls(200, wanted, free=64) == [wanted] * 200


def test_uneven_work(machine: Machine) -> None:
    """Threads that have a processor for 75 % of the time, since work is uneven, stay."""
    for _ in range(100):
        machine.call(2, WINDOW, 0.75)
        assert machine.size >= 2


@pytest.mark.parametrize(("wanted", "free"), [(2, 1), (4, 3), (8, 2)])
def test_beside_others(machine: Machine, wanted: int, free: int) -> None:
    """Within a few calls the threads are as many as are served; more are tried ever less often."""
    machine.calls(3 * wanted, wanted, free)
    taken = machine.calls(300, wanted, free)
    assert set(taken) <= {free, free + 1}
    tried = [i for i, threads in enumerate(taken) if threads > free]
    assert 20 <= len(tried) <= 25
    assert tried[-1] - tried[-2] == 14  # the longest rest are 13 calls


@pytest.mark.parametrize(("wanted", "free"), [(2, 1), (8, 1)])
def test_when_the_others_end(machine: Machine, wanted: int, free: int) -> None:
    """All threads are back after the longest rest, however long it went on, and stay."""
    machine.calls(1000, wanted, free)
    assert machine.calls(15 + wanted, wanted, wanted)[-1] == wanted
    assert machine.calls(50, wanted, wanted) == [wanted] * 50
    # The rests are short again.
    assert machine.calls(3, wanted, wanted - 1) == [wanted, wanted - 1, wanted]


def test_short_calls(machine: Machine) -> None:
    """Calls shorter than a window are judged together: a single bad one changes nothing."""
    assert machine.calls(1, 2, free=1, seconds=0.01) == [2]
    assert machine.calls(100, 2, free=2, seconds=0.01) == [2] * 100
    assert 1 in machine.calls(12, 2, free=1, seconds=0.01)


def test_more_than_one_cannot_be_spared(machine: Machine) -> None:
    """One thread is the least, even where it is not served."""
    assert set(machine.calls(100, 2, free=0)[1:]) == {1}
