"""Ctrl-C and SIGTERM: finish the step, write a checkpoint, and only then stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from .callbacks import Callback
from .checkpointing import Checkpointer
from .training import Training

__all__ = ["Interrupts", "Terminated"]

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name))
# Whoever asks twice within so many seconds does not want to wait.
AT_ONCE = 2.0


class Terminated(KeyboardInterrupt):
    """The training was ended by SIGTERM, after a whole step and a checkpoint."""


class Interrupts(Callback):
    """While a training runs, a signal ends it after the step under way, with a checkpoint.

    A second signal within two seconds ends the process at once, with exit code 130 or 143; the
    last checkpoint is then an older one.  Several workers end together, whichever heard it.
    Signals are heard in the main thread only, as Python has it, and what they did before is put
    back at the end.

    Parameters
    ----------
    checkpointer : Checkpointer
    """

    every_step = False

    def __init__(self, checkpointer: Checkpointer) -> None:
        self.checkpointer = checkpointer
        self._heard: int | None = None
        self._at = -AT_ONCE
        self._together = False
        self._before: dict[int, Any] = {}

    def on_start(self, training: Training) -> None:
        """Begin to listen."""
        self._together = training.workers is not None
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}

    def _hear(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        again = self._heard is not None and now - self._at < AT_ONCE
        # torchrun hands Ctrl-C on as SIGTERM, to those who have heard it already.
        if again and (number == self._heard or not self._together):
            os._exit(128 + number)
        self._heard, self._at = number, now

    def on_step(self, training: Training) -> None:
        """Stop, if a signal was heard."""
        heard, workers = self._heard or 0, training.workers
        if workers is not None:
            heard = workers.greatest(heard)
        if not heard:
            return
        self.checkpointer.write(training)
        kind = Terminated if heard == signal.SIGTERM else KeyboardInterrupt
        raise kind(
            f"Interrupted after step {training.t} of epoch {training.epoch}; a checkpoint is in "
            f"{self.checkpointer.where.folder}."
        )

    def on_epoch(self, training: Training) -> None:
        """The same between epochs; a training that has ended anyway ends as it would have."""
        if not training.stop and training.epoch < training.plan.epochs:
            self.on_step(training)

    def on_end(self, training: Training) -> None:
        """Cease to listen."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
