"""Update rules, in place on flat vectors.                                                 (O0)

A rule takes

    theta   θ, (n,), written
    grad    ∇ = ∂L/∂θ, (n,), read
    state   the rule's memory, (slots, n), written; zeros before the first step
    work    scratch, (n,), written
    lr      η of this step, a 0-d array
    ...     the scalars of this step, 0-d arrays, that its `scalars` computes from t = 1, 2, …,
            or those of many steps from an array of them

and its hyper-parameters by keyword.  Scalars arrive as 0-d arrays so that a recorded step can be
replayed with new ones.  Decay of the weights is not here: it is the same for every rule and
happens once, outside (`machine/optimizer.py`).

State that would become denormal is set to zero: denormal numbers are exact to no purpose and
many times slower, and the memory of every unit that died would end among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..ground.arrays import namespace
from ..ground.contracts import Array

__all__ = ["adam", "lion", "nadam", "rmsprop", "sgd"]

Scalars = Callable[..., tuple[Any, ...]]
F = TypeVar("F", bound=Callable[..., None])


def rule(slots: int, scalars: Scalars = lambda t, **_: ()) -> Callable[[F], F]:
    """Declare how many vectors a rule remembers, and its scalars of step t."""

    def declare(function: F) -> F:
        function.slots = slots  # type: ignore[attr-defined]
        function.scalars = scalars  # type: ignore[attr-defined]
        return function

    return declare


def _power(base: float, t: Any) -> Any:
    """βᵗ, of many steps by the same function as of one: 1 − βᵗ magnifies how two would round."""
    return np.array([base**n for n in t.tolist()]) if isinstance(t, np.ndarray) else base**t


def flush(state: Array) -> None:
    """m ← (c + m) − c: a multiple of ½ulp(c) where |m| < c, else m to an ulp                 (O7)

    So what is or would be denormal becomes zero, in place: ½ulp(c) is a normal number.
    """
    info = namespace(state).finfo(state.dtype)
    c = 4.0 * float(info.tiny) / float(info.eps)
    state += c
    state -= c


@rule(slots=1)
def sgd(
    theta: Array,
    grad: Array,
    state: Array,
    work: Array,
    lr: Array,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> None:
    """u ← μu + ∇;   θ ← θ − η·u,   or with Nesterov  θ ← θ − η·(∇ + μu)                  (O1)

    Robbins and Monro 1951; Polyak 1964; Nesterov 1983 in the form of Sutskever et al. 2013.
    """
    xp = namespace(theta)
    u = state[0]
    u *= momentum
    u += grad
    flush(state)
    if nesterov:
        xp.multiply(u, momentum, out=work)
        work += grad
        work *= lr
    else:
        xp.multiply(u, lr, out=work)
    theta -= work


@rule(slots=1)
def rmsprop(
    theta: Array,
    grad: Array,
    state: Array,
    work: Array,
    lr: Array,
    *,
    rho: float = 0.99,
    epsilon: float = 1e-8,
) -> None:
    """v ← ρv + (1 − ρ)∇²;   θ ← θ − η·∇/(√v + ε)                                         (O2)

    Tieleman and Hinton 2012, lecture 6.5.
    """
    xp = namespace(theta)
    v = state[0]
    _average_of_squares(v, grad, rho, work)
    flush(state)
    xp.sqrt(v, out=work)
    work += epsilon
    xp.divide(grad, work, out=work)
    work *= lr
    theta -= work


def _average(m: Array, grad: Array, beta: float, work: Array) -> None:
    """m ← βm + (1 − β)∇."""
    namespace(m).multiply(grad, 1.0 - beta, out=work)
    m *= beta
    m += work


def _average_of_squares(v: Array, grad: Array, beta: float, work: Array) -> None:
    """v ← βv + (1 − β)∇²."""
    namespace(v).multiply(grad, grad, out=work)
    work *= 1.0 - beta
    v *= beta
    v += work


@rule(
    slots=2,
    scalars=lambda t, beta1=0.9, beta2=0.999, **_: (1.0 - _power(beta1, t), 1.0 - _power(beta2, t)),
)
def adam(
    theta: Array,
    grad: Array,
    state: Array,
    work: Array,
    lr: Array,
    bias1: Array,
    bias2: Array,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> None:
    """m ← β₁m + (1 − β₁)∇;   v ← β₂v + (1 − β₂)∇²                                        (O3)
    m̂ = m/(1 − β₁ᵗ);   v̂ = v/(1 − β₂ᵗ);   θ ← θ − η·m̂/(√v̂ + ε)

    m and v start at zero and so are too small by the factors 1 − βᵗ at first; m̂ and v̂ are not.
    ε stands outside the root.  Kingma and Ba 2015.
    """
    xp = namespace(theta)
    m, v = state
    _average(m, grad, beta1, work)
    _average_of_squares(v, grad, beta2, work)
    flush(state)
    xp.divide(v, bias2, out=work)
    xp.sqrt(work, out=work)
    work += epsilon
    xp.divide(m, work, out=work)
    work *= lr / bias1
    theta -= work


def _nadam_scalars(
    t: Any, beta1: float = 0.9, beta2: float = 0.999, momentum_decay: float = 0.004, **_: Any
) -> tuple[Any, Any, Any]:
    """Πₜ = μ₁⋯μₜ = β₁ᵗ·exp Σₖ −(½)ᵏ/k · qᵏ(qᵏᵗ − 1)/(qᵏ − 1),   μₜ = β₁(1 − ½qᵗ)            (O6)

    The product is a function of t alone, so nothing has to be remembered between steps.  Returns
    (1 − μₜ)/(1 − Πₜ), μₜ₊₁/(1 − Πₜ₊₁) and 1 − β₂ᵗ.
    """
    log_q = momentum_decay * math.log(0.96)
    k = np.arange(1, 61)
    log_qk = k * log_q
    series = -(0.5**k) / k
    if log_q:
        series *= np.exp(log_qk) / np.expm1(log_qk)

    def product(n: Any) -> Any:
        powers = np.multiply.outer(n, log_qk)
        inner = np.expm1(powers) if log_q else np.multiply.outer(n, np.ones(60))
        return _power(beta1, n) * np.exp((inner * series).sum(-1))

    mu, mu_next = (beta1 * (1.0 - 0.5 * np.exp(n * log_q)) for n in (t, t + 1))
    return (1.0 - mu) / (1.0 - product(t)), mu_next / (1.0 - product(t + 1)), 1.0 - _power(beta2, t)


@rule(slots=2, scalars=_nadam_scalars)
def nadam(
    theta: Array,
    grad: Array,
    state: Array,
    work: Array,
    lr: Array,
    now: Array,
    ahead: Array,
    bias2: Array,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    momentum_decay: float = 0.004,
) -> None:
    """m, v as in Adam;   μₜ = β₁(1 − ½·0.96^(ψt));   Πₜ = μ₁⋯μₜ                           (O4)
    θ ← θ − η·[ (1 − μₜ)/(1 − Πₜ)·∇ + μₜ₊₁/(1 − Πₜ₊₁)·m ]/(√v̂ + ε)

    Adam with Nesterov's look ahead.  Dozat 2016.
    """
    xp = namespace(theta)
    m, v = state
    _average(m, grad, beta1, work)
    _average_of_squares(v, grad, beta2, work)
    flush(state)
    xp.divide(v, bias2, out=work)
    xp.sqrt(work, out=work)
    work += epsilon
    xp.divide(now * grad + ahead * m, work, out=work)
    work *= lr
    theta -= work


@rule(slots=1)
def lion(
    theta: Array,
    grad: Array,
    state: Array,
    work: Array,
    lr: Array,
    *,
    beta1: float = 0.9,
    beta2: float = 0.99,
) -> None:
    """θ ← θ − η·sign(β₁m + (1 − β₁)∇);   then  m ← β₂m + (1 − β₂)∇                        (O5)

    Every step moves every parameter by η, so η is some ten times smaller than Adam's.
    Chen et al. 2023.
    """
    xp = namespace(theta)
    m = state[0]
    xp.subtract(grad, m, out=work)
    work *= 1.0 - beta1
    work += m
    xp.sign(work, out=work)
    work *= lr
    theta -= work
    _average(m, grad, beta2, work)
    flush(state)
