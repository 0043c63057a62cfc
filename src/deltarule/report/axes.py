"""What the axes of all plots share: which numbers can be drawn, how many, and how written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .words import number

__all__ = [
    "HEIGHT",
    "WIDTH",
    "drawable",
    "legend",
    "plain_numbers",
    "spread",
    "thinned",
    "unit_of_time",
]

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 5.4, 3.3  # inches; at 328 CSS pixels, a phone, the text is still 9 pixels high
HUGE = 1e100  # beyond it axes overflow, and no reader cares how far


def drawable(values: Floats) -> NDArray[np.bool_]:
    """Where a value is finite and small enough for an axis."""
    return np.isfinite(values) & (np.abs(values) <= HUGE)


def spread(n: int, limit: int) -> NDArray[np.intp]:
    """At most `limit` indices below n, evenly spaced, with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, limit)).round().astype(np.intp))


def thinned(values: Floats, limit: int) -> NDArray[np.intp]:
    """Indices that keep a long curve's shape: each stretch's lowest and highest point."""
    if values.size <= limit:
        return np.arange(values.size)
    kept = [np.array([0, values.size - 1])]
    for stretch in np.array_split(np.arange(values.size), limit // 2):
        kept.append(stretch[[values[stretch].argmin(), values[stretch].argmax()]])
    return np.unique(np.concatenate(kept))


def plain_numbers(axis: Any) -> None:
    """Write the axis' numbers as the rest of the page does."""
    # matplotlib's own formatters write offsets and powers in its TeX dialect.
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 6)))


def unit_of_time(lines: Sequence[Floats]) -> tuple[float, str]:
    """In what times are told, in seconds and by name, so that the longest is a short number."""
    longest = max((float(x[drawable(x)].max(initial=0.0)) for x in lines), default=0.0)
    if longest <= 120:
        return 1.0, "seconds"
    return (60.0, "minutes") if longest <= 120 * 60 else (3600.0, "hours")


def legend(axes: Any, columns: int = 3) -> None:
    """One entry for each label, above the axes."""
    entries = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(
        entries.values(),
        entries.keys(),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=len(entries) if 0 < len(entries) <= columns else max(2, columns - 1),
        borderaxespad=0.2,
        handlelength=1.8,
        columnspacing=1.2,
    )
