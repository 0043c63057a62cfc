"""An optimizer whose memory lies in slices, one with each worker."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..distributed.workers import Workers
from ..ground.contracts import Array
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from .step import Penalty

__all__ = ["Slice"]


class Slice:
    """Reduce-scatter, step on a slice, all-gather: Rajbhandari et al. 2020, stage 1.

    θ is one flat vector and every rule is elementwise, so a worker can step θ[lo:hi] with the
    memory of these parameters alone: k·n/workers numbers rather than k·n.  The length of ∇, for
    clipping, is summed over the slices.

    Parameters
    ----------
    optimizer : Optimizer
        Of the whole θ: it says how to step, and holds the whole memory, of the leading worker,
        between `store` and `load` only.
    """

    def __init__(self, chain: Chain, optimizer: Optimizer, workers: Workers) -> None:
        self.chain, self.whole, self.workers = chain, optimizer, workers
        n = len(chain.theta)
        self.width = -(-n // workers.size)
        self.lo = min(workers.rank * self.width, n)
        self.hi = min(self.lo + self.width, n)
        self.part = optimizer.part(chain.theta, self.lo, self.hi)
        self._loaded, self.gradient_is_finite = False, True

    def load(self) -> None:
        """Keep this slice of the memory; the rest is let go."""
        if not self._loaded:
            self.part.state[...] = self.whole.state[:, self.lo : self.hi]
        self.whole.state = self.part.state
        self._loaded = True

    def store(self) -> None:
        """Give the leading worker the whole memory, for a checkpoint."""
        if not self._loaded:
            return
        slots, n = len(self.part.state), len(self.chain.theta)
        state = np.empty((slots, n), self.part.state.dtype) if self.workers.leads else None
        for slot in range(slots):
            gathered = self.workers.collect(self._padded(self.part.state[slot], self.width))
            if state is not None and gathered is not None:
                state[slot] = gathered.reshape(-1)[:n]
        if state is not None:
            self.whole.state = state

    def descend(self, mine: Array, t: int, *, penalty: Penalty | None, clip: float | None) -> Array:
        """Take step t with the sum of this worker's shards; returns L with the penalty."""
        chain, n = self.chain, len(self.chain.theta)
        chain.outgoing[...] = mine[1:]
        value = mine[0]
        if penalty and self.workers.leads:  # once in the sum
            value = value + penalty(chain)
        grad = self._padded(chain.grad, self.width * self.workers.size)
        grad = self.workers.scatter_sum(grad)[: self.hi - self.lo]
        small = np.concatenate([[value, grad @ grad], chain.increments]).astype(chain.theta.dtype)
        small = self.workers.gather(small).sum(axis=0)
        # Of the sum of squares, which all workers know: where it overflows, so does Adam's memory.
        self.gradient_is_finite = math.isfinite(small[1])
        if clip:
            length = math.sqrt(float(small[1]))
            if length > clip:
                grad *= clip / length
        self.part.step(chain.theta[self.lo : self.hi], grad, t)
        own = self._padded(chain.theta[self.lo : self.hi], self.width)
        chain.theta[...] = self.workers.gather(own).reshape(-1)[:n]
        chain.statistics += small[2:]
        return small[0]

    @staticmethod
    def _padded(vector: Array, size: int) -> Array:
        padded: Any = np.zeros(size, vector.dtype)
        padded[: len(vector)] = vector
        return padded
