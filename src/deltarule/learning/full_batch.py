"""Training on all rows at once by L-BFGS: for few rows, or to come close to a minimum."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from ..data.batches import Rows, chunks, total_weight
from ..ground.arrays import quiet
from ..ground.contracts import Array, Objective
from ..ground.errors import Diverged, NotAvailable, Problems
from ..machine.chain import Chain
from ..machine.layers import Dropout
from .callbacks import Callback
from .evaluation import Judge, evaluate
from .history import History
from .monitor import Monitor
from .plan import Plan
from .step import l2

__all__ = ["FullBatchTraining", "against_full_batch"]

# What the layers compute of so many rows stays in memory at a time.
ROWS_AT_ONCE = 4096
# So many numbers of scaled input are kept from one evaluation to the next; more are made anew.
MOST_KEPT = 2**24
# A trial of the line search without a finite loss counts as so much worse than where it began.
WALL = 10.0
# What full batches do without.
OFF = {"clip_norm": None, "average": 0.0, "precision": "full", "on_divergence": "raise"}


@dataclass(frozen=True, eq=False)
class _Point:
    """A place in the space of the weights: θ, L with the penalty, ∇ and the scores of all rows."""

    theta: Array
    value: float
    grad: Array
    scores: Array

    @property
    def finite(self) -> bool:
        return math.isfinite(self.value) and bool(np.isfinite(self.grad).all())

    @property
    def steepest(self) -> float:
        """The largest |∂L/∂θⱼ|."""
        return float(abs(self.grad).max(initial=0.0))


class FullBatchTraining:
    """A training whose every step sees all rows: SciPy's L-BFGS-B on θ, in float64.

    Each iteration multiplies ∇ by an estimate of the inverse curvature, learned from the last ten
    steps, and searches along that direction for a point that is low enough.  The loss of all rows
    never rises.  The chain may be of float32: θ is then rounded after each iteration, and what is
    validated, kept and hashed is the rounded one.

    Liu and Nocedal 1989; Byrd, Lu, Nocedal and Zhu 1995.

    Parameters
    ----------
    chain : Chain
        Without dropout and batch normalisation, see `against_full_batch`.
    objective, rows, rows_val, judge, monitor, callbacks
        As in `Training`.
    plan : Plan
        Of which `l2` and `restore_best` are used.  A divergence always raises: there is no rate to
        halve, and what the line search finds not finite it turns back from by itself.
    max_iterations : int
        At least 1.
    max_evaluations : int
        No iteration begins after so many evaluations of the loss; the last may take some more.
    gradient_tolerance : float
        It has converged where no |∂L/∂θⱼ| is larger.
    value_tolerance : float
        It has converged where an iteration lowers L by no more than this times max(|L|, 1).

    Attributes
    ----------
    chain, history
    plan : Plan
        With `epochs` = max_iterations.
    t, epoch : int
        Iterations done, and the current one, from 1: here a step is an epoch.
    evaluations : int
        How often the loss and ∇ of all rows were computed.
    total_steps : int
    stop : bool
        Set by a callback to end the training after the current iteration.

    Raises
    ------
    InvalidInput
        If a layer or the plan asks for what full batches do not have; all problems at once.
    NotAvailable
        If SciPy is not installed.
    """

    def __init__(
        self,
        chain: Chain,
        objective: Objective,
        rows: Rows,
        rows_val: Rows | None,
        plan: Plan,
        judge: Judge,
        monitor: Monitor | None,
        callbacks: Iterable[Callback] = (),
        *,
        max_iterations: int,
        max_evaluations: int,
        gradient_tolerance: float,
        value_tolerance: float,
    ) -> None:
        problems = Problems()
        for sentence in against_full_batch(chain, plan):
            problems.add(sentence)
        problems.raise_if_any()
        self._minimize = _scipy_minimize()
        self.chain, self.objective = chain, objective
        self.rows, self.rows_val = rows, rows_val
        self.plan, self.judge, self.monitor = replace(plan, epochs=max_iterations), judge, monitor
        self.callbacks = list(callbacks)
        self.max_evaluations = max_evaluations
        self.gradient_tolerance, self.value_tolerance = gradient_tolerance, value_tolerance
        self.history = History(monitor.name if monitor else "")
        self.history.engine_reasons = (
            "The engine takes first-order steps of mini-batches, and this is L-BFGS on all rows.",
        )
        self.t, self.epoch, self.stop, self.evaluations = 0, 0, False, 0
        self.total_steps = max_iterations
        self.averaged, self.progress = chain, None  # nothing is averaged, nothing to go on from
        self._wide = chain.over(*(v.astype(np.float64) for v in (chain.theta, chain.statistics)))
        self._all = _in_float64(rows)
        self._total = total_weight(rows.weight, len(rows)) or 1.0
        self._penalty = l2(plan.l2)
        self._x = self._all.x(slice(None)) if rows.X.size <= MOST_KEPT else None
        self._here: _Point | None = None  # where the last whole iteration has led
        self._last: _Point | None = None  # what was evaluated last

    @quiet
    def run(self) -> History:
        """Train to the end; the chain then holds the best weights (or the last, unmonitored).

        `history` has one record for each iteration, its training values those of the weights
        after it; `lr` is 1, since the line search scales every step itself, and `gradient` the
        largest |∂L/∂θⱼ|.  `history.stop_reason` says why it ended.

        Raises
        ------
        Diverged
            When the loss is not finite at the first weights, or a weight or the validation loss
            later; the chain then holds the best weights so far, or, where none were monitored,
            those from before the iteration.
        """
        self._started = time.monotonic()
        self._tell("on_start")
        try:
            if self.stop:
                self.history.stop_reason = "callback"
            else:
                self._descend()
        finally:
            self.history.steps = self.t
            self.history.seconds = time.monotonic() - self._started
            self.history.weights_sha256 = hashlib.sha256(self.chain.theta.tobytes()).hexdigest()
            if self.monitor and self.plan.restore_best:
                self.monitor.restore(self.chain.theta, self.chain.statistics)
            self._tell("on_end")
        return self.history

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)

    def _descend(self) -> None:
        self._here = self._evaluate(self._wide.theta.copy())
        if not self._here.finite:
            self._diverged("the loss or its gradient was not finite")
        self.epoch = 1
        self._minimize(
            self._value_and_gradient,
            self._here.theta,
            jac=True,
            method="L-BFGS-B",
            callback=self._after_iteration,
            options={
                "maxiter": self.plan.epochs,
                "maxfun": self.max_evaluations,
                "ftol": self.value_tolerance,
                "gtol": self.gradient_tolerance,
            },
        )
        self.epoch = self.t
        if not self.history.stop_reason:  # it stopped where no iteration ended
            flat = self._here.steepest <= self.gradient_tolerance
            self.history.stop_reason = "converged" if flat else "line search"

    def _evaluate(self, theta: Array) -> _Point:
        """L and ∇ of all rows, some at a time: with the total of all they add up exactly."""
        chain, rows = self._wide, self._all
        chain.theta[...] = theta
        value, grad, scores = 0.0, np.zeros_like(theta), []
        for part in chunks(len(rows), ROWS_AT_ONCE):
            z, pullback = chain(rows.x(part) if self._x is None else self._x[part])
            of_part, g = self.objective(rows.y[part], z, rows.weight_of(part), self._total)
            pullback(g)
            grad += chain.grad
            value += float(of_part)
            scores.append(z)
        if self._penalty:
            chain.grad[...] = grad
            value += float(self._penalty(chain))
            grad[...] = chain.grad
        self.evaluations += 1
        self._last = _Point(theta.copy(), value, grad, np.concatenate(scores))
        return self._last

    def _at(self, theta: Array) -> _Point:
        """What is known of a point; most often it was evaluated last."""
        last = self._last
        return last if last and np.array_equal(last.theta, theta) else self._evaluate(theta)

    def _value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        point = self._at(theta)
        if point.finite:
            return point.value, point.grad.copy()
        assert self._here
        value = self._here.value
        return value + WALL * (1.0 + abs(value)), np.zeros_like(theta)

    def _after_iteration(self, theta: Array) -> None:
        assert self._here
        point, before = self._at(theta), self._here
        chain, weights_before = self.chain, self.chain.theta.copy()
        try:
            chain.theta[...] = point.theta
            self.t = self.epoch
            record = self._record(point)
        except (Diverged, KeyboardInterrupt):  # never weights without their record
            chain.theta[...] = weights_before
            self.t -= 1
            raise
        self._here = point
        self.history.epochs.append(record)
        reason = self._reason(before, point)
        if self.monitor:
            value = record[self.monitor.name]
            if self.monitor.see(self.epoch, value, chain.theta, chain.statistics) and not reason:
                reason, self.history.stopped_early = "patience", True
            self.history.best_epoch = self.monitor.best_epoch
        self.stop = self.stop or bool(reason)  # so that callbacks know the last record
        self._tell("on_step")
        self._tell("on_epoch")
        if self.stop:
            self.history.stop_reason = reason or "callback"
            raise StopIteration
        self.epoch += 1

    def _record(self, point: _Point) -> dict[str, float]:
        record = {"epoch": self.epoch, "step": self.t, "lr": 1.0, "gradient": point.steepest}
        record["train_loss"] = point.value
        metrics = self.judge(self.rows.y, point.scores, self.rows.weight)
        record |= {f"train_{name}": value for name, value in metrics.items()}
        if not np.isfinite(self.chain.theta).all():
            self._diverged("a weight was not finite")
        if self.rows_val is not None:
            found = evaluate(self.chain, self.objective, self.rows_val, self.judge)
            if not math.isfinite(found["loss"]):
                self._diverged("the validation loss was not finite")
            record |= {f"val_{name}": value for name, value in found.items()}
        record["seconds"] = time.monotonic() - self._started
        return record

    def _reason(self, before: _Point, now: _Point) -> str:
        """Why this iteration is the last; L-BFGS-B's own tests, made before the callbacks hear."""
        size = max(abs(before.value), abs(now.value), 1.0)
        small = before.value - now.value <= self.value_tolerance * size
        if small or now.steepest <= self.gradient_tolerance:
            return "converged"
        if self.epoch >= self.plan.epochs:
            return "iterations"
        return "evaluations" if self.evaluations >= self.max_evaluations else ""

    def _diverged(self, what: str) -> NoReturn:
        best = self.monitor.best_epoch if self.monitor and self.plan.restore_best else None
        before = "from before this iteration" if self.epoch else "that it began with"
        kept = f"of iteration {best}, the best" if best else before
        raise Diverged(
            f"Training diverged: {what} in iteration {self.epoch}. Scale the input "
            f'(scaling="feature") and look for extreme targets. Kept are the weights {kept}.',
            self.t,
        )


def against_full_batch(chain: Chain, plan: Plan) -> tuple[str, ...]:
    """All that speaks against training on all rows at once, whole sentences."""
    reasons = [
        f"Full batches have no noise, which the layer {name} ({type(layer).__name__}) lives on; "
        "leave it out, or train on mini-batches."
        for name, layer in chain.layers.items()
        if layer.statistics or (isinstance(layer, Dropout) and layer.rate)
    ]
    for name, off in OFF.items():
        if getattr(plan, name) != off:
            reasons.append(
                f"{name} is for mini-batches; leave it out where each step sees all rows."
            )
    if plan.engine == "fast":
        reasons.append('engine="fast" takes mini-batches; leave engine="auto".')
    return tuple(reasons)


def _in_float64(rows: Rows) -> Rows:
    y = rows.y if rows.y.dtype.kind == "i" else rows.y.astype(np.float64)
    weight = None if rows.weight is None else rows.weight.astype(np.float64)
    return replace(rows, y=y, weight=weight, dtype=np.dtype(np.float64))


def _scipy_minimize() -> Callable[..., Any]:
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise NotAvailable(
            "Training on all rows at once needs SciPy: pip install scipy. Without it, train on "
            "mini-batches."
        ) from None
    found: Callable[..., Any] = minimize
    return found
