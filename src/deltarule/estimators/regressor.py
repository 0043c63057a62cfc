"""`MLPRegressor`: scikit-learn's, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from ..ground.arrays import quiet
from ..ground.contracts import Array
from ..ground.errors import InvalidInput, did_you_mean
from ..mathematics import losses
from ..network.inputs import brief
from ..network.parts import part
from ..network.targets import Targets
from .base import BaseMLP, keep
from .judging import RegressorAnswers, ScoreJudge
from .losses import own_loss
from .parameters import read_parameters
from .reporting import reported_loss
from .requirements import with_callbacks
from .targets import number_targets

__all__ = ["MLPRegressor"]

# What a name means here: scikit-learn's squared error has a ½.
LOSSES = {
    "squared_error": "half_squared_error",
    "absolute_error": "absolute_error",
    "huber": "huber",
    "quantile": "quantile",
    "poisson": "poisson",
}


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """A multi-layer perceptron that predicts numbers."""

    _numeric = True

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        quantile: Any = 0.5,
        delta: float = 1.0,
        standardize_targets: bool = True,
        dropout: Any = 0.0,
        normalization: str | None = None,
        initializer: Any = "glorot",
        scaling: str = "none",
        schedule: Any = None,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        average: float = 0.0,
        validation_metric: Any = None,
        max_seconds: float | None = None,
        callbacks: Any = (),
        progress: bool = False,
        engine: str = "auto",
        precision: str = "full",
        dtype: str | None = None,
    ) -> None:
        keep(self, locals())

    # -- fit --------------------------------------------------------------------------------

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """Fit the network to rows and their numbers."""
        self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)
        return self

    @available_if(lambda self: self._has_steps())
    @with_callbacks
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """Go on for one epoch over these rows."""
        self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val, incremental=True)
        return self

    def initialize(self, n_features: int, n_outputs: int = 1) -> MLPRegressor:
        """Initial weights without any data: predict, look at them, or go on with partial_fit."""
        choices = read_parameters(self.get_params(deep=False), self._defaults())
        shape = (1,) if n_outputs == 1 else (1, n_outputs)
        targets = self._learn_targets(np.zeros(shape), None, None)
        self.n_features_in_ = n_features
        self._start(choices, n_features, targets, np.dtype(self.dtype or np.float64), self._draw())
        return self

    # -- the loss ---------------------------------------------------------------------------

    def _loss(self) -> Any:
        if callable(self.loss):
            return own_loss(self.loss, "regression", 1)
        if not isinstance(self.loss, str) or self.loss not in LOSSES:
            raise InvalidInput(
                f"Unknown loss {brief(self.loss)}.{did_you_mean(self.loss, LOSSES)} Known are: "
                f"{', '.join(LOSSES)}, or a function (y, z, weight, total) → (value, gradient)."
            )
        options = {"quantile": {"level": self.quantile}, "huber": {"delta": self.delta}}
        return {"name": LOSSES[self.loss], **options.get(self.loss, {})}

    def _learn_targets(self, y: Any, classes: Any, weight: Array | None) -> Targets:
        loss = part(self._loss(), losses, "loss")
        counts = loss.function.link is losses.exp_link  # type: ignore[attr-defined]
        self.out_activation_ = "exp" if counts else "identity"
        return number_targets(y, weight, loss, bool(self.standardize_targets) and not counts)

    def _encode(self, y: Any, dtype: Any, name: str) -> Array:
        targets = self._targets
        columns = y.reshape(len(y), -1)
        if self.out_activation_ == "exp" and (columns < 0).any():
            raise InvalidInput(
                f"Some value(s) of {name} are negative, such as {columns.min():g}; the Poisson "
                f'loss takes counts, {name} >= 0. For other numbers use loss="squared_error".'
            )
        if columns.shape[1] != len(targets.mean):
            raise InvalidInput(
                f"{name} has {columns.shape[1]} columns, but the network learned from "
                f"{len(targets.mean)}."
            )
        return ((columns - targets.mean) / targets.std).astype(dtype)

    def _judge(self, name: str, scorer: Any) -> ScoreJudge:
        loss, targets = self.network_.settings.loss, self._targets
        reported = reported_loss(targets, loss.function, loss.bound)
        return ScoreJudge(
            targets,
            RegressorAnswers(targets),
            reported,
            name,
            scorer,
            lambda y: targets.present(targets.restore(y)),
        )

    # -- use --------------------------------------------------------------------------------

    @quiet
    def predict(self, X: Any) -> Array:
        """Numbers in the units of the training y, (n_samples,) or (n_samples, n_outputs)."""
        z = self._scores(X)
        answer: Array = self._targets.present(self._targets.decide(z))
        return answer.astype(z.dtype, copy=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        counts = self.loss == "poisson"
        tags.target_tags.multi_output = not counts
        tags.target_tags.positive_only = counts
        return tags
