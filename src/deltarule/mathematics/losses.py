"""Losses of raw scores: L = Σᵢ wᵢ ℓ(yᵢ, zᵢ)/total, and ∂L/∂z of the same function.    (E0)

Each function takes

    y       (n,) integer classes or (n, k) soft targets (cross_entropy); (n, k) targets (the rest)
    z       (n, k) scores: what the last layer returns
    weight  (n,) sample weights, or None where every row weighs 1
    total   the weight of the global batch

and returns (L, ∂L/∂z), a scalar and an (n, k) array.  The elementwise losses average over the k
outputs, without a factor ½ (PyTorch's convention) but where their name says so.

For finite scores there is no NaN and no warning: the value is right wherever it is representable,
else +inf, never −inf or NaN, which could pass for a good loss.  That is why c = w/total is
multiplied in before the sum, and why differences are taken of halves: z/2 − y/2 cannot overflow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..ground.arrays import (
    absolute,
    clip_real,
    constants,
    count,
    exp,
    finite_or_inf,
    log1p,
    quiet,
    real,
    sign,
    sum_units,
    top_of_rows,
    where,
    zeros,
)
from ..ground.contracts import Array
from ..ground.errors import InvalidInput, did_you_mean
from .activations import _sigmoid

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "cross_entropy",
    "half_squared_error",
    "huber",
    "l2_penalty",
    "poisson",
    "quantile",
    "softmax",
    "squared_error",
]
NOT_IN_TABLE = ("l2_penalty", "softmax")
TASKS = ("classification", "regression")

Result = tuple[Array, Array]
F = TypeVar("F", bound=Callable[..., Result])


@quiet
def softmax(z: Array) -> Array:
    """pₖ = e^(zₖ)/Σⱼ e^(zⱼ), each row shifted by its largest score, (n, k) → (n, k).  (E1)"""
    e = exp(z - top_of_rows(z))
    return e / sum_units(e)


def sigmoid_link(z: Array) -> Array:
    """p = σ(z): each output its own probability."""
    return _sigmoid(z)


def identity_link(z: Array) -> Array:
    """The scores are the predictions."""
    return z


@quiet
def exp_link(z: Array) -> Array:
    """μ = e^z: a rate is positive."""
    return exp(z)


def declare(
    task: str, link: Callable[[Array], Array] = identity_link, kinks: tuple[float, ...] = ()
) -> Callable[[F], F]:
    """What others need to know of a loss: its task, its link from scores to predictions, and the
    residuals z − y at which it has no derivative.
    """
    if task not in TASKS:
        raise InvalidInput(
            f"A loss is declared for {' or '.join(map(repr, TASKS))}, not {task!r}."
            f"{did_you_mean(task, TASKS)}"
        )

    def attach(function: F) -> F:
        calm = quiet(function)
        calm.task, calm.link, calm.kinks = task, link, kinks  # type: ignore[attr-defined]
        return calm

    return attach


def of_rows(
    task: str, link: Callable[[Array], Array] = identity_link, kinks: tuple[float, ...] = ()
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """A loss from what it is of one row: a function (y, z) → (ℓ, ∂ℓ/∂z), which knows no weights.

    ℓ has one entry for each row, (n,), or one for each output, (n, k), which are averaged; ∂ℓ/∂z
    has z's shape.  The weights of rows and the total are seen to here:

        @of_rows("regression")
        def fourth_power(y, z):
            return (z - y) ** 4, 4 * (z - y) ** 3

    `task`, `link` and `kinks` as in `declare`; where each output is a yes or no of its own, the
    link is `sigmoid_link`.
    """

    def weigh(function: Callable[..., Result]) -> Callable[..., Result]:
        @functools.wraps(function)
        def loss(y: Array, z: Array, weight: Array | None, total: float, **options: Any) -> Result:
            answer = function(y, z, **options)
            shapes = (
                [tuple(getattr(part, "shape", ())) for part in answer]
                if isinstance(answer, tuple) and len(answer) == 2
                else []
            )
            rows, entries = tuple(z.shape[:1]), tuple(z.shape)
            if shapes not in ([rows, entries], [entries, entries]):
                found = " and ".join(map(str, shapes)) or type(answer).__name__
                raise InvalidInput(
                    f"The loss {function.__name__} must return ℓ of each row, {rows}, or of each "
                    f"output, {entries}, and ∂ℓ/∂z, {entries}, not {found}."
                )
            value, slope = answer
            c = _share(weight, total, 1 if value.ndim == 1 else z.shape[1])
            of_value = c[:, 0] if weight is not None and value.ndim == 1 else c
            return finite_or_inf((of_value * value).sum()), c * slope

        return declare(task, link, kinks)(loss)

    return weigh


def _share(weight: Array | None, total: float, outputs: int = 1) -> Any:
    """c = w/(total·outputs), (n, 1), or one number where every row weighs 1."""
    if weight is None:
        return 1.0 / (total * outputs)
    return (weight / (total * outputs))[:, None]


def _half_residual(y: Array, z: Array) -> Array:
    """h = (z − y)/2 = z/2 − y/2, finite for all finite z and y                      (E10)"""
    return 0.5 * z - 0.5 * y


def _soft_targets(y: Array, z: Array) -> Array:
    """Integer classes as rows of the identity matrix; soft targets as they are."""
    if y.ndim == 2:
        return y
    q = zeros(z.shape, like=real(z))
    q[count(len(y), like=q), y] += 1.0
    return q


@declare("classification", link=softmax)
def cross_entropy(
    y: Array, z: Array, weight: Array | None, total: float, *, label_smoothing: float = 0.0
) -> Result:
    """ℓ = −Σₖ qₖ log pₖ, p = softmax(z)   ⇒   ∂ℓ/∂z = p·Σₖqₖ − q                   (E2)

    q = (1 − ε)·y + ε/k with label smoothing ε (Szegedy et al. 2016); y one-hot or soft.
    p and q are formed without the class of the target: 1 − p and log(1 + Σ others) keep their
    digits where the network is all but certain.
    """
    c = _share(weight, total)
    label = y if y.ndim == 1 else y.argmax(1)
    at_label = count(len(z), like=z), label
    below = 0.5 * top_of_rows(z) - 0.5 * z
    p = exp(-2.0 * below)
    own = p[at_label][:, None]
    p[at_label] -= own[:, 0]  # 0, without a number from the host
    others = sum_units(p)
    log_sum = log1p(others + (own - 1.0))
    p /= others + own
    p[at_label] = -sum_units(p)[:, 0]  # p − 1
    if y.ndim == 1 and not label_smoothing:  # the same sums without the n·k zeros of q
        value = (2.0 * c * below[at_label][:, None] + c * log_sum).sum()
        return finite_or_inf(value), c * p
    q = _soft_targets(y, z) * (1.0 - label_smoothing) + label_smoothing / z.shape[1]
    mass = sum_units(q)
    value = (2.0 * c * q * below).sum() + (c * mass * log_sum).sum()
    q[at_label] -= mass[:, 0]
    return finite_or_inf(value), c * (mass * p - q)


@declare("classification", link=sigmoid_link)
def binary_cross_entropy(y: Array, z: Array, weight: Array | None, total: float) -> Result:
    """ℓ = log(1 + e^z) − y·z   ⇒   ∂ℓ/∂z = σ(z) − y                                 (E3)

    y in [0, 1], one column per label.  Written |z|·(1 − y or y) + log(1 + e^(−|z|)), all terms
    positive, and (1 − y)·σ(z) − y·σ(−z): nothing cancels where the network is all but certain.
    """
    c = _share(weight, total, z.shape[1])
    negative, size, no = real(z) < 0, absolute(z), 1.0 - y
    e = exp(-size)
    value = (c * size * where(negative, y, no) + c * log1p(e)).sum()
    return finite_or_inf(value), c * (where(negative, no * e - y, no - y * e) / (1.0 + e))


@declare("regression")
def squared_error(y: Array, z: Array, weight: Array | None, total: float) -> Result:
    """ℓ = (z − y)²   ⇒   ∂ℓ/∂z = 2(z − y)                                          (E4)"""
    c = _share(weight, total, z.shape[1])
    h = _half_residual(y, z)
    g = 4.0 * c * h
    return finite_or_inf((g * h).sum()), g


@declare("regression")
def half_squared_error(y: Array, z: Array, weight: Array | None, total: float) -> Result:
    """ℓ = ½(z − y)²   ⇒   ∂ℓ/∂z = z − y                                            (E11)

    The convention of most textbooks, and of scikit-learn's MLPRegressor for one output.
    """
    c = _share(weight, total, z.shape[1])
    h = _half_residual(y, z)
    g = 2.0 * c * h
    return finite_or_inf((g * h).sum()), g


@declare("regression", kinks=(0.0,))
def absolute_error(y: Array, z: Array, weight: Array | None, total: float) -> Result:
    """ℓ = |z − y|   ⇒   ∂ℓ/∂z = sign(z − y)                                        (E5)

    At z = y the subgradient 0.
    """
    c = _share(weight, total, z.shape[1])
    value = (2.0 * c * absolute(_half_residual(y, z))).sum()
    return finite_or_inf(value), c * sign(z - y)


@declare("regression")
def huber(y: Array, z: Array, weight: Array | None, total: float, *, delta: float = 1.0) -> Result:
    """ℓ = ½r² if |r| ≤ δ, else δ(|r| − ½δ), r = z − y   ⇒   ∂ℓ/∂z = clip(r, −δ, δ)   (E6)

    Huber 1964; PyTorch's HuberLoss.
    """
    c = _share(weight, total, z.shape[1])
    h = _half_residual(y, z)
    near = absolute(real(h)) <= 0.5 * delta
    inner = where(near, h, 0.0)
    outer = where(near, 0.0, absolute(h) - 0.25 * delta)
    value = (2.0 * c * inner * inner + 2.0 * c * delta * outer).sum()
    return finite_or_inf(value), c * clip_real(2.0 * h, -delta, delta)


@declare("regression", link=exp_link)
def poisson(y: Array, z: Array, weight: Array | None, total: float) -> Result:
    """ℓ = e^z − y·z   ⇒   ∂ℓ/∂z = e^z − y                                          (E7)

    The negative log-likelihood of counts y ≥ 0 at the rate e^z, without the constant log y!.
    """
    c = _share(weight, total, z.shape[1])
    counted = z if weight is None else where(c == 0, 0.0 * z, z)  # 0·e^z is 0, not 0·∞
    root = exp(0.5 * counted)
    rate = (c * root) * root  # c·e^z, right even where e^z alone would overflow
    return finite_or_inf((rate - c * y * z).sum()), rate - c * y


@declare("regression", kinks=(0.0,))
def quantile(
    y: Array,
    z: Array,
    weight: Array | None,
    total: float,
    *,
    level: float | Sequence[float] = 0.5,
) -> Result:
    """ℓ = max(τ·r, (τ − 1)·r), r = y − z   ⇒   ∂ℓ/∂z = −τ if z < y, 1 − τ if z > y   (E8)

    The pinball loss: its minimizer is the τ-quantile.  At z = y the subgradient 0.
    Several levels are one for each output; y may then be one column, (n, 1), for all of them.
    Koenker and Bassett 1978.
    """
    c = _share(weight, total, z.shape[1])
    below: Any = level
    above: Any
    if isinstance(level, float | int):
        above = 1.0 - level
    else:
        below = constants(level, like=real(z))
        above = constants([1.0 - tau for tau in level], like=real(z))
    side = sign(z - y)
    slope = where(side > 0, above * side, below * side)
    return finite_or_inf((2.0 * c * slope * _half_residual(y, z)).sum()), c * slope


def l2_penalty(w: Array, strength: float) -> Result:
    """P = (λ/2)‖W‖²   ⇒   ∂W = λ·W                                                 (E9)

    `w` is the part of θ that holds the matrices, (m,).
    """
    g = strength * w
    return 0.5 * (g * w).sum(), g
