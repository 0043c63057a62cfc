"""What the two estimators share: the fit, its attributes, and the ways to go on from one."""

from __future__ import annotations

import inspect
import math
import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..data.batches import Rows
from ..ground.contracts import Array, LabelsLike, RowsLike, WeightsLike
from ..ground.errors import InvalidInput
from ..learning.callbacks import Callback, progress_callback
from ..learning.diagnosis import Diagnosis, diagnose
from ..learning.evaluation import scores
from ..learning.full_batch import FullBatchTraining
from ..learning.gradients import GradientReport
from ..learning.monitor import Monitor
from ..learning.training import Training
from ..network.checks import check_gradients
from ..network.inputs import brief
from ..network.starting import start_at_mean
from ..network.targets import Targets
from .attributes import Attributes
from .fitting import (
    Lines,
    batch_rows,
    fitting_weights,
    following,
    full_batch_for,
    going_on_from,
    network_for,
    penalty,
    require_finite,
    rows_of,
    settings_for,
    training_for,
)
from .hooks import Hooks, as_it_stands
from .judging import ScoreJudge
from .memory import FitSize
from .parameters import Choices, read_parameters
from .requirements import HAS_CALLBACKS
from .samples import Samples, hold_out, rows_for, samples_of, samples_to_judge
from .stopping import Stopping
from .words import NAMES, retold

__all__ = ["BaseMLP", "keep"]


def keep(estimator: Any, given: dict[str, Any]) -> None:
    """Set a constructor's arguments, unchanged: scikit-learn looks at them at `fit`."""
    for name, value in given.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


class BaseMLP(Attributes, ABC):
    """The part of `MLPClassifier` and `MLPRegressor` that does not depend on what y is."""

    _numeric = False

    # -- what the two make of y -------------------------------------------------------------

    @abstractmethod
    def _learn_targets(self, y: Any, classes: Any, weight: Array | None) -> Targets:
        """What y teaches before the first step."""

    @abstractmethod
    def _encode(self, y: Any, dtype: Any, name: str) -> Array:
        """y as the loss takes it."""

    @abstractmethod
    def _loss(self) -> Any:
        """The loss, as `Network` takes it."""

    @abstractmethod
    def _judge(self, name: str, scorer: Any) -> ScoreJudge:
        """What judges an epoch."""

    def _weigh(self, samples: Samples, training: bool) -> Array | None:
        """The weight of each row, to learn from or to judge by."""
        return samples.weight

    def _require_same_targets(self, y: Array) -> None:
        """Refuse to go on with a y of another kind."""

    def _strata(self, y: Array) -> Array | None:
        """What rows held out are to have in the same shares."""
        return None

    # -- fit --------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        *,
        classes: Any = None,
        incremental: bool = False,
    ) -> Any:
        choices = read_parameters(self.get_params(deep=False), self._defaults())
        going_on = hasattr(self, "network_") and (incremental or self.warm_start)
        samples = self._samples(X, y, sample_weight, reset=not going_on)
        held = samples_to_judge(self, X_val, y_val, sample_weight_val, numeric=self._numeric)
        splits = held is None and (self.early_stopping or getattr(self, "calibrate", False))
        if self.validation_metric is not None and held is None and not splits:
            raise InvalidInput(
                f"validation_metric={brief(self.validation_metric)} judges rows held out, and "
                "there are none: pass X_val and y_val, or set early_stopping=True."
            )
        size = FitSize(samples, held, splits=splits, incremental=incremental)
        if not going_on:
            seed = self._draw()
            targets = self._learn_targets(samples.y, classes, samples.weight)
            dtype = np.dtype(self.dtype or samples.X.dtype)
            self._start(choices, samples.X.shape[1], targets, dtype, seed, size)
        else:
            if self.t_ and not incremental:
                self._require_same_targets(samples.y)
            size.require(self, self.network_.settings, network_is_there=True)
            self._follow(choices)
        if splits:
            strata = None if incremental else self._strata(samples.y)
            samples, held = hold_out(samples, self.validation_fraction, self._seed, strata)
        self._train(choices, samples, held, incremental, fresh=not going_on)
        return self

    def _draw(self) -> int:
        """A seed: everything random of a fit, and of all that goes on from it, follows from it."""
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _has_steps(self) -> bool:
        """Whether the solver can go on with other rows."""
        if self.solver == "lbfgs":
            raise AttributeError(
                'partial_fit goes on step by step, and solver="lbfgs" takes all rows at once; use '
                'solver="adam".'
            )
        return True

    def _samples(self, X: Any, y: Any, weight: Any, *, reset: bool) -> Samples:
        return samples_of(self, X, y, weight, reset=reset, numeric=self._numeric)

    def _start(
        self,
        choices: Choices,
        n_features: int,
        targets: Targets,
        dtype: Any,
        seed: int,
        fit: FitSize | None = None,
    ) -> None:
        """A new network, if there is room to train it, and the attributes of a first fit."""
        self._seed, self._targets = seed, targets
        sizes = (n_features, targets.k)  # type: ignore[attr-defined]
        arguments = self, choices, sizes, self._loss(), dtype, seed
        if fit is not None:
            fit.require(self, settings_for(*arguments), network_is_there=False)
        self.network_ = network_for(*arguments)
        self.network_.preprocessing = replace(self.network_.preprocessing, targets=targets)
        self.n_layers_, self.n_outputs_ = len(choices.hidden) + 2, sizes[1]
        self._n_features_out = choices.hidden[-1] if choices.hidden else sizes[1]
        self._begin()

    def _follow(self, choices: Choices) -> None:
        """Go on under the parameters as they are now; another rule finds no memory of its own."""
        before = self.network_
        self.network_ = following(before, self, choices, self._loss())
        rule, had = (net.settings.optimizer.function for net in (self.network_, before))
        if rule is not had:
            self._progress = None

    def _train(
        self,
        choices: Choices,
        samples: Samples,
        held: Samples | None,
        incremental: bool,
        *,
        fresh: bool,
    ) -> None:
        network, dtype = self.network_, np.dtype(self.network_.settings.dtype)
        rows = self._rows(samples, dtype)
        network.preprocessing = replace(network.preprocessing, scaling=rows.scaling)
        if fresh:
            start_at_mean(network.chain, network.settings, rows)
        judge, monitor, rows_val = self._judge(*choices.scorer), None, None
        if held is not None:
            rows_val = self._rows(held, dtype, "_val")
            monitor = Monitor(f"val_{judge.monitored}", judge.greater_is_better)
        epochs = 1 if incremental else int(self.max_iter)
        stopping = self._stopping(judge, monitor, incremental)
        watchers = [stopping, *choices.callbacks, *self._watchers(samples, monitor, judge, epochs)]
        watched = None if incremental else monitor
        training: Training | FullBatchTraining
        if choices.optimizer is None:
            l2 = penalty(self.alpha, rows, len(rows), self._summed_outputs())
            training = full_batch_for(
                self, network, rows, rows_val, judge, watched, watchers, l2=l2, seed=self._seed
            )
        else:
            start = going_on_from(self._progress, choices.optimizer, network.chain, self._left)
            if start is not self._progress:
                self._best = None
            batch = batch_rows(self.batch_size, len(rows))
            training = training_for(
                self,
                network,
                rows,
                rows_val,
                judge,
                watched,
                stopping,
                watchers,
                start,
                epochs=epochs,
                l2=penalty(self.alpha, rows, batch, self._summed_outputs()),
                seed=self._seed,
                incremental=incremental,
            )
        if rows_val is not None and held is not None:
            judge.held_out = (rows_val, lambda: as_it_stands(self, training), held.X, held.y)
        try:
            with retold():
                training.run()
        except KeyboardInterrupt:
            stopping.reason = "interrupted"
            warnings.warn(
                "Training interrupted by user; the weights are those of the best, or else the "
                "last, whole epoch.",
                stacklevel=5,
            )
        if isinstance(training, Training) and not incremental:
            self._diagnosis = diagnose(
                network.chain,
                training.objective,
                training.optimizer,
                rows,
                rows_val,
                training.history,
                training.plan,
                names=NAMES,
            )
        require_finite(network, rows)
        self._remember(training, stopping, monitor, judge.reporting, len(rows), incremental)
        if rows_val is not None and getattr(self, "calibrate", False):
            z = scores(network.chain, rows_val)
            self._calibrate(z, rows_val.y, held.weight if held else None)
        if not incremental:
            self._warn(training, stopping.reason)

    def _rows(self, samples: Samples, dtype: Any, of: str = "") -> Rows:
        weight = self._weigh(samples, training=not of)
        weight = None if weight is None else fitting_weights(weight, dtype)
        y = self._encode(samples.y, dtype, f"y{of}")
        return rows_of(self.network_, rows_for(samples.X), y, weight)

    def _stopping(self, judge: ScoreJudge, monitor: Monitor | None, incremental: bool) -> Stopping:
        by_score = monitor is not None and self.early_stopping
        best, waited = self._waiting
        to_the_end = self.schedule is not None or str(self.solver) == "lbfgs"
        stopping = Stopping(
            monitor.name if monitor is not None and by_score else "train_loss",
            by_score and judge.greater_is_better,
            tol=self.tol,
            patience=math.inf if to_the_end and not by_score else self.n_iter_no_change,
            adaptive=self.learning_rate_init if self.learning_rate == "adaptive" else None,
            max_seconds=self.max_seconds,
            best=best,
        )
        stopping.waited = waited if incremental else 0
        return stopping

    def _watchers(
        self, samples: Samples, monitor: Monitor | None, judge: ScoreJudge, epochs: int
    ) -> list[Callback]:
        """What shows the progress, and scikit-learn's callbacks."""
        watchers: list[Callback] = [*progress_callback(self.progress)]
        if self.verbose:
            watchers.append(Lines(monitor.name if monitor else None, judge.reporting.scale))
        told = hasattr(self, "_skl_callbacks") or hasattr(self, "_parent_callback_ctx")
        if HAS_CALLBACKS and told:
            watchers.append(Hooks(self, samples.X, samples.y, samples.weight, epochs))
        return watchers

    def _calibrate(self, z: Array, y: Array, weight: Array | None) -> None:
        """Only classifiers have probabilities to calibrate."""

    # -- contract ---------------------------------------------------------------------------

    def _summed_outputs(self) -> int:
        """How many losses scikit-learn adds up for a row, where we take their mean."""
        return 1

    def _defaults(self) -> dict[str, Any]:
        signature = inspect.signature(type(self).__init__)
        return {name: p.default for name, p in signature.parameters.items() if name != "self"}

    def diagnose(self) -> Diagnosis:
        """What may be wrong with the last fit: cause, evidence and the parameter to change.

        Returns
        -------
        Diagnosis
            `findings`, serious ones first, and the health of each layer; prints as a short text.

        Raises
        ------
        InvalidInput
            After initialize, partial_fit or solver="lbfgs", of which there is nothing to judge.
        """
        check_is_fitted(self)
        if self._diagnosis is None:
            raise InvalidInput(
                "There is nothing to diagnose: the doctor judges a whole fit by mini-batches, not "
                'initialize, partial_fit or solver="lbfgs".'
            )
        return self._diagnosis

    def check_gradients(
        self, X: RowsLike, y: LabelsLike, sample_weight: WeightsLike | None = None
    ) -> GradientReport:
        """Check every gradient of the fitted network on some rows, a loss of one's own included.

        Returns
        -------
        GradientReport
            See `deltarule.check_gradients`.
        """
        check_is_fitted(self)
        samples = self._samples(X, y, sample_weight, reset=False)
        y = samples.y
        return check_gradients(self.network_, np.asarray(samples.X), y, samples.weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
