"""Literals and sentences of Python sources."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
from export_cases import trained

from deltarule.exporting.forward import forward_of
from deltarule.exporting.python_parts import about, constants, literal, numbers


@pytest.mark.parametrize(
    "value",
    [
        [0, 1, 2],
        ['a"""', "b\\", "\u202e\n{x}"],
        [f"a column with a name of some length, {i}" for i in range(9)],
        ["x y " * 80, "z"],
        np.random.default_rng(0).normal(size=40).tolist(),
        0.1 + 0.2,
    ],
)
def test_literals_mean_what_they_were(value: Any) -> None:
    """Python reads every literal back as the value, whatever stands in it, in lines of 100."""
    text = f"VALUE = {literal(value)}"
    assert max(map(len, text.splitlines())) <= 100
    assert ast.literal_eval(text.removeprefix("VALUE = ")) == value


def test_numbers_to_the_bit() -> None:
    """One number stands alone, several in a list, and float64 gets them back."""
    values = np.random.default_rng(1).normal(size=5)
    assert numbers(values[:1]) == values[0]
    np.testing.assert_array_equal(numbers(values), values)


@pytest.mark.parametrize(
    ("kind", "words", "names"),
    [
        ("text", "one of 3 classes", {"CLASSES"}),
        ("binary", "one of 2 classes", {"CLASSES"}),
        ("multilabel", "3 labels, each 0 or 1", set()),
        ("several quantiles", "3 numbers", {"MEAN, STD", "ORDER"}),
        ("squared_error", "one number", {"MEAN, STD"}),
    ],
)
def test_heads(kind: str, words: str, names: set[str]) -> None:
    """The head of a file says what is predicted; its constants are those that are used."""
    forward = forward_of(trained(kind))
    assert words in about(forward)
    lines = constants(forward).splitlines()
    assert {line.partition(" =")[0] for line in lines if " =" in line} == names
