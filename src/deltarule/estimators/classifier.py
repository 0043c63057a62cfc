"""`MLPClassifier`: scikit-learn's, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from ..ground.arrays import quiet
from ..ground.contracts import Array
from ..ground.errors import InvalidInput, did_you_mean
from ..mathematics.calibration import expected_calibration_error, fit_temperature, log_loss
from ..network.inputs import brief
from ..network.targets import Targets
from .base import BaseMLP, keep
from .judging import ClassifierAnswers, ScoreJudge
from .losses import own_loss
from .parameters import read_parameters
from .reporting import reported_loss
from .requirements import with_callbacks
from .samples import Samples
from .targets import Labels, class_weights, labels_in

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """A multi-layer perceptron that tells classes apart."""

    _temperature = 1.0

    def __init__(
        self,
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
        class_weight: Any = None,
        loss: Any = "log_loss",
        label_smoothing: float = 0.0,
        dropout: Any = 0.0,
        normalization: str | None = None,
        initializer: Any = "glorot",
        scaling: str = "none",
        schedule: Any = None,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        average: float = 0.0,
        validation_metric: Any = None,
        calibrate: bool = False,
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
    ) -> MLPClassifier:
        """Fit the network to rows and their labels."""
        self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)
        return self

    @available_if(lambda self: self._has_steps())
    @with_callbacks
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPClassifier:
        """Go on for one epoch over these rows."""
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise InvalidInput(
                "classes must be passed on the first call to partial_fit: later rows may show "
                "labels that these do not."
            )
        if not first and classes is not None:
            given = np.unique(np.asarray(classes))
            if not np.array_equal(given, self.classes_):
                raise InvalidInput(
                    f"`classes={brief(given.tolist())}` is not the same as on last call to "
                    f"partial_fit, was: {brief(self.classes_.tolist())}."
                )
        self._fit(
            X, y, sample_weight, X_val, y_val, sample_weight_val, classes=classes, incremental=True
        )
        return self

    def initialize(self, n_features: int, classes: Any) -> MLPClassifier:
        """Initial weights without any data: predict, look at them, or go on with partial_fit."""
        choices = read_parameters(self.get_params(deep=False), self._defaults())
        labels = np.asarray(classes)
        targets = self._learn_targets(labels, labels, None)
        self.n_features_in_ = n_features
        self._start(choices, n_features, targets, np.dtype(self.dtype or np.float64), self._draw())
        return self

    def _learn_targets(self, y: Any, classes: Any, weight: Array | None) -> Targets:
        self._labels: Labels = labels_in(y, self.label_smoothing, classes)
        self.classes_ = self._labels.classes
        self.out_activation_ = self._labels.activation
        return self._labels.targets()

    def _encode(self, y: Any, dtype: Any, name: str) -> Array:
        return self._labels.encode(y, dtype, name)

    def _weigh(self, samples: Samples, training: bool) -> Array | None:
        if training:
            self._class_weights = class_weights(
                self.class_weight, self._labels, samples.y, samples.weight
            )
        if self._class_weights is None:
            return samples.weight
        each = self._class_weights[self._labels.codes(samples.y)]
        weight = each if samples.weight is None else each * samples.weight
        if training and not weight.any():
            raise InvalidInput("class_weight and sample_weight leave no row a weight above 0.")
        return weight

    def _strata(self, y: Array) -> Array | None:
        return None if self._labels.multilabel else y

    def _loss(self) -> Any:
        if callable(self.loss):
            return own_loss(self.loss, "classification", self._labels.n_outputs)
        if self.loss != "log_loss":
            raise InvalidInput(
                f"Unknown loss {brief(self.loss)}.{did_you_mean(self.loss, ['log_loss'])} Known is "
                "log_loss, or a function (y, z, weight, total) → (value, gradient)."
            )
        if self._labels.activation == "logistic":
            return "binary_cross_entropy"
        return {"name": "cross_entropy", "label_smoothing": self.label_smoothing}

    def _summed_outputs(self) -> int:
        return self._labels.n_outputs

    def _calibrate(self, z: Array, y: Array, weight: Array | None) -> None:
        """Fit the temperature on the rows held out, and say what it gains."""
        codes = self._targets.restore(y)
        if self._labels.n_outputs == 1:
            codes = codes[:, None]
        t = self._temperature = self.temperature_ = fit_temperature(codes, z, weight)

        def both(temperature: float) -> tuple[float, float]:
            p = self._targets.probabilities(z.astype(np.float64) / temperature)
            assert p is not None
            p = p[:, 1:] if self._labels.n_outputs == 1 else p
            return (
                log_loss(codes, z, weight, temperature),
                expected_calibration_error(codes, p, weight),
            )

        before, after = both(1.0), both(t)
        self.calibration_ = {
            "temperature": t,
            "log_loss_before": before[0],
            "log_loss_after": after[0],
            "expected_calibration_error_before": before[1],
            "expected_calibration_error_after": after[1],
            "n_samples": len(codes),
        }

    def _judge(self, name: str, scorer: Any) -> ScoreJudge:
        loss, labels = self.network_.settings.loss, self._labels
        answers = ClassifierAnswers(self._targets, labels)
        reported = reported_loss(self._targets, loss.function, loss.bound)

        def decode(y: Array) -> Array:
            codes = self._targets.restore(y)
            return codes if labels.multilabel else labels.classes[codes]

        return ScoreJudge(self._targets, answers, reported, name, scorer, decode)

    # -- use --------------------------------------------------------------------------------

    @quiet
    def predict(self, X: Any) -> Array:
        """The class of each row, or its set of labels as 0 and 1."""
        z = self._scores(X)
        decision: Array = self._targets.decide(z)
        return decision if self._labels.multilabel else self.classes_[decision]

    @quiet
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n_samples, n_classes), or of each label."""
        z = self._scores(X)
        if self._temperature != 1.0:
            z = z / z.dtype.type(self._temperature)
        p = self._targets.probabilities(z)
        assert p is not None
        return p

    @quiet
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> Array:
        """The raw scores (logits): (n_samples,) for two classes, else (n_samples, n_classes)."""
        z = self._scores(X)
        return z[:, 0] if self._labels.n_outputs == 1 else z

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.class_weight is None
        return tags
