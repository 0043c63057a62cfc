"""From an estimator's parameters and checked rows to a network, and to its training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ..data.batches import Rows, total_weight
from ..data.scaling import learn_scaling
from ..ground.arrays import quiet
from ..ground.contracts import Array, Schedule
from ..ground.errors import Diverged, InvalidInput, Problems
from ..learning.callbacks import Callback
from ..learning.evaluation import Judge
from ..learning.full_batch import FullBatchTraining
from ..learning.monitor import Monitor
from ..learning.plan import Plan, steps_in
from ..learning.progress import Progress
from ..learning.stepping import judge_engine
from ..learning.training import Training
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer, product_of
from ..mathematics import losses, optimizers
from ..network.inputs import brief
from ..network.network import Network
from ..network.parts import Part, part
from ..network.settings import Settings, settings_from
from .parameters import Choices
from .stopping import Stopping
from .words import retold

# SciPy's own: L-BFGS has converged where an iteration gains no more than that share of the loss.
VALUE_TOLERANCE = 2.220446049250313e-09
# Sums of weights, and a penalty, beyond which the loss or its gradient leaves float32.
LEAST_WEIGHT, GREATEST_WEIGHT, GREATEST_PENALTY = 1e-30, 1e30, 1e30
# Of a network's settings, what an estimator's parameters alone do not say.
NOT_OF_CHOICES = ("sizes", "loss", "scaling", "dtype", "seed")

__all__ = [
    "Lines",
    "batch_rows",
    "fitting_weights",
    "following",
    "full_batch_for",
    "going_on_from",
    "network_for",
    "penalty",
    "require_finite",
    "rows_of",
    "settings_for",
    "training_for",
]


def network_for(
    estimator: Any,
    choices: Choices,
    sizes: tuple[int, int],
    loss: Any,
    dtype: Any,
    seed: int,
) -> Network:
    """A network with its initial weights; `sizes` are those of the input and the output.

    Raises
    ------
    InvalidInput
        Naming every parameter that is wrong.
    """
    with retold():
        return Network(**_arguments(estimator, choices, sizes, loss, dtype, seed))


def settings_for(
    estimator: Any,
    choices: Choices,
    sizes: tuple[int, int],
    loss: Any,
    dtype: Any,
    seed: int,
) -> Settings:
    """The settings of the network that `network_for` makes, before it is made.

    Raises
    ------
    InvalidInput
        Naming every parameter that is wrong.
    """
    given = _arguments(estimator, choices, sizes, loss, dtype, seed)
    with retold():
        return settings_from({"lr_decay": 0.0, "l2": 0.0, "classes": None, **given})


def _arguments(
    estimator: Any, choices: Choices, sizes: tuple[int, int], loss: Any, dtype: Any, seed: int
) -> dict[str, Any]:
    return {
        "sizes": [sizes[0], *choices.hidden, sizes[1]],
        "activation": choices.activation,
        "dropout": estimator.dropout,
        "normalization": estimator.normalization,
        "loss": loss,
        "optimizer": choices.optimizer or "adam",
        "schedule": choices.schedule,
        "weight_decay": estimator.weight_decay,
        "initializer": estimator.initializer,
        "scaling": estimator.scaling,
        "standardize_targets": False,
        "dtype": np.dtype(dtype).name,
        "seed": seed,
    }


def following(network: Network, estimator: Any, choices: Choices, loss: Any) -> Network:
    """The network to go on with: the same weights under the parameters as they are now.

    Raises
    ------
    InvalidInput
        If a parameter has changed that the weights, or what was learned of y, depend on.
    """
    s = network.settings
    kept = {
        "hidden_layer_sizes": (choices.hidden, s.sizes[1:-1]),
        "normalization": (estimator.normalization, s.normalization),
        "scaling": (estimator.scaling, s.scaling),
        "dtype": (estimator.dtype or s.dtype, s.dtype),
        "loss, or an option of it,": (part(loss, losses, "loss").spec(), s.loss.spec()),
    }
    problems = Problems()
    for name, (now, before) in kept.items():
        problems.require(
            now == before,
            f"{name} is {brief(now)}, but the network to go on from has {brief(before)}; use "
            "warm_start=False, or a new estimator.",
        )
    problems.raise_if_any()
    same: dict[str, Any] = {name: getattr(s, name) for name in NOT_OF_CHOICES}
    if replace(choices.settings, **same) == s:
        return network
    changed = network_for(estimator, choices, (s.sizes[0], s.sizes[-1]), s.loss, s.dtype, s.seed)
    changed.chain.theta[...] = network.chain.theta
    changed.chain.statistics[...] = network.chain.statistics
    learned = network.preprocessing
    changed.preprocessing = replace(
        changed.preprocessing, targets=learned.targets, scaling=learned.scaling
    )
    return changed


def rows_of(network: Network, X: Any, y: Array, weight: Array | None) -> Rows:
    """Rows of which batches are gathered, scaled as the network has learned to."""
    preprocessing = network.preprocessing
    scaling = preprocessing.scaling
    if scaling is None:
        kind = network.settings.scaling
        scaling = learn_scaling("none" if kind == "auto" else kind, X)
    return Rows(X, y, scaling, np.dtype(network.settings.dtype), weight)


def fitting_weights(weight: Array, dtype: Any) -> Array:
    """The weights of rows in the dtype of a network.

    Raises
    ------
    InvalidInput
        If they overflow or vanish there.
    """
    with np.errstate(over="ignore"):
        fitting = weight.astype(dtype)
    mass = fitting.sum(dtype=np.float64)
    if not (LEAST_WEIGHT < mass < GREATEST_WEIGHT):
        raise InvalidInput(
            f"sample_weight and class_weight add up to {weight.sum():.3g}, which {np.dtype(dtype)} "
            "cannot compute with; use weights around 1, only their ratios count."
        )
    return fitting


@quiet
def require_finite(network: Network, rows: Rows) -> None:
    """Require finite answers of a trained network to the first rows.

    Raises
    ------
    Diverged
        The last step's own loss was finite; what it did to the weights shows here only.
    """
    z, _ = network.chain(rows.x(slice(0, 256)))
    answer = network.preprocessing.targets.decide(z)
    if not (np.isfinite(z).all() and np.isfinite(answer).all()):
        raise Diverged(
            "Training diverged: the last weights answer with numbers that are not finite. "
            "learning_rate_init is probably too high.",
            0,
        )


def batch_rows(given: Any, n: int) -> int:
    """Rows of a batch: "auto" are 200; never more than there are."""
    return min(200 if given == "auto" else int(given), n)


def penalty(alpha: float, rows: Rows, batch: int, n_outputs: int) -> float:
    """λ of (λ/2)‖W‖²: scikit-learn divides α by the weight of a batch, here that of the mean one.

    `n_outputs` is that of several labels at once, whose losses scikit-learn adds up, and else 1.
    """
    mean = (total_weight(rows.weight, len(rows)) or 1.0) / len(rows)
    strength = alpha / (batch * mean * n_outputs)
    if not strength <= GREATEST_PENALTY:
        raise InvalidInput(
            f"alpha is {alpha:g}, which over the mean weight of a batch makes a penalty of "
            f"{strength:.3g}; lower alpha, or use sample weights around 1."
        )
    return strength


class Lines(Callback):
    """A line on stdout for each epoch, as scikit-learn's `verbose` prints them."""

    def __init__(self, column: str | None, scale: float) -> None:
        self.column, self.scale = column, scale

    def on_epoch(self, training: Training) -> None:
        record = training.history.epochs[-1]
        scaled = record["train_loss"] * self.scale + record.get("train_loss_plus", 0.0)
        loss = record.get("train_loss_in_units", scaled)
        print(f"Iteration {record['epoch']}, loss = {loss:.8f}")
        if self.column:
            print(f"Validation score: {record[self.column]:f}")


def training_for(
    estimator: Any,
    network: Network,
    rows: Rows,
    rows_val: Rows | None,
    judge: Judge,
    monitor: Monitor | None,
    stopping: Stopping,
    callbacks: Iterable[Callback],
    start: Progress | None,
    *,
    epochs: int,
    l2: float,
    seed: int,
    incremental: bool,
) -> Training:
    """A training by mini-batches; it goes on from `start`, but begins its schedule anew."""
    batch = batch_rows(estimator.batch_size, len(rows))
    first, t0 = (start.epoch, start.t) if start else (0, 0)
    if incremental:  # one schedule over all calls of partial_fit
        t0 = 0
    plan = Plan(
        epochs=first + epochs,
        batch_size=batch,
        seed=seed,
        l2=l2,
        clip_norm=estimator.clip_norm,
        average=estimator.average,
        engine=estimator.engine,
        precision=estimator.precision,
        shuffle=bool(estimator.shuffle),
    )
    s, chain = network.settings, network.chain
    steps = steps_in(len(rows), plan) // plan.epochs
    # Of several labels scikit-learn adds up what the network averages; of the rules only sgd's
    # steps grow with the loss.
    grows = estimator._summed_outputs() if s.optimizer.function is optimizers.sgd else 1
    optimizer = Optimizer(
        s.optimizer.function,
        chain.theta,
        lr=float(estimator.learning_rate_init) * grows,
        total=max(estimator.max_iter, epochs) * steps,
        schedule=schedule_for(estimator, s.factor(), stopping, steps, len(rows), t0),
        weight_decay=s.weight_decay / grows,
        matrices=chain.layout.matrices,
        options=s.optimizer.options,
    )
    judge_engine(
        plan.engine, plan.precision, chain, s.loss.bound, s.optimizer.function, s.optimizer.options
    )
    return Training(
        chain,
        s.loss.bound,
        optimizer,
        rows,
        rows_val,
        plan,
        judge,
        monitor,
        callbacks,
        start,
    )


def full_batch_for(
    estimator: Any,
    network: Network,
    rows: Rows,
    rows_val: Rows | None,
    judge: Judge,
    monitor: Monitor | None,
    callbacks: Iterable[Callback],
    *,
    l2: float,
    seed: int,
) -> FullBatchTraining:
    """A training by L-BFGS, with scikit-learn's meaning of tol, max_iter and max_fun."""
    plan = Plan(
        epochs=estimator.max_iter, batch_size=len(rows), seed=seed, l2=l2, engine=estimator.engine
    )
    return FullBatchTraining(
        network.chain,
        network.settings.loss.bound,
        rows,
        rows_val,
        plan,
        judge,
        monitor,
        callbacks,
        max_iterations=estimator.max_iter,
        max_evaluations=estimator.max_fun,
        gradient_tolerance=estimator.tol,
        value_tolerance=VALUE_TOLERANCE,
    )


def schedule_for(
    estimator: Any,
    given: Schedule | None,
    stopping: Stopping,
    steps: int,
    n: int,
    t0: int,
) -> Schedule | None:
    """The factor of the rate: a schedule, and scikit-learn's "invscaling" and "adaptive".

    "invscaling": η/(1 + rows seen)^power_t, new after each epoch, with any optimizer.
    """
    factors = []
    if given is not None:
        factors.append(lambda done, total: given(done - t0, total))
    if estimator.learning_rate == "invscaling":
        power = estimator.power_t
        factors.append(lambda done, total: (math.floor(done / steps) * n + 1.0) ** -power)
    if estimator.learning_rate == "adaptive":
        factors.append(lambda done, total: stopping.factor)
    return product_of(factors) if factors else None


def going_on_from(
    progress: Progress | None, rule: Part, chain: Chain, left: Array | None
) -> Progress | None:
    """Where a training goes on: the memory as it is, if it fits the update rule.

    The weights are those of the last step, which need not be the ones that are served; but where
    a user has changed the latter since the last training left them, the changed ones.
    """
    if progress is None or len(progress.state) != rule.function.slots:  # type: ignore[attr-defined]
        return None
    if left is None or np.array_equal(left, chain.theta):
        return progress
    return replace(progress, theta=chain.theta.copy(), averaged=None)
