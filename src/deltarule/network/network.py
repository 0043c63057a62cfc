"""The learner's door: one object that trains, evaluates, predicts and shows its insides."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from ..data.tables import TableEncoder
from ..distributed.workers import Workers, agreed
from ..ground.arrays import quiet
from ..ground.contracts import Array, LabelsLike, PieceLike, RowsLike, WeightsLike
from ..ground.errors import CutShort, InvalidInput, Problems
from ..ground.randomness import derive
from ..learning.callbacks import Callback
from ..learning.evaluation import evaluate, scores
from ..learning.history import History
from ..learning.plan import Engine, Policy, Precision
from ..learning.training import Training
from ..machine.chain import Chain
from .assembly import assemble
from .construction import build_chain
from .judging import judge_for
from .lane import Lane
from .preprocessing import Preprocessing
from .saving import save
from .settings import Normalization, ScalingName, settings_from
from .sharing import require_alike
from .single_steps import SingleSteps
from .targets import targets_for

__all__ = ["Network"]


class Network(SingleSteps):
    """A feed-forward network with its loss, optimizer, schedule and preprocessing.

    Parameters
    ----------
    sizes : sequence of int
        Features, units of each hidden layer, outputs: [3072, 100, 100, 50, 10].
    activation : str, dict, callable, or a list of them, one for each hidden layer
        One of `deltarule.activations`; with options {"name": "elu", "alpha": 0.5}; or your own
        function x → (y, pullback).
    dropout : float or list of float
        The share of each hidden layer's units left out in a training step.
    normalization : {None, "batch", "layer"}
        Between each hidden layer's weights and its activation.
    loss : str, dict or callable
        One of `deltarule.losses`: "cross_entropy" for classes, "binary_cross_entropy" for yes/no
        or several labels at once, "squared_error" and others for numbers.  Several quantiles of
        one number: {"name": "quantile", "level": [0.1, 0.5, 0.9]}, one output for each level.
    optimizer : str, dict or callable
        One of `deltarule.optimizers`.
    schedule : str, dict, callable or a list of them
        Of `deltarule.schedules`; several multiply.
    lr_decay : float
        k of the factor e^(−k·t), at every step t = 0, 1, …
    weight_decay : float
        λ of the decoupled decay W ← W(1 − ηλ), of matrices only.
    l2 : float
        λ of the penalty (λ/2)‖W‖² in the loss.
    initializer : str or callable
        One of `deltarule.initializers`; biases start at zero, and of loss="poisson" a first
        training sets the last one to the log of the mean count.
    scaling : {"auto", "none", "unit", "feature", "channel"}
        Of the input, learned from the training rows and saved with the model.  "auto" scales
        whole-number bytes (uint8) to [0, 1] and takes other numbers as they are.
    standardize_targets : {"auto", True, False}
        Whether regression targets are standardised inside and back; "auto": but for poisson.
    classes : sequence of int or str, optional
        The labels in the order of the outputs, where they are not 0..k−1 or sorted strings.
    dtype : {"float32", "float64"}
        What the network computes in.
    seed : int
        All randomness is a function of it.
    encoder : TableEncoder, optional
        Turns a table's columns into features, for data with names, text and gaps.
    image_shape : (channels, height, width), optional
        Of images in flat rows; needed by scaling="channel".

    Attributes
    ----------
    history : History or None
        Of the last training.
    trainings : int
        How often `train` has been called; a further training draws new orders and dropout.
    about : dict
        JSON-able facts that are saved with the model, such as the names of its classes.

    Raises
    ------
    InvalidInput
        Naming every problem at once.

    Examples
    --------
    >>> import deltarule as dr
    >>> net = dr.Network([2, 8, 2], activation="tanh")
    >>> net.n_parameters
    42
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: PieceLike | Sequence[PieceLike] = "relu",
        dropout: float | Sequence[float] = 0.0,
        normalization: Normalization | None = None,
        loss: PieceLike = "cross_entropy",
        optimizer: PieceLike = "adam",
        schedule: PieceLike | Sequence[PieceLike] | None = None,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        l2: float = 0.0,
        initializer: PieceLike = "he",
        scaling: ScalingName = "auto",
        standardize_targets: bool | Literal["auto"] = "auto",
        classes: Sequence[Any] | None = None,
        dtype: DTypeLike = "float32",
        seed: int = 0,
        encoder: TableEncoder | None = None,
        image_shape: tuple[int, int, int] | None = None,
    ) -> None:
        given = {k: v for k, v in locals().items() if k not in ("self", "encoder", "image_shape")}
        self.settings = settings_from(given, encoder, image_shape)
        if self.settings.scaling == "channel" and image_shape is None:
            raise InvalidInput(
                'scaling="channel" needs images: say image_shape=(channels, height, width), or '
                'use scaling="feature".'
            )
        self.chain: Chain = build_chain(self.settings)
        self.preprocessing = Preprocessing(
            self.settings, targets_for(self.settings), encoder, image_shape
        )
        self.history: History | None = None
        self.trainings = 0
        self.about: dict[str, Any] = {}
        self._lane: Lane | None = None

    @property
    def n_parameters(self) -> int:
        """How many numbers the network learns."""
        return self.chain.layout.size

    @property
    def parameters(self) -> dict[str, Array]:
        """Windows on θ by name, "dense1.W", …: writing to one changes the network."""
        return self.chain.layout.views(self.chain.theta)

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """(channels, height, width) of images in flat rows."""
        return self.preprocessing.image_shape

    def __repr__(self) -> str:
        s = self.settings
        return (
            f"Network({list(s.sizes)}, loss={s.loss.name!r}, optimizer={s.optimizer.name!r}, "
            f"{self.n_parameters:,} parameters, {s.dtype})"
        )

    # -- training ---------------------------------------------------------------------------

    @quiet
    def train(
        self,
        X: RowsLike,
        y: LabelsLike,
        X_val: RowsLike | None = None,
        y_val: LabelsLike | None = None,
        *,
        epochs: int = 20,
        batch_size: int = 64,
        lr: float = 0.001,
        sample_weight: WeightsLike | None = None,
        sample_weight_val: WeightsLike | None = None,
        clip_norm: float | None = None,
        average: float = 0.0,
        monitor: str | None = None,
        patience: int | None = None,
        min_delta: float = 0.0,
        restore_best: bool = True,
        metrics: Sequence[str | Callable[..., float]] | None = None,
        callbacks: Iterable[Callback | Callable[[Training], object]] = (),
        progress: bool = True,
        engine: Engine = "auto",
        precision: Precision = "full",
        device: str | None = None,
        on_divergence: Policy = "stop",
        checkpoints: str | os.PathLike[str] | None = None,
        checkpoint_every: float | str = "10 s",
        resume: str | os.PathLike[str] | None = None,
        force_resume: bool = False,
        workers: Workers | None = None,
        shards: int = 4,
        sharded_optimizer: bool = False,
    ) -> History:
        """Train on mini-batches of shuffled rows; keep the best weights.

        Training goes on from the present weights, with a fresh optimizer and schedule; what the
        first training learned of the scales of X and y stays.  Without validation rows nothing is
        held out, and the last weights stay.

        Parameters
        ----------
        X : array, (n_samples, n_features), or a table where the network has an encoder
        y : array, (n_samples,) or (n_samples, n_outputs)
            Labels (integers 0..k−1, strings, one-hot rows) or numbers.
        X_val, y_val : the same, optional
            Evaluated after every epoch.
        epochs, batch_size : int
        lr : float
            η, the learning rate before the schedule.
        sample_weight, sample_weight_val : array, (n_samples,), optional
        clip_norm : float, optional
            The greatest length of the gradient.
        average : float
            Decay of an exponential moving average of the weights, such as 0.999; the average is
            what is validated and kept.  0 for none.
        monitor : str, optional
            What makes an epoch the best: "val_loss" (the default where there are validation
            rows), "val_accuracy", "train_loss", …
        patience, min_delta : int, optional, and float
            Stop after so many epochs without an improvement of at least `min_delta`.
        restore_best : bool
            Whether the weights of the best epoch are kept, rather than the last.
        metrics : list of names of `deltarule.metrics` or functions (y, prediction, weight)
            By default accuracy, or r2 for numbers.
        callbacks : list of `Callback`, or functions called after each epoch
        progress : bool
            A bar on a terminal, plain lines elsewhere.
        engine : {"auto", "reference", "fast"}
            Who takes the steps: "auto" takes the fast engine for what it can do, and says in
            `history.engine` which it was; see `explain_engine`.  Scores outside of steps, as of
            validation rows, are always the fast engine's where it can.
        precision : {"full", "bf16"}
            Of the fast engine's products, or a device's: "bf16" rounds their factors to 16 bits,
            for speed.  The weights stay float32.
        device : {None, "cpu", "cuda", "cuda:1", "mps"}
            Where PyTorch's tensors take the steps, and judge the validation rows, by the
            reference's own code; None for NumPy and the engine.
        on_divergence : {"stop", "rollback", "raise"}
            What becomes of a training whose loss, gradient or weights leave the finite numbers, or
            whose loss ends ten thousand times where it began.  "stop" ends it: the best weights
            stay (or those after the last whole epoch), a `CutShort` warning and the last of
            `history.notes` say why, and `history.stop_reason` is "diverged".  "rollback" goes back
            to the end of the last whole epoch with half the learning rate, at most five times, and
            then stops; each is noted.  "raise" puts the same weights back and raises `Diverged`.

        checkpoints, checkpoint_every : path, optional, and float or str
            A folder for checkpoints, of which the two newest are kept; one after so many seconds,
            "500 steps" or "2 epochs", and always at the end.
        resume : path, optional
            A folder of checkpoints to go on from, to the same bits as without the stop; from the
            beginning where there are none.  Further ones are written there.
        force_resume : bool
            Go on even if the data or the settings are not those of the checkpoint.
        workers, shards : Workers, optional, and int
            Processes that train together, each making this call, and the parts into which they cut
            a batch: a power of two that their number divides.  Bits do not depend on how many
            workers there are.
        sharded_optimizer : bool
            Whether each worker holds a slice of the optimizer's memory only; bits then depend on
            how many there are.

        Returns
        -------
        History

        Raises
        ------
        InvalidInput
            Naming every problem at once, before anything has changed; or what differs from the
            checkpoint's training.
        NotAvailable
            If engine="fast", PyTorch or a device is asked for where there is none.
        Diverged
            If it diverges under on_divergence="raise", or before the end of the first epoch, when
            there is nothing to keep: the weights are then those of before.
        """
        given = {k: v for k, v in locals().items() if k != "self"}
        self.preprocessing, training = agreed(
            workers if isinstance(workers, Workers) else None,
            lambda: assemble(self.chain, self.preprocessing, self._training_seed(), given),
        )
        if workers is not None:
            require_alike(workers, training)
        self.history = training.history
        self.trainings += 1
        history = training.run()
        if history.stop_reason == "diverged":
            warnings.warn(history.notes[-1], CutShort, stacklevel=3)  # `quiet` is between
        return history

    def _training_seed(self) -> int:
        """The seed of the next training: each has an order and a dropout of its own."""
        seed = self.settings.seed
        return derive(seed, "training", self.trainings) if self.trainings else seed

    # -- use --------------------------------------------------------------------------------

    @quiet
    def evaluate(
        self,
        X: RowsLike,
        y: LabelsLike,
        sample_weight: WeightsLike | None = None,
        *,
        metrics: Sequence[str | Callable[..., float]] | None = None,
    ) -> dict[str, float]:
        """The mean loss (without penalties) and the metrics of some rows.

        Of regression the loss is that of the standardised targets; metrics are in y's units.

        Returns
        -------
        dict
            "loss", and "accuracy" or "r2", or the metrics asked for.
        """
        problems = Problems()
        prepared = self.preprocessing.with_targets_of(y, problems)
        judge = judge_for(prepared.targets, metrics, problems)
        rows = prepared.checked_rows(X, y, sample_weight, problems)
        return evaluate(self.chain, self.objective, rows, judge)

    def scores(self, X: RowsLike) -> Array:
        """z, the raw scores of the last layer, (n_samples, n_outputs)."""
        z = self.plain_scores(X)
        return self._scores(X) if z is None else z

    def plain_scores(self, X: RowsLike) -> Array | None:
        """z of plain rows of finite numbers by the engine, of one in microseconds, else None."""
        lane = self._lane
        if lane is None or not lane.serves(self.chain, self.preprocessing):
            lane = self._lane = Lane(self.chain, self.preprocessing)
        return lane(X)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made anew at the next prediction."""
        return {**self.__dict__, "_lane": None}

    @quiet
    def _scores(self, X: Any) -> Array:
        array = self._features(X)
        return scores(self.chain, self.preprocessing.rows(array, np.zeros(len(array))))

    @quiet
    def predict(self, X: RowsLike) -> Array:
        """Labels in the type of the training y, or numbers in its units, (n_samples,) or
        (n_samples, n_outputs).

        X holds rows as the data set gives them: raw pixels, a table with text and gaps.
        """
        targets = self.preprocessing.targets
        return targets.present(targets.decide(self.scores(X)))

    @quiet
    def predict_proba(self, X: RowsLike) -> Array:
        """The probability of each class, (n_samples, n_classes), or of each label.

        Raises
        ------
        InvalidInput
            If the network predicts numbers.
        """
        p = self.preprocessing.targets.probabilities(self.scores(X))
        if p is None:
            raise InvalidInput(
                f"The loss {self.settings.loss.name} predicts numbers, which have no class "
                "probabilities; use predict."
            )
        return p

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, settings and preprocessing to one safetensors file.

        Raises
        ------
        NotAvailable
            If the file cannot be written.
        """
        save(path, self.chain, self.preprocessing, self.about, self.trainings)
