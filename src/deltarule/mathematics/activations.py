"""Activations: y = f(x) elementwise, and the pullback ∂L/∂x = g·f′(x).            (A0)

Each function takes x of any shape (float32, float64; complex128 in a complex-step check) and
returns (y, pullback).  None makes a NaN or a warning for any finite x.  `kinks` lists the points
without a derivative; the docstring states which subgradient is taken there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from ..ground.arrays import absolute, clip_real, erfc, exp, expm1, log1p, quiet, real, where
from ..ground.arrays import tanh as hyperbolic_tangent
from ..ground.contracts import Array

__all__ = [
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "tanh",
]

Result = tuple[Array, Callable[[Array], Array]]
F = TypeVar("F", bound=Callable[..., Result])

# Klambauer et al. 2017: the fixed point with mean 0 and variance 1.
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


def with_kinks(*points: float) -> Callable[[F], F]:
    """Declare where a function has no derivative."""

    def declare(function: F) -> F:
        calm = quiet(function)
        calm.kinks = points  # type: ignore[attr-defined]
        return calm

    return declare


@with_kinks()
def identity(x: Array) -> Result:
    """y = x   ⇒   ∂x = g                                                         (A1)"""
    return x, lambda g: g


@with_kinks(0.0)
def relu(x: Array) -> Result:
    """y = max(x, 0)   ⇒   ∂x = g·[x > 0]                                          (A2)

    At 0 the subgradient 0.  Nair and Hinton 2010.
    """
    positive = real(x) > 0
    return where(positive, x, 0.0), lambda g: g * positive


@with_kinks(0.0)
def leaky_relu(x: Array, *, slope: float = 0.01) -> Result:
    """y = x if x > 0, else a·x   ⇒   ∂x = g if x > 0, else a·g                     (A3)

    At 0 the subgradient a.  Maas, Hannun and Ng 2013.
    """
    positive = real(x) > 0
    return where(positive, x, slope * x), lambda g: where(positive, g, slope * g)


@with_kinks(0.0)
def elu(x: Array, *, alpha: float = 1.0) -> Result:
    """y = x if x > 0, else α(eˣ − 1)   ⇒   ∂x = g if x > 0, else g·α·eˣ             (A4)

    At 0 the left derivative α (no kink where α = 1).  Clevert, Unterthiner and Hochreiter 2016.
    """
    positive = real(x) > 0
    negative = where(positive, 0.0, x)
    y = where(positive, x, alpha * expm1(negative))
    return y, lambda g: where(positive, g, g * (alpha * exp(negative)))


@with_kinks(0.0)
def selu(x: Array) -> Result:
    """y = λ·elu(x; α)   ⇒   ∂x = λ·∂elu                                           (A5)

    At 0 the left derivative λα.  Klambauer, Unterthiner, Mayr and Hochreiter 2017.
    """
    y, pullback = elu(x, alpha=SELU_ALPHA)
    return SELU_SCALE * y, lambda g: SELU_SCALE * pullback(g)


@with_kinks()
def gelu(x: Array) -> Result:
    """y = x·Φ(x)   ⇒   ∂x = g·(Φ(x) + x·φ(x)),   φ(x) = e^(−x²/2)/√(2π)             (A6)

    Exact: Φ(x) = ½·erfc(−x/√2) is the normal distribution function.  Hendrycks and Gimpel 2016.
    """
    cdf = 0.5 * erfc(x * -math.sqrt(0.5))

    def pullback(g: Array) -> Array:
        within = clip_real(x, -40.0, 40.0)  # φ(40) underflows to 0 and x² cannot overflow
        return g * (cdf + x * (exp(-0.5 * within * within) * (1.0 / math.sqrt(2.0 * math.pi))))

    return x * cdf, pullback


def _sigmoid(x: Array) -> Array:
    """σ(x) = 1/(1 + e⁻ˣ) = (1 if x ≥ 0, else e)/(1 + e),   e = e^(−|x|) ≤ 1       (A12)"""
    e = exp(-absolute(x))
    return where(real(x) < 0, e, 1.0) / (1.0 + e)


def _softplus(x: Array) -> Array:
    """log(1 + eˣ) = max(x, 0) + log(1 + e^(−|x|))                                 (A13)"""
    return where(real(x) < 0, 0.0, x) + log1p(exp(-absolute(x)))


@with_kinks()
def silu(x: Array) -> Result:
    """y = x·σ(x)   ⇒   ∂x = g·σ(x)·(1 + x·(1 − σ(x)))                              (A7)

    Also called swish.  Elfwing, Uchibe and Doya 2018.
    """
    s = _sigmoid(x)
    return x * s, lambda g: g * (s * (1.0 + x * (1.0 - s)))


@with_kinks()
def mish(x: Array) -> Result:
    """y = x·τ, τ = tanh(log(1 + eˣ))   ⇒   ∂x = g·(τ + x·(1 − τ²)·σ(x))            (A8)

    Misra 2020.
    """
    t = hyperbolic_tangent(_softplus(x))
    return x * t, lambda g: g * (t + x * ((1.0 - t * t) * _sigmoid(x)))


@with_kinks()
def tanh(x: Array) -> Result:
    """y = tanh x   ⇒   ∂x = g·(1 − y²)                                            (A9)"""
    y = hyperbolic_tangent(x)
    return y, lambda g: g * (1.0 - y * y)


@with_kinks()
def sigmoid(x: Array) -> Result:
    """y = 1/(1 + e⁻ˣ)   ⇒   ∂x = g·y·(1 − y)                                      (A10)"""
    y = _sigmoid(x)
    return y, lambda g: g * (y * (1.0 - y))


@with_kinks()
def softplus(x: Array) -> Result:
    """y = log(1 + eˣ)   ⇒   ∂x = g·σ(x)                                           (A11)

    Dugas et al. 2001.
    """
    return _softplus(x), lambda g: g * _sigmoid(x)
