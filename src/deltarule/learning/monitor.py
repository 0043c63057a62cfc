"""Which weights are the best so far, and when to stop waiting for better ones."""

from __future__ import annotations

import math

from ..ground.contracts import Array

__all__ = ["Monitor"]


class Monitor:
    """Keeps the weights of the epoch with the best monitored value.

    Parameters
    ----------
    name : str
        A column of the history: "val_loss", "val_accuracy", …
    greater_is_better : bool
    patience : int or None
        How many epochs without improvement end the training; None never ends it.
    min_delta : float
        What counts as an improvement to patience.  (The best is the best by any margin.)
    """

    def __init__(
        self, name: str, greater_is_better: bool, patience: int | None = None, min_delta: float = 0
    ) -> None:
        self.name, self.patience, self.min_delta = name, patience, min_delta
        self.greater_is_better = greater_is_better
        self._sign = -1.0 if greater_is_better else 1.0
        self.best_epoch: int | None = None
        self._best = (math.inf, math.inf)
        self._reference = math.inf
        self._waited = 0
        self._kept: tuple[Array, Array] | None = None

    def see(
        self, epoch: int, value: float, theta: Array, statistics: Array, tie: float = 0.0
    ) -> bool:
        """Take note of an epoch; returns whether the training should stop.

        Of equal values, as shares of few rows often are, the one with the lower `tie` is better.
        """
        value = self._sign * value
        if value < math.inf and (value, tie) < self._best:
            self._best, self.best_epoch = (value, tie), epoch
            if self._kept is None:
                self._kept = (theta.copy(), statistics.copy())
            else:
                self._kept[0][...], self._kept[1][...] = theta, statistics
        if value < self._reference - self.min_delta:
            self._reference, self._waited = value, 0
        else:
            self._waited += 1
        return self.patience is not None and self._waited >= self.patience

    def restore(self, theta: Array, statistics: Array) -> None:
        """Write the best weights back; nothing happens where none were seen."""
        if self._kept is not None:
            theta[...], statistics[...] = self._kept
