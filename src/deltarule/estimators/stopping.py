"""When a fit ends: scikit-learn's rule, its adaptive rate, and a budget of time."""

from __future__ import annotations

import math
import time

from ..learning.callbacks import Callback
from ..learning.training import Training

__all__ = ["Stopping"]

# scikit-learn's: below it another division of the rate is not worth an epoch.
LEAST_RATE = 1e-6


class Stopping(Callback):
    """Ends a training after more than `patience` epochs without progress.

    Parameters
    ----------
    column : str
        Of the history: "train_loss", or what is monitored on the rows held out.
    greater_is_better : bool
    tol : float
        The least progress over the best so far that counts.
    patience : float
        May be infinite.
    adaptive : float or None
        The rate to begin with, if no progress is to divide it by 5 rather than end the training
        while it is above 1e-6.
    max_seconds : float or None
    best : float
        Of earlier calls that this one goes on from.

    Attributes
    ----------
    factor : float
        Of the learning rate.
    reason : {"", "no progress", "time"}
    """

    def __init__(
        self,
        column: str,
        greater_is_better: bool,
        *,
        tol: float,
        patience: float = 10,
        adaptive: float | None = None,
        max_seconds: float | None = None,
        best: float = math.inf,
    ) -> None:
        self.column, self.sign = column, -1.0 if greater_is_better else 1.0
        self.tol, self.patience = tol, patience
        self.adaptive, self.max_seconds = adaptive, max_seconds
        self.best, self.factor, self.reason, self.waited = best, 1.0, "", 0

    def on_start(self, training: Training) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_epoch(self, training: Training) -> None:
        """Judge the epoch."""
        value = self.sign * training.history.epochs[-1][self.column]
        self.waited = self.waited + 1 if value > self.best - self.tol else 0
        self.best = min(self.best, value)
        if self.waited > self.patience and not self._slows_down():
            training.stop = True
            training.history.stopped_early = True
            self.reason = "no progress"
        late = self.max_seconds is not None and time.monotonic() - self._started > self.max_seconds
        if late and not training.stop:
            training.stop, self.reason = True, "time"

    def _slows_down(self) -> bool:
        """Divide an adaptive rate by 5, if it is not small enough already."""
        if self.adaptive is None or self.adaptive * self.factor <= LEAST_RATE:
            return False
        self.factor /= 5.0
        self.waited = 0
        return True
