"""Laws of the words."""

from __future__ import annotations

import math
import unicodedata
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.report import words


@given(
    st.text(st.characters() | st.sampled_from("\ufffe\uffff\ud800\x0b"), max_size=60),
    st.integers(1, 30),
)
def test_legible_text_is_short_printable_and_encodable(text: str, limit: int) -> None:
    """Whatever is given, what comes has no control character, is XML and fits its limit."""
    out = words.legible(text, limit)
    out.encode("utf-8")
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in out)
    assert ElementTree.fromstring(f"<a>{escape(out)}</a>").text == (out or None)
    assert not words.BIDI_CONTROLS & set(out)
    assert len(out) <= limit * len("⟨U+10FFFF⟩")


def test_legible_leaves_plain_names_alone() -> None:
    """Ordinary names, accents, Hebrew and joined emoji stay as they are."""
    for name in ("airplane", "Käfer", "שלום", "👩‍👩‍👧"):
        assert words.legible(name) == name


def test_legible_shows_what_hides() -> None:
    """Reordering and control characters become visible code points."""
    assert words.legible("a\u202eb\x00") == "a⟨U+202E⟩b⟨U+0000⟩"


def test_legible_keeps_lines_only_when_asked() -> None:
    """Line breaks are spaces in names and stay in recipes."""
    assert words.legible("a\n b") == "a b"
    assert words.legible("a\n b", lines=True) == "a\n b"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.23456, "1.235"),
        (-0.5, "−0.5"),
        (1e12, "1e12"),
        (1e-5, "1e−5"),
        (0, "0"),
        (None, "—"),
        (math.nan, "—"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        ("text", "—"),
    ],
)
def test_numbers_have_four_digits(value: object, expected: str) -> None:
    """Four significant digits, a true minus, and a dash for what is no number."""
    assert words.number(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.424, "0.42 s"),
        (9.96, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3720, "1 h 02 min"),
        (-1, "—"),
        (None, "—"),
    ],
)
def test_durations_carry_over(seconds: object, expected: str) -> None:
    """Seconds, minutes and hours never show 60 of the smaller unit."""
    assert words.duration(seconds) == expected


def test_metrics_are_spoken() -> None:
    """Splits are words, shares are percent, abbreviations keep their letters."""
    assert words.metric_name("val_accuracy") == "validation accuracy"
    assert words.metric_name("train_r2") == "training R²"
    assert words.metric_name("value") == "value"
    assert words.metric_value("val_accuracy", 0.5213) == "52.1 %"
    assert words.metric_value("val_loss", 1.38123) == "1.381"
    assert words.capitalised("rMSE") == "RMSE"


def test_counts_are_grouped() -> None:
    """Thousands are set apart; what is missing is a dash."""
    assert words.count(45000) == "45,000"
    assert words.count(math.nan) == "—"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("in 1.66 s.", "in 1.66\u00a0s."),
        ("3 min 05 s, 1 h 02 min", "3\u00a0min\u00a005\u00a0s, 1\u00a0h\u00a002\u00a0min"),
        ("52.1 % of 8 rows", "52.1\u00a0% of 8 rows"),
        ("12 strange things, 5 minutes", "12 strange things, 5 minutes"),
        ("after 3 hits at s", "after 3 hits at s"),
    ],
)
def test_units_stay_with_their_numbers(given: str, expected: str) -> None:
    """Only spaces between a number and a unit change, and within a time."""
    assert words.unbroken(given) == expected
