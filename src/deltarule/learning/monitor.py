"""Which weights are the best so far, and when to stop waiting for better ones."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from ..ground.contracts import Array
from ..ground.signals import undivided
from .snapshot import number, plain

__all__ = ["Monitor"]

KEPT = ("best_theta", "best_statistics")


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
            else:  # two writes that belong together; one alone cannot be divided
                with undivided() if statistics.size else contextlib.nullcontext():
                    self._kept[0][...], self._kept[1][...] = theta, statistics
        if value < self._reference - self.min_delta:
            self._reference, self._waited = value, 0
        else:
            self._waited += 1
        return self.patience is not None and self._waited >= self.patience

    def snapshot(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """What it remembers: arrays, of its own, and JSON-able values."""
        arrays = {}
        if self._kept is not None:
            arrays = dict(zip(KEPT, (array.copy() for array in self._kept), strict=True))
        facts = {
            "best_epoch": self.best_epoch,
            "best": self._best,
            "reference": self._reference,
            "waited": self._waited,
        }
        return arrays, plain(facts)

    def resume(self, arrays: dict[str, Array], facts: dict[str, Any]) -> None:
        """Remember what a snapshot holds."""
        self.best_epoch, self._waited = facts["best_epoch"], facts["waited"]
        value, tie = facts["best"]
        self._best = (number(value), number(tie))
        self._reference = number(facts["reference"])
        if KEPT[0] in arrays:
            self._kept = (arrays[KEPT[0]].copy(), arrays[KEPT[1]].copy())

    def restore(self, theta: Array, statistics: Array) -> None:
        """Write the best weights back; nothing happens where none were seen."""
        if self._kept is not None:
            theta[...], statistics[...] = self._kept
