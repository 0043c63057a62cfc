"""The optimizer: a rule, its memory, and what is the same for every rule.                 (R0)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ground.arrays import lift, zeros
from ..ground.contracts import Array, Schedule
from ..ground.errors import InvalidInput

__all__ = ["Optimizer", "product_of"]


def product_of(schedules: list[Schedule]) -> Schedule:
    """s(t) = Πⱼ sⱼ(t): schedules multiply."""

    def factor(done: float, total: float) -> float:
        value = 1.0
        for schedule in schedules:
            value *= schedule(done, total)
        return value

    return factor


class Optimizer:
    """ηₜ = η·s(t − 1);   W ← W·(1 − ηₜ·λ);   θ ← rule(θ, ∇, ηₜ)                             (R1)

    The decay is decoupled from the gradient and touches matrices only, never biases or scales
    (Loshchilov and Hutter 2019).  It is the same for every rule, so it stands here, once.

    Parameters
    ----------
    rule : one of `optimizers`, or a function of the same form
    theta : array, (n,)
        What the rule will move; gives the memory its length and dtype.
    lr : float
        η.
    total : int
        The number of steps the schedule is laid out for.
    schedule : Schedule, optional
    weight_decay : float
        λ, per unit of learning rate; independent of the batch size.
    matrices : slice
        Where the matrices lie in θ.
    options : dict, optional
        The rule's hyper-parameters.

    Attributes
    ----------
    factor : float
        Of every rate, 1.0; a training that goes back after a divergence halves it.
    """

    def __init__(
        self,
        rule: Callable[..., None],
        theta: Array,
        *,
        lr: float,
        total: int,
        schedule: Schedule | None = None,
        weight_decay: float = 0.0,
        matrices: slice = slice(0, 0),
        options: dict[str, Any] | None = None,
    ) -> None:
        self.rule = rule
        self.options = options or {}
        self.lr, self.total, self.schedule = lr, total, schedule
        self.factor = 1.0
        self.weight_decay, self.matrices = weight_decay, matrices
        self.state = zeros((rule.slots, len(theta)), like=theta)  # type: ignore[attr-defined]
        self._work = zeros(len(theta), like=theta)

    def part(self, theta: Array, lo: int, hi: int) -> Optimizer:
        """The same for θ[lo:hi] alone, with a memory of its own: rules are elementwise."""
        start, stop = self.matrices.start or 0, self.matrices.stop
        return Optimizer(
            self.rule,
            theta[lo:hi],
            lr=self.lr,
            total=self.total,
            schedule=self.schedule,
            weight_decay=self.weight_decay,
            matrices=slice(max(start - lo, 0), max(min(stop, hi) - lo, 0)),
            options=self.options,
        )

    def rate(self, t: int) -> float:
        """ηₜ, the learning rate of step t = 1, 2, …"""
        scheduled = self.schedule(t - 1, self.total) if self.schedule else 1.0
        return self.factor * (self.lr * scheduled)

    def ahead(self, t: int, steps: int) -> tuple[Array, Array]:
        """ηₜ, (steps,), and the rule's scalars, (steps, k), of steps t, t + 1, …, float64."""
        rates = np.array([self.rate(n) for n in range(t, t + steps)], np.float64)
        at = np.arange(t, t + steps, dtype=np.float64)
        scalars = self.rule.scalars(at, **self.options)  # type: ignore[attr-defined]
        return rates, np.stack(scalars, axis=1) if scalars else np.empty((steps, 0))

    def scalars(self, t: int, like: Array) -> tuple[Array, ...]:
        """1 − ηₜλ, ηₜ and the rule's scalars of step t = 1, 2, …, as 0-d arrays."""
        lr = self.rate(t)
        own = self.rule.scalars(t, **self.options)  # type: ignore[attr-defined]
        return tuple(lift(value, like) for value in (1.0 - lr * self.weight_decay, lr, *own))

    def step(self, theta: Array, grad: Array, t: int | tuple[Array, ...]) -> None:
        """Move θ, in place, by step t = 1, 2, …, or by the step that has these `scalars`."""
        keep, *of_step = t if isinstance(t, tuple) else self.scalars(t, theta)
        if self.weight_decay:
            theta[self.matrices] *= keep
        found: object = self.rule(theta, grad, self.state, self._work, *of_step, **self.options)
        if found is not None and found is not theta:  # it made another θ, and this one stayed
            raise InvalidInput(
                f"The optimizer {getattr(self.rule, '__name__', 'of your own')} returned another "
                "θ; a rule moves θ in place, as in theta -= lr * grad, and returns nothing."
            )
