"""What a training does, all of it constant."""

from __future__ import annotations

import dataclasses
import math

import pytest

from deltarule.learning.plan import ENGINES, PRECISIONS, Plan, steps_in


@pytest.mark.parametrize("batch_size", [1, 7, 49, 50, 51, 1000])
def test_steps_in(batch_size: int) -> None:
    """Each epoch takes all rows, the last batch may be short."""
    assert steps_in(50, Plan(3, batch_size, 0)) == 3 * math.ceil(50 / batch_size)


def test_a_plan_is_constant() -> None:
    """Nothing of it changes, and by default the engine is chosen and exact."""
    plan = Plan(1, 2, 3)
    assert (plan.engine, plan.precision) == (ENGINES[0], PRECISIONS[0]) == ("auto", "full")
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.engine = "fast"  # type: ignore[misc]
