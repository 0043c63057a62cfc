"""Who takes the steps of an epoch: the reference here, one by one, or the engine, many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from ..data.batches import Rows, total_weight
from ..data.selection import Selection
from ..distributed.workers import Workers
from ..engine import native
from ..engine.description import Description, describe_training
from ..engine.fast import FastSteps
from ..ground.contracts import Array, Batch, Objective
from ..ground.errors import InvalidInput
from ..ground.randomness import StepNoise
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from .callbacks import Callback, hears_every_step
from .plan import Plan
from .sharded import ShardedSteps
from .step import is_finite, l2, move_average, pace_of_average, train_step
from .torch_steps import TorchSteps

__all__ = ["ReferenceSteps", "Steps", "asked_for", "judge_engine", "steps_for"]


class Steps(Protocol):
    """Takes the steps of an epoch.

    `load` before the first and `store` after the last, or `leave` after an error: between them an
    engine may keep weights, optimizer and average to itself, whole steps only.  `scores` holds, of
    each row, what it had when its batch was last taken, before the step.  `advance` takes some
    steps from step t on, with the rows of `order`, and returns the loss of each.
    `gradient_is_finite` tells it of the last step taken; after one whose loss or ∇ is not finite
    there is no further one in a call.

    A device returns its losses as a tensor, best looked at late, and tells of the gradients of all
    steps since `load`; it goes on after what is not finite.
    """

    @property
    def scores(self) -> Array: ...
    @property
    def gradient_is_finite(self) -> bool | Array: ...
    def load(self) -> None: ...
    def advance(self, order: Array, t: int) -> Array: ...
    def store(self) -> None: ...
    def leave(self) -> None: ...
    def resume(self, scores: Array) -> None: ...


class ReferenceSteps:
    """The step as it is written down in `step.train_step`.

    Parameters
    ----------
    averaged : Chain
        Of the moving average; the chain itself where nothing is averaged.
    """

    def __init__(
        self,
        chain: Chain,
        objective: Objective,
        optimizer: Optimizer,
        rows: Rows,
        averaged: Chain,
        plan: Plan,
    ) -> None:
        self.chain, self.objective, self.optimizer = chain, objective, optimizer
        self.rows, self.averaged, self.plan = rows, averaged, plan
        self._penalty = l2(plan.l2)
        self.scores = np.empty((len(rows), 0), rows.dtype)
        self.gradient_is_finite = True

    def load(self) -> None:
        """Weights are stepped where they are."""

    def store(self) -> None:
        """They are there already."""

    def leave(self) -> None:
        """They are there already."""

    def resume(self, scores: Array) -> None:
        """Go on within an epoch of which these scores are known."""
        self.scores = scores.copy()

    def advance(self, order: Array, t: int) -> Array:
        """Take step t with the first batch of `order`; returns its loss, (1,), float64."""
        rows, plan = self.rows, self.plan
        index = order[: plan.batch_size]
        weight = rows.weight_of(index)
        total = total_weight(weight, len(index)) or 1.0
        noise = StepNoise(plan.seed, t, np.arange(len(index)))
        value, z = train_step(
            self.chain,
            self.objective,
            self.optimizer,
            Batch(rows.x(index), rows.y[index], weight, total, noise),
            t,
            penalty=self._penalty,
            clip=plan.clip_norm,
        )
        if self.scores.shape[1] != z.shape[1]:
            self.scores = np.empty((len(rows), z.shape[1]), z.dtype)
        self.scores[index] = z
        if self.averaged is not self.chain:
            move_average(self.averaged, self.chain, float(pace_of_average(plan.average, t)))
        self.gradient_is_finite = is_finite(self.chain.grad)
        return np.array([float(value)])


def asked_for(device: str) -> str:
    """Why the engine takes no step, where a device does."""
    return f'It was asked for by device="{device}".'


def judge_engine(
    engine: str,
    precision: str,
    chain: Chain,
    objective: Objective,
    rule: Callable[..., Any],
    options: dict[str, Any],
    callbacks: Iterable[Callback] = (),
    device: str | None = None,
) -> Description:
    """What the fast engine would be told of a training, and all that speaks against it.

    Raises
    ------
    NotAvailable
        If engine="fast" and there is none here.
    InvalidInput
        If engine="fast" and it cannot do this.
    """
    description = describe_training(chain, objective, rule, options, precision=precision)
    if device is not None:
        return Description(description.words, (asked_for(device),))
    reasons = list(description.reasons)
    for callback in callbacks:
        if hears_every_step(callback):
            reasons.append(
                f"The callback {type(callback).__name__} is called after every step, and the "
                "engine takes many at once; every_step = False calls it now and then."
            )
    if engine == "fast":
        native.core()
        if reasons:
            raise InvalidInput(
                f'engine="fast" cannot do this: {" ".join(reasons)} Leave engine="auto".'
            )
    missing = [why] if (why := native.why_not()) else []
    asked = ['It was asked for by engine="reference".'] if engine == "reference" else []
    return Description(description.words, (*asked, *reasons, *missing))


def steps_for(
    chain: Chain,
    objective: Objective,
    optimizer: Optimizer,
    rows: Rows,
    averaged: Chain,
    plan: Plan,
    callbacks: Iterable[Callback],
    workers: Workers | None = None,
) -> tuple[Steps, tuple[str, ...]]:
    """Who takes the steps of a training; and why it is not the engine, if it is not."""
    each = any(hears_every_step(callback) for callback in callbacks)
    if plan.device is not None:
        there = TorchSteps(
            chain, objective, optimizer, rows, averaged, plan, every_step=each, workers=workers
        )
        return there, (asked_for(plan.device),)
    if workers is not None:
        steps = ShardedSteps(chain, objective, optimizer, rows, averaged, plan, workers)
        if each:
            steps.at_once = 1
        return steps, (f"Workers take them together, {plan.shards} shards to a batch.",)
    description = judge_engine(
        plan.engine, plan.precision, chain, objective, optimizer.rule, optimizer.options, callbacks
    )
    reasons = description.reasons
    X: object = rows.X
    if not isinstance(X, np.ndarray | Selection):
        reasons = (*reasons, "The rows are no plain array, and the engine reads memory itself.")
    if reasons:
        return ReferenceSteps(chain, objective, optimizer, rows, averaged, plan), reasons
    fast = FastSteps(
        chain,
        optimizer,
        rows,
        averaged.theta if averaged is not chain else None,
        description,
        batch_size=plan.batch_size,
        seed=plan.seed,
        l2=plan.l2,
        clip_norm=plan.clip_norm,
        average=plan.average,
    )
    return fast, ()
