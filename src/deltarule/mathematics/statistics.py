"""What a few runs show: of n numbers x, one for each seed, or n pairs of them.           (P0)

A run is a draw: another seed gives other initial weights and other batches, and so another result.
What can be said of a recipe is what can be said of the distribution that its runs are drawn from.
Arms that share their seeds are compared by differences, which what a seed brings to both leaves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ground.contracts import Array

__all__ = ["EXACT_PAIRS", "Summary", "holm", "sign_flip_p", "smallest_p", "summarize"]

# All 2¹⁶ signs are looked at in milliseconds; of more pairs, as many drawn ones.
EXACT_PAIRS = 16
DRAWN = 1 << EXACT_PAIRS


@dataclass(frozen=True)
class Summary:
    """Numbers in short.

    Attributes
    ----------
    n : int
    mean : float
    sd, low, high : float or None
        The standard deviation and the ends of the interval of the mean; None of a single number.
    """

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


def moments(x: Array) -> tuple[float, float]:
    """m = (1/n) Σᵢ xᵢ,   s² = 1/(n − 1)·Σᵢ (xᵢ − m)²,   so that E[m] = μ and E[s²] = σ²     (P1)"""
    mean = math.fsum(x) / len(x)
    return mean, math.sqrt(math.fsum((x - mean) ** 2) / (len(x) - 1))


def summarize(x: Sequence[float], level: float = 0.95) -> Summary:
    """m ± q·s/√n,   q the (1 + level)/2 quantile of Student's t with n − 1 degrees          (P2)

    Right for normal x, and for differences of paired x.  A single number has no interval.

    Parameters
    ----------
    x : numbers, (n,), n at least 1
    level : float
        The share of such intervals that hold μ.
    """
    values = np.asarray(x, dtype=np.float64)
    n = len(values)
    if n == 1:
        return Summary(1, float(values[0]), None, None, None)
    from scipy.stats import t

    mean, sd = moments(values)
    half = float(t.ppf((1.0 + level) / 2.0, n - 1)) * sd / math.sqrt(n)
    return Summary(n, mean, sd, mean - half, mean + half)


def sign_flip_p(d: Sequence[float]) -> float:
    """p = 1/2ⁿ·Σ_{s ∈ {−1, 1}ⁿ} [|Σᵢ sᵢdᵢ| ≥ |Σᵢ dᵢ|]                                          (P3)

    The two-sided test of paired differences d, (n,), against "in each pair, either arm might as
    well have been the other".  Exact up to 16 pairs (`EXACT_PAIRS`); of more pairs an estimate by
    65,536 signs drawn at random, always the same ones.
    """
    from scipy.stats import permutation_test

    values = np.asarray(d, dtype=np.float64)
    if len(values) == 1:  # s = ±1: both as far from 0
        return 1.0
    found = permutation_test(
        (values,),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf if len(values) <= EXACT_PAIRS else DRAWN,
        batch=1 << 12,
        alternative="two-sided",
        random_state=np.random.default_rng(0),
    )
    return float(found.pvalue)


def smallest_p(n: int) -> float:
    """p ≥ 2/2ⁿ, whatever the n differences are                                              (P4)"""
    return 2.0 ** (1 - n)


def holm(p: Sequence[float]) -> list[float]:
    """p̃₍ᵢ₎ = max_{j ≤ i} min(1, (m − j + 1)·p₍ⱼ₎),   p₍₁₎ ≤ … ≤ p₍ₘ₎                          (P5)

    To reject where p̃ < α has a chance of at most α of any wrong rejection among all m.
    Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted, least = [0.0] * len(p), 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        least = max(least, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = least
    return adjusted
