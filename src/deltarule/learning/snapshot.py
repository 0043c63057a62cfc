"""Everything that a training holds after a step, as arrays and plain values, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..ground.contracts import Array

__all__ = ["Snapshot", "number", "plain"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A training after a whole step, in the middle of an epoch or at its end.

    Randomness is a function of (seed, step) and (seed, epoch), so there is no generator to keep.

    Attributes
    ----------
    arrays : dict of arrays, each its own
        `theta`, `statistics`, `state`; where there are any `averaged_…`, `best_…`; within an epoch
        `before_…` (the averaged weights it began with), `losses` of its steps so far, (done,), and
        `scores` of the rows taken so far, (n, n_outputs), and, where the training may go back,
        `safe_…`: the weights and the optimizer's memory it began with.
    facts : dict, JSON-able
        Counters, the history, and what the monitor and the guard against divergence remember.
    """

    arrays: dict[str, Array]
    facts: dict[str, Any]


def plain(value: Any) -> Any:
    """Values as JSON has them: what it has no number for, inf and NaN, as text."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def number(value: Any) -> Any:
    """A number that `plain` made text of."""
    return float(value) if isinstance(value, str) else value
