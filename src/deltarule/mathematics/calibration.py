"""Calibration: of the rows of which a model says "I am c sure", the share c is right.    (K0)

What the scores and targets may be:

    y  (n,) integer classes,  z  (n, k)   one class of k, p = softmax(z)
    y  (n, k) of 0 and 1,     z  (n, k)   k yes-or-no outputs, p = σ(z); also shares in [0, 1]

A weight w, (n,), counts a row w times; None counts each once.  Guo, Pleiss, Sun and Weinberger
2017, "On calibration of modern neural networks".
"""

from __future__ import annotations

import math

import numpy as np

from ..ground.arrays import exp, quiet, sum_units, top_of_rows
from ..ground.contracts import Array
from .losses import binary_cross_entropy, cross_entropy

__all__ = ["expected_calibration_error", "fit_temperature", "log_loss", "reliability"]

LEAST, GREATEST = 0.05, 20.0
# Scores beyond are no less certain, and their differences times 1/LEAST must stay finite.
CEILING = 1e300
ENOUGH = 1e-12
MOST_STEPS = 200


def log_loss(y: Array, z: Array, weight: Array | None = None, temperature: float = 1.0) -> float:
    """L(T) = Σᵢ wᵢ·ℓ(yᵢ, zᵢ/T)/Σᵢ wᵢ, ℓ the negative log-likelihood                      (K1)

    Of yes-or-no outputs the mean over the outputs.
    """
    loss = cross_entropy if y.ndim == 1 else binary_cross_entropy
    total = float(len(y) if weight is None else weight.sum(dtype=np.float64))
    return float(loss(y, z.astype(np.float64) / temperature, weight, total)[0])


def _leads(y: Array, z: Array, weight: Array | None) -> tuple[Array, Array]:
    """a, how far each score is above that of the truth, and the weights of the rows, summing to 1.

    A yes-or-no output is a choice between the scores 0 and z; a target of 0.3 is three parts of a
    yes and seven of a no.
    """
    z = np.clip(z.astype(np.float64), -CEILING, CEILING)
    w = np.ones(len(y)) if weight is None else weight.astype(np.float64)
    if y.ndim == 1:
        a = z - z[np.arange(len(y)), y][:, None]
    else:
        w = np.concatenate([(w[:, None] * y).ravel(), (w[:, None] * (1.0 - y)).ravel()])
        lead = np.concatenate([-z.ravel(), z.ravel()])
        a = np.stack([np.zeros_like(lead), lead], axis=1)
    counted = w > 0
    return a[counted], w[counted] / w.max() / (w[counted] / w.max()).sum()


def slope(a: Array, w: Array, beta: float) -> tuple[float, float]:
    """L = Σᵢ wᵢ log Σₘ e^(β·aᵢₘ)   ⇒   dL/dβ = Σᵢ wᵢ·E_p[aᵢ],   d²L/dβ² = Σᵢ wᵢ·Var_p[aᵢ]   (K2)

    β = 1/T, aᵢₘ = zᵢₘ − zᵢ of the truth, p = softmax(β·a).  The second is not negative: L is
    convex in β.
    """
    e = exp(beta * a - top_of_rows(beta * a))
    p = e / sum_units(e)
    mean = sum_units(p * a)
    spread = (p * (a - mean) ** 2).sum(1)
    return float(w @ mean[:, 0]), float(w @ spread)


@quiet
def fit_temperature(y: Array, z: Array, weight: Array | None = None) -> float:
    """T = 1/β with dL/dβ = 0: the one number that makes p = softmax(z/T) most likely      (K3)

    T lies in [0.05, 20], and at an end where L still falls there: where every row is right, ever
    greater certainty would be ever more likely.  The order of the scores, and so the decision,
    stays.  Take rows that the network was not trained on.

    Newton's method on the convex L, inside a bracket of the root that every step makes smaller,
    and halves (on a scale of ratios) where Newton would leave it or gains too little.
    """
    a, w = _leads(y, z, weight)
    unit = float(abs(a).max(initial=0.0))
    if unit == 0.0:  # nothing depends on T
        return 1.0
    a /= unit  # so that the squares of the largest scores are finite
    low, high = unit / GREATEST, unit / LEAST
    if slope(a, w, high)[0] <= 0.0:
        return LEAST
    if slope(a, w, low)[0] >= 0.0:
        return GREATEST
    beta, before = min(max(unit, low), high), math.inf
    for _ in range(MOST_STEPS):
        first, second = slope(a, w, beta)
        if first == 0.0:
            break
        low, high = (beta, high) if first < 0.0 else (low, beta)
        newton = beta - first / second if second > 0.0 else math.nan
        if abs(newton - beta) <= ENOUGH * beta or high - low <= ENOUGH * beta:
            break
        slow = abs(first) > 0.5 * before
        before = abs(first)
        beta = newton if low < newton < high and not slow else math.sqrt(low) * math.sqrt(high)
    return float(min(max(unit / beta, LEAST), GREATEST))


def expected_calibration_error(
    y: Array, p: Array, weight: Array | None = None, bins: int = 15
) -> float:
    """ECE = Σ_B |Σ_{i∈B} wᵢ·([ŷᵢ = yᵢ] − cᵢ)|/Σᵢ wᵢ,   cᵢ = maxₖ pᵢₖ                       (K4)

    The bins B cut [0, 1] into equal parts ((b − 1)/bins, b/bins]; 0 where in each the mean
    confidence is the share that is right.  p is (n, k) with classes y, (n,); or of yes-or-no
    outputs the probability of a yes, of the shape of y, each output a row with c = max(p, 1 − p).
    Naeini, Cooper and Hauskrecht 2015.
    """
    w, confidence, right = reliability(y, p, weight, bins)
    return float(abs(right - confidence).sum() / w.sum())


def reliability(
    y: Array, p: Array, weight: Array | None = None, bins: int = 15
) -> tuple[Array, Array, Array]:
    """Σwᵢ, Σwᵢcᵢ and Σwᵢ[ŷᵢ = yᵢ] of the rows in each bin of (K4), (bins,) each."""
    if p.ndim == 1 or y.ndim == 2:
        outputs = p.size // max(len(p), 1)
        weight = None if weight is None else np.repeat(weight, outputs)
        yes = p.astype(np.float64).ravel()
        y, p = (y.ravel() >= 0.5).astype(np.int64), np.stack([1.0 - yes, yes], axis=1)
    w = np.ones(len(y)) if weight is None else weight.astype(np.float64)
    confidence = p.max(1).astype(np.float64)
    inner = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    of_bin = np.searchsorted(inner, confidence)
    right = (p.argmax(1) == y).astype(np.float64)
    sums = [np.bincount(of_bin, weights=w * a, minlength=bins) for a in (1.0, confidence, right)]
    return sums[0], sums[1], sums[2]
