"""The guard against divergence: what it watches, what it says, and how a training goes back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import Diverged
from .progress import Progress
from .snapshot import number

if TYPE_CHECKING:
    from .training import Training

__all__ = ["MOST_ROLLBACKS", "Guard"]

# An epoch whose mean loss is so many times the first batch's has left for good.
RUNAWAY = 1e4
# A rate that is too high by more than 2⁵ is no slip; going back on and on would hide it.
MOST_ROLLBACKS = 5


class Guard:
    """Watches a training, and answers where it diverges as the plan's `on_divergence` says.

    After each step it looks at the loss and at whether ∇ is finite; after each epoch at the
    weights, the running statistics, the optimizer's memory, the mean loss and the validation loss.
    A length of ∇ that is large but finite is none of its business: healthy trainings have some.

    Going back means to the end of the last whole epoch, or to the start.  As the order of rows and
    dropout are functions of the epoch and the step, what is done again differs in the rate alone.

    Parameters
    ----------
    training : Training

    Attributes
    ----------
    taken_back : int
        How many steps were taken and then given up.
    """

    def __init__(self, training: Training) -> None:
        self.training, self.taken_back = training, 0
        self._policy = training.plan.on_divergence
        self._first_loss: float | None = None
        self._last_finite: float | None = None
        self._rollbacks: list[str] = []  # one sentence for each
        self._safe: Progress | None = None
        self._told: Diverged | None = None
        self._seen, self._in_vain = "", False

    # -- watching -----------------------------------------------------------------------------

    def see_steps(self, losses: Array, weights: Array, gradient_is_finite: bool | Array) -> None:
        """Count steps, and stop at one whose loss or ∇ is not finite.

        Parameters
        ----------
        weights : array, (steps,)
            Of the rows of each batch.
        gradient_is_finite : bool, or array of them
            Of the last step, or of the last steps; those before had to be.
        """
        training = self.training
        finite = np.ones(len(losses), bool)
        told = np.atleast_1d(gradient_is_finite)[-len(losses) :]
        finite[len(losses) - len(told) :] = told
        for loss, weight, is_finite in zip(
            losses.tolist(), weights.tolist(), finite.tolist(), strict=True
        ):
            training.t += 1
            if not math.isfinite(loss):
                self._diverged("the loss was not finite", before_its_step=True)
            if self._first_loss is None and weight > 0:  # what no row counts for says nothing
                self._first_loss = loss
            self._last_finite = loss
            if not is_finite:
                self._diverged("the gradient was not finite", before_its_step=True)

    def see_epoch(self, loss: float) -> None:
        """Look at everything that must be finite after an epoch, and at its mean loss."""
        chain = self.training.chain
        if not np.isfinite(chain.theta).all():
            self._diverged("a weight was not finite")
        if not np.isfinite(chain.statistics).all():
            self._diverged("a running mean or variance was not finite")
        if not np.isfinite(self.training.optimizer.state).all():
            # It would stand still, and not say so.
            self._diverged("the optimizer's memory of the gradients was not finite")
        self.see_mean("the mean loss of the epoch", loss)

    def see_mean(self, what: str, value: float) -> None:
        """A loss that is finite but has left for good would pass for a result."""
        if not value <= RUNAWAY * (1.0 + abs(self._first_loss or 0.0)):
            self._diverged(f"{what} was {value:.3g}")

    # -- answering ----------------------------------------------------------------------------

    def begin_epoch(self) -> None:
        """Note where to go back to, if it may come to that."""
        now = self.training
        if self._policy == "rollback":
            self._safe = Progress.of(now.chain, now.averaged, now.optimizer, now.t, now.epoch)

    def goes_back(self, error: Diverged) -> bool:
        """Whether the epoch begins anew, with half the rate; everything is then as it began."""
        safe, now = self._safe, self.training
        helpless = self._in_vain or len(self._rollbacks) >= MOST_ROLLBACKS
        if safe is None or helpless or error is not self._told:
            return False
        at, self.taken_back = now.t, self.taken_back + now.t - safe.t
        safe.restore(now.chain, now.averaged, now.optimizer)
        now.t = safe.t
        now.optimizer.factor /= 2.0
        self._rollbacks.append(
            f"At step {at} {self._seen}; went back to step {safe.t} with half the learning rate, "
            f"{now.optimizer.rate(safe.t + 1):.3g}."
        )
        now.history.notes += (self._rollbacks[-1],)
        return True

    def stops(self, error: Diverged) -> bool:
        """Whether a training that does not go on ends with what it has, rather than with an error.

        Before the end of the first epoch it has nothing; and what a callback raises is an error.
        """
        history = self.training.history
        if self._policy == "raise" or error is not self._told or not history.epochs:
            return False
        history.stop_reason = "diverged"
        history.notes += (str(error),)
        return True

    # -- what a snapshot holds of it ----------------------------------------------------------

    def snapshot(self, within: bool) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays and JSON-able values; `within` an epoch with where it would go back to.

        What is averaged is not among them: a training keeps that of before the epoch in any case.
        """
        arrays = {}
        if within and self._safe is not None:
            arrays["safe_theta"] = self._safe.theta
            arrays["safe_statistics"] = self._safe.statistics
            arrays["safe_state"] = self._safe.state
        facts = {
            "first_loss": self._first_loss,
            "last_finite": self._last_finite,
            "rollbacks": list(self._rollbacks),
            "taken_back": self.taken_back,
        }
        return arrays, facts

    def resume(
        self, arrays: dict[str, Array], facts: dict[str, Any], before: tuple[Array, Array], t: int
    ) -> None:
        """Remember what a snapshot holds.

        Parameters
        ----------
        before : two arrays
            The averaged weights and statistics with which the epoch began.
        t : int
            The steps that had been done when it began.
        """
        now = self.training
        self._first_loss = number(facts["first_loss"])
        self._last_finite = number(facts["last_finite"])
        self._rollbacks = list(facts.get("rollbacks", ()))  # none in a checkpoint of schema 1
        self.taken_back = facts.get("taken_back", 0)
        now.optimizer.factor = 0.5 ** len(self._rollbacks)
        now.history.notes = tuple(self._rollbacks)
        if self._policy == "rollback" and "safe_state" in arrays:
            self._safe = Progress(
                arrays["safe_theta"].copy(),
                arrays["safe_statistics"].copy(),
                before if now.averaged is not now.chain else None,
                arrays["safe_state"].copy(),
                t,
                facts["epoch"],
            )

    # -- telling ------------------------------------------------------------------------------

    def _diverged(self, what: str, before_its_step: bool = False) -> NoReturn:
        """Tell what was seen first; `before_its_step`: no later rate has a part in it."""
        now = self.training
        lr, plan = now.optimizer.rate(now.t), now.plan
        self._seen = what
        self._in_vain = before_its_step and self._safe is not None and now.t == self._safe.t + 1
        before = (
            "no step had a finite loss"
            if self._last_finite is None
            else f"the last finite loss was {self._last_finite:.4g}"
        )
        best = now.monitor.best_epoch if now.monitor and plan.restore_best else None
        kept = f"of epoch {best}, the best" if best else "from before this epoch"
        self._told = Diverged(
            f"Training diverged: {what} at step {now.t} (epoch {now.epoch}) with "
            f"learning rate {lr:.3g}; {before}. {self._gone_back()}{self._likely_cause(lr)} "
            f"Kept are the weights {kept}.",
            now.t,
        )
        raise self._told

    def _gone_back(self) -> str:
        times = len(self._rollbacks)
        if times < 2:
            return "It had gone back once, with half the learning rate. " if times else ""
        return f"It had gone back {times} times, each time with half the learning rate. "

    def _likely_cause(self, lr: float) -> str:
        greatest = float(abs(self.training.rows.x(slice(0, 256))).max(initial=0.0))
        if greatest > 100.0:
            return (
                f'The input reaches {greatest:.3g}: scale it (scaling="feature"), '
                "or lower the learning rate."
            )
        if self.training.plan.clip_norm is None:
            return (
                f"The learning rate is probably too high: try {lr / 10:.2g}, or limit the "
                "gradient with clip_norm=1."
            )
        return f"The learning rate is probably too high: try {lr / 10:.2g}."
