"""The engine as a guest in a process: its threads, its memory, the caller's time and settings."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import engine_driver as drive
import numpy as np
import pytest
from engine_driver import Case
from own_process import in_own_process

pytestmark = pytest.mark.usefixtures("core")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
posix = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

LARGE = Case((784, 256, 128, 10), batch=128, n=2000, steps=3000, rows="uint8")
SMALL = Case((200, 90, 50, 10), ("tanh",), batch=64, n=300, steps=20, dropout=(0.2,))


class Course:
    """A training of a case that goes on as long as one likes, call by call."""

    def __init__(self, core: Any, case: Case, dtype: str = "float32") -> None:
        data = drive.data_of(case)
        start = drive.beginning(case, data, dtype)
        self.trainer = drive.trainer_of(core, case, data, dtype)
        self.trainer.load(start.theta, start.state, start.average)
        steps = case.steps
        self.given = {
            "X": data.X,
            "y": data.y,
            "weight": None,
            "order": np.concatenate(data.batches),
            "lr": np.full(steps, 1e-3),
            "scalars": np.full((steps, 2), 0.5),
            "pace": np.zeros(steps),
            "dropout_key": 1,
            "t": 1,
            "scores": np.zeros((case.n, case.sizes[-1]), dtype),
            "losses": np.zeros(steps),
        }

    def __call__(self, seconds: float, threads: int = 1) -> int:
        return self.trainer.advance(**self.given, seconds=seconds, threads=threads)


def digest(core: Any, threads: int, case: Case = SMALL) -> str:
    """The bits of a training."""
    outcome = drive.engine(core, case, drive.data_of(case), "float32", threads=threads)
    return hashlib.sha256(outcome.theta.tobytes() + outcome.scores.tobytes()).hexdigest()


BEGIN = """
import multiprocessing, os, sys, threading, time
import numpy as np
import engine_driver as drive, test_engine_citizen as citizen
from deltarule.engine import native
core = native.core()
"""


def test_other_threads_run_meanwhile(core: Any) -> None:
    """Python goes on in another thread while a call takes steps."""
    course = Course(core, LARGE)
    beats, over = [], threading.Event()

    def beat() -> None:
        while not over.wait(0.005):
            beats.append(time.perf_counter())

    with ThreadPoolExecutor() as pool:
        done = pool.submit(beat)
        begin = time.perf_counter()
        course(seconds=0.25)
        end = time.perf_counter()
        over.set()
        done.result()
    within = [at for at in beats if begin + 0.02 < at < end - 0.02]
    assert end - begin > 0.2
    assert len(within) >= 5


@pytest.mark.parametrize("threads", [1, 2])
def test_control_returns_in_time(core: Any, threads: int) -> None:
    """A call ends with the first step that ends after its time is up; not earlier, not later."""
    course = Course(core, LARGE)
    course(seconds=0.0, threads=threads)
    late = []
    for _ in range(5):
        begin = time.perf_counter()
        course(seconds=0.0, threads=threads)
        step = time.perf_counter() - begin
        begin = time.perf_counter()
        done = course(seconds=0.05, threads=threads)
        late.append(time.perf_counter() - begin - 0.05 - 2 * step)
        assert 0 < done < LARGE.steps
        assert late[-1] + 2 * step > 0
    assert min(late) < 0.03


@posix
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_child_processes(core: Any, method: str) -> None:
    """After the parent used threads, its children train, with threads, to the same bits."""
    code = f"""
if __name__ == "__main__":
    expected = citizen.digest(core, 2)
    context = multiprocessing.get_context({method!r})
    with context.Pool(2) as pool:
        results = [pool.apply_async(citizen.digest_here, (n,)) for n in (1, 2, 2, 4)]
        assert all(result.get(60) == expected for result in results)
    assert citizen.digest(core, 2) == expected
"""
    in_own_process(BEGIN + code)


def digest_here(threads: int) -> str:
    """The bits of a training in a child process."""
    from deltarule.engine import native

    return digest(native.core(), threads)


@posix
def test_fork_in_the_middle(core: Any) -> None:
    """A child that is forked while all threads are at work trains as well; so do its children."""
    code = """
expected = citizen.digest(core, 1)
course = citizen.Course(core, citizen.LARGE)
worker = threading.Thread(target=course, args=(1.0, 2))
worker.start()
time.sleep(0.1)
children = []
for _ in range(3):
    child = os.fork()
    if not child:
        good = citizen.digest(core, 2) == expected
        grandchild = os.fork()
        if not grandchild:
            os._exit(0 if citizen.digest(core, 3) == expected else 1)
        os._exit(0 if good and os.waitpid(grandchild, 0)[1] == 0 else 1)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
worker.join()
assert citizen.digest(core, 2) == expected
"""
    in_own_process(BEGIN + code)


@pytest.mark.parametrize("rows", ["uint8", "float32"])
def test_rows_by_columns(core: Any, rows: str) -> None:
    """Rows that lie column by column cost less than many copies that lie row by row."""
    case = Case((300, 8, 2), batch=64, n=8000, steps=120, rows=rows)
    course = Course(core, case)
    course.given["X"] = by_columns = np.asfortranarray(course.given["X"])

    def copied() -> None:
        for _ in range(20):
            np.ascontiguousarray(by_columns)

    def shortest(call: Callable[[], object]) -> float:
        times = []
        for _ in range(7):  # of which a busy machine leaves one alone
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
        return min(times)

    assert shortest(lambda: course(9.0)) < shortest(copied)


@pytest.mark.parametrize("workers", [2, 6])
def test_trainings_side_by_side(core: Any, workers: int) -> None:
    """Trainings in several threads of Python, each with threads of its own, keep their bits."""
    expected = digest(core, 1)
    with ThreadPoolExecutor(workers) as pool:
        found = [pool.submit(digest, core, threads) for threads in [2, 3, 1] * workers]
        assert {result.result() for result in found} == {expected}


def test_denormal_numbers_stay(core: Any) -> None:
    """The engine takes denormal numbers for zero, and its caller's thread does not afterwards."""

    def alive() -> bool:
        one32, one64 = np.ones(1000, np.float32), np.ones(1000)
        small = (one32 * np.float32(1e-40)).all() and (one64 * 1e-310).all()
        return bool(small and (one32 * np.float32(1e-20) * np.float32(1e-20)).all())

    def work() -> bool:
        digest(core, 2)
        x, y, d = np.zeros((3, 9), np.float32)
        core.elementwise("gelu", 0.0, x, y, d)
        none, one = np.zeros(1), np.ones(1)
        for n in (1, 100):
            rows, scores = np.ones((n, 1)), np.zeros((n, 1))
            core.forward([1, 1], [], np.ones(2), rows, none, one, False, scores, 2)
        core.peak("float32", 2, 0.01)
        return alive()

    assert alive()
    assert work()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result()


@linux
def test_memory_does_not_grow(core: Any) -> None:
    """200 calls after some others take no more memory, and no more threads."""

    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096

    courses = [Course(core, case) for case in (SMALL, Case((600, 50, 10), clip=1.0, l2=0.1))]
    for course in courses * 20:
        course(seconds=9.0, threads=2)
    before, threads = resident(), len(list(Path("/proc/self/task").iterdir()))
    for course in courses * 100:
        course(seconds=9.0, threads=2)
    assert resident() - before < 500_000
    assert len(list(Path("/proc/self/task").iterdir())) == threads


@linux
def test_trainers_give_their_memory_back(core: Any) -> None:
    """Making and dropping 200 trainers of 8 MB leaves nothing behind; bytes is what one takes."""
    data = drive.data_of(LARGE)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def one() -> int:
        start = drive.beginning(LARGE, data, "float32")
        trainer = drive.trainer_of(core, LARGE, data, "float32")
        trainer.load(start.theta, start.state, None)
        return trainer.bytes

    size = one()
    assert size > 3 * 4 * len(data.theta)
    before = resident()
    for _ in range(200):
        one()
    assert resident() - before < 3 * size


def test_too_large(core: Any) -> None:
    """What no memory can hold is a MemoryError, before anything is done."""
    words: dict[str, Any] = {
        "dropout": [],
        "loss": ("squared_error", 0.0),
        "rule": ("adam", 0.9, 0.999, 1e-8, False),
        "weight_decay": 0.0,
        "l2": 0.0,
        "clip": 0.0,
        "average": False,
        "shift": np.zeros(2**20),
        "factor": np.ones(2**20),
        "scaled": True,
        "dtype": "float32",
    }
    for n_out, batch in ((2**30, 1), (2**30, 2**30), (1, 2**30)):
        with pytest.raises(MemoryError):
            core.Trainer(sizes=[2**20, n_out], activations=[], batch_size=batch, **words)


@linux
def test_when_memory_is_short(core: Any) -> None:
    """A trainer beyond what the process may take is a MemoryError; a small one still works."""
    code = """
import resource
expected = citizen.digest(core, 2)
limit = int(open("/proc/self/statm").read().split()[0]) * 4096 + (300 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
large = drive.Case((5000, 8000, 10), batch=1, n=1, steps=1)
data = drive.data_of(drive.Case((5000, 1)))
for _ in range(3):
    try:
        drive.trainer_of(core, large, data, "float32")
    except MemoryError:
        pass
    else:
        raise AssertionError("It was made.")
assert citizen.digest(core, 2) == expected
assert citizen.digest(core, 64) == expected
assert core.peak("float32", 64, 0.01) > 0
"""
    in_own_process(BEGIN + code)


@linux
def test_threads_sleep(core: Any) -> None:
    """Between calls the engine's threads use no processor, and all trainers share them."""
    code = """
core.set_threads(3)
before = len(os.listdir("/proc/self/task"))
for _ in range(5):
    citizen.digest(core, 3)
assert len(os.listdir("/proc/self/task")) == before + 2
time.sleep(0.05)
begin = time.process_time()
time.sleep(0.3)
used = time.process_time() - begin
assert used < 0.01, used
"""
    in_own_process(BEGIN + code, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="chooses processors")
def test_short_of_processors(core: Any) -> None:
    """Where two threads share a processor one goes on, to the same bits; two asked for are two."""
    code = """
core.set_threads(2)
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
course, seen = citizen.Course(core, citizen.LARGE), []
begin, served = time.perf_counter(), time.process_time()
for _ in range(40):
    assert course(0.05, 0) > 0
    seen.append(course.trainer.threads)
busy = time.process_time() - served < 0.9 * (time.perf_counter() - begin)
assert seen[0] == 2, seen
assert seen.count(2) <= 20, seen
assert seen.count(2) >= 2 or busy, seen  # beside another process one thread is enough for long
assert seen.count(1) + seen.count(2) == 40
course(0.0, 2)
assert course.trainer.threads == 2
"""
    in_own_process(BEGIN + code)


def test_served_threads_stay(core: Any) -> None:
    """A call whose two threads had processors most of the time is followed by one with two."""
    code = """
core.set_threads(2)
course, calls = citizen.Course(core, citizen.LARGE), []
for _ in range(20):
    begin, served = time.perf_counter(), time.process_time()
    course(0.06, 0)
    served, seconds = time.process_time() - served, time.perf_counter() - begin
    calls.append((course.trainer.threads, served / seconds))
for (threads, served), (following, _) in zip(calls, calls[1:]):
    assert threads < 2 or served < 1.5 or following == 2, calls
"""
    in_own_process(BEGIN + code)


@pytest.mark.parametrize("task", ["train(20.0)", "train(0.01)", "ask()"])
def test_the_process_ends(core: Any, task: str) -> None:
    """Threads that sleep, are at work in a daemon or come back too late: all processes end well."""
    code = f"""
citizen.digest(core, 4)
course = citizen.Course(core, citizen.LARGE)
X = np.broadcast_to(np.ones(500), (2_000_000, 500))
theta, scores = np.ones(500 * 501 + 501), np.ones((len(X), 1))

def train(seconds):
    while True:
        course(seconds, 2)

def ask():
    core.forward([500, 500, 1], [("relu", 0.0)], theta, X, X[0], X[0], True, scores, 2)

threading.Thread(target=lambda: {task}, daemon=True).start()
time.sleep(0.1)
"""
    begin = time.perf_counter()
    in_own_process(BEGIN + code)
    assert time.perf_counter() - begin < 10


def test_blas_keeps_its_threads(core: Any) -> None:
    """However many threads the engine is given, BLAS has as many as before."""
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def others() -> list[dict[str, Any]]:
        return [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] != "deltarule"]

    before, own = others(), core.get_threads()
    try:
        for n in (1, 3):
            core.set_threads(n)
            assert core.get_threads() == n
            digest(core, 0)
            digest(core, n)
            assert others() == before
    finally:
        core.set_threads(own)


def test_a_trainer_at_work_is_left_alone(core: Any) -> None:
    """While a trainer takes steps, another thread that asks for it is refused, or waits."""
    code = """
course, n = citizen.Course(core, citizen.LARGE), 0
theta = citizen.drive.beginning(citizen.LARGE, citizen.drive.data_of(citizen.LARGE), "float32")
for threads in (1, 2):
    worker = threading.Thread(target=course, args=(0.4, threads))
    worker.start()
    time.sleep(0.1)
    try:
        begin = time.perf_counter()
        course(0.0)
        assert time.perf_counter() - begin > 0.2, "Two calls worked on one trainer."
    except (ValueError, RuntimeError):
        pass
    for call in (course.trainer.store, course.trainer.load):
        try:
            call(theta.theta, theta.state, None)
            assert not worker.is_alive(), "A trainer was read or written while it worked."
        except (ValueError, RuntimeError):
            pass
    worker.join()
"""
    in_own_process(BEGIN + code)
