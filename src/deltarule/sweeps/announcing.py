"""What a worker of a sweep says while it works: a bar on a terminal, a line for each trial else."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from ..learning.callbacks import Callback
from ..learning.training import Training

__all__ = ["Announcer", "announcer", "line_of"]


class Announcer:
    """Says nothing; the others override what they say."""

    def begin(self, done: int, wanted: int) -> None:
        """The work begins, with so many trials done already."""

    def trial(self, number: int, resumed: bool) -> list[Callback]:
        """A trial begins; what is to hear of its epochs."""
        return []

    def ended(self, line: str, done: int, wanted: int) -> None:
        """A trial has ended."""

    def end(self) -> None:
        """The work is over."""


class _Lines(Announcer):
    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def ended(self, line: str, done: int, wanted: int) -> None:
        print(f"{done}/{wanted}  {line}", file=self.stream, flush=True)


class _Bar(Announcer):
    """The trials done, the time left, and above it a line for each trial."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("trials"),
            BarColumn(bar_width=10),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[news]}"),
            console=Console(file=stream, highlight=False, soft_wrap=True),
        )
        self._task: Any = None

    def begin(self, done: int, wanted: int) -> None:
        self._task = self._bar.add_task("", total=wanted, completed=done, news="")
        self._bar.start()

    def trial(self, number: int, resumed: bool) -> list[Callback]:
        return [_News(self._bar, self._task, number, resumed)]

    def ended(self, line: str, done: int, wanted: int) -> None:
        self._bar.console.print(line, markup=False)
        self._bar.update(self._task, completed=done, total=max(wanted, done), news="")

    def end(self) -> None:
        self._bar.stop()


class _News(Callback):
    """Shows at which epoch the trial is, at most ten times a second."""

    every_step = False

    def __init__(self, bar: Any, task: Any, number: int, resumed: bool) -> None:
        self._bar, self._task, self._shown = bar, task, 0.0
        self._name = f"trial {number}{' goes on' if resumed else ''}"

    def on_step(self, training: Training) -> None:
        now = time.monotonic()
        if now - self._shown > 0.1:
            self._shown = now
            news = f"{self._name}, epoch {training.epoch}/{training.plan.epochs}"
            self._bar.update(self._task, news=news)


def announcer(progress: bool, stream: TextIO | None = None) -> Announcer:
    """What says how the work goes on."""
    if not progress:
        return Announcer()
    out = stream or sys.stderr
    return _Bar(out) if out.isatty() else _Lines(out)


def line_of(record: dict[str, Any], metric: str, best: dict[str, Any] | None) -> str:
    """A trial in one line: 'trial 3  val_loss 0.213  12 epochs  1.3 s  best: trial 2, 0.1987'."""
    words = [f"trial {record['trial']}"]
    if record["value"] is not None:
        words.append(f"{metric} {record['value']:.4g}")
    else:
        diverged = record["reason"].startswith("Training diverged")
        words.append("diverged" if diverged else record["state"])
    epochs = record["epochs"]
    words.append(f"{epochs} epoch{'' if epochs == 1 else 's'}")
    words.append(f"{record['seconds']:.1f} s")
    if best is not None:
        words.append(f"best: trial {best['trial']}, {best['value']:.4g}")
    return "  ".join(words)
