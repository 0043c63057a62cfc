"""Sums whose bits do not depend on who adds: shards of a batch, and a fixed binary tree.

Addition of floating-point numbers is not associative, so Σ over workers depends on how many there
are.  Here a batch is always cut into the same number of shards, and their vectors are always added
in the same tree,

    S(i, j) = S(i, m) + S(m, j),   m = (i + j)/2,   S(i, i + 1) = vᵢ,

so that one worker who adds all of it and four who add a quarter each do the same additions.
"""

from __future__ import annotations

from ..ground.contracts import Array

__all__ = ["TreeSum", "shard_bounds"]


def shard_bounds(n: int, shards: int) -> list[int]:
    """Where each of so many contiguous shards of n rows begins, and the end; some may be empty."""
    return [n * shard // shards for shard in range(shards + 1)]


class TreeSum:
    """S(0, k) of k = 1, 2, 4, … vectors that come one by one; holds log₂ k of them at most."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Array]] = []

    def add(self, vector: Array) -> None:
        """Take the next vector; it becomes the sum's own and may be written to."""
        level = 0
        while self._waiting and self._waiting[-1][0] == level:
            left = self._waiting.pop()[1]
            left += vector
            vector, level = left, level + 1
        self._waiting.append((level, vector))

    @property
    def total(self) -> Array:
        """The sum of all, once their number is a power of two."""
        ((_, total),) = self._waiting
        return total
