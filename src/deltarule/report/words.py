"""Numbers, times and foreign text as a reader should see them."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

__all__ = [
    "as_float",
    "capitalised",
    "count",
    "duration",
    "is_share",
    "legible",
    "metric_name",
    "metric_value",
    "number",
    "unbroken",
]

ABSENT = "—"
# Characters that reorder the text around them; a name must not rewrite the page it stands on.
BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# Line separators that tools read in different ways, and what XML forbids.
UNWELCOME = frozenset("\u2028\u2029\ufeff\ufffe\uffff")
BEFORE_UNIT = re.compile(r"(\d) (?=(?:s|ms|µs|min|h|%|kB|MB|GB)(?!\w))")
WITHIN_TIME = re.compile(r"(\d\u00a0(?:min|h)) (?=\d)")
METRIC_NAMES = {
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "mse": "MSE",
    "auc": "AUC",
    "f1": "F1",
    "f1_macro": "mean F1",
    "root_mean_squared_error": "RMSE",
    "mean_absolute_error": "MAE",
    "roc_auc": "ROC AUC",
}


def legible(text: object, limit: int = 120, lines: bool = False) -> str:
    """Foreign text made visible and harmless to layout; escaping is left to the writer.

    Control characters, lone surrogates and characters that reorder their surroundings are written
    as ⟨U+202E⟩; white space becomes single spaces unless `lines`; what is longer than `limit`
    characters ends in an ellipsis.
    """
    given = str(text)
    shortened = given if len(given) <= limit else given[: max(limit - 1, 0)] + "…"
    if not lines:
        shortened = " ".join(shortened.split())
    kept = "\n\t" if lines else ""
    return "".join(c if c in kept or not _hidden(c) else f"⟨U+{ord(c):04X}⟩" for c in shortened)


def _hidden(character: str) -> bool:
    return (
        character in BIDI_CONTROLS
        or character in UNWELCOME
        or unicodedata.category(character) in ("Cc", "Cs")
    )


def unbroken(text: str) -> str:
    """The text with spaces between numbers and their units at which no line is broken."""
    joined = BEFORE_UNIT.sub("\\1\u00a0", text)
    return WITHIN_TIME.sub("\\1\u00a0", joined)


def as_float(value: Any) -> float:
    """The value as a float; NaN for what is missing or no number (JSON writes NaN as null)."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def number(value: Any, digits: int = 4) -> str:
    """Four significant digits; '—' where the value is missing or NaN."""
    x = as_float(value)
    if math.isnan(x):
        return ABSENT
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    mantissa, _, exponent = f"{x:.{digits}g}".partition("e")
    written = f"{mantissa}e{int(exponent)}" if exponent else mantissa
    return written.replace("-", "−")


def count(value: Any) -> str:
    """45,000; '—' where the value is missing."""
    x = as_float(value)
    return f"{round(x):,}".replace("-", "−") if math.isfinite(x) else ABSENT


def duration(seconds: Any) -> str:
    """0.42 s, 12.3 s, 3 min 05 s, 1 h 02 min."""
    x = as_float(seconds)
    if not math.isfinite(x) or x < 0:
        return ABSENT
    if x < 59.95:
        return f"{x:.2f} s" if x < 9.95 else f"{x:.1f} s"
    whole = round(x)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(x / 60)
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def is_share(metric: str) -> bool:
    """Whether the metric is a share of rows, shown in percent."""
    return "accuracy" in metric


def metric_name(metric: str) -> str:
    """`val_accuracy` → 'validation accuracy'; a name without its split stays as it is."""
    split, _, rest = metric.partition("_")
    side = {"train": "training", "val": "validation"}.get(split) if rest else None
    bare = rest if side else metric
    spoken = METRIC_NAMES.get(bare) or legible(bare.replace("_", " "), 28)
    return f"{side} {spoken}" if side else spoken


def metric_value(metric: str, value: Any) -> str:
    """A metric's value: 52.1 % for shares, four significant digits for the others."""
    x = as_float(value)
    if is_share(metric) and math.isfinite(x):
        return f"{100 * x:.1f} %"
    return number(x)


def capitalised(words: str) -> str:
    """The words with a capital first letter; abbreviations keep theirs."""
    return words[:1].upper() + words[1:]
