"""Many runs at once, without their getting into each other's way."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine import native
from ..engine.processors import processors
from ..ground.errors import InvalidInput, NotAvailable, Terminated
from ..ground.memory import in_words, memory_left
from ..ground.signals import AT_ONCE, SIGNALS
from ..network.inputs import brief
from ..storage.atomic import write_text
from .errands import Errand, Sender, run_errand

__all__ = ["Crew", "Pool", "crew_of"]

SIGN = ".at-work"


@dataclass(frozen=True)
class Crew:
    """Who makes the runs.

    Attributes
    ----------
    n_jobs : int or None
        For joblib; None leaves it to the backend that was configured.
    processes : int
        How many runs are made at once.
    own : bool
        Whether they are processes of this one, rather than a cluster's or threads.
    here : bool
        Whether they take this machine's memory.
    """

    n_jobs: int | None
    processes: int
    own: bool
    here: bool

    def require_memory(self, size: int) -> None:
        """Refuse runs that would not fit side by side.

        Raises
        ------
        InvalidInput
        """
        limit = memory_left() if self.here and self.processes > 1 else None
        if limit is not None and self.processes * size > limit.left:
            fit = max(1, limit.left // max(size, 1))
            raise InvalidInput(
                f"{self.processes} runs at once would take {self.processes} times {in_words(size)} "
                f"of memory, and {in_words(limit.left)} are left ({limit.source}); make {fit} at "
                "once with --jobs (n_jobs=)."
            )


def crew_of(n_jobs: object) -> Crew:
    """Who makes the runs: as many processes as asked for.

    Without a number it is joblib's configuration that counts, where there is one
    (`joblib.parallel_config`), else there is a process for each processor.

    Raises
    ------
    InvalidInput
        If the number is none.
    """
    import joblib
    from joblib.parallel import get_active_backend

    if n_jobs is not None and (
        isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or not 1 <= n_jobs <= 1000
    ):
        raise InvalidInput(
            f"The number of processes (--jobs, n_jobs=) must be a whole number from 1 to 1,000, "
            f"not {brief(n_jobs)}."
        )
    backend, configured = get_active_backend()
    own = bool(getattr(backend, "supports_inner_max_num_threads", False))
    threads = bool(getattr(backend, "uses_threads", False))
    if n_jobs is None:
        left_to_it = not own and not threads
        n_jobs = None if configured is not None or left_to_it else processors()
    return Crew(n_jobs, int(joblib.effective_n_jobs(n_jobs)), own, own or threads)


class Pool:
    """Makes runs for one comparison, until they are done or a signal is heard.

    Parameters
    ----------
    folder : Path
        Of the comparison, which this process holds alone.
    crew : Crew
    force : bool
        Whether runs go on even if the data have changed.
    """

    def __init__(self, folder: Path, crew: Crew, force: bool = False) -> None:
        self.folder, self.crew = folder, crew
        several = crew.processes > 1
        self.sender = Sender(
            sign=str((folder / SIGN).absolute()),
            token=secrets.token_hex(8),
            process=os.getpid(),
            children=crew.own and several,
            threads=1 if several else None,
            force=force,
        )
        self._heard: int | None = None
        self._at = -AT_ONCE

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Pool]:
        """While this holds, runs are wanted; Ctrl-C and SIGTERM end them after their step."""
        write_text(self.sender.sign, self.sender.token)
        before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        try:
            with self._one_thread_each():
                yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.sender.dismiss()

    def run(self, errands: Sequence[Errand]) -> list[tuple[str, str]]:
        """Make the runs; what became of each, in their order.

        Raises
        ------
        KeyboardInterrupt
            If a signal was heard; what was begun has checkpoints.
        NotAvailable
            If a worker died.
        """
        import joblib

        if not errands:
            return []
        calls = (joblib.delayed(run_errand)(errand, self.sender) for errand in errands)
        try:
            found = joblib.Parallel(n_jobs=self.crew.n_jobs, batch_size=1)(calls)
        except BrokenProcessPool:
            if self._heard is None:
                raise NotAvailable(
                    "A process that made a run was ended from outside, perhaps because memory ran "
                    f"out; go on with fewer at once: deltarule resume {self.folder} --jobs 1"
                ) from None
            found = []
        said = [message for status, message in found if status == "interrupted"]
        if self._heard is not None or said:
            ended = self._heard == signal.SIGTERM or Terminated.__name__ in said
            raise (Terminated if ended else KeyboardInterrupt)
        return list(found)

    def _hear(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        if self._heard is not None and now - self._at < AT_ONCE:
            os._exit(128 + number)
        self._heard, self._at = number, now
        self.sender.dismiss()

    @contextlib.contextmanager
    def _one_thread_each(self) -> Iterator[None]:
        """Where there are several runs at once, each has one thread for the engine and for BLAS.

        Processes of joblib's own are told by their environment, threads of this process by its
        libraries, whose settings are put back.
        """
        import joblib

        if self.crew.processes == 1:
            yield
            return
        if self.crew.own:
            with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
                yield
            return
        before = native.get_threads()
        native.set_threads(1)
        try:
            with _one_blas_thread():
                yield
        finally:
            native.set_threads(before)


def _one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    return threadpool_limits(limits=1, user_api="blas")
