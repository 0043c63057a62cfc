"""Rows ready for a network, and the order in which they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.randomness import derive, permutation
from .scaling import Scaling
from .selection import Input

__all__ = ["Rows", "batch_indices", "batch_weights", "epoch_order"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Input, targets and weights of some rows, of which batches are gathered.

    Attributes
    ----------
    X : array or Selection, (n, n_features), any real dtype; may be memory-mapped
    y : array, (n,) int64 classes, or (n, n_outputs) targets of the network's dtype
    scaling : Scaling
    dtype : dtype
        Of what the network computes in.
    weight : array, (n,), or None
    """

    X: Input
    y: Array
    scaling: Scaling
    dtype: Any
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def x(self, index: Array | slice) -> Array:
        """The input of some rows, scaled, a fresh array of `dtype`."""
        return self.scaling(self.X[index], self.dtype)

    def weight_of(self, index: Array | slice) -> Array | None:
        """The weights of some rows, or None where every row weighs 1."""
        return None if self.weight is None else self.weight[index]


def epoch_order(n: int, seed: int, epoch: int) -> Array:
    """The rows of an epoch, shuffled, (n,): a function of (seed, epoch), epoch = 1, 2, …"""
    return permutation(derive(seed, "order", epoch), n)


def batch_indices(n: int, batch_size: int, seed: int, epoch: int) -> Iterator[Array]:
    """The rows of each batch of an epoch; the last batch may be short."""
    order = epoch_order(n, seed, epoch)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def chunks(n: int, rows_at_once: int) -> Iterator[slice]:
    """All rows in order, some at a time."""
    for start in range(0, n, rows_at_once):
        yield slice(start, min(start + rows_at_once, n))


def total_weight(weight: Array | None, n: int) -> float:
    """Σw, or n where every row weighs 1."""
    return float(n) if weight is None else float(np.sum(weight, dtype=np.float64))


def batch_weights(weight: Array | None, order: Array, batch_size: int) -> Array:
    """Σw of each batch of an epoch's order, (steps,), float64."""
    each = np.ones(len(order)) if weight is None else weight[order].astype(np.float64)
    return np.add.reduceat(each, np.arange(0, len(order), batch_size))
