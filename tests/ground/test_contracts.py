"""The shapes that everything fits."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest

from deltarule.ground import contracts
from deltarule.ground.contracts import Batch
from deltarule.ground.randomness import StepNoise
from deltarule.machine import layers


def test_batch_is_a_frozen_value() -> None:
    """A batch cannot be changed, and without noise it is one for evaluation."""
    batch = Batch(np.zeros((2, 3)), np.zeros(2), None, 2.0)
    assert batch.noise is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.total = 3.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "protocol"),
    [(StepNoise(0, 1, np.arange(2)), "Noise")]
    + [(getattr(layers, name), "Layer") for name in layers.__all__],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_implementations_have_what_the_protocol_asks(value: object, protocol: str) -> None:
    """What stands for a protocol has each of its members, with the same parameter names."""
    asked = {
        name: member
        for name, member in vars(getattr(contracts, protocol)).items()
        if inspect.isfunction(member) and (name == "__call__" or not name.startswith("_"))
    }
    assert asked
    for name, member in asked.items():
        theirs = inspect.signature(getattr(value, name)).parameters
        ours = inspect.signature(member).parameters
        missing = [p for p in ours if p not in theirs and p != "self"]
        assert not missing, f"{value} lacks {missing} in {name}"
    for name in getattr(contracts, protocol).__annotations__:
        assert hasattr(value, name)
