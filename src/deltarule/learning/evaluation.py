"""Scores, losses and metrics of many rows, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..data.batches import Rows, chunks, total_weight
from ..ground.contracts import Array, Objective
from ..machine.chain import Chain

__all__ = ["Judge", "evaluate", "scores"]

# Large enough that the matrix product is at its full speed, small enough to stay in cache.
ROWS_AT_ONCE = 1024

Metric = Callable[[Array, Array, "Array | None"], float]


class Judge:
    """Turns scores and targets into metrics, in the units of the data.

    Parameters
    ----------
    metrics : mapping of name to metric(y, prediction, weight)
    decide : scores → what the metrics compare with the targets
    restore : targets as the network sees them → targets in the units of the data
    """

    def __init__(
        self,
        metrics: Mapping[str, Metric],
        decide: Callable[[Array], Array],
        restore: Callable[[Array], Array],
    ) -> None:
        self.metrics, self.decide, self.restore = dict(metrics), decide, restore

    def __call__(self, y: Array, z: Array, weight: Array | None) -> dict[str, float]:
        """Every metric of scores z against targets y."""
        target, prediction = self.restore(y), self.decide(z)
        return {name: float(f(target, prediction, weight)) for name, f in self.metrics.items()}


def scores(chain: Chain, rows: Rows) -> Array:
    """z of all rows, (n, n_outputs)."""
    parts = [chain(rows.x(part))[0] for part in chunks(len(rows), ROWS_AT_ONCE)]
    return np.concatenate(parts)


def evaluate(chain: Chain, objective: Objective, rows: Rows, judge: Judge) -> dict[str, float]:
    """The mean loss, without penalties, and every metric of the rows."""
    total = total_weight(rows.weight, len(rows)) or 1.0
    parts: list[Any] = []
    loss = 0.0
    for part in chunks(len(rows), ROWS_AT_ONCE):
        z = chain(rows.x(part))[0]
        loss += float(objective(rows.y[part], z, rows.weight_of(part), total)[0])
        parts.append(z)
    return {"loss": loss, **judge(rows.y, np.concatenate(parts), rows.weight)}
