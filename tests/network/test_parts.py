"""Parts by name, by name with options, or as a function of one's own."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from deltarule.ground.errors import InvalidInput, names_in
from deltarule.ground.options import options_of
from deltarule.mathematics import activations, initializers, losses, metrics, optimizers, schedules
from deltarule.network.parts import Part, levels_of, part

TABLES = (activations, losses, optimizers, schedules, initializers, metrics)
NAMES = [(table, name) for table in TABLES for name in names_in(table)]


def mine(x: Any, *, steepness: float = 1.0) -> Any:
    """A function of one's own, with an option."""
    return x * steepness


@pytest.mark.parametrize(("table", "name"), NAMES, ids=[name for _, name in NAMES])
def test_each_name_by_all_ways(table: Any, name: str) -> None:
    """A name, a mapping with nothing but it, the function and the part itself are the same."""
    by_name = part(name, table, "part")
    assert by_name == part({"name": name}, table, "part")
    assert by_name == part(getattr(table, name), table, "part")
    assert part(by_name, table, "part") is by_name
    assert by_name.spec() == name
    assert not by_name.custom


@pytest.mark.parametrize(("table", "name"), NAMES, ids=[name for _, name in NAMES])
def test_each_default_is_allowed(table: Any, name: str) -> None:
    """The default of every option lies within the range that is asked of users."""
    defaults = options_of(getattr(table, name))
    chosen = part({"name": name, **defaults}, table, "part")
    assert chosen.options == defaults
    assert part(chosen.spec(), table, "part") == chosen


def test_options_are_bound() -> None:
    """The bound function is the function with its options, by mapping or by partial."""
    by_mapping = part({"name": "elu", "alpha": 0.5}, activations, "activation")
    by_partial = part(functools.partial(activations.elu, alpha=0.5), activations, "activation")
    assert by_mapping == by_partial
    x = np.array([-1.0, 2.0])
    np.testing.assert_array_equal(by_mapping.bound(x)[0], activations.elu(x, alpha=0.5)[0])
    assert part("relu", activations, "activation").bound is activations.relu


def test_numbers_of_numpy_become_pythons() -> None:
    """An option that came from an array is a plain number in the recipe."""
    chosen = part({"name": "elu", "alpha": np.float32(0.5)}, activations, "activation")
    assert chosen.spec() == {"name": "elu", "alpha": 0.5}
    assert type(chosen.options["alpha"]) is float


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda v: [np.float64(n) for n in v]])
def test_several_numbers(kind: Any) -> None:
    """An option that may be several numbers takes them in any sequence, and keeps its own copy."""
    given = kind([0.1, 0.5, 0.9])
    by_mapping = part({"name": "quantile", "level": given}, losses, "loss")
    by_partial = part(functools.partial(losses.quantile, level=given), losses, "loss")
    assert by_mapping == by_partial
    assert levels_of(by_mapping) == (0.1, 0.5, 0.9)
    assert {type(level) for level in by_mapping.options["level"]} == {float}
    assert by_mapping.spec() == {"name": "quantile", "level": [0.1, 0.5, 0.9]}
    assert part(by_mapping.spec(), losses, "loss") == by_mapping


def test_one_number_is_not_several() -> None:
    """A single level is a number, and other losses have no levels."""
    assert levels_of(part({"name": "quantile", "level": 0.3}, losses, "loss")) is None
    assert levels_of(part("squared_error", losses, "loss")) is None


@pytest.mark.parametrize(
    ("level", "says"),
    [
        ([], "level is empty; give one number for each output"),
        ([0.1, 1.0], "above 0 and below 1, not 1.0"),
        ([0.0, 0.5], "above 0 and below 1, not 0.0"),
        ([0.1, "a"], "a number, not 'a'"),
        ([0.1, True], "a number, not True"),
        ([0.1, float("nan")], "finite"),
        ([[0.1], [0.5]], r"a number, not \[0.1\]"),
        (np.array([[0.1, 0.5]]), "a number, not"),
        ({0.1, 0.5}, "a number, not"),
        ("0.1", "a number, not '0.1'"),
    ],
)
def test_refused_levels(level: Any, says: str) -> None:
    """Each of several numbers is held to the range of one."""
    with pytest.raises(InvalidInput, match=says):
        part({"name": "quantile", "level": level}, losses, "loss")


def test_one_number_only() -> None:
    """Other options take no list."""
    with pytest.raises(InvalidInput, match="delta must be a number"):
        part({"name": "huber", "delta": [1.0, 2.0]}, losses, "loss")


def test_a_function_of_ones_own() -> None:
    """It is custom, has its own name, and takes options like the others."""
    chosen = part(mine, schedules, "schedule")
    assert (chosen.name, chosen.custom) == ("mine", True)
    with_option = part(functools.partial(mine, steepness=2.0), schedules, "schedule")
    assert with_option.spec() == {"name": "mine", "custom": True, "steepness": 2.0}
    assert with_option.bound(3.0) == 6.0


def test_a_function_under_a_librarys_name_is_custom() -> None:
    """A function called like one of the library is still one's own."""

    def relu(x: Any) -> Any:
        return x

    assert part(relu, activations, "activation").custom


def test_all_mistakes_at_once() -> None:
    """Two wrong options are two sentences."""
    with pytest.raises(InvalidInput) as caught:
        part({"name": "adam", "beta1": 2.0, "bta2": 0.5}, optimizers, "optimizer")
    assert len(caught.value.sentences) == 2


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"name": "leaky_relu", "slope": float("nan")}, "finite"),
        ({"name": "leaky_relu", "slope": float("-inf")}, "finite"),
        ({"name": "elu", "alpha": 10**400}, "finite"),
        ({"name": "elu", "alpha": -1}, "at least 0"),
        ({"name": "elu", "alpha": True}, "number"),
        ({"name": "elu", 3: 1}, "no option 3"),
        ({}, "lacks its name"),
        (None, "Unknown activation None"),
        (["relu"], "Did you mean 'relu'?"),
    ],
)
def test_refusals(spec: object, says: str) -> None:
    """Options out of range, of other types or unknown are refused by name."""
    with pytest.raises(InvalidInput, match=says.replace("?", r"\?")):
        part(spec, activations, "activation")


def test_part_is_a_value() -> None:
    """Parts with the same content are equal."""
    assert Part("relu", {}, activations.relu) == part("relu", activations, "activation")


@pytest.mark.parametrize(("table", "what"), [(activations, "activation"), (losses, "loss")])
def test_own_functions_must_return_pairs(table: Any, what: str) -> None:
    """One's own activation or loss that returns one thing is named; its kinks stay known."""
    bound = part(activations.with_kinks(1.0)(lambda x: x), table, what).bound
    assert bound.kinks == (1.0,)  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput, match=f"The {what} <lambda> must return .*not ndarray"):
        bound(np.zeros(2))
    assert part(lambda x: (x, x), table, what).bound(1.0) == (1.0, 1.0)
