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
    "legend_columns",
    "legend_height",
    "plain_numbers",
    "spread",
    "thinned",
    "unit_of_time",
]

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 5.4, 3.3  # inches; at 328 CSS pixels, a phone, the text is still 9 pixels high
LEGEND_LINE = 0.22
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


def legend_columns(labels: Sequence[str]) -> int:
    """In how many columns entries of such lengths fit above a picture."""
    longest = max(map(len, labels), default=0)
    if sum(len(label) + 7 for label in labels) <= 56:
        return max(len(labels), 1)
    return 3 if longest <= 10 else 2 if longest <= 18 else 1


def legend_height(labels: Sequence[str]) -> float:
    """What a legend of more than one line takes of a picture's height, in inches."""
    return LEGEND_LINE * (-(-len(labels) // legend_columns(labels)) - 1)


def legend(axes: Any) -> None:
    """One entry for each label, above the axes."""
    entries = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(
        entries.values(),
        entries.keys(),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=legend_columns(list(entries)),
        borderaxespad=0.2,
        handlelength=1.8,
        columnspacing=1.2,
    )
