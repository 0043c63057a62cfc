"""Shards and their tree."""

from __future__ import annotations

import numpy as np

from deltarule.distributed.trees import TreeSum, shard_bounds

RNG = np.random.default_rng(0)


def test_the_tree_is_one_whoever_adds() -> None:
    """Quarters that are added apart and then together have the bits of the whole sum."""
    vectors = [RNG.normal(size=50).astype(np.float32) for _ in range(16)]

    def total(some: list[np.ndarray]) -> np.ndarray:
        tree = TreeSum()
        for vector in some:
            tree.add(vector.copy())
        return tree.total

    whole = total(vectors)
    for size in (1, 2, 4, 8, 16):
        parts = [total(vectors[i : i + 16 // size]) for i in range(0, 16, 16 // size)]
        assert total(parts).tobytes() == whole.tobytes()
    assert whole.tobytes() != np.sum(vectors, axis=0).tobytes()  # or the test would show nothing


def test_shards_are_contiguous_and_whole() -> None:
    """Every row is in one shard, shards differ by one row at most, and blocks of them nest."""
    for n in range(40):
        for shards in (1, 2, 4, 8, 16):
            bounds = shard_bounds(n, shards)
            assert bounds[0] == 0
            assert bounds[-1] == n
            sizes = np.diff(bounds)
            assert sizes.max() - sizes.min() <= 1
            assert bounds[:: shards // min(shards, 2)] == shard_bounds(n, min(shards, 2))
