"""Numbers in pieces: what a column of numbers is cut into, so that a network can bend at each cut.

With knots q₀ < q₁ < … < q_k a number x becomes k features, the pieces,

    t_j(x) = clip((x − q_{j−1}) / (q_j − q_{j−1}), 0, 1),        j = 1 … k,

and a weighted sum of them is any continuous piecewise linear function of x with these knots: it
rises by w_j over the piece j.  A first layer of a network therefore begins where it would first
have to learn to bend.  Source: Y. Gorishniy, I. Rubachev, A. Babenko (2022), "On embeddings for
numerical features in tabular deep learning", NeurIPS, equation 1, where the first and the last
piece go on beyond the knots; here the standardised number beside the pieces does.
"""

from __future__ import annotations

import numpy as np

from ..ground.contracts import Array

__all__ = ["MOST_PIECES", "PIECES", "ROWS_A_PIECE", "choose_knots", "write_pieces"]

PIECES = 32
"""For a column of numbers, unless it is said otherwise."""
MOST_PIECES = 256
ROWS_A_PIECE = 64
"""So many training rows a piece should have, or it learns noise."""


def choose_knots(known: Array, pieces: int) -> Array:
    """Quantiles that cut a column into pieces of about equally many values.

    A value that holds the place of several quantiles, such as 0 for people who own no shares, is
    one knot only; the others are spent on the values that are no knot yet.

    Parameters
    ----------
    known : float64 array, (n,)
        Of the training rows, without gaps.
    pieces : int
        At the most.

    Returns
    -------
    float64 array, (at most pieces + 1,)
        Strictly increasing; empty where there would be one piece, which the number itself is.
    """
    none = np.empty(0)
    known = known[np.isfinite(known)]
    if pieces < 2 or not known.size:
        return none
    knots = np.unique(np.quantile(known, np.linspace(0, 1, pieces + 1), method="nearest"))
    left, others = pieces + 1 - len(knots), known[~np.isin(known, knots)]
    if left and others.size:
        middles = (np.arange(left) + 0.5) / left
        knots = np.union1d(knots, np.quantile(others, middles, method="nearest"))
    wide = np.diff(knots / 2) > 0  # of two neighbours among the smallest numbers, half is equal
    knots = knots[np.concatenate(([True], wide))]
    return knots if len(knots) > 2 else none


def write_pieces(values: Array, knots: Array, out: Array) -> None:
    """Write the pieces of float64 `values` (n,) into `out` (n, k); all are from 0 to 1."""
    low, high = knots[:-1] / 2, knots[1:] / 2  # halves, as a difference of two must not overflow
    part = np.clip(values[:, None] / 2, low, high)
    part -= low
    part /= high - low
    out[...] = part
