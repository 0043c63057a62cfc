"""`MLPClassifier`: scikit-learn's, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin

from ..ground.arrays import quiet
from ..ground.contracts import Array, LabelsLike, PieceLike, RowsLike, WeightsLike
from ..ground.errors import InvalidInput
from ..learning.callbacks import Callback
from ..learning.plan import Engine, Precision
from ..network.settings import Normalization
from ..network.targets import Targets
from .base import BaseMLP, keep
from .calibrating import calibrate
from .judging import ClassifierAnswers, ScoreJudge
from .losses import own_loss
from .parameters import ScalingName, read_parameters
from .reporting import reporting_of
from .requirements import available_if, with_callbacks
from .samples import Samples
from .targets import Labels, class_weights, classes_in, labels_in, one_each, require_classes
from .values import LearningRate, check_counts

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that tells classes apart, under scikit-learn's contract.

    Every parameter of scikit-learn's `MLPClassifier` is taken; docs/from-scikit-learn.md says for
    each whether it means the same.  Two classes have one output and a sigmoid, more a softmax, and
    label indicators (n_samples, n_labels) a sigmoid each.  The best weights on rows held out are
    always restored.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; () for none.
    activation : str, dict, callable, or a list of them, one for each hidden layer
        "relu", "tanh", "logistic", "identity", or any other of `deltarule.activations`.
    solver : str, dict or callable
        "adam", "sgd" or another of `deltarule.optimizers`, with options {"name": "adam",
        "beta1": 0.95}; or "lbfgs", which takes all rows at once.
    alpha : float
        Strength of the penalty (α/2)‖W‖²/(weight of a batch) in the loss, scikit-learn's.
        `weight_decay` does not depend on the batch size.
    batch_size : int or "auto"
        "auto" is min(200, n_samples).
    learning_rate : {"constant", "invscaling", "adaptive"}
        scikit-learn's schedules, here with any solver; see also `schedule`.
    learning_rate_init : float
        η, the learning rate before any schedule.
    power_t : float
        Exponent of "invscaling": η/(rows seen + 1)^power_t.
    max_iter : int
        Epochs, or iterations of L-BFGS.
    shuffle : bool
        Whether every epoch takes the rows in an order of its own.
    random_state : int, RandomState or None
        All randomness of a fit follows from one number drawn from it.
    tol : float
        Progress that counts, of the training loss or of the score on rows held out.
    verbose : bool
        A line on stdout for each epoch; `progress` shows a bar instead.
    warm_start : bool
        Whether fit goes on from the weights, and the optimizer's memory, of the last fit.
    momentum, nesterovs_momentum : float, bool
        Of solver="sgd".
    early_stopping : bool
        Hold rows out and stop when their score no longer rises.
    validation_fraction : float
        How many rows are held out, where no X_val is given.
    beta_1, beta_2, epsilon : float
        Of solver="adam" and its relatives.
    n_iter_no_change : int or inf
        More epochs than these without progress end the fit.
    max_fun : int
        Evaluations of the loss that L-BFGS may take.
    class_weight : dict, "balanced" or None
        What rows of each class weigh, in training and on rows held out.
    loss : "log_loss" or callable
        A function (y, z, weight, total) → (value, ∂value/∂z) of the raw scores z,
        (n_samples, n_outputs), or one made by `deltarule.losses.of_rows`; see
        `check_gradients`.
    label_smoothing : float
        ε of the targets (1 − ε)·y + ε/n_classes.
    dropout : float or list of float
        The share of each hidden layer's units left out in a training step.
    normalization : {None, "batch", "layer"}
        Between each hidden layer's weights and its activation.
    initializer : str or callable
        One of `deltarule.initializers`; biases start at zero.
    scaling : {"none", "feature", "unit"}
        Of the input, learned from the training rows: "feature" makes each feature's mean 0 and its
        standard deviation 1.
    schedule : str, dict, callable or a list of them
        Of `deltarule.schedules`, with any solver; several multiply.  It begins anew with each fit.
    weight_decay : float
        λ of the decoupled decay W ← W(1 − ηλ).
    clip_norm : float, optional
        The greatest length of the gradient.
    average : float
        Decay of a moving average of the weights, such as 0.999, which is then what is kept.
    validation_metric : str or callable, optional
        What is best, on rows held out: a name of `sklearn.metrics.get_scorer_names()`, "loss", or a
        function (estimator, X, y) → number, the greater the better.  By default the accuracy.
    calibrate : bool
        Fit a temperature on rows held out, by which `predict_proba` divides the scores.
    max_seconds : float, optional
        No epoch begins after so many.
    callbacks : list of `deltarule.Callback`, or functions called after each epoch
        For scikit-learn's own (1.9 and newer) use `set_callbacks`.
    progress : bool
        A bar on a terminal, plain lines elsewhere.
    engine, precision, see `deltarule.Network.train`
    dtype : {None, "float32", "float64"}
        What the network computes in; None is X's own dtype.

    Attributes
    ----------
    classes_ : array, (n_classes,)
    coefs_, intercepts_ : lists of arrays
        The weights, (n_in, n_out), and biases, (n_out,), of each layer.
    loss_, best_loss_, loss_curve_ : float, float or None, list of float
        Of the training rows by epoch, in scikit-learn's units; best_loss_ is None with early
        stopping.
    validation_scores_, best_validation_score_ : list of float, float; or None
        Of the rows held out, with early stopping.
    history_ : deltarule.History
        Loss and metric of training and validation rows by epoch; `history_.to_frame()`.
    n_iter_, t_ : int
        Epochs of the last call; rows taken in all.
    n_layers_, n_outputs_, out_activation_ : int, int, str
    n_features_in_, feature_names_in_
    stopped_early_ : bool
        Whether the score of the rows held out, or the loss, had ceased to improve.
    network_ : deltarule.Network
        The network itself: `save`, `deltarule.summary`, `explain_engine`, single steps.
    temperature_, calibration_ : float, dict
        With calibrate=True: log-loss and expected calibration error of the rows held out, before
        and after.

    Raises
    ------
    ValueError, TypeError
        For rows, targets and parameters that are wrong, all parameters in one message.
    Diverged
        (a ValueError) If the loss or a weight ceases to be finite.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from deltarule.estimators import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((50,), scaling="unit", max_iter=10, tol=0, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    """

    _temperature = 1.0

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: PieceLike | Sequence[PieceLike] = "relu",
        *,
        solver: PieceLike = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: LearningRate = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
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
        class_weight: Literal["balanced"] | dict[Any, float] | None = None,
        loss: Literal["log_loss"] | Callable[..., Any] = "log_loss",
        label_smoothing: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        normalization: Normalization | None = None,
        initializer: PieceLike = "glorot",
        scaling: ScalingName = "none",
        schedule: PieceLike | Sequence[PieceLike] | None = None,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        average: float = 0.0,
        validation_metric: str | Callable[..., float] | None = None,
        calibrate: bool = False,
        max_seconds: float | None = None,
        callbacks: Sequence[Callback | Callable[[Any], object]] = (),
        progress: bool = False,
        engine: Engine = "auto",
        precision: Precision = "full",
        dtype: Literal["float32", "float64"] | None = None,
    ) -> None:
        keep(self, locals())

    # -- fit --------------------------------------------------------------------------------

    @with_callbacks
    def fit(
        self,
        X: RowsLike,
        y: LabelsLike,
        sample_weight: WeightsLike | None = None,
        *,
        X_val: RowsLike | None = None,
        y_val: LabelsLike | None = None,
        sample_weight_val: WeightsLike | None = None,
    ) -> Self:
        """Fit the network to rows and their labels.

        Parameters
        ----------
        X, X_val : {array, sparse matrix, data frame}, (n_samples, n_features)
        y, y_val : array, (n_samples,), labels of any one type; or indicators (n_samples, n_labels)
        sample_weight, sample_weight_val : array, (n_samples,), optional
            Weigh rows in the loss, the metrics, and with their rows in the split.
        X_val, y_val
            Rows to judge every epoch by, in place of some held out.

        Returns
        -------
        self
        """
        self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)
        return self

    @available_if(lambda self: self._has_steps())
    @with_callbacks
    def partial_fit(
        self,
        X: RowsLike,
        y: LabelsLike,
        sample_weight: WeightsLike | None = None,
        classes: LabelsLike | None = None,
        *,
        X_val: RowsLike | None = None,
        y_val: LabelsLike | None = None,
        sample_weight_val: WeightsLike | None = None,
    ) -> Self:
        """Go on for one epoch over these rows; the optimizer goes on as if it had not stopped.

        With early_stopping=True some of these rows, or X_val, judge the epoch; what predicts is the
        best so far, what goes on learning the last, and `stopped_early_` tells when to end.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val : as in `fit`
        classes : array, (n_classes,)
            All labels there will be; needed at the first call.

        Returns
        -------
        self
        """
        known = self.classes_ if hasattr(self, "network_") else None
        require_classes(classes, known, None if one_each(sample_weight, y) else sample_weight)
        self._fit(
            X, y, sample_weight, X_val, y_val, sample_weight_val, classes=classes, incremental=True
        )
        return self

    def initialize(self, n_features: int, classes: LabelsLike, *, multilabel: bool = False) -> Self:
        """Initial weights without any data: predict, look at them, or go on with partial_fit.

        Parameters
        ----------
        n_features : int
        classes : array, (n_classes,); with `multilabel` one entry for each label of a row

        Returns
        -------
        self
        """
        choices = read_parameters(self.get_params(deep=False), self._defaults())
        check_counts(n_features=n_features)
        labels = classes_in(classes)
        y = np.eye(len(labels), dtype=np.int64) if multilabel else labels
        targets = self._learn_targets(y, labels, None)
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

    def _require_same_targets(self, y: Array) -> None:
        self._labels.require_same(y)

    def _strata(self, y: Array) -> Array | None:
        return None if self._labels.multilabel else y

    def _loss(self) -> Any:
        if callable(self.loss):
            return own_loss(self.loss, "classification", self._labels.n_outputs)
        if self._labels.activation == "logistic":
            return "binary_cross_entropy"
        return {"name": "cross_entropy", "label_smoothing": self.label_smoothing}

    def _summed_outputs(self) -> int:
        return self._labels.n_outputs if self._labels.multilabel else 1

    def _calibrate(self, z: Array, y: Array, weight: Array | None) -> None:
        """Fit the temperature on the rows held out, and say what it gains."""
        self.calibration_ = calibrate(self._labels, self._targets, z, y, weight)
        self._temperature = self.temperature_ = self.calibration_["temperature"]

    def _judge(self, name: str, scorer: Any) -> ScoreJudge:
        loss, labels = self.network_.settings.loss, self._labels
        answers = ClassifierAnswers(self._targets, labels)
        reporting = reporting_of(self._targets, loss.function, loss.bound)

        def decode(y: Array) -> Array:
            codes = self._targets.restore(y)
            return codes if labels.multilabel else labels.classes[codes]

        return ScoreJudge(self._targets, answers, reporting, name, scorer, decode)

    # -- use --------------------------------------------------------------------------------

    @quiet
    def predict(self, X: RowsLike) -> Array:
        """The class of each row, or its set of labels as 0 and 1."""
        z = self._scores(X)
        decision: Array = self._targets.decide(z)
        return decision if self._labels.multilabel else self.classes_[decision]

    @quiet
    def predict_proba(self, X: RowsLike) -> Array:
        """The probability of each class, (n_samples, n_classes), or of each label."""
        z = self._scores(X)
        if self._temperature != 1.0:
            z = z / z.dtype.type(self._temperature)
        p = self._targets.probabilities(z)
        assert p is not None
        return p

    @quiet
    def predict_log_proba(self, X: RowsLike) -> Array:
        """The logarithm of `predict_proba`."""
        return np.log(self.predict_proba(X))

    def decision_function(self, X: RowsLike) -> Array:
        """The raw scores (logits): (n_samples,) for two classes, else (n_samples, n_classes)."""
        z = self._scores(X)
        return z[:, 0] if self._labels.n_outputs == 1 else z

    if TYPE_CHECKING:  # scikit-learn's own, of which it states no types

        def score(
            self, X: RowsLike, y: LabelsLike, sample_weight: WeightsLike | None = None
        ) -> float:
            """The accuracy."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.class_weight is None
        return tags
