"""How a comparison shows its progress: one live table on a terminal, plain lines elsewhere.

It looks at the run folders, so that it does not matter which process, or machine, makes the runs.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from ..report.words import duration, metric_name, metric_value
from ..runs.folders import METRICS, RESULT
from .errands import FAILURE

__all__ = ["Watched", "watching"]

LOOK_EVERY = 0.5


@dataclass
class Watched:
    """A run that is waited for.

    Attributes
    ----------
    arm, what : str
        What is said of it: "adam", "seed 3".
    folder : Path
    epochs : int
        As many as it can have.
    tuning : bool
    share : float
        Of its epochs, those that are done.
    state : {"waiting", "running", "done", "failed"}
    value : float or None
        The metric at its best epoch.
    seconds : float
    """

    arm: str
    what: str
    folder: Path
    epochs: int
    tuning: bool
    share: float = 0.0
    state: str = "waiting"
    value: float | None = None
    seconds: float = 0.0
    before: float = field(default=0.0)

    def look(self, metric: str) -> bool:
        """See how far it is; whether it has just ended."""
        if self.state in ("done", "failed"):
            return False
        if (self.folder / FAILURE).exists():
            self.state, self.share = "failed", 1.0
            return True
        records = _records(self.folder / METRICS)
        result = _object(self.folder / RESULT)
        if result is not None:
            best = result.get("best_epoch")
            if isinstance(best, int) and 0 < best <= len(records):
                self.value = records[best - 1].get(metric)
            self.seconds = float(result.get("seconds") or 0.0)
            self.state, self.share = "done", 1.0
            return True
        if self.folder.is_dir():
            self.state, self.share = "running", min(1.0, len(records) / self.epochs)
        return False


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):  # half a line, while it is written
        return []


def _object(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


class _Board:
    """What is known of all runs, and how it is shown."""

    def __init__(self, runs: Sequence[Watched], metric: str, stream: TextIO) -> None:
        self.runs, self.metric, self.stream = runs, metric, stream
        for run in runs:
            run.look(metric)
            run.before = run.share
        self._began = time.monotonic()
        self.told = sum(run.state in ("done", "failed") for run in runs)

    def look(self) -> list[Watched]:
        """Look at every run that has not ended; those that have just ended."""
        return [run for run in self.runs if run.look(self.metric)]

    def tell(self) -> Any:
        """Look, and draw the table anew."""
        self.told += len(self.look())
        return self.table()

    def left(self) -> str:
        """'about 12 s left', once that can be guessed."""
        done = sum(run.share - run.before for run in self.runs)
        to_come = sum(1.0 - run.share for run in self.runs)
        if done <= 0.0:
            return ""
        return f"about {duration(to_come * (time.monotonic() - self._began) / done)} left"

    def count(self) -> str:
        """'3 of 10 runs, about 12 s left'."""
        told = f"{self.told} of {len(self.runs)} runs"
        return ", ".join(filter(None, (told, self.left() if self.told < len(self.runs) else "")))

    def table(self) -> Any:
        """A line for each arm."""
        from rich.table import Table
        from rich.text import Text

        tuned = any(run.tuning for run in self.runs)
        table = Table(box=None, pad_edge=False, caption=self.count(), caption_justify="left")
        table.add_column("arm", overflow="ellipsis", no_wrap=True, max_width=28)
        for name in ("tuning", "runs") if tuned else ("runs",):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column(f"{metric_name(self.metric)} so far", justify="right")
        table.add_column("running", overflow="ellipsis", no_wrap=True)
        for arm in dict.fromkeys(run.arm for run in self.runs):
            own = [run for run in self.runs if run.arm == arm]
            cells = [_counted([r for r in own if r.tuning])] if tuned else []
            values = [r.value for r in own if r.value is not None and not r.tuning]
            mean = metric_value(self.metric, sum(values) / len(values)) if values else ""
            running = ", ".join(f"{r.what} {r.share:.0%}" for r in own if r.state == "running")
            cells += [_counted([r for r in own if not r.tuning]), mean, running]
            table.add_row(*(Text(cell) for cell in (arm, *cells)))
        return table

    def say(self, run: Watched) -> None:
        """One plain line about a run that has ended."""
        self.told += 1
        told = f"{run.arm}, {run.what}: "
        if run.state == "failed":
            told += "not finished"
        else:
            value = metric_value(self.metric, run.value)
            told += f"{metric_name(self.metric)} {value}, {duration(run.seconds)}"
        print(f"{told} ({self.count()})", file=self.stream, flush=True)


def _counted(runs: Sequence[Watched]) -> str:
    ended = sum(run.state in ("done", "failed") for run in runs)
    return f"{ended}/{len(runs)}"


@contextlib.contextmanager
def watching(
    runs: Sequence[Watched], metric: str, progress: bool, stream: TextIO | None = None
) -> Iterator[None]:
    """While this holds, show how far the runs are, on stderr; nothing without `progress`."""
    if not progress:
        yield
        return
    out = stream or sys.stderr
    board, over = _Board(runs, metric, out), threading.Event()
    with contextlib.ExitStack() as stack:
        if out.isatty():
            from rich.console import Console
            from rich.live import Live

            live = stack.enter_context(
                Live(board.table(), console=Console(file=out), auto_refresh=False)
            )

            def show() -> None:
                live.update(board.tell(), refresh=True)

        else:

            def show() -> None:
                for run in board.look():
                    board.say(run)

        def keep_looking() -> None:
            while not over.wait(LOOK_EVERY):
                show()

        looker = threading.Thread(target=keep_looking, daemon=True)
        looker.start()
        try:
            yield
        finally:
            over.set()
            looker.join()
            show()
