"""The contestants' processes, and turns taken among them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from contestants import Contestant
from workloads import Workload

from machine import all_cpu

WORKER = Path(__file__).with_name("worker.py")
# Pools of threads spin for a while after their work before they sleep.
COOLING = 0.25
# A turn lasts about so long: the clock of processor time is coarse, and the first epoch after a
# rest finds the caches cold.
TURN = 0.6
# Turns in which others took more than this share of a processor are taken again, so often.
DISTURBED, RETAKES = 0.05, 3
LONG_ENOUGH = 0.2
MOST_TIMES = 2_000


def environment(threads: int, **more: str) -> dict[str, str]:
    """Of a process that may use so many threads, whatever its library calls them."""
    names = ("OMP", "OPENBLAS", "MKL", "DELTARULE", "NUMEXPR", "VECLIB_MAXIMUM")
    return {
        **os.environ,
        **{f"{name}_NUM_THREADS": str(threads) for name in names},
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **more,
    }


class Worker:
    """A contestant's process.

    Attributes
    ----------
    seconds : list of float
        Of each epoch or call so far but the first.
    first : float
        Seconds of the first epoch, compilation included.
    ready : float
        Seconds from the start of the process until it could begin.
    others : list of float
        How many processors others kept busy, in each turn.
    """

    def __init__(self, contestant: Contestant, work: Workload, what: str, threads: int) -> None:
        words = [sys.executable, str(WORKER), contestant.name, work.name, "--what", what]
        words += ["--data", work.data, "--rows", work.kept]
        self.name = contestant.name
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        start = time.perf_counter()
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment(threads, **contestant.environment),
        )
        self._answer()
        self.ready = time.perf_counter() - start
        self.seconds: list[float] = []
        self.others: list[float] = []
        self.first = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.errors.close()

    def ask(self, what: str, times: int) -> dict[str, Any]:
        """Give a command and wait for the answer."""
        assert self.process.stdin
        self.process.stdin.write(f"{what} {times}\n")
        self.process.stdin.flush()
        return self._answer()

    def turn(self, what: str, times: int) -> tuple[list[float], float]:
        """The seconds of each time, and how many processors others kept busy meanwhile."""
        time.sleep(COOLING)
        before, start = all_cpu(), time.perf_counter()
        found = self.ask(what, times)
        passed, after = time.perf_counter() - start, all_cpu()
        known = before is not None and after is not None and passed > LONG_ENOUGH
        others = max(0.0, (after - before - found["cpu"]) / passed) if known else 0.0  # type: ignore[operator]
        return found["seconds"], others

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            last = self.errors.read().decode(errors="replace").strip().splitlines()[-12:]
            raise RuntimeError(f"{self.name} has ended:\n" + "\n".join(last))
        return json.loads(line)


def with_kept_rows(work: Workload, folder: Path) -> Workload:
    """The workload with its standardised rows in a file of `folder`, made once for all."""
    path = folder / f"{work.source} {work.sizes[0]}.npz"
    if not path.exists():
        X, y = work.scaled_rows()
        np.savez(path, X=X, y=y)
    return replace(work, kept=str(path))


@dataclass
class Times:
    """What was measured of one contestant."""

    seconds: list[float] = field(default_factory=list)
    first: float = 0.0
    ready: float = 0.0
    others: float = 0.0

    def facts(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "seconds": statistics.median(self.seconds),
            "times": [round(s, 7) for s in self.seconds],
            "first": self.first,
            "ready": self.ready,
            "others": round(self.others, 3),
        }


def race(
    contestants: list[Contestant],
    work: Workload,
    command: str,
    *,
    rounds: int,
    threads: int,
    retake: bool = True,
    turn: float = TURN,
) -> dict[str, dict[str, Any]]:
    """Let contestants take turns, `rounds` each; one that fails says so instead of its times.

    A turn is as many epochs, or calls, as fill `turn` seconds; its time is their median.
    """
    what = "train" if command == "epochs" else "predict"
    found: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        times: dict[str, Times] = {}
        counts: dict[str, int] = {}
        for contestant in contestants:
            try:
                worker = stack.enter_context(Worker(contestant, work, what, threads))
                (first, *_), _ = worker.turn(command, 1)
                (second, *_), _ = worker.turn(command, 1)
            except RuntimeError as error:
                found[contestant.name] = {"failed": str(error)}
                continue
            workers[contestant.name] = worker
            times[contestant.name] = Times(first=first, ready=worker.ready)
            counts[contestant.name] = max(1, min(MOST_TIMES, round(turn / second)))
        for _ in range(rounds):
            for name, worker in workers.items():
                tries = [worker.turn(command, counts[name])]
                while retake and tries[-1][1] > DISTURBED and len(tries) <= RETAKES:
                    tries.append(worker.turn(command, counts[name]))
                seconds, others = min(tries, key=lambda one: one[1])
                times[name].seconds.append(statistics.median(seconds))
                times[name].others = max(times[name].others, others)
    found |= {name: one.facts() for name, one in times.items()}
    return {contestant.name: found[contestant.name] for contestant in contestants}
