"""Classes or quantities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.data.targets import as_targets, count_missing, guess_task
from deltarule.ground.errors import InvalidInput


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (np.array(["a", "b"], object), "classification"),
        (np.array(["a", "b"]), "classification"),
        (np.array([True, False]), "classification"),
        (np.array([0.0, 1.0] * 5), "classification"),
        (np.array([1.0, 2, 3] * 5), "classification"),
        (np.arange(20.0).repeat(2), "classification"),
        (np.arange(21.0).repeat(2), "regression"),
        (np.arange(21).repeat(2), "classification"),
        (np.arange(1000).repeat(2), "classification"),
        (np.arange(1001).repeat(2), "regression"),
        (np.arange(10), "regression"),
        (np.array([3.0, 4, 5, 6, 7, 8, 9] * 9), "regression"),
        (np.array([0.0, 1, 3] * 9), "regression"),
        (np.array([0.5, 1.0, 2.0] * 9), "regression"),
        (np.array([-1.0, 0, 1] * 9), "regression"),
        (np.zeros(9), "regression"),
        (np.array([]), "regression"),
    ],
)
def test_the_guess_follows_its_rule(y, task):
    """Text, and numbers from 0 or 1 without a gap that repeat, are classes; others quantities."""
    assert guess_task(y) == task


@given(st.permutations([0, 0, 1, 1, 2, 2]), st.sampled_from([np.int64, np.float64]))
def test_the_guess_ignores_order(values, dtype):
    """The order of the rows does not change the guess."""
    assert guess_task(np.array(values, dtype)) == "classification"


def test_final_types():
    """Classes are int64 or text, quantities float64."""
    assert as_targets(np.array([0.0, 1] * 4), None, "y").dtype == np.int64
    assert as_targets(np.array([True, False]), None, "y").dtype == np.int64
    assert as_targets(np.array([3, 9] * 4, np.int32), None, "y").dtype == np.float64
    assert as_targets(np.array(["a", "b"]), None, "y").dtype == object


def test_the_task_can_be_given():
    """A given task wins over the guess."""
    assert as_targets(np.array([3.0, 9, 3]), "classification", "y").tolist() == [3, 9, 3]
    assert as_targets(np.array([0, 1, 0]), "regression", "y").dtype == np.float64
    grades = np.array(["1,3", "1,7", "2,0"] * 9, object)
    assert as_targets(grades, "classification", "y").tolist() == grades.tolist()


@pytest.mark.parametrize(
    ("y", "task", "match"),
    [
        (np.array(["a", None, None], object), None, "missing in 2 of 3"),
        (np.array([1, np.nan, np.inf]), None, "missing in 2 of 3"),
        (np.array(["a", "b"], object), "regression", "text such as 'a'"),
        (np.array(["3,14", "2,5"] * 9, object), None, "decimal commas, such as '3,14': .* as 3.14"),
        (np.array(["3,14", "2,5"] * 9, object), "regression", "decimal commas.*such as 3.14"),
        (np.array(["2024-01-02", "2024-01-03"] * 9, object), None, "dates, such as '2024-01-02'"),
        (np.array(["1", "2"] * 9 + ["n.a."], object), "regression", "1 of 19 rows, such as 'n.a.'"),
        (np.array([0.5, 1]), "classification", "fractions"),
        (np.array([1e300, 1]), "classification", "beyond"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y, task, match):
    """Missing values, text for regression and fractions for classes are refused, with the file."""
    with pytest.raises(InvalidInput, match=match) as caught:
        as_targets(y, task, "some.csv: the target 'y'")
    assert "some.csv" in str(caught.value)


def test_missing_targets_are_counted():
    """None, NaN and infinity are missing; integers never are."""
    assert count_missing(np.array([1, 2])) == 0
    assert count_missing(np.array([1, np.nan])) == 1
    assert count_missing(np.array([None, "a"], object)) == 1
