"""The functions that NumPy and torch spell differently, and that complex numbers trip.

Floors 1 and 2 are written in operators and these functions, so the same code runs on NumPy
arrays (float32, float64, complex128 for the complex-step check) and on torch tensors.
Comparisons are made on `real` parts: a complex perturbation then takes the branch of the point
that it perturbs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from .contracts import Array

__all__ = [
    "absolute",
    "clip_real",
    "constants",
    "count",
    "erfc",
    "exp",
    "expm1",
    "finite_or_inf",
    "lift",
    "log1p",
    "namespace",
    "quiet",
    "real",
    "sign",
    "sqrt",
    "sum_rows",
    "sum_units",
    "tanh",
    "top_of_rows",
    "where",
    "whichever",
    "zeros",
]

quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
"""A decorator: extreme but finite input may overflow to inf inside, without a warning."""


def namespace(x: Array) -> Any:
    """The module whose functions take x: numpy, or torch for a tensor."""
    return np if isinstance(x, np.ndarray | np.generic) else _torch()


def _torch() -> ModuleType:
    import torch

    return torch


def real(x: Array) -> Array:
    """The real part; x itself if it has no other."""
    is_complex = np.iscomplexobj if namespace(x) is np else namespace(x).is_complex
    return x.real if is_complex(x) else x


def exp(x: Array) -> Array:
    """eˣ."""
    return namespace(x).exp(x)


def expm1(x: Array) -> Array:
    """eˣ − 1, exact for small x."""
    return namespace(x).expm1(x)


def lift(values: Any, like: Array) -> Array:
    """A number or a NumPy array, as an array of like's kind and dtype (and device)."""
    if isinstance(like, np.ndarray):
        return np.asarray(values, like.dtype)
    return _torch().as_tensor(values, dtype=like.dtype, device=like.device)


def constants(values: Sequence[float], like: Array) -> Array:
    """The same numbers each time, as an array of like's kind and dtype (and device), to be read.

    A tensor of them is made once: a step must not wait for numbers that come from the host.
    """
    if isinstance(like, np.ndarray):
        return np.asarray(values, like.dtype)
    return _constants(tuple(values), like.dtype, like.device)


@functools.lru_cache(maxsize=64)
def _constants(values: tuple[float, ...], dtype: Any, device: Any) -> Array:
    return _torch().tensor(values, dtype=dtype, device=device)


def count(n: int, like: Array) -> Array:
    """0, 1, … n − 1, int64, of like's kind (and device)."""
    if isinstance(like, np.ndarray):
        return np.arange(n)
    return _torch().arange(n, device=like.device)


def log1p(x: Array) -> Array:
    """log(1 + x), exact for small x."""
    return namespace(x).log1p(x)


def sign(x: Array) -> Array:
    """−1, 0 or 1, of the real part."""
    return namespace(x).sign(real(x))


def sqrt(x: Array) -> Array:
    """The square root."""
    return namespace(x).sqrt(x)


def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return namespace(x).tanh(x)


def erfc(x: Array) -> Array:
    """erfc(x) = 2/√π ∫ₓ^∞ e^(−s²) ds, for real and complex x; exact where 1 − erf(x) is not."""
    if isinstance(x, np.ndarray | np.generic):
        from scipy.special import erfc as scipy_erfc

        return scipy_erfc(x)
    return _torch().special.erfc(x)


def where(condition: Array, x: Any, y: Any) -> Array:
    """x where the condition holds, else y."""
    return namespace(condition).where(condition, x, y)


def whichever(condition: Array, yes: Callable[[], Array], no: Callable[[], Array]) -> Array:
    """yes() where the condition, one truth, holds, else no().

    Of tensors both are computed: the host does not wait for the condition.
    """
    if isinstance(condition, np.ndarray | np.generic):
        return yes() if condition else no()
    return where(condition, yes(), no())


def absolute(x: Array) -> Array:
    """|x| as an analytic branch: −x where the real part is negative (np.abs loses ∂ in silence)."""
    return where(real(x) < 0, -x, x)


def clip_real(x: Array, low: float, high: float) -> Array:
    """x, held within [low, high] by its real part; constant, so without derivative, outside."""
    r = real(x)
    return where(r < low, low, where(r > high, high, x))


def sum_rows(x: Array) -> Array:
    """Σ over rows, (n, k) → (k,): what a parameter shared by all rows collects."""
    return x.sum(0)


def sum_units(x: Array) -> Array:
    """Σ over the units of each row, (n, k) → (n, 1)."""
    return x.sum(1, keepdims=True)


def top_of_rows(x: Array) -> Array:
    """The largest real part of each row, (n, k) → (n, 1)."""
    top = real(x).max(1, keepdims=True) if isinstance(x, np.ndarray) else x.amax(1, keepdim=True)
    return top


def zeros(shape: int | tuple[int, ...], like: Array) -> Array:
    """Zeros of like's kind and dtype (and device)."""
    if isinstance(like, np.ndarray):
        return np.zeros(shape, like.dtype)
    return _torch().zeros(shape, dtype=like.dtype, device=like.device)


def finite_or_inf(value: Array) -> Array:
    """value, or inf where it is not finite: ∞ − ∞ must not pass for a number."""
    return where(abs(real(value)) < math.inf, value, math.inf)
