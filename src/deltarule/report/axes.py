"""What the axes of all plots share: which numbers can be drawn, how many, and how written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .words import number

__all__ = ["drawable", "plain_numbers", "spread", "thinned"]

Floats = NDArray[np.float64]

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
