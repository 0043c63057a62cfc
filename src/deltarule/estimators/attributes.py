"""What a fit leaves behind: scikit-learn's attributes, where it may go on, and its warnings."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..ground.contracts import Array
from ..ground.errors import DoubtfulFit
from ..learning.diagnosis import Diagnosis
from ..learning.full_batch import FullBatchTraining
from ..learning.history import History
from ..learning.monitor import Monitor
from ..learning.progress import Progress
from ..learning.training import Training
from .reporting import Reporting
from .serving import Serving
from .stopping import Stopping

__all__ = ["Attributes"]

# Findings that a warning would repeat: one says so itself, the other cost nothing, since the best
# weights were kept.
TOLD = ("too_few_epochs", "overfitting")


class Attributes(Serving):
    """The part of an estimator that remembers its fits."""

    def _begin(self) -> None:
        """The attributes before the first epoch."""
        self.n_iter_, self.t_ = 0, 0
        self.loss_ = math.inf
        self.loss_curve_: list[float] = []
        self.best_loss_: float | None = None if self.early_stopping else np.inf
        self.best_validation_score_: float | None = None
        self.validation_scores_: list[float] | None = None
        self.stopped_early_ = False
        self.history_ = History("")
        self._progress: Progress | None = None
        self._left: Array | None = None
        self._diagnosis: Diagnosis | None = None
        self._waiting = (math.inf, 0)
        self._best: tuple[tuple[float, float], Array, Array] | None = None

    def _remember(
        self,
        training: Training | FullBatchTraining,
        stopping: Stopping,
        monitor: Monitor | None,
        reporting: Reporting,
        n: int,
        incremental: bool,
    ) -> None:
        """The attributes of a fit."""
        history, new = training.history, training.history.epochs
        for record in new:
            for name in [name for name in ("train_loss", "val_loss") if name in record]:
                scaled = record[name] * reporting.scale + record.pop(f"{name}_plus", 0.0)
                record[name] = record.pop(f"{name}_in_units", scaled)
        old = self.history_
        history.epochs = [*old.epochs, *new]
        history.seconds += old.seconds
        self.history_ = history
        self.n_iter_ = len(new)
        self.t_ += n * len(new)
        self.loss_curve_ = [*self.loss_curve_, *(record["train_loss"] for record in new)]
        if new:
            self.loss_ = self.loss_curve_[-1]
        self._progress = training.progress
        self._waiting = (stopping.best, stopping.waited)
        if monitor is not None:
            scores = [record[monitor.name] for record in new]
            sign = 1.0 if monitor.greater_is_better else -1.0
            if self.early_stopping and scores:
                self.validation_scores_ = [*(self.validation_scores_ or []), *scores]
                self.best_validation_score_ = sign * max(
                    sign * score for score in self.validation_scores_
                )
        self.best_loss_ = None if self.early_stopping else min(self.loss_curve_, default=np.inf)
        self.stopped_early_ = self.stopped_early_ or stopping.reason == "no progress"
        if incremental and monitor is not None and new:
            self._serve_best((sign * scores[-1], -new[-1]["val_loss"]))
        self._left = self.network_.chain.theta.copy()

    def _serve_best(self, score: tuple[float, float]) -> None:
        """Between calls of partial_fit: the best weights so far answer, the last go on learning.

        Of equal scores the one with the lower loss is the better, which stands second.
        """
        chain = self.network_.chain
        if self._best is None or score > self._best[0]:
            self._best = (score, chain.theta.copy(), chain.statistics.copy())
        chain.theta[...], chain.statistics[...] = self._best[1:]

    def _warn(self, training: Any, reason: str) -> None:
        """Say so where a fit ended before it had converged, or where it went badly."""
        history, given = training.history, f"max_iter={self.max_iter}"
        if self.solver == "lbfgs":
            if history.stop_reason in ("iterations", "evaluations"):
                what = given if history.stop_reason == "iterations" else f"max_fun={self.max_fun}"
                warnings.warn(
                    f"lbfgs failed to converge: it reached {what}. Increase it, or scale the data.",
                    ConvergenceWarning,
                    stacklevel=6,
                )
        elif not training.stop and not reason and self.schedule is None:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=6,
            )
        found = self._diagnosis.findings if self._diagnosis else ()
        serious = [f for f in found if f.severity == "serious" and f.kind not in TOLD]
        if serious:
            more = len(found) - 1
            others = f" ({more} more: see diagnose())" if more else " (see diagnose())"
            warnings.warn(
                f"{serious[0].cause} {serious[0].evidence} {serious[0].remedy}{others}",
                DoubtfulFit,
                stacklevel=6,
            )
