"""Scores, losses and metrics of many rows, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..data.batches import Rows, chunks, total_weight
from ..engine.inference import inference_for
from ..ground.contracts import Array, Objective
from ..machine.chain import Chain

__all__ = ["Judge", "evaluate", "scored", "scores"]

# Large enough that the matrix product is at its full speed, small enough to stay in cache.
ROWS_AT_ONCE = 1024
# The engine cuts them itself: large enough to share among threads, small enough to stop soon.
FAST_ROWS_AT_ONCE = 8192

Metric = Callable[[Array, Array, "Array | None"], float]


class Judge:
    """Turns scores and targets into metrics, in the units of the data.

    Parameters
    ----------
    metrics : mapping of name to metric(y, prediction, weight)
    decide : scores → what the metrics compare with the targets
    restore : targets as the network sees them → targets in the units of the data
    probabilities : scores → what metrics compare that take probabilities
    """

    def __init__(
        self,
        metrics: Mapping[str, Metric],
        decide: Callable[[Array], Array],
        restore: Callable[[Array], Array],
        probabilities: Callable[[Array], Array | None] | None = None,
    ) -> None:
        self.metrics, self.decide, self.restore = dict(metrics), decide, restore
        self.probabilities = probabilities

    def __call__(self, y: Array, z: Array, weight: Array | None) -> dict[str, float]:
        """Every metric of scores z against targets y."""
        target, prediction = self.restore(y), self.decide(z)
        found: dict[str, float] = {}
        p: Array | None = None
        for name, f in self.metrics.items():
            given = prediction
            if getattr(f, "takes", "decisions") == "probabilities":
                assert self.probabilities is not None
                p = self.probabilities(z) if p is None else p
                assert p is not None
                given = p
            found[name] = float(f(target, given, weight))
        return found


def scored(chain: Chain, rows: Rows) -> Iterator[tuple[slice, Array]]:
    """Some rows at a time, and their z: by the fast engine where it can, else by the reference.

    Whoever took the steps of a training, so that its validation and a later evaluation of the
    same rows agree to the bit.
    """
    fast = inference_for(chain, rows.scaling)
    for part in chunks(len(rows), FAST_ROWS_AT_ONCE if fast else ROWS_AT_ONCE):
        z = fast(rows.X, part) if fast else None
        yield part, chain(rows.x(part))[0] if z is None else z


def scores(chain: Chain, rows: Rows) -> Array:
    """z of all rows, (n, n_outputs)."""
    return np.concatenate([z for _, z in scored(chain, rows)])


Scored = Callable[[Chain, Rows], "Iterator[tuple[slice, Array]]"]


def evaluate(
    chain: Chain, objective: Objective, rows: Rows, judge: Judge, by: Scored = scored
) -> dict[str, float]:
    """The mean loss, without penalties, and every metric of the rows, whose scores `by` gives."""
    total = total_weight(rows.weight, len(rows)) or 1.0
    parts: list[Any] = []
    loss = 0.0
    for part, z in by(chain, rows):
        loss += float(objective(rows.y[part], z, rows.weight_of(part), total)[0])
        parts.append(z)
    return {"loss": loss, **judge(rows.y, np.concatenate(parts), rows.weight)}
