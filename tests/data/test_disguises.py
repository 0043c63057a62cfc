"""Texts that are likely meant as something else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.data.disguises import decimal_commas, disguised, mostly_numbers


@pytest.mark.parametrize(
    ("values", "looks", "remedy"),
    [
        (["3,14", "2,5", "7"], "numbers with decimal commas, such as '3,14'", "such as 3.14"),
        (["1.234,50", "12,5"], "numbers with decimal commas, such as '1.234,50'", "as 1234.50"),
        (["-0,125", None, "0,5"], "numbers with decimal commas", "such as -0.125"),
        (["0,125", "0,250"], "numbers with decimal commas", "such as 0.125"),
        (["1,234", "56"], "numbers with commas, such as '1,234'", "such as 1234"),
        (["1,234,567.5", "1,000.0"], "numbers with commas", "such as 1234567.5"),
        (["3,14"] * 9 + ["n, a"], "numbers with decimal commas", "such as 3.14"),
        (["3,14"] * 9 + ["n.a."], "numbers with decimal commas", "such as 3.14"),
        (["2024-02-03", "2024-12-31"], "dates, such as '2024-02-03'", "days since"),
        (["3.2.2024", "31.12.99"], "dates", "year"),
        (["2024-02-03T10:11:12", "2024-02-03 10:11"], "dates", "year"),
        (["02/03/2024"], "dates", "year"),
    ],
)
def test_what_texts_look_like(values: list[str | None], looks: str, remedy: str) -> None:
    """Numbers with commas and dates are told from words, each with what to do about it."""
    found = disguised(values)
    assert found is not None
    assert looks in found[0]
    assert remedy in found[1]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None],
        ["a", "b"],
        ["a, b", "c"],
        ["1", "2.5"],
        ["3,14"] * 8 + ["a", "b"],
        ["1,2,3", "4,5,6"],
        ["12,34,56"],
        ["10.0.0.1"],
        ["٣,١٤"],
        ["1999"],
        ["1"] * 95 + ["n, a"] * 5,
    ],
)
def test_what_looks_like_nothing_else(values: list[str | None]) -> None:
    """Words, plain numbers, lists and addresses are what they are."""
    assert disguised(values) is None


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_decimal_commas_are_the_numbers_they_write(values: list[float | None]) -> None:
    """What is written with commas comes back, whole and with gaps, if one value leaves no doubt."""
    numbers = [0.5, *values]
    texts = [None if x is None else f"{x:.4f}".replace(".", ",") for x in numbers]
    found = decimal_commas(np.array(texts, object))
    assert found is not None
    read, example = found
    expected = [np.nan if x is None else float(f"{x:.4f}") for x in numbers]
    np.testing.assert_array_equal(read, expected)
    assert example == "0,5000"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["0,5", "1234", "-12", "7e3"], [0.5, 1234, -12, 7000]),
        (["1.234,5", "0,5"], None),
        (["1,5", "1,500"], [1.5, 1.5]),
        (["1,500", "12,250"], None),
        (["1.234", "12"], None),
        (["1,5", "about 3"], None),
        (["1,5", "1,500.5"], None),
        (["1,2,3", "0,5"], None),
        ([None, None], None),
    ],
)
def test_commas_beyond_doubt(texts: list[str | None], expected: list[float] | None) -> None:
    """Where every comma may part thousands, or a point does, nothing is read."""
    found = decimal_commas(np.array(texts, object))
    assert (found and found[0].tolist()) == expected


def test_numbers_but_for_a_few() -> None:
    """Texts that are numbers but for a tenth at most are told, with the most frequent other."""
    numbers = [str(i) for i in range(27)]
    assert mostly_numbers([*numbers, "n.a.", "n.a.", "x"]) == (3, "n.a.")
    assert mostly_numbers([*numbers, "n.a.", "n.a.", "x", "y"]) is None
    assert mostly_numbers(np.array(numbers, object)) is None
    assert mostly_numbers([]) is None
