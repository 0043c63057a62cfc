"""One step of training: the page that everything else serves.                            (T0)"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ground.arrays import quiet, sqrt, where, whichever
from ..ground.contracts import Array, Batch, Objective, Reduce
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from ..mathematics.losses import l2_penalty

__all__ = [
    "Penalty",
    "backpropagate",
    "clip_norm",
    "descend",
    "is_finite",
    "l2",
    "move_average",
    "pace_of_average",
    "train_step",
]

Penalty = Callable[[Chain], Array]
"""penalty(chain) → P(θ), having added ∂P/∂θ to chain.grad."""


def train_step(
    chain: Chain,
    objective: Objective,
    optimizer: Optimizer,
    batch: Batch,
    t: int | tuple[Array, ...],
    *,
    penalty: Penalty | None = None,
    reduce: Reduce | None = None,
    clip: float | None = None,
) -> tuple[Array, Array]:
    """θ ← θ − Δ(∇L(θ; batch)): one step of stochastic gradient descent.                  (T1)

    Parameters
    ----------
    t : int, or tuple of 0-d arrays
        The step; or what the optimizer takes from it, of a step that is recorded and replayed.

    Returns
    -------
    value : 0-d array
        L of the batch, penalty included, before the step.
    z : array, (n, n_outputs)
        The scores of the batch, before the step.
    """
    value, z = backpropagate(chain, objective, batch)  # writes chain.grad
    if reduce:
        value = reduce(value, chain.outgoing)  # the only communication: sums
    return descend(chain, optimizer, t, value, penalty=penalty, clip=clip), z


def backpropagate(chain: Chain, objective: Objective, batch: Batch) -> tuple[Array, Array]:
    """L and z of a batch; ∇L and the increments of running statistics are in `chain.outgoing`."""
    z, pullback = chain(batch.x, batch.noise)  # forward; noise given means training
    value, g = objective(batch.y, z, batch.weight, batch.total)
    pullback(g)  # backward: writes chain.grad
    return value, z


def descend(
    chain: Chain,
    optimizer: Optimizer,
    t: int | tuple[Array, ...],
    value: Array,
    *,
    penalty: Penalty | None = None,
    clip: float | None = None,
) -> Array:
    """Take the step that `chain.outgoing` asks for; returns L with the penalty."""
    if penalty:
        value = value + penalty(chain)
    if clip:
        clip_norm(chain.grad, clip)
    optimizer.step(chain.theta, chain.grad, t)
    chain.statistics += chain.increments
    return value


def l2(strength: float) -> Penalty | None:
    """P = (λ/2)‖W‖² over all matrices of a chain; None where λ = 0."""
    if not strength:
        return None

    def penalty(chain: Chain) -> Array:
        matrices = chain.layout.matrices
        value, g = l2_penalty(chain.theta[matrices], strength)
        chain.grad[matrices] += g
        return value

    return penalty


@quiet
def clip_norm(grad: Array, limit: float) -> None:
    """∇ ← ∇·min(1, c/‖∇‖): the direction stays, the length is at most c.                  (T2)

    Pascanu, Mikolov and Bengio 2013.
    """
    limit = float(limit)

    def of_a_long_one() -> Array:  # its squares overflowed, its length may not have
        peak = abs(grad).max()
        unit = grad / peak
        return (limit / peak) / sqrt(unit @ unit)

    squares = grad @ grad
    factor = whichever(squares < math.inf, lambda: limit / sqrt(squares), of_a_long_one)
    grad *= where(factor < 1.0, factor, 1.0)


def is_finite(grad: Array) -> bool:
    """Whether every ∂L/∂θⱼ is a number; the squares may overflow where ∇ itself does not."""
    return math.isfinite(grad @ grad) or bool(np.isfinite(grad).all())


def pace_of_average(decay: float, t: Any) -> Any:
    """1 − d after step t, with d held below (1 + t)/(10 + t), so that θ̄ forgets the start."""
    return 1.0 - np.minimum(decay, (1.0 + t) / (10.0 + t))


def move_average(averaged: Chain, chain: Chain, pace: Any) -> None:
    """θ̄ ← dθ̄ + (1 − d)θ, and the same of the running statistics."""
    for mean, now in (
        (averaged.theta, chain.theta),
        (averaged.statistics, chain.statistics),
    ):
        mean += pace * (now - mean)
