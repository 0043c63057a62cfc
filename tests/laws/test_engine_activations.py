"""How near the engine's activations come to the exact ones, on every instruction set.

`BOUNDS` holds for all finite numbers: of y = f(x) in units of the last place, of d = f′(x) in units
of rounding next to 1, since g·d is added to others.  What is below the smallest normal number may
be 0.  In float32 the exact value is the reference's in float64; in float64 it comes from formulas
of 64-bit mantissas, below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import engine_driver as drive
import numpy as np
import pytest

from deltarule.mathematics import activations

ISAS, ACTIVATIONS = drive.names("ISAS"), drive.names("ACTIVATIONS")

pytestmark = pytest.mark.usefixtures("core")
each = pytest.mark.parametrize("name", ACTIVATIONS)
per_isa = pytest.mark.parametrize("isa", ISAS)
wide = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than float64 here"
)

# Activation: of y in float32, of d in float32, of y in float64, of d in float64.
BOUNDS = {
    "identity": (0.0, 0.0, 0.0, 0.0),
    "relu": (0.0, 0.0, 0.0, 0.0),
    "leaky_relu": (1.0, 0.5, 1.0, 0.5),
    "elu": (2.5, 1.5, 2.5, 1.5),
    "selu": (2.5, 2.0, 2.5, 2.0),
    "gelu": (4.5, 1.5, 4.5, 1.5),
    "silu": (3.5, 9.0, 3.5, 20.0),  # d as the reference: 1 − σ has few digits where σ is all but 1
    "mish": (4.5, 2.0, 4.5, 2.0),
    "tanh": (3.0, 3.0, 3.0, 3.0),
    "sigmoid": (2.5, 1.0, 2.5, 1.0),
    "softplus": (2.5, 1.0, 2.5, 1.0),
}
MINUTE = 1000  # smallest normal numbers: what x times a number that became 0 may be

Pair = tuple[np.ndarray, np.ndarray]


def option_of(name: str) -> float:
    """The value of the activation's option that is tested: no default."""
    return {"leaky_relu": 0.3, "elu": 1.7}.get(name, 0.0)


def function_of(name: str) -> Callable[[np.ndarray], Any]:
    """The reference's activation, at that value."""
    function = getattr(activations, name)
    words = {"leaky_relu": "slope", "elu": "alpha"}
    return lambda x: function(x, **({words[name]: option_of(name)} if name in words else {}))


def points(dtype: str, n: int) -> np.ndarray:
    """Finite numbers: dense around 0, of every size, and the corners."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(5)
    corners = np.array([0.0, info.max, info.tiny, 16.6, 87.33, 88.72, 103.9, 708.3, 745.1, 1e4])
    sizes = np.ldexp(rng.uniform(1, 2, n), rng.integers(info.minexp + 1, info.maxexp - 1, n))
    middle = np.ldexp(rng.uniform(1, 2, n), rng.integers(-30, 11, n))
    sizes = np.concatenate([corners, sizes, middle, rng.uniform(0, 2, n), rng.uniform(0, 45, n)])
    return np.concatenate([sizes, -sizes]).astype(dtype)


def computed(core: Any, name: str, x: np.ndarray, isa: str) -> Pair:
    """y and d by the engine."""
    y, d = np.full_like(x, np.nan), np.full_like(x, np.nan)
    core.elementwise(name, option_of(name), x, y, d, isa)
    return y, d


def by_reference(name: str, x: np.ndarray) -> Pair:
    """y and d by the reference, in the dtype of x."""
    y, pullback = function_of(name)(x)
    return y, pullback(np.ones_like(x))


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """Φ in long double: a series of positive terms near 0, a continued fraction beyond."""
    a = abs(x) / np.sqrt(np.longdouble(2))
    with np.errstate(all="ignore"):
        bell = np.exp(-a * a)
        near, series, term = np.minimum(a, 2), 0 * a, np.minimum(a, 2)
        for k in range(1, 60):
            series = series + term
            term = term * 2 * near * near / (2 * k + 1)
        far, fraction = np.maximum(a, 2), np.maximum(a, 2)
        for k in range(400, 0, -1):
            fraction = far + np.longdouble(k) / 2 / fraction
        pi = np.longdouble("3.14159265358979323846264338327950288")
        upper = np.where(
            a < 2, 0.5 - bell * series / np.sqrt(pi), 0.5 * bell / fraction / np.sqrt(pi)
        )
    return np.where(x < 0, upper, 1 - upper)


def exactly(name: str, x: np.ndarray) -> Pair:
    """y and d in long double, from formulas that are not the library's."""
    x = x.astype(np.longdouble)
    option = np.longdouble(option_of(name))
    with np.errstate(all="ignore"):
        e = np.exp(x)
        small = np.minimum(x, 0)
        s = np.where(x > 0, 1 / (1 + np.exp(-x)), e / (1 + e))
        above_zero = np.where(x > 0, np.longdouble(1), 0)
        if name == "identity":
            return x, np.ones_like(x)
        if name == "relu":
            return np.maximum(x, 0), above_zero
        if name == "leaky_relu":
            return np.where(x > 0, x, option * x), np.where(x > 0, 1, option)
        if name in ("elu", "selu"):
            alpha = option if name == "elu" else np.longdouble(activations.SELU_ALPHA)
            scale = 1 if name == "elu" else np.longdouble(activations.SELU_SCALE)
            y = np.where(x > 0, x, alpha * np.expm1(small))
            return scale * y, scale * np.where(x > 0, 1, alpha * np.exp(small))
        if name == "gelu":
            cdf, within = normal_cdf(x), np.clip(x, -200, 200)
            pi = np.longdouble("3.14159265358979323846264338327950288")
            return x * cdf, cdf + x * (np.exp(-within * within / 2) / np.sqrt(2 * pi))
        if name == "silu":
            return x * s, s + x * s * np.where(x > 0, 1 / (1 + e), 1 - s)
        if name == "mish":
            t = np.tanh(np.where(x > 40, x, np.log1p(np.exp(np.minimum(x, 40)))))
            size = np.minimum(abs(x), 5000)
            soft = np.maximum(x, 0) + np.log1p(np.exp(-size))
            rest = 1 / np.cosh(np.minimum(soft, 5000)) ** 2
            return x * t, t + x * (rest * s)
        if name == "tanh":
            return np.tanh(x), 1 / np.cosh(np.clip(x, -5000, 5000)) ** 2
        if name == "sigmoid":
            return s, s * np.where(x > 0, np.exp(-abs(x)) / (1 + np.exp(-abs(x))), 1 / (1 + e))
        assert name == "softplus"
        return np.maximum(x, 0) + np.log1p(np.exp(-abs(x))), s


def errors(found: Pair, expected: Pair, dtype: str) -> tuple[float, float]:
    """The largest error of y, in units of the last place, and of d, in units of rounding at 1."""
    info = np.finfo(dtype)
    minute = MINUTE * np.longdouble(info.tiny)
    (y, d), (exact_y, exact_d) = found, expected
    place = np.spacing(np.clip(abs(exact_y), info.tiny, info.max).astype(dtype)).astype(
        np.longdouble
    )
    y = np.where(y == exact_y.astype(dtype), exact_y, y)  # both may have overflowed
    off = np.maximum(abs(y - exact_y) - np.where(abs(exact_y) < minute, minute, 0), 0)
    return float((off / place).max()), float(abs(d - exact_d).max() / np.longdouble(info.eps))


def test_every_activation_has_a_bound(core: Any) -> None:
    """What the core knows is the library's, and each has its line in the table."""
    assert set(BOUNDS) == set(core.ACTIVATIONS) == set(activations.__all__)


@each
@per_isa
def test_float32(core: Any, name: str, isa: str) -> None:
    """In float32 y and d are as near to the reference's in float64 as the table says."""
    x = points("float32", 40_000)
    with np.errstate(all="ignore"):
        expected = by_reference(name, x.astype(np.float64))
        of_y, of_d = errors(computed(core, name, x, isa), expected, "float32")
    assert of_y <= BOUNDS[name][0]
    assert of_d <= BOUNDS[name][1]


@wide
@each
@per_isa
def test_float64(core: Any, name: str, isa: str) -> None:
    """In float64 y and d are as near to formulas in long double as the table says."""
    x = points("float64", 4_000)
    with np.errstate(all="ignore"):
        of_y, of_d = errors(computed(core, name, x, isa), exactly(name, x), "float64")
    assert of_y <= BOUNDS[name][2]
    assert of_d <= BOUNDS[name][3]


@wide
@each
def test_the_formulas_are_those_of_the_reference(name: str) -> None:
    """The formulas in long double agree with the reference in float64 to what that rounds away."""
    x = np.linspace(-12, 12, 2001)
    for one, other in zip(exactly(name, x), by_reference(name, x), strict=True):
        np.testing.assert_allclose(one.astype(np.float64), other, rtol=1e-11, atol=1e-14)


@each
@per_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lanes_are_alike(core: Any, name: str, isa: str, dtype: str) -> None:
    """A number's result does not depend on its place or its neighbours, however many there are."""
    x = points(dtype, 300)
    y, d = computed(core, name, x, isa)
    order = np.random.default_rng(1).permutation(len(x))
    for part in (order, order[:1], order[:17], order[5:38]):
        again = computed(core, name, x[part], isa)
        np.testing.assert_array_equal(again[0], y[part])
        np.testing.assert_array_equal(again[1], d[part])


@each
@per_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_not_finite(core: Any, name: str, isa: str, dtype: str) -> None:
    """Infinities and NaN become what they become in the reference: no NaN is lost on the way."""
    x = np.array([np.nan, np.inf, -np.inf, 1.0], dtype)
    with np.errstate(all="ignore"):
        expected = by_reference(name, x)
    found = computed(core, name, x, isa)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    np.testing.assert_array_equal(np.isinf(found[0]), np.isinf(expected[0]))
