"""The loop: epochs of shuffled mini-batches, validation, the best weights, and a guard."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..data.batches import Rows, batch_weights, epoch_order, total_weight
from ..distributed.workers import Workers
from ..ground.arrays import quiet
from ..ground.contracts import Array, Objective
from ..ground.errors import Diverged
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from .callbacks import Callback
from .evaluation import Judge, evaluate
from .forecast import Forecast, forecast
from .history import History
from .monitor import Monitor
from .plan import Plan, steps_in
from .progress import Progress
from .snapshot import Snapshot, number, plain
from .stepping import steps_for

__all__ = ["Training"]

# An epoch whose mean loss is so many times the first batch's has left for good.
RUNAWAY = 1e4


class Training:
    """A training in progress: everything that changes, in one place.

    Attributes
    ----------
    chain, optimizer, history
    t : int
        Steps done.
    epoch : int
        The current epoch, from 1.
    total_steps : int
    stop : bool
        Set by a callback to end the training after the current epoch.
    averaged : Chain
        What is validated and kept: over the moving average, or `chain` itself without one.
    identity : function () → dict of text, or None
        What its checkpoints are of, for whoever writes some.
    workers : Workers or None
        Those who train together; each makes the same calls.
    progress : Progress or None
        After `run`: where it stopped, for a training that is to go on; None where it diverged.
    """

    def __init__(
        self,
        chain: Chain,
        objective: Objective,
        optimizer: Optimizer,
        rows: Rows,
        rows_val: Rows | None,
        plan: Plan,
        judge: Judge,
        monitor: Monitor | None,
        callbacks: Iterable[Callback] = (),
        start: Progress | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.chain, self.objective, self.optimizer = chain, objective, optimizer
        self.rows, self.rows_val = rows, rows_val
        self.plan, self.judge, self.monitor = plan, judge, monitor
        self.callbacks = list(callbacks)
        self.history = History(monitor.name if monitor else "")
        self.t, self.epoch, self.stop = 0, 0, False
        self.total_steps = steps_in(len(rows), plan)
        self.averaged = chain
        if plan.average:
            self.averaged = chain.over(chain.theta.copy(), chain.statistics.copy())
        if start is not None:
            start.restore(chain, self.averaged, optimizer)
            self.t, self.epoch = start.t, start.epoch
        self.progress: Progress | None = None
        self.identity: Callable[[], dict[str, str]] | None = None
        self._before = (self.averaged.theta, self.averaged.statistics)
        self._losses: Array | None = None  # of the epoch's steps, while it runs
        self._done, self._elapsed = 0, 0.0
        self._clock = time.monotonic()
        self._first_loss: float | None = None
        self._last_finite: float | None = None
        self._steps, reasons = steps_for(
            chain, objective, optimizer, rows, self.averaged, plan, self.callbacks, workers
        )
        self.workers = workers
        self.history.engine = "reference" if reasons else "fast"
        if workers is not None:
            self.history.engine = "workers"
        self.history.engine_reasons = reasons

    @quiet
    def run(self) -> History:
        """Train to the end; the chain then holds the best weights (or the last, unmonitored).

        Raises
        ------
        Diverged
            When the loss or a weight is not finite; the chain then holds the best weights so far,
            or, where none were monitored, those from before the epoch.
        """
        started, plan = time.monotonic() - self._elapsed, self.plan
        self._clock = started
        self._tell("on_start")
        try:
            while (self.epoch < plan.epochs or self._losses is not None) and not self.stop:
                if self._losses is None:
                    self.epoch += 1
                    self._before = (self.averaged.theta.copy(), self.averaged.statistics.copy())
                record = self._one_epoch()
                record["seconds"] = time.monotonic() - started
                self.history.epochs.append(record)
                self._losses = None
                if self.monitor:
                    value = record[self.monitor.name]
                    tie = record.get("val_loss", record["train_loss"])
                    now = self.averaged
                    if self.monitor.see(self.epoch, value, now.theta, now.statistics, tie):
                        self.stop = self.history.stopped_early = True
                    self.history.best_epoch = self.monitor.best_epoch
                self._tell("on_epoch")
            self.progress = Progress.of(
                self.chain, self.averaged, self.optimizer, self.t, self.epoch
            )
        except (Diverged, KeyboardInterrupt):  # never half a step
            self.averaged.theta[...], self.averaged.statistics[...] = self._before
            raise
        finally:
            self.history.steps = self.t
            self.history.seconds = time.monotonic() - started
            self.history.weights_sha256 = hashlib.sha256(self.chain.theta.tobytes()).hexdigest()
            self.chain.theta[...] = self.averaged.theta
            self.chain.statistics[...] = self.averaged.statistics
            if self.monitor and plan.restore_best:
                self.monitor.restore(self.chain.theta, self.chain.statistics)
            self._tell("on_end")
        return self.history

    def forecast(self) -> Forecast | None:
        """What a step of the workers will take; all make this call, and the leading one knows."""
        assert self.workers is not None
        return forecast(
            self.chain, self.objective, self.optimizer, self.rows, self.plan, self.workers
        )

    # -- stopping and going on ----------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything that changes, after the last whole step; for callbacks to keep."""
        within = self._losses is not None
        if within:
            self._steps.store()
        arrays = {
            "theta": self.chain.theta.copy(),
            "statistics": self.chain.statistics.copy(),
            "state": self.optimizer.state.copy(),
        }
        if self.averaged is not self.chain:
            arrays["averaged_theta"] = self.averaged.theta.copy()
            arrays["averaged_statistics"] = self.averaged.statistics.copy()
        if self._losses is not None:
            arrays["before_theta"], arrays["before_statistics"] = self._before
            arrays["losses"] = self._losses[: self._done].copy()
            arrays["scores"] = self._steps.scores.copy()
        facts: dict[str, Any] = {
            "t": self.t,
            "epoch": self.epoch,
            "stop": self.stop,
            "seconds": time.monotonic() - self._clock,
            "first_loss": self._first_loss,
            "last_finite": self._last_finite,
            "epochs": self.history.epochs,
            "stopped_early": self.history.stopped_early,
        }
        if self.monitor:
            kept, facts["monitor"] = self.monitor.snapshot()
            arrays |= kept
        return Snapshot(arrays, plain(facts))

    def resume(self, snapshot: Snapshot) -> None:
        """Before `run`: go on from there, to the same bits as if nothing had been in between.

        The training must be made as that of the snapshot was: the same rows, plan and network.
        """
        arrays, facts = snapshot.arrays, snapshot.facts
        self.chain.theta[...], self.chain.statistics[...] = arrays["theta"], arrays["statistics"]
        self.optimizer.state[...] = arrays["state"]
        if self.averaged is not self.chain:
            self.averaged.theta[...] = arrays["averaged_theta"]
            self.averaged.statistics[...] = arrays["averaged_statistics"]
        if "losses" in arrays:
            self._before = (arrays["before_theta"].copy(), arrays["before_statistics"].copy())
            self._done = len(arrays["losses"])
            self._losses = np.empty(steps_in(len(self.rows), self.plan) // self.plan.epochs)
            self._losses[: self._done] = arrays["losses"]
            self._steps.resume(arrays["scores"])
        self.t, self.epoch, self.stop = facts["t"], facts["epoch"], facts["stop"]
        self._elapsed = facts["seconds"]
        self._first_loss = number(facts["first_loss"])
        self._last_finite = number(facts["last_finite"])
        self.history.epochs = [{k: number(v) for k, v in r.items()} for r in facts["epochs"]]
        self.history.stopped_early = facts["stopped_early"]
        if self.monitor:
            self.monitor.resume(arrays, facts["monitor"])
            self.history.best_epoch = self.monitor.best_epoch

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)

    def _one_epoch(self) -> dict[str, float]:
        plan, rows = self.plan, self.rows
        already = 0 if self._losses is None else self._done
        order, lr = np.arange(len(rows)), self.optimizer.rate(self.t - already + 1)
        if plan.shuffle:
            order = epoch_order(len(rows), plan.seed, self.epoch)
        losses, weights = self._all_steps(order)
        # At one go, so that the bits of the sum do not depend on how the steps were cut.
        whole = total_weight(rows.weight, len(rows)) or 1.0
        loss = float((losses * (weights / whole)).sum())
        metrics = self.judge(rows.y, self._steps.scores, rows.weight)
        record = {"epoch": self.epoch, "step": self.t, "lr": lr, "train_loss": loss}
        record |= {f"train_{name}": value for name, value in metrics.items()}
        if not np.isfinite(self.chain.theta).all():
            self._diverged("a weight was not finite")
        if not np.isfinite(self.chain.statistics).all():
            self._diverged("a running mean or variance was not finite")
        if not np.isfinite(self.optimizer.state).all():  # it would stand still, and not say so
            self._diverged("the optimizer's memory of the gradients was not finite")
        self._guard_mean("the mean loss of the epoch", loss)
        if self.rows_val is not None:
            found = evaluate(self.averaged, self.objective, self.rows_val, self.judge)
            self._guard_mean("the validation loss", found["loss"])
            record |= {f"val_{name}": value for name, value in found.items()}
        return record

    def _all_steps(self, order: Array) -> tuple[Array, Array]:
        """Take every step of an epoch; the loss of each and the weight of its rows."""
        weights = batch_weights(self.rows.weight, order, self.plan.batch_size)
        if self._losses is None:
            self._losses, self._done = np.empty(len(weights)), 0
        losses = self._losses
        self._steps.load()
        try:
            while self._done < len(losses):
                done = self._done
                taken = self._steps.advance(order[done * self.plan.batch_size :], self.t + 1)
                losses[done : done + len(taken)] = taken
                self._guard(taken, weights[done : done + len(taken)])
                self._done += len(taken)
                self._tell("on_step")
        except BaseException:
            self._steps.leave()
            raise
        self._steps.store()
        return losses, weights

    def _guard(self, losses: Array, weights: Array) -> None:
        """Count steps, and stop at the first whose loss is not finite."""
        for loss, weight in zip(losses.tolist(), weights.tolist(), strict=True):
            self.t += 1
            if not math.isfinite(loss):
                self._diverged("the loss was not finite")
            if self._first_loss is None and weight > 0:  # what no row counts for says nothing
                self._first_loss = loss
            self._last_finite = loss

    def _guard_mean(self, what: str, value: float) -> None:
        """A loss that is finite but has left for good would pass for a result."""
        if not value <= RUNAWAY * (1.0 + abs(self._first_loss or 0.0)):
            self._diverged(f"{what} was {value:.3g}")

    def _diverged(self, what: str) -> None:
        lr = self.optimizer.rate(self.t)
        before = (
            "no step had a finite loss"
            if self._last_finite is None
            else f"the last finite loss was {self._last_finite:.4g}"
        )
        best = self.monitor.best_epoch if self.monitor and self.plan.restore_best else None
        kept = f"of epoch {best}, the best" if best else "from before this epoch"
        raise Diverged(
            f"Training diverged: {what} at step {self.t} (epoch {self.epoch}) with "
            f"learning rate {lr:.3g}; {before}. {self._likely_cause(lr)} "
            f"Kept are the weights {kept}.",
            self.t,
        )

    def _likely_cause(self, lr: float) -> str:
        greatest = float(abs(self.rows.x(slice(0, 256))).max(initial=0.0))
        if greatest > 100.0:
            return (
                f'The input reaches {greatest:.3g}: scale it (scaling="feature"), '
                "or lower the learning rate."
            )
        if self.plan.clip_norm is None:
            return (
                f"The learning rate is probably too high: try {lr / 10:.2g}, or limit the "
                "gradient with clip_norm=1."
            )
        return f"The learning rate is probably too high: try {lr / 10:.2g}."
