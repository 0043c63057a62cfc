"""Scaling of the input, learned from the training rows, applied as batches are gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, did_you_mean
from .selection import Input, rows_within

__all__ = ["KINDS", "Scaling", "learn_scaling"]

KINDS = {
    "none": "rows are taken as they are",
    "unit": "(x − least)/(greatest − least) over all features: pixels to [0, 1]",
    "feature": "(x − mean)/std of each feature",
    "channel": "(x − mean)/std of each colour channel of an image",
}
ROWS_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class Scaling:
    """x ↦ (x − shift)·factor, one number or one per feature.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    shift, factor : float64 arrays, () or (n_features,)
    """

    kind: str
    shift: Array
    factor: Array

    def __call__(self, rows: Array, dtype: Any) -> Array:
        """The rows, (n, n_features) of any real dtype, scaled, as a fresh array of `dtype`.

        Bytes and rows of `dtype` are exact in it; others are shifted before they are rounded, or
        a large offset, such as that of times in seconds, would take all digits.
        """
        if self.kind != "none" and rows.dtype.itemsize > 2 and rows.dtype != dtype:
            return ((rows - self.shift) * self.factor).astype(dtype)
        x = rows.astype(dtype)
        if self.kind != "none":
            x -= self.shift.astype(dtype)
            x *= self.factor.astype(dtype)
        return x


def learn_scaling(kind: str, X: Input, image_shape: tuple[int, ...] | None = None) -> Scaling:
    """Learn a scaling from the training rows.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    X : array or Selection, (n, n_features), any real dtype; may be memory-mapped
        The training rows.
    image_shape : (channels, height, width), optional
        Needed by "channel".

    Raises
    ------
    InvalidInput
        For an unknown kind, or "channel" without an image shape.
    """
    if kind not in KINDS:
        raise InvalidInput(
            f"Unknown scaling {kind!r}.{did_you_mean(kind, KINDS)} Known are: {', '.join(KINDS)}."
        )
    if kind == "none":
        return Scaling(kind, np.zeros(()), np.ones(()))
    if kind == "channel" and not image_shape:
        raise InvalidInput(
            'scaling="channel" needs images, and these rows are not known to be any; '
            'use scaling="feature".'
        )
    if kind == "unit":
        least, greatest = _range(X)
        spread = greatest - least
        return Scaling(kind, np.array(least), np.array(1.0 / spread if spread > 0 else 1.0))
    mean, variance = _moments(X)
    if kind == "channel":
        assert image_shape is not None
        per_channel = X.shape[1] // image_shape[0]
        groups = mean.reshape(-1, per_channel)
        between = groups.var(1)
        variance = np.repeat(variance.reshape(-1, per_channel).mean(1) + between, per_channel)
        mean = np.repeat(groups.mean(1), per_channel)
    std = np.sqrt(variance)
    flat = std <= 1e-12 * abs(mean)  # a constant feature is only shifted
    return Scaling(kind, mean, 1.0 / np.where(flat, 1.0, std))


def _chunks(X: Input) -> Iterator[Array]:
    rows = rows_within(X, ROWS_AT_ONCE, width=2)
    for start in range(0, len(X), rows):
        yield X[start : start + rows]


def _range(X: Input) -> tuple[float, float]:
    ends = [(float(c.min()), float(c.max())) for c in _chunks(X)]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _moments(X: Input) -> tuple[Array, Array]:
    """Mean and variance of each feature, in two passes, so that nothing cancels."""
    mean = sum(c.sum(0, dtype=np.float64) for c in _chunks(X)) / len(X)
    variance = np.zeros(X.shape[1])
    for c in _chunks(X):
        centred = c - mean
        variance += np.einsum("ij,ij->j", centred, centred)
    return mean, variance / len(X)
