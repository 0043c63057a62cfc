"""The answers that were most wrong, as pictures or as rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deltarule.report.mistakes import mistakes_view

ROWS = [
    {"true": "cat", "predicted": "dog", "confidence": 0.98, "of_true": 0.01},
    {"true": "dog", "predicted": "cat", "confidence": 0.91, "of_true": 0.05},
]


def test_pictures() -> None:
    """Of image data each mistake is a picture that says what was taken for what, and how surely."""
    images = np.zeros((2, 4, 4, 3), np.uint8)
    view = mistakes_view({"rows": ROWS, "wrong": 2, "n": 9, "images": images}, 12)
    assert view is not None
    assert view["heading"] == "Most confident mistakes"
    assert "2 of 9 answers were wrong" in view["remark"]
    first, second = view["pictures"]
    assert first.title == "cat, taken for dog"
    assert first.caption == "cat, taken for dog with 98.0\u00a0%; cat: 1.0\u00a0%"
    assert first.name != second.name
    assert view["rows"] == []


def test_rows() -> None:
    """Of a table each mistake is a row with its values; gaps are dashes, words stand left."""
    found = {
        "rows": ROWS,
        "wrong": 2,
        "n": 90,
        "columns": ["age", "job"],
        "cells": [[33.0, "clerk"], [None, None]],
    }
    view = mistakes_view(found, 12)
    assert view is not None
    assert view["columns"] == ("true", "predicted", "confidence", "age", "job")
    assert view["rows"] == [
        ("cat", "dog", "98.0 %", "33", "clerk"),
        ("dog", "cat", "91.0 %", "—", "—"),
    ]
    assert view["text"] == (0, 1, 4)


def test_numbers() -> None:
    """Of numbers the errors are told, worst first, without talk of confidence."""
    rows = [{"true": 452600.0, "predicted": 100000.0}]
    view = mistakes_view({"rows": rows, "wrong": None, "n": 5}, 12)
    assert view is not None
    assert view["heading"] == "Largest errors"
    assert view["rows"] == [("452600", "100000", "−352600")]
    assert view["columns"] == ("true", "predicted", "error")


@pytest.mark.parametrize("found", [None, {}, {"rows": []}])
def test_none(found: Any) -> None:
    """Without mistakes there is nothing to show."""
    assert mistakes_view(found, 12) is None


def test_at_most_so_many() -> None:
    """No more are shown than asked for."""
    images = np.zeros((2, 4, 4, 1), np.uint8)
    view = mistakes_view({"rows": ROWS, "wrong": 2, "n": 9, "images": images}, 1)
    assert view is not None
    assert len(view["pictures"]) == 1


def test_wide_tables() -> None:
    """Of very many columns the first are shown, and it is said."""
    found = {"rows": ROWS, "wrong": 2, "n": 9, "columns": ["x"] * 50, "cells": [[1.0] * 50] * 2}
    view = mistakes_view(found, 12)
    assert view is not None
    assert len(view["columns"]) == len(view["rows"][0]) == 19
    assert "Shown are the first 16 columns." in view["remark"]
