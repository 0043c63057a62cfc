"""The steps of an epoch, taken by several workers together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..data.batches import Rows, total_weight
from ..distributed.trees import TreeSum, shard_bounds
from ..distributed.workers import Workers
from ..ground.contracts import Array, Batch, Objective
from ..ground.randomness import StepNoise
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from .plan import Plan
from .slices import Slice
from .step import backpropagate, descend, is_finite, l2, move_average, pace_of_average

__all__ = ["ShardedSteps"]

# Between two of these calls nobody hears signals and no checkpoint is written.
STEPS_AT_ONCE = 16
# So often the workers compare what they hold.
STEPS_BETWEEN_CHECKS = 128


class ShardedSteps:
    """The step of `step.train_step`, over the shards of a batch, each worker taking its share.

    A batch is the recipe's, however many workers there are: it is cut into `plan.shards` contiguous
    shards, whose losses, gradients and increments of statistics are added in a fixed tree.  So
    the bits are the same for every number of workers that divides the shards.  Batch
    normalization sees the rows of one shard.

    All workers make the same calls; each holds the whole θ and takes the same step.  With
    `plan.sharded_optimizer` each holds the optimizer's memory of a slice of θ only, and steps that;
    sums are then the network's own, and equal to rounding.

    Parameters
    ----------
    averaged : Chain
        Of the moving average; the chain itself where nothing is averaged.
    workers : Workers
    """

    def __init__(
        self,
        chain: Chain,
        objective: Objective,
        optimizer: Optimizer,
        rows: Rows,
        averaged: Chain,
        plan: Plan,
        workers: Workers,
        at_once: int = STEPS_AT_ONCE,
    ) -> None:
        self.chain, self.objective, self.optimizer = chain, objective, optimizer
        self.rows, self.averaged, self.plan = rows, averaged, plan
        self.workers, self.at_once = workers, at_once
        self.scores = np.empty((len(rows), 0), rows.dtype)
        share = plan.shards // workers.size
        self._mine = range(workers.rank * share, (workers.rank + 1) * share)
        self._penalty = l2(plan.l2)
        self._untold: list[Array] = []
        self.gradient_is_finite = True
        self._slice = Slice(chain, optimizer, workers) if plan.sharded_optimizer else None

    def load(self) -> None:
        """Weights are stepped where they are; of the optimizer's memory a slice is kept."""
        if self._slice is not None:
            self._slice.load()

    def store(self) -> None:
        """Let every worker know the scores of all rows that have been taken."""
        if self.workers.lost:
            return
        if self._slice is not None:
            self._slice.store()
        if not self._untold:
            return
        everybody = self.workers.gather(self.scores).reshape(self.workers.size, *self.scores.shape)
        share = self.plan.shards // self.workers.size
        for index in self._untold:
            bounds = shard_bounds(len(index), self.plan.shards)[::share]
            for rank in range(self.workers.size):
                rows = index[bounds[rank] : bounds[rank + 1]]
                self.scores[rows] = everybody[rank, rows]
        self._untold = []

    def leave(self) -> None:
        """Weights are where they are; the others may not know that this one has to end."""

    def resume(self, scores: Array) -> None:
        """Go on within an epoch of which these scores are known."""
        self.scores = scores.copy()

    def advance(self, order: Array, t: int) -> Array:
        """Take steps t, t + 1, … with the first batches of `order`; their losses, float64."""
        size = self.plan.batch_size
        here = order[: size * self.at_once]
        losses: list[float] = []
        for start in range(0, len(here), size):
            losses.append(self._step(here[start : start + size], t + len(losses)))
            if not (math.isfinite(losses[-1]) and self.gradient_is_finite):
                break
        return np.array(losses)

    def _step(self, index: Array, t: int) -> float:
        mine = self.sum_of_mine(index, t)
        options: Any = {"penalty": self._penalty, "clip": self.plan.clip_norm}
        if self._slice is not None:
            value = self._slice.descend(mine, t, **options)
            self.gradient_is_finite = self._slice.gradient_is_finite
        else:
            total = self.sum_of_all(mine)
            value, self.chain.outgoing[...] = total[0], total[1:]
            value = descend(self.chain, self.optimizer, t, value, **options)
            self.gradient_is_finite = is_finite(self.chain.grad)
        if self.averaged is not self.chain:
            move_average(self.averaged, self.chain, float(pace_of_average(self.plan.average, t)))
        self._untold.append(index)
        if t % STEPS_BETWEEN_CHECKS == 0:
            self.workers.require_same(t, self.chain.theta, self.chain.statistics)
        return float(value)

    def sum_of_mine(self, index: Array, t: int) -> Array:
        """L and `outgoing` of this worker's shards, (1 + n_parameters + n_statistics,)."""
        weight = self.rows.weight_of(index)
        total = total_weight(weight, len(index)) or 1.0
        bounds = shard_bounds(len(index), self.plan.shards)
        mine = TreeSum()
        for shard in self._mine:
            part = slice(bounds[shard], bounds[shard + 1])
            mine.add(self._of_shard(index, part, weight, total, t))
        return mine.total

    def sum_of_all(self, mine: Array) -> Array:
        """The same of all workers: the other half of the tree."""
        return self.workers.tree_sum(mine)

    def _of_shard(
        self, index: Array, part: slice, weight: Array | None, total: float, t: int
    ) -> Array:
        chain, rows, taken = self.chain, self.rows, index[part]
        vector = np.zeros(1 + len(chain.outgoing), chain.outgoing.dtype)
        if not len(taken):  # of a batch with fewer rows than shards
            return vector
        places = np.arange(part.start, part.stop)
        noise = StepNoise(self.plan.seed, t, places, share=len(taken) / len(index))
        of_rows = None if weight is None else weight[part]
        batch = Batch(rows.x(taken), rows.y[taken], of_rows, total, noise)
        vector[0], z = backpropagate(chain, self.objective, batch)
        vector[1:] = chain.outgoing
        if self.scores.shape[1] != z.shape[1]:
            self.scores = np.zeros((len(rows), z.shape[1]), z.dtype)
        self.scores[taken] = z
        return vector
