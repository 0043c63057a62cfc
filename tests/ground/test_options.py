"""The options of a function, and what a caller has bound."""

from __future__ import annotations

import functools
from typing import Any

from deltarule.ground.options import options_of, unbound
from deltarule.mathematics import activations, optimizers


def mine(x: Any, y: int = 2, *, steepness: float = 1.0, flat: bool = False) -> Any:
    """A function of one's own."""
    return x * steepness


def test_options_are_keyword_only() -> None:
    """Options are what can only be given by name; what comes by place is none."""
    assert options_of(mine) == {"steepness": 1.0, "flat": False}
    assert options_of(activations.elu) == {"alpha": 1.0}  # behind its decorator, too
    assert options_of(activations.relu) == {}
    assert options_of(optimizers.lion) == {"beta1": 0.9, "beta2": 0.99}


def test_partials_are_taken_off() -> None:
    """The function inside, and every keyword bound around it, the outermost first."""
    inner = functools.partial(mine, steepness=2.0)
    assert unbound(mine) == (mine, {})
    assert unbound(inner) == (mine, {"steepness": 2.0})
    outer = functools.partial(inner, steepness=3.0, flat=True)
    assert unbound(outer) == (mine, {"steepness": 3.0, "flat": True})


def test_arguments_by_place_stay() -> None:
    """A partial that has bound an argument by its place is another function."""
    bound = functools.partial(mine, 1.0)
    assert unbound(bound) == (bound, {})
