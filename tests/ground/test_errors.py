"""The exception tree, and how mistakes are told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground import errors
from deltarule.ground.errors import (
    DeltaruleError,
    Diverged,
    FileRefused,
    InvalidInput,
    NotAvailable,
    Problems,
    UnknownName,
    choose,
    did_you_mean,
    names_in,
)
from deltarule.mathematics import activations, losses, schedules

laws = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InvalidInput, ValueError),
        (UnknownName, InvalidInput),
        (FileRefused, ValueError),
        (NotAvailable, LookupError),
        (Diverged, ArithmeticError),
        (Diverged, ValueError),
    ],
)
def test_tree(error: type, builtin: type) -> None:
    """Every error is a DeltaruleError and the built-in error that it refines."""
    assert issubclass(error, DeltaruleError)
    assert issubclass(error, builtin)


def test_tree_is_drawn() -> None:
    """The module's docstring draws every exception class that it has."""
    classes = [
        name
        for name in errors.__all__
        if isinstance(getattr(errors, name), type)
        and issubclass(getattr(errors, name), BaseException)
    ]
    assert classes
    assert all(name in (errors.__doc__ or "") for name in classes)


def test_diverged_knows_its_step() -> None:
    """Diverged carries the step beside its message."""
    error = Diverged("The loss is infinite.", step=17)
    assert (str(error), error.step) == ("The loss is infinite.", 17)


def test_no_problem_raises_nothing() -> None:
    """Without a problem, nothing is raised and Problems is false."""
    problems = Problems()
    assert problems.require([1], "A sentence.")
    problems.raise_if_any()
    assert not problems


def test_one_problem_is_its_sentence() -> None:
    """A single problem is told in its own words, in the error class asked for."""
    problems = Problems()
    assert not problems.require(0, "X has no rows.")
    assert problems
    with pytest.raises(FileRefused) as caught:
        problems.raise_if_any(FileRefused)
    assert str(caught.value) == "X has no rows."


def test_several_problems_are_one_message() -> None:
    """Several problems come in one message, numbered, in order, each once."""
    problems = Problems()
    for sentence in ("X has no rows.", "y has a NaN.", "X has no rows."):
        problems.add(sentence)
    with pytest.raises(InvalidInput) as caught:
        problems.raise_if_any()
    assert str(caught.value) == "2 problems: (1) X has no rows. (2) y has a NaN."


def test_names_of_a_mapping() -> None:
    """The names of a mapping are its keys, sorted."""
    assert names_in({"b": 1, "a": 2}) == ["a", "b"]


def test_names_of_a_module() -> None:
    """The names of a module are its __all__ without what it keeps out of the table."""
    assert names_in(activations) == activations.__all__
    assert set(losses.__all__) - set(names_in(losses)) == {"softmax", "l2_penalty"}


def test_choose_finds_every_name() -> None:
    """Every name of a table is found, in a module and in a mapping."""
    for name in names_in(schedules):
        assert choose(name, schedules, "schedule") is getattr(schedules, name)
    assert choose("a", {"a": 5}, "number") == 5


@pytest.mark.parametrize("name", ["math", "_steps", "__all__", "softmax", "", None, 3, ["relu"]])
def test_choose_refuses_what_is_no_name(name: object) -> None:
    """What is not in the table is unknown, whatever else the module holds."""
    table = losses if name == "softmax" else schedules
    with pytest.raises(UnknownName, match="Unknown schedule") as caught:
        choose(name, table, "schedule")
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in names_in(table))


def test_choose_offers_the_nearest() -> None:
    """The message says what was given, what is nearest and what is known."""
    with pytest.raises(UnknownName) as caught:
        choose("Gellu", {"gelu": 1, "relu": 2, "tanh": 3}, "activation")
    assert str(caught.value) == (
        "Unknown activation 'Gellu'. Did you mean 'gelu'? Known are: gelu, relu, tanh."
    )


@laws
@given(name=st.sampled_from(losses.__all__), data=st.data())
def test_one_slip_is_understood(name: str, data: st.DataObject) -> None:
    """A name with one letter missing, capitals and hyphens is still recognised."""
    at = data.draw(st.integers(0, len(name) - 1))
    slip = (name[:at] + name[at + 1 :]).upper().replace("_", "-")
    assert did_you_mean(slip, losses.__all__) == f" Did you mean {name!r}?"


def test_nothing_is_offered_for_nonsense() -> None:
    """A name that is near to none offers none."""
    assert did_you_mean("xyzzy", losses.__all__) == ""
    assert did_you_mean("relu", []) == ""
