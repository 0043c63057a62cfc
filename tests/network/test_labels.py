"""Targets of all sorts as arrays of one kind, and labels as places among classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltarule.ground.errors import InvalidInput, Problems
from deltarule.network.labels import classes_in, places_of, target_rows

laws = settings(deadline=None, derandomize=True)


def rows_of(y: Any, n: int) -> np.ndarray:
    """The targets, or all problems as an error."""
    problems = Problems()
    array = target_rows(y, n, "y", problems)
    problems.raise_if_any()
    assert array is not None
    return array


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([0, 1, 2], "i"),
        (np.array([0, 1, 2], np.uint8), "u"),
        ([0.5, 1.0, 2.0], "f"),
        ([True, False, True], "b"),
        (["a", "b", "a"], "U"),
        (np.array(["a", "b", "a"], object), "U"),
        (np.array(["a", "b", "a"], np.dtypes.StringDType()), "U"),
        (np.array([0, 1, 2], object), "f"),
        (np.array([[0], [1], [2]]), "i"),
        (range(3), "i"),
        ((0, 1, 2), "i"),
    ],
)
def test_kinds(y: Any, kind: str) -> None:
    """Lists, columns and arrays of objects become one row of numbers, booleans or text."""
    array = rows_of(y, 3)
    assert array.shape == (3,)
    assert array.dtype.kind == kind


def test_two_dimensions_stay() -> None:
    """Several columns are several targets for each row."""
    assert rows_of(np.ones((3, 2)), 3).shape == (3, 2)
    assert rows_of(np.array([["a", "b"]] * 3, object), 3).dtype.kind == "U"


@laws
@given(data=st.data(), k=st.integers(2, 6), n=st.integers(1, 20), text=st.booleans())
def test_places(data: st.DataObject, k: int, n: int, text: bool) -> None:
    """A label's place is where it stands among the classes, in any order of the classes."""
    values = st.text("abcθé ", max_size=3) if text else st.integers(-50, 50)
    classes = np.array(data.draw(st.lists(values, min_size=k, max_size=k, unique=True)))
    codes = np.array(data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))
    problems = Problems()
    found = places_of(classes[codes], classes, "y", problems, k)
    assert not problems
    assert found is not None
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, codes)


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.float32, np.float64, np.bool_])
def test_places_of_any_number(dtype: Any) -> None:
    """Whole numbers of any type are labels."""
    found = places_of(np.array([1, 0, 1], dtype), np.arange(2), "y", Problems(), 2)
    np.testing.assert_array_equal(found, [1, 0, 1])


@pytest.mark.parametrize(
    ("y", "classes", "says"),
    [
        ([0, 1, 3, 4], [0, 1, 2], "2 labels outside the classes 0, 1, 2; the first is 3. Labels"),
        ([2**63], [0, 1], "first is 9223372036854775808"),
        ([30], [10, 20], "the first is 30.$"),
        ([0.5], [0, 1], "fractions such as 0.5"),
        (["a"], [0, 1], "text, but the classes are 0, 1"),
        ([1], ["a", "b"], "numbers, but the classes are 'a', 'b'"),
        (["aple"], ["apple", "pear"], "Did you mean 'apple'"),
        ([8], list(range(1, 21, 2)), "classes 1, 3, 5, …, 19"),
        ([2], [False, True], "first is 2"),
    ],
)
def test_strangers(y: list[Any], classes: list[Any], says: str) -> None:
    """A label that is no class is told with how many there are and, where there is one, why."""
    problems = Problems()
    assert places_of(np.array(y), np.array(classes), "y", problems, len(classes)) is None
    with pytest.raises(InvalidInput, match=says):
        problems.raise_if_any()


@laws
@given(y=st.lists(st.sampled_from(["x", "y", "z"]), min_size=2).filter(lambda y: len(set(y)) > 1))
def test_classes_are_sorted(y: list[str]) -> None:
    """Strings are classes in sorted order, however they come."""
    k = len(set(y))
    assert classes_in(np.array(y), k, Problems()).tolist() == sorted(set(y))


def test_integers_are_counted_from_zero() -> None:
    """Integers are their own places: that a class is missing from y does not move the others."""
    assert classes_in(np.array([0, 2, 2]), 3, Problems()).tolist() == [0, 1, 2]
