"""Texts that are likely meant as something else: numbers with commas, and dates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..ground.contracts import Array
from .dataset import as_number

__all__ = ["decimal_commas", "disguised", "mostly_numbers"]

_WITH_DECIMALS = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?([eE][+-]?\d+)?", re.ASCII)
_WITH_THOUSANDS = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(,\d{3})+)(\.\d+)?", re.ASCII)
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))([T ]\d.*)?", re.ASCII
)
# So many of a hundred values: a few slips do not hide what a column is.
MOST = 90


def disguised(values: Iterable[Any]) -> tuple[str, str] | None:
    """What nine in ten or more of the texts look like, and what to do, as parts of a sentence.

    Parameters
    ----------
    values : texts and None, or a Counter of them

    Returns
    -------
    (looks, remedy) or None
        "numbers with decimal commas, such as '3,14'" and "write them with a point, such as 3.14".
    """
    counts = _counted(values)
    if _share(counts, _DATE):
        example = _first(counts, _DATE)
        remedy = "make numbers of them, such as the year, the month or the days since the first"
        return f"dates, such as {example!r}", remedy
    commas = {text: n for text, n in counts.items() if "," in text and _fits(text)}
    # A decimal comma may also have three digits behind it, thousands always have: all decide.
    if not commas or not _share(counts, _WITH_DECIMALS, _WITH_THOUSANDS):
        return None
    if all(map(_WITH_THOUSANDS.fullmatch, commas)):
        example = _first(commas, _WITH_THOUSANDS)
        plain = example.replace(",", "")
        return (
            f"numbers with commas, such as {example!r}",
            f"write thousands without a comma and decimals with a point, such as {plain}",
        )
    decimals = {text: n for text, n in commas.items() if not _WITH_THOUSANDS.fullmatch(text)}
    example = _first(decimals, _WITH_DECIMALS)
    plain = example.replace(".", "").replace(",", ".")
    return (
        f"numbers with decimal commas, such as {example!r}",
        f"write them with a point, such as {plain}",
    )


def decimal_commas(values: Array) -> tuple[Array, str] | None:
    """A column of texts as the numbers that it writes with decimal commas.

    All values must be such numbers, and one of them beyond doubt: "3,14" is, "3,140" may be three
    thousand.  None may have a point, though one before thousands is clear in "1.234,5": in another
    file, of whole numbers, the same "1.234" would be read as one and a bit.

    Parameters
    ----------
    values : array of str and None

    Returns
    -------
    (float64 array with NaN for None, example) or None
    """
    numbers: dict[str | None, float] = {None: np.nan}
    example = None
    for text in values:
        if text in numbers:
            continue
        if "." in text or not _WITH_DECIMALS.fullmatch(text):
            return None
        if example is None and "," in text and not _WITH_THOUSANDS.fullmatch(text):
            example = text
        numbers[text] = float(text.replace(",", "."))
    if example is None:
        return None
    return np.array([numbers[text] for text in values], np.float64), example


def mostly_numbers(values: Iterable[Any]) -> tuple[int, str] | None:
    """Of texts of which nine in ten or more are numbers, likely by a slip, the others.

    Returns
    -------
    (number, example) or None
        How many values are other text, and the most frequent of them.
    """
    counts = _counted(values)
    strange = [value for value in counts if as_number(value) is None]
    number = sum(counts[value] for value in strange)
    if not strange or 100 * number > (100 - MOST) * counts.total():
        return None
    return number, max(strange, key=lambda value: counts[value])


def _counted(values: Iterable[Any]) -> Counter[str]:
    """How often each text stands there; counts are taken as they are."""
    if isinstance(values, np.ndarray):  # of NumPy's fixed texts, too, plain ones
        values = values.tolist()
    counts = values.copy() if isinstance(values, Counter) else Counter(values)
    del counts[None]
    return counts


def _fits(text: str) -> bool:
    return bool(_WITH_DECIMALS.fullmatch(text) or _WITH_THOUSANDS.fullmatch(text))


def _share(counts: Counter[str], *patterns: re.Pattern[str]) -> bool:
    """Whether enough of the values are of one of these forms."""
    fit = sum(n for text, n in counts.items() if any(p.fullmatch(text) for p in patterns))
    return fit > 0 and 100 * fit >= MOST * counts.total()


def _first(counts: Mapping[str, int], pattern: re.Pattern[str]) -> str:
    """The most frequent text of this form."""
    return max(filter(pattern.fullmatch, counts), key=lambda text: counts[text])
