"""Ctrl-C and SIGTERM: finish the step, write a checkpoint, and only then stop."""

from __future__ import annotations

from ..ground.signals import Listening, interruption
from .callbacks import Callback
from .checkpointing import Checkpointer
from .training import Training

__all__ = ["Interrupts"]


class Interrupts(Callback):
    """While a training runs, a signal ends it after the step under way, with a checkpoint.

    A second signal within two seconds ends the process at once, with exit code 130 or 143; the
    last checkpoint is then an older one (see `Listening`).  Several workers end together, whichever
    of them heard it.

    Parameters
    ----------
    checkpointer : Checkpointer
    """

    every_step = False

    def __init__(self, checkpointer: Checkpointer) -> None:
        self.checkpointer = checkpointer
        self._ears = Listening()

    def on_start(self, training: Training) -> None:
        """Begin to listen."""
        self._ears = Listening(handed_on=training.workers is not None)
        self._ears.__enter__()

    def on_step(self, training: Training) -> None:
        """Stop, if a signal was heard."""
        heard, workers = self._ears.heard or 0, training.workers
        if workers is not None:
            heard = workers.greatest(heard)
        if not heard:
            return
        self.checkpointer.write(training)
        raise interruption(
            heard,
            f"Interrupted after step {training.t} of epoch {training.epoch}; a checkpoint is in "
            f"{self.checkpointer.where.folder}.",
        )

    def on_epoch(self, training: Training) -> None:
        """The same between epochs; a training that has ended anyway ends as it would have."""
        if not training.stop and training.epoch < training.plan.epochs:
            self.on_step(training)

    def on_end(self, training: Training) -> None:
        """Cease to listen."""
        self._ears.__exit__()
