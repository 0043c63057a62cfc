"""Every loss against exact arithmetic, from ordinary scores to the corners of the finite numbers.

The reference takes the floats as the rational numbers that they are and computes in 60 decimal
digits.  `slack` is how far rounding the input's differences alone may move each number.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deltarule.mathematics import losses

EXACT = decimal.Context(prec=60, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[])
laws = settings(deadline=None, derandomize=True, max_examples=40)
CASES = 250

Row = list[D]
Terms = tuple[D, Row, D, Row]  # ℓ of a row, ∂ℓ/∂z, and their slack in units of rounding


def exp(x: D) -> D:
    """eˣ, held where floats show nothing of it: below e^(−5000) and above e^5000."""
    return D(0) if x < -5000 else EXACT.exp(min(x, D(5000)))


def cross_entropy(q: Row, z: Row) -> Terms:
    """ℓ = Σ q·(log Σ e^z − z)."""
    top, mass = max(z), sum(q)
    below = [top - v for v in z]
    rest = sum(sorted(exp(-b) for b in below)[:-1])  # without the top one, which is 1
    s = 1 + rest
    log_s = EXACT.ln(s) if rest > D("1e-25") else rest - rest * rest / 2
    p = [exp(-b) / s for b in below]
    hard = sorted(q) == [0] * (len(q) - 1) + [1]
    near = min(
        max((b for b, v in zip(below, p, strict=True) if v > D("1e-400")), default=D(0)), D(800)
    )
    value = sum(a * b for a, b in zip(q, below, strict=True)) + mass * log_s
    g = [mass * a - b for a, b in zip(p, q, strict=True)]
    if hard:  # without 1 − p, whose digits run out
        y = q.index(D(1))
        g[y] = -sum((a for i, a in enumerate(p) if i != y), D(0))
    slack = [
        abs(v) * (1 + near) + (0 if hard else 2 * a + 2 * b)
        for v, a, b in zip(g, p, q, strict=True)
    ]
    return value, g, value * (1 + near), slack


def binary_cross_entropy(y: Row, z: Row) -> Terms:
    """ℓ = log(1 + e^z) − y·z."""
    value, g, slack = D(0), [], []
    for t, v in zip(y, z, strict=True):
        e = exp(-abs(v))
        log = EXACT.ln(1 + e) if e > D("1e-25") else e - e * e / 2
        value += log + abs(v) * (t if v < 0 else 1 - t)
        right, wrong = ((1 - t), t * e) if v >= 0 else (e * (1 - t), t)
        g.append((right - wrong) / (1 + e))
        slack.append(right + wrong)
    return value, g, value, slack


def elementwise(f: Callable[[D, D], tuple[D, D]]) -> Callable[[Row, Row], Terms]:
    """A loss that adds up over outputs: f(y, z) → (ℓ, ∂ℓ/∂z), all without cancellation."""

    def terms(y: Row, z: Row) -> Terms:
        pairs = [f(t, v) for t, v in zip(y, z, strict=True)]
        value, g = sum((p[0] for p in pairs), D(0)), [p[1] for p in pairs]
        return value, g, value, [abs(v) for v in g]

    return terms


def poisson(y: Row, z: Row) -> Terms:
    """ℓ = e^z − y·z."""
    rates = [exp(v) for v in z]
    value = sum((m - t * v for m, t, v in zip(rates, y, z, strict=True)), D(0))
    size = sum((m + abs(t * v) for m, t, v in zip(rates, y, z, strict=True)), D(0))
    g = [m - t for m, t in zip(rates, y, strict=True)]
    return value, g, size, [m + t for m, t in zip(rates, y, strict=True)]


def side(r: D) -> int:
    """The sign of r."""
    return (r > 0) - (r < 0)


def huber(y: D, z: D, delta: D = D(1)) -> tuple[D, D]:
    """½r² within δ, else δ(|r| − ½δ)."""
    r = z - y
    return (r * r / 2, r) if abs(r) <= delta else (delta * (abs(r) - delta / 2), delta * side(r))


def pinball(y: D, z: D, level: D = D("0.5")) -> tuple[D, D]:
    """τ per unit below the target, 1 − τ per unit above."""
    slope = -level if z < y else 1 - level
    return slope * (z - y), slope * abs(side(z - y))


REFERENCE: dict[str, Callable[[Row, Row], Terms]] = {
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "squared_error": elementwise(lambda y, z: ((z - y) ** 2, 2 * (z - y))),
    "half_squared_error": elementwise(lambda y, z: ((z - y) ** 2 / 2, z - y)),
    "absolute_error": elementwise(lambda y, z: (abs(z - y), D(side(z - y)))),
    "huber": elementwise(huber),
    "poisson": poisson,
    "quantile": elementwise(pinball),
}


def agrees(value: float, exact: D, slack: D, dtype: str) -> bool:
    """value is exact to rounding where that is representable, else infinite."""
    info = np.finfo(dtype)
    largest = D(float(info.max))
    if abs(exact) > largest * D("1.0001"):
        return bool(np.isinf(value))
    if abs(exact) > largest * D("0.9999"):
        return True
    near = D(float(info.eps)) * 16 * slack + 16 * D(float(info.smallest_subnormal))
    return bool(np.isfinite(value)) and abs(D(float(value)) - exact) <= near


def check(name: str, y: np.ndarray, z: np.ndarray, weight: np.ndarray | None, dtype: str) -> None:
    """Value and gradient of one loss at (y, z) are those of exact arithmetic."""
    total = float(len(z)) if weight is None else float(weight.sum())
    value, g = getattr(losses, name)(y, z, weight, total)
    k = z.shape[1]
    exact_value, value_slack = D(0), D(0)
    with decimal.localcontext(EXACT):
        for i in range(len(z)):
            target = np.eye(k)[y[i]] if y.ndim == 1 else y[i]
            row = [D(float(v)) for v in z[i]]
            loss, dz, slack, dz_slack = REFERENCE[name]([D(float(v)) for v in target], row)
            c = D(1.0 if weight is None else float(weight[i])) / D(total)
            c = c if name == "cross_entropy" else c / k
            exact_value += c * loss
            value_slack += c * slack
            for j in range(k):
                assert agrees(g[i, j], c * dz[j], c * dz_slack[j], dtype), (
                    i,
                    j,
                    g[i, j],
                    c * dz[j],
                )
        assert agrees(value, exact_value, value_slack, dtype), (value, exact_value)


def scores(rng: np.random.Generator, dtype: str) -> np.ndarray:
    """Ordinary numbers, any finite bit patterns, and the corners, mixed, (2, 3)."""
    info = np.finfo(dtype)
    corners = [info.max, -info.max, info.tiny, info.smallest_subnormal, 0.0, -0.0, 1.0]
    bits = np.frombuffer(rng.bytes(6 * info.bits // 8), dtype)
    kinds = [
        rng.uniform(-5, 5, 6),
        rng.uniform(-50, 50, 6),
        rng.uniform(-750, 750, 6),
        np.where(np.isfinite(bits), bits, 1.0),
        rng.choice(corners, 6),
    ]
    few = rng.choice(len(kinds), 2)  # some cases of one kind alone, most of two
    return np.choose(rng.choice(few, 6), kinds).astype(dtype).reshape(2, 3)


WEIGHTS = [None, [1.0, 1.0], [2.5, 0.5], [0.0, 1.0]]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", REFERENCE)
def test_value_and_gradient_are_exact(name: str, dtype: str) -> None:
    """Value and gradient are right to rounding wherever representable, else infinite."""
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        z = scores(rng, dtype)
        if name == "cross_entropy":
            y = rng.integers(0, 3, 2)
            y = np.eye(3, dtype=dtype)[y] if seed % 2 else y
        elif name == "binary_cross_entropy":
            y = rng.choice([0.0, 1.0, 0.25], (2, 3)).astype(dtype)
        elif name == "poisson":
            y = rng.integers(0, 1000, (2, 3)).astype(dtype)
        else:
            y = np.where(rng.random((2, 3)) < 0.2, z, scores(rng, dtype))
        weight = WEIGHTS[rng.integers(len(WEIGHTS))]
        check(name, y, z, None if weight is None else np.array(weight, dtype), dtype)


@laws
@given(low=st.floats(-745, 0), soft=st.booleans())
@example(low=-40.0, soft=False)
@example(low=-40.0, soft=True)
def test_confidence_keeps_its_digits(low: float, soft: bool) -> None:
    """A class that is all but certain still has the right small loss and gradient."""
    z = np.array([[0.0, low]])
    y = np.array([0])
    check("cross_entropy", np.eye(2)[y] if soft else y, z, None, "f8")
    check("binary_cross_entropy", np.array([[1.0, 0.0]]), np.array([[-low, low]]), None, "f8")
