"""What a training calls while it runs, and how it shows its progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from .training import Training

__all__ = [
    "PROBED",
    "Callback",
    "Lines",
    "ProgressBar",
    "as_callback",
    "hears_every_step",
    "progress_callback",
]

PROBED = ("ratio_", "dead_")
"""How the names of the columns begin that a probe adds: too many for a line, made for a picture."""


class Callback:
    """Override what you need; each method receives the running `Training`.

    `training.history` holds the records so far, `training.epoch` and `training.t` tell the epoch
    and the step (both from 1), `training.chain.theta` the weights; `training.stop = True` ends the
    training after the current epoch.

    The fast engine takes many steps in one call.  A callback with an `on_step` of its own is
    therefore served by the reference, unless it says that it need not hear of every step.

    Attributes
    ----------
    every_step : bool
        Whether `on_step` must be called after every step (the default).  If False, it is called
        some twenty times a second, and while an epoch runs `training.chain.theta` may hold the
        weights from before it.
    """

    every_step = True

    def on_start(self, training: Training) -> None:
        """Called before the first step."""

    def on_step(self, training: Training) -> None:
        """Called after every step, or now and then (see `every_step`)."""

    def on_epoch(self, training: Training) -> None:
        """Called after every epoch, when its record is written."""

    def on_end(self, training: Training) -> None:
        """Called once at the end, also after an error."""


def hears_every_step(callback: Callback) -> bool:
    """Whether a callback has an `on_step` of its own and wants it after every step."""
    own = getattr(callback.on_step, "__func__", None) is not Callback.on_step
    return own and callback.every_step


class _EachEpoch(Callback):
    """A plain function, called after every epoch."""

    def __init__(self, function: Callable[[Training], object]) -> None:
        self.function = function

    def on_epoch(self, training: Training) -> None:
        self.function(training)


def as_callback(given: Callback | Callable[[Training], object]) -> Callback:
    """A Callback as it is; a plain function as one that is called after every epoch."""
    return given if isinstance(given, Callback) else _EachEpoch(given)


def sentence(record: dict[str, float], epochs: int) -> str:
    """One epoch in one line: 'epoch 3/20  train_loss 1.51  val_accuracy 0.482  …'."""
    width = len(str(epochs))
    left_out = ("epoch", "step", "seconds", *PROBED)
    values = "  ".join(f"{k} {v:.4g}" for k, v in record.items() if not k.startswith(left_out))
    return f"epoch {record['epoch']:>{width}}/{epochs}  {values}  {record['seconds']:.1f} s"


class Lines(Callback):
    """One plain line for each epoch, at most one a second, and always the last."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._last = -1.0

    def on_epoch(self, training: Training) -> None:
        now = time.monotonic()
        ends = training.stop or training.epoch == training.plan.epochs
        if ends or now - self._last >= 1.0:
            self._last = now
            record = training.history.epochs[-1]
            print(sentence(record, training.plan.epochs), file=self.stream, flush=True)


class ProgressBar(Callback):
    """A bar for the whole training with the time left, and the last epoch's loss and metric."""

    every_step = False

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._shown = 0.0

    def on_start(self, training: Training) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=10),  # with what follows it fits into 80 columns
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[news]}"),
            console=Console(file=self.stream),
        )
        self._task: Any = self._bar.add_task(
            "", total=training.total_steps, epoch=f"1/{training.plan.epochs}", news=""
        )
        self._bar.start()

    def on_step(self, training: Training) -> None:
        now = time.monotonic()
        if now - self._shown > 0.1:
            self._shown = now
            self._bar.update(
                self._task, completed=training.t, epoch=f"{training.epoch}/{training.plan.epochs}"
            )

    def on_epoch(self, training: Training) -> None:
        record = training.history.epochs[-1]
        shown = [k for k in record if k.startswith("val_")] or [
            k for k in record if k.startswith("train_")
        ]
        news = "  ".join(f"{k} {record[k]:.3g}" for k in [*shown[:2], "lr"])
        epoch = f"{training.epoch}/{training.plan.epochs}"
        self._bar.update(self._task, completed=training.t, epoch=epoch, news=news)

    def on_end(self, training: Training) -> None:
        self._bar.stop()


def progress_callback(progress: bool | str, stream: TextIO | None = None) -> Iterable[Callback]:
    """What shows the progress: a bar on a terminal, lines elsewhere, nothing for False."""
    if not progress:
        return []
    out = stream or sys.stderr
    return [ProgressBar(out)] if out.isatty() else [Lines(out)]
