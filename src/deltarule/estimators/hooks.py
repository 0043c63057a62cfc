"""scikit-learn's callbacks (1.9 and newer), told of every epoch of a training."""

from __future__ import annotations

import copy
from typing import Any

from ..learning.callbacks import Callback
from ..learning.full_batch import FullBatchTraining
from ..learning.training import Training

__all__ = ["Hooks", "as_it_stands"]


def as_it_stands(estimator: Any, training: Training | FullBatchTraining) -> Any:
    """The estimator as if its fit had ended now: it predicts with the present weights."""
    view = copy.copy(estimator)
    view.network_ = copy.copy(estimator.network_)
    view.network_.chain = training.averaged
    return view


class Hooks(Callback):
    """One task of scikit-learn's for each epoch of `fit`.

    Parameters
    ----------
    estimator : with a callback context
    X, y, sample_weight : as the callbacks are to see them
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any, epochs: int) -> None:
        self.estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.given = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.whole = estimator._init_callback_context(max_subtasks=epochs)

    def on_start(self, training: Training) -> None:
        """Begin the fit and its first epoch."""
        self.whole.call_on_fit_task_begin(**self.given)
        self._begin()

    def _begin(self) -> None:
        self.epoch = self.whole.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(**self.given)

    def on_epoch(self, training: Training) -> None:
        """End the epoch; a callback that answers True ends the training."""
        state = {"network_": as_it_stands(self.estimator, training).network_}
        if self.epoch.call_on_fit_task_end(**self.given, reconstruction_attributes=state):
            training.stop = True
        if not training.stop and training.epoch < training.plan.epochs:
            self._begin()

    def on_end(self, training: Training) -> None:
        """End the fit."""
        state = {"network_": self.estimator.network_}
        self.whole.call_on_fit_task_end(**self.given, reconstruction_attributes=state)
