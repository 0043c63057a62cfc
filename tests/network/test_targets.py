"""Targets as people have them, as the loss takes them, and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deltarule as dr
from deltarule.ground.errors import Problems
from deltarule.network.targets import (
    ClassTargets,
    LabelTargets,
    NumberTargets,
    Targets,
    rearranged,
    require_two_classes,
    targets_for,
)

laws = settings(deadline=None, derandomize=True)


QUANTILES = {"name": "quantile", "level": [0.9, 0.1, 0.6]}


def learned(y: Any, loss: Any = "cross_entropy", k: int = 3, **options: Any) -> Targets:
    """The targets of a network that was given y."""
    problems = Problems()
    targets = targets_for(dr.Network([2, k], loss=loss, **options).settings).learn(y, problems)
    problems.raise_if_any()
    return targets


def encoded(targets: Targets, y: Any) -> np.ndarray:
    """y as the loss takes it."""
    problems = Problems()
    array = targets.encode(y, len(y), problems, "y")
    problems.raise_if_any()
    assert array is not None
    return array


def sure(codes: np.ndarray, k: int) -> np.ndarray:
    """Scores that say these classes."""
    return np.where(np.arange(k) == codes[:, None], 9.0, -9.0)


@pytest.mark.parametrize(
    "y",
    [
        np.array([0, 2, 1, 1]),
        np.array([0, 2, 1, 1], np.uint8),
        np.array(["c", "a", "b", "b"]),
        np.array(["c", "a", "b", "b"], object),
    ],
)
def test_labels_come_back(y: np.ndarray) -> None:
    """Scores that say the right classes give labels equal to those of y, text as text."""
    targets = learned(y)
    codes = encoded(targets, y)
    back = targets.present(targets.decide(sure(codes, 3)))
    assert back.tolist() == y.tolist()
    np.testing.assert_array_equal(targets.restore(codes), codes)


def test_booleans_come_back() -> None:
    """Two classes may be False and True, at two outputs and at one."""
    y = np.array([True, False, True])
    for loss, k in (("cross_entropy", 2), ("binary_cross_entropy", 1)):
        targets = learned(y, loss, k)
        codes = encoded(targets, y)
        z = sure(codes, 2) if k == 2 else 9.0 * (2 * codes - 1)
        back = targets.present(targets.decide(z))
        assert back.dtype == bool
        np.testing.assert_array_equal(back, y)


def test_named_classes_keep_their_order() -> None:
    """classes=[…] decides which output stands for which label."""
    targets = learned(["a"], classes=["b", "c", "a"])
    np.testing.assert_array_equal(encoded(targets, ["a", "b", "c"]), [2, 0, 1])


def test_one_hot_is_labels() -> None:
    """One-hot rows are the labels that they name, for any type of 0 and 1."""
    codes = np.array([2, 0, 1])
    for dtype in (np.uint8, np.float32, bool):
        y = np.eye(3)[codes].astype(dtype)
        assert encoded(learned(y), y).tolist() == codes.tolist()


@laws
@given(shares=st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1))
def test_soft_targets_stay(shares: list[list[float]]) -> None:
    """Shares that add up to 1 are kept, and restored as the greatest of them."""
    q = np.array(shares) / np.sum(shares, axis=1, keepdims=True)
    targets = learned(q)
    np.testing.assert_array_equal(encoded(targets, q), q)
    np.testing.assert_array_equal(targets.restore(q), q.argmax(1))


def test_known_classes_are_not_learned_again() -> None:
    """What was learned first holds for all later data."""
    targets = learned(np.array(["a", "b", "c"]))
    problems = Problems()
    again = targets.learn(np.array(["x", "y", "z"]), problems)
    assert again.to_json() == targets.to_json()


def test_labels_at_one_output() -> None:
    """At one output the second label in order is yes, and scores above 0 say yes."""
    targets = learned(["no", "yes", "no"], "binary_cross_entropy", 1)
    np.testing.assert_array_equal(encoded(targets, ["yes", "no"]), [[1.0], [0.0]])
    decision = targets.decide(np.array([[0.1], [-0.1], [0.0]]))
    assert targets.present(decision).tolist() == ["yes", "no", "no"]


def test_several_labels() -> None:
    """Several labels hold at once, each decided by its own score."""
    y = np.array([[1, 0, 1], [0, 0, 0]])
    targets = learned(y, "binary_cross_entropy", 3)
    np.testing.assert_array_equal(encoded(targets, y), y)
    np.testing.assert_array_equal(targets.decide(np.array([[1.0, -1.0, 2.0]])), [[1, 0, 1]])
    np.testing.assert_array_equal(targets.restore(np.array([[0.5, 0.4, 1.0]])), [[1, 0, 1]])


@laws
@given(
    y=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20),
    columns=st.integers(1, 3),
)
def test_numbers_are_standardised_and_back(y: list[float], columns: int) -> None:
    """Inside, numbers have mean 0 and spread 1 in each column; outside they are as they were."""
    target = np.array([np.roll(y, i) for i in range(columns)]).T
    if columns == 1:
        target = target[:, 0]
    targets = learned(target, "squared_error", columns)
    inside = encoded(targets, target)
    assert inside.shape == (len(y), columns)
    if np.std(y) > 1e-6 * max(1.0, np.abs(y).max()):
        np.testing.assert_allclose(inside.mean(0), 0, atol=1e-8)
        np.testing.assert_allclose(inside.std(0), 1, rtol=1e-8)
    back = targets.present(targets.restore(inside))
    assert back.shape == target.shape
    np.testing.assert_allclose(back, target, rtol=1e-9, atol=1e-6)


def test_a_constant_is_only_shifted() -> None:
    """A target that never changes does not divide by zero."""
    targets = learned([5.0, 5.0, 5.0], "squared_error", 1)
    np.testing.assert_array_equal(encoded(targets, [5.0, 6.0]), [[0.0], [1.0]])


def test_counts_are_not_standardised() -> None:
    """The prediction of the loss poisson is e^z in the units of y."""
    targets = learned([1.0, 2.0, 4.0], "poisson", 1)
    np.testing.assert_array_equal(encoded(targets, [3.0]), [[3.0]])
    np.testing.assert_allclose(targets.decide(np.log([[3.0]])), [[3.0]])


def test_flat_or_not() -> None:
    """Predictions have the shape that y had: (n,) or (n, 1)."""
    for y, shape in (([1.0, 2.0], (2,)), (np.array([[1.0, 2.0], [3.0, 4.0]]), (2, 2))):
        targets = learned(y, "squared_error", np.ndim(y))
        assert targets.present(targets.decide(np.zeros((2, np.ndim(y))))).shape == shape


def test_quantiles_of_one_number() -> None:
    """One column is standardised once, and stays one; the level nearest to ½ is its rival."""
    y = np.array([10.0, 20.0, 30.0])
    for column in (y, y[:, None]):
        targets = learned(column, QUANTILES)
        inside = encoded(targets, column)
        assert inside.shape == (3, 1)
        z = np.array([[0.0, 1.0, 2.0], [5.0, 4.0, 3.0], [1.0, 1.0, 1.0]])
        std = y.std()
        decision = targets.decide(z)  # for the levels 0.9, 0.1, 0.6
        np.testing.assert_allclose(
            decision, 20 + std * np.array([[2, 0, 1], [5, 3, 4], [1, 1, 1]]), rtol=1e-14
        )
        np.testing.assert_array_equal(targets.point(z), decision[:, 2:])
        np.testing.assert_array_equal(targets.present(decision), decision)
        np.testing.assert_allclose(targets.present(targets.restore(inside)), y)


def test_quantiles_of_a_column_each() -> None:
    """As many columns as levels are numbers of their own, which nobody sorts."""
    y = np.array([[1.0, 20.0, 300.0], [3.0, 10.0, 100.0]])
    targets = learned(y, QUANTILES)
    np.testing.assert_allclose(targets.restore(encoded(targets, y)), y)
    z = np.array([[3.0, 2.0, 1.0]])
    np.testing.assert_allclose(targets.decide(z), y.mean(0) + z * y.std(0))
    np.testing.assert_array_equal(targets.point(z), targets.decide(z))


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [
        (np.ones((2, 2)), None, "2 columns, but the network's 3 outputs are quantiles; give one"),
        (np.ones(2), np.ones((2, 3)), "3 columns, .* quantiles of one number; give one column"),
        (np.ones((2, 3)), np.ones(2), "1 columns, .* give one column for each"),
    ],
)
def test_columns_that_do_not_fit_the_quantiles(first: Any, then: Any, says: str) -> None:
    """Quantiles are of one number or of a number each, from the first training on."""
    problems = Problems()
    targets = learned(first, QUANTILES)
    y = first if then is None else then
    assert targets.learn(y, problems).encode(y, 2, problems, "y") is None
    with pytest.raises(dr.InvalidInput, match=says):
        problems.raise_if_any()


@laws
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    levels=st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3).map(tuple),
)
def test_rearranged_quantiles_do_not_cross(values: Any, levels: tuple[float, ...]) -> None:
    """Rearranging keeps the numbers, puts them in the order of the levels, and is done once."""
    z = np.array([values])
    found = rearranged(z, levels)
    assert sorted(found[0]) == sorted(values)
    assert (np.diff(found[0, np.argsort(levels, kind="stable")]) >= 0).all()
    np.testing.assert_array_equal(rearranged(found, levels), found)


@pytest.mark.parametrize(
    ("loss", "k", "says_probabilities"),
    [
        ("cross_entropy", 3, True),
        ("binary_cross_entropy", 1, True),
        ("binary_cross_entropy", 3, True),
        ("squared_error", 1, False),
    ],
)
def test_probabilities(loss: str, k: int, says_probabilities: bool) -> None:
    """Classes have probabilities of 0 to 1 that rank like the scores; numbers have none."""
    z = np.random.default_rng(0).normal(size=(5, k))
    p = targets_for(dr.Network([2, k], loss=loss).settings).probabilities(z)
    if not says_probabilities:
        assert p is None
        return
    assert p is not None
    assert ((p >= 0) & (p <= 1)).all()
    if loss == "cross_entropy":
        np.testing.assert_allclose(p.sum(1), 1)
        np.testing.assert_array_equal(p.argmax(1), z.argmax(1))
    elif k == 1:
        assert p.shape == (5, 2)
        np.testing.assert_array_equal(p[:, 1] > 0.5, z[:, 0] > 0)


@pytest.mark.parametrize(
    ("y", "loss", "k"),
    [
        ([0.1, 0.7], QUANTILES, 3),
        ([[0.1, 5.0, 1.0], [0.7, 9.0, 2.0]], QUANTILES, 3),
        (["b", "a", "c"], "cross_entropy", 3),
        ([0, 1, 2], "cross_entropy", 3),
        ([True, False], "cross_entropy", 2),
        (["no", "yes"], "binary_cross_entropy", 1),
        ([[0, 1], [1, 1]], "binary_cross_entropy", 2),
        ([0.1, 0.7], "squared_error", 1),
        ([[0.1, 5.0], [0.7, 9.0]], "huber", 2),
    ],
)
def test_json(y: Any, loss: Any, k: int) -> None:
    """What was learned survives JSON to the bit."""
    targets = learned(y, loss, k)
    fresh = targets_for(dr.Network([2, k], loss=loss).settings)
    again = fresh.from_json(json.loads(json.dumps(targets.to_json())))
    assert again.to_json() == targets.to_json()
    np.testing.assert_array_equal(encoded(again, y), encoded(targets, y))


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"classes": ["a"]},
        {"classes": ["a", "b", "c", "d"]},
        {"classes": [0.5, 1.5, 2.5]},
        {"classes": [0.0, 1.0, float("nan")]},
        {"classes": [["a"], ["b"], ["c"]]},
        {"classes": {"a": 1}},
    ],
)
def test_damaged_classes(facts: dict[str, Any]) -> None:
    """Classes that do not fit the outputs are refused."""
    with pytest.raises((ValueError, KeyError)):
        ClassTargets(3).from_json(facts)


@pytest.mark.parametrize("std", [[0.0], [-1.0], [float("nan")], [1.0, 1.0, 1.0], "x", None])
def test_damaged_numbers(std: Any) -> None:
    """A spread that is not positive, or of another width, is refused."""
    good = {"mean": [0.0], "std": [1.0], "flat": True, "learned": True}
    fresh = NumberTargets(1, dr.losses.squared_error, True)
    assert fresh.from_json(good).learned
    with pytest.raises((ValueError, TypeError)):
        fresh.from_json({**good, "std": std})


@pytest.mark.parametrize(
    ("targets", "codes", "complains"),
    [
        (ClassTargets(3, np.arange(3)), np.array([1, 1, 1]), True),
        (ClassTargets(3, np.arange(3)), np.array([1, 1, 2]), False),
        (ClassTargets(2, np.arange(2)), np.array([[0.6, 0.4], [0.9, 0.1]]), False),
        (LabelTargets(1, np.arange(2)), np.array([[1.0], [1.0]]), True),
        (LabelTargets(2), np.array([[1.0, 0.0], [1.0, 0.0]]), False),
        (NumberTargets(1, dr.losses.squared_error, False), np.array([[1.0], [1.0]]), False),
    ],
)
def test_one_class(targets: Targets, codes: np.ndarray, complains: bool) -> None:
    """Rows of one class teach nothing; soft targets, several labels and numbers may."""
    problems = Problems()
    require_two_classes(targets, codes, problems)
    assert bool(problems) == complains
