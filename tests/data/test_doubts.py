"""What rows look like they got wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deltarule.data.dataset import Table
from deltarule.data.doubts import doubts_of_columns, unknown_texts
from deltarule.data.tables import MAX_CATEGORIES, TableEncoder


def text(*values: Any) -> Any:
    """A column of text."""
    return np.array(values, object)


def test_texts_without_a_category() -> None:
    """Of each column is told in how many rows texts stand that were not seen, and one of them."""
    encoder = TableEncoder.fit({"plant": text("fern", "ivy", None), "sun": np.arange(3.0)})
    rows = Table({"plant": text("moss", "ivy", None, "moss", "oak"), "sun": np.arange(5.0)})
    (sentence,) = unknown_texts(encoder, rows)
    assert "'plant' holds, in 3 of 5 rows, texts that the training did not see" in sentence
    assert "'moss'" in sentence
    assert unknown_texts(encoder, rows.take([1, 2])) == []


def test_numbers_without_a_category() -> None:
    """Categories that another file spells as numbers are compared as numbers."""
    encoder = TableEncoder.fit({"code": text("1", "2.0", "x")})
    (sentence,) = unknown_texts(encoder, Table({"code": np.array([1.0, 2.0, 7.0, np.nan])}))
    assert "in 1 of 4 rows" in sentence
    assert "'7'" in sentence


def test_texts_that_may_have_been_too_rare() -> None:
    """Where categories were left out, it is not said that the training did not see a text."""
    many = text(*(f"t{i}" for i in range(MAX_CATEGORIES + 1)))
    encoder = TableEncoder.fit({"a": many})
    (sentence,) = unknown_texts(encoder, Table({"a": many}))
    assert "in 1 of 101 rows" in sentence
    assert "not among the 100 most frequent" in sentence


def test_a_column_that_is_almost_numbers() -> None:
    """A text column that is numbers but for a few values is told with the likely slip."""
    table = Table(
        {
            "slip": text(*map(str, range(30)), "n.a.", "n.a.", "x"),
            "words": text(*["a", "1", None] * 11),
            "digits": text(*map(str, range(33))),
            "numbers": np.arange(33.0),
        }
    )
    (sentence,) = doubts_of_columns(table, np.arange(33))
    assert "'slip' is taken as text because of 3 values such as 'n.a.'" in sentence


def test_many_columns_are_counted() -> None:
    """Of many columns alike the first five are named."""
    table = Table({f"c{i}": np.full(3, np.nan) for i in range(9)})
    (sentence,) = doubts_of_columns(table, np.arange(3))
    assert "'c0', 'c1', 'c2', 'c3', 'c4' and 4 more are empty" in sentence


@pytest.mark.parametrize("rows", [np.arange(2), np.arange(2, 4)])
def test_only_rows_that_teach_count(rows: Any) -> None:
    """A column is empty if it is so in the rows that are learned from."""
    table = Table({"a": np.array([np.nan, np.nan, 1.0, 2.0])})
    assert len(doubts_of_columns(table, rows)) == (rows[0] == 0)
