"""`MLPRegressor`: scikit-learn's, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin

from ..ground.arrays import quiet
from ..ground.contracts import Array, LabelsLike, PieceLike, RowsLike, WeightsLike
from ..ground.errors import InvalidInput
from ..learning.callbacks import Callback
from ..learning.plan import Engine, Precision
from ..mathematics import losses
from ..network.parts import part
from ..network.settings import Normalization
from ..network.targets import NumberTargets, Targets
from .base import BaseMLP, keep
from .judging import RegressorAnswers, ScoreJudge
from .losses import NUMBER_LOSSES, NumberLoss, own_loss
from .parameters import ScalingName, read_parameters
from .refusals import refuse_huge
from .reporting import reporting_of
from .requirements import available_if, with_callbacks
from .targets import number_targets
from .values import LearningRate, check_counts

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron that predicts numbers, under scikit-learn's contract.

    Every parameter of scikit-learn's `MLPRegressor` is taken; docs/from-scikit-learn.md says for
    each whether it means the same.  Targets are standardised inside and predictions put back, and
    the gradient of several outputs is that of the loss that is reported.  The best weights on rows
    held out are always restored.

    Parameters
    ----------
    loss : str or callable
        "squared_error", "absolute_error", "huber", "quantile", "poisson" (counts, through an
        exponential), or a function (y, z, weight, total) → (value, ∂value/∂z) of the raw scores z,
        (n_samples, n_outputs), or one made by `deltarule.losses.of_rows`; see
        `check_gradients`.
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
        Progress that counts, of the training loss of standardised targets or of the score on rows
        held out.
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
    quantile : float or list of float
        Levels of loss="quantile"; of several, predictions are (n_samples, n_levels) and never
        cross.
    delta : float
        Where loss="huber" turns linear, in standard deviations of y if they are standardised.
    standardize_targets : bool
        Whether the network learns (y − mean)/std.  Counts never are standardised.
    dropout : float or list of float
        The share of each hidden layer's units left out in a training step.
    normalization : {None, "batch", "layer"}
        Between each hidden layer's weights and its activation.
    initializer : str or callable
        One of `deltarule.initializers`; biases start at zero, the last one of counts at log ȳ.
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
        function (estimator, X, y) → number, the greater the better.  By default R²; of quantiles
        the loss.
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
    coefs_, intercepts_ : lists of arrays
        The weights, (n_in, n_out), and biases, (n_out,), of each layer;
        of the standardised targets, if they are: predictions are network·std + mean.
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

    Raises
    ------
    ValueError, TypeError
        For rows, targets and parameters that are wrong, all parameters in one message.
    Diverged
        (a ValueError) If the loss or a weight ceases to be finite.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from deltarule.estimators import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(scaling="feature", max_iter=20, tol=0, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.4
    True
    """

    _numeric = True
    _targets: NumberTargets

    def __init__(
        self,
        loss: NumberLoss | Callable[..., Any] = "squared_error",
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
        quantile: float | Sequence[float] = 0.5,
        delta: float = 1.0,
        standardize_targets: bool = True,
        dropout: float | Sequence[float] = 0.0,
        normalization: Normalization | None = None,
        initializer: PieceLike = "glorot",
        scaling: ScalingName = "none",
        schedule: PieceLike | Sequence[PieceLike] | None = None,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        average: float = 0.0,
        validation_metric: str | Callable[..., float] | None = None,
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
        """Fit the network to rows and their numbers.

        Parameters
        ----------
        X, X_val : {array, sparse matrix, data frame}, (n_samples, n_features)
        y, y_val : array, (n_samples,) or (n_samples, n_outputs)
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
        *,
        X_val: RowsLike | None = None,
        y_val: LabelsLike | None = None,
        sample_weight_val: WeightsLike | None = None,
    ) -> Self:
        """Go on for one epoch over these rows; the optimizer goes on as if it had not stopped.

        The first call learns the spread of y.  With early_stopping=True some of these rows, or
        X_val, judge the epoch; what predicts is the best so far, what goes on learning the last,
        and `stopped_early_` tells when to end.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val : as in `fit`

        Returns
        -------
        self
        """
        self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val, incremental=True)
        return self

    def initialize(self, n_features: int, n_outputs: int = 1) -> Self:
        """Initial weights without any data: predict, look at them, or go on with partial_fit.

        Targets are then not standardised.

        Parameters
        ----------
        n_features, n_outputs : int

        Returns
        -------
        self
        """
        choices = read_parameters(self.get_params(deep=False), self._defaults())
        check_counts(n_features=n_features, n_outputs=n_outputs)
        shape = (1,) if n_outputs == 1 else (1, n_outputs)
        targets = self._learn_targets(np.zeros(shape), None, None)
        self.n_features_in_ = n_features
        self._start(choices, n_features, targets, np.dtype(self.dtype or np.float64), self._draw())
        return self

    # -- the loss ---------------------------------------------------------------------------

    def _loss(self) -> Any:
        if callable(self.loss):
            return own_loss(self.loss, "regression", 1)
        options = {"quantile": {"level": self.quantile}, "huber": {"delta": self.delta}}
        return {"name": NUMBER_LOSSES[self.loss], **options.get(self.loss, {})}

    def _summed_outputs(self) -> int:
        return self._targets.k if self.loss == "poisson" else 1

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
        encoded = (columns - targets.mean) / targets.std
        refuse_huge(encoded, name, dtype)
        return encoded.astype(dtype)

    def _judge(self, name: str, scorer: Any) -> ScoreJudge:
        loss, targets = self.network_.settings.loss, self._targets
        reporting = reporting_of(targets, loss.function, loss.bound)
        if not name and loss.function is losses.quantile:  # R² is for means
            name = "loss"
        return ScoreJudge(
            targets,
            RegressorAnswers(targets),
            reporting,
            name,
            scorer,
            lambda y: targets.present(targets.restore(y)),
        )

    # -- use --------------------------------------------------------------------------------

    @quiet
    def predict(self, X: RowsLike) -> Array:
        """Numbers in the units of the training y, (n_samples,) or (n_samples, n_outputs)."""
        z = self._scores(X)
        answer: Array = self._targets.present(self._targets.decide(z))
        return answer.astype(z.dtype, copy=False)

    def score(self, X: RowsLike, y: LabelsLike, sample_weight: WeightsLike | None = None) -> float:
        """R²; of several quantiles that of the one whose level is nearest to ½.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
        """
        from sklearn.metrics import r2_score  # slow to import

        prediction = self.predict(X)
        if self._targets.of_one and prediction.ndim == 2:
            levels = np.array(self._targets.levels)
            prediction = prediction[:, int(abs(levels - 0.5).argmin())]
        return float(r2_score(y, prediction, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        counts = self.loss == "poisson"
        tags.target_tags.multi_output = not counts
        tags.target_tags.positive_only = counts
        return tags
