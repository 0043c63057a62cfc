"""The loop: epochs of shuffled mini-batches, validation, the best weights, and a guard."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..data.batches import Rows, batch_weights, epoch_order, total_weight
from ..distributed.workers import Workers
from ..ground.arrays import quiet
from ..ground.contracts import Array, Objective
from ..ground.devices import at_hand, on_host
from ..ground.errors import Diverged
from ..ground.signals import undivided
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from .callbacks import Callback
from .divergence import Guard
from .evaluation import Judge, evaluate, scored
from .forecast import Forecast, forecast
from .history import History
from .monitor import Monitor
from .plan import Plan, steps_in
from .progress import Progress
from .snapshot import Snapshot, number, plain
from .stepping import steps_for
from .torch_steps import TorchSteps

__all__ = ["Training"]


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
        self._weights = np.empty(0)  # of the rows of each
        self._done, self._elapsed, self._finished = 0, 0.0, False
        self._unseen: list[Array] = []  # losses of the last steps, still on a device
        self._clock = time.monotonic()
        self._guard = Guard(self)
        self._steps, reasons = steps_for(
            chain, objective, optimizer, rows, self.averaged, plan, self.callbacks, workers
        )
        self.workers = workers
        self._scored = scored
        self.history.engine = "reference" if reasons else "fast"
        if workers is not None:
            self.history.engine = "workers"
        if isinstance(self._steps, TorchSteps):
            self._scored = self._steps.scored
            self.history.engine, self.history.device = "torch", self._steps.where
        self.history.engine_reasons = reasons

    @property
    def taken(self) -> int:
        """Steps taken in all, those that were given up by going back included; it never falls."""
        return self.t + self._guard.taken_back

    @quiet
    def run(self) -> History:
        """Train to the end; the chain then holds the best weights (or the last, unmonitored).

        Where the loss, ∇ or a weight is not finite, or the mean loss has left for good, the plan's
        `on_divergence` says what becomes of it.  At an end that was not planned, the chain holds
        the best weights so far, or, where none were monitored, those from before the epoch.

        Raises
        ------
        Diverged
            Where it diverges and may not go back, if the plan says "raise" or no epoch was
            finished; else `history.stop_reason` is "diverged", and the last of `history.notes`
            says why.
        """
        started, plan = time.monotonic() - self._elapsed, self.plan
        self._clock = started
        self._tell("on_start")
        try:
            while (self.epoch < plan.epochs or self._losses is not None) and not self.stop:
                if self._losses is None:
                    self.epoch += 1
                    self._before = (self.averaged.theta.copy(), self.averaged.statistics.copy())
                    self._guard.begin_epoch()
                record = self._good_epoch()
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
            self._finish(started)
        except BaseException as error:
            ends = isinstance(error, Diverged) and self._guard.stops(error)
            self._finish(started, undo=isinstance(error, Diverged | KeyboardInterrupt))
            if not ends:
                raise
        return self.history

    def forecast(self) -> Forecast | None:
        """What a step of the workers will take; all make this call, and the leading one knows."""
        assert self.workers is not None
        return forecast(
            self.chain, self.objective, self.optimizer, self.rows, self.plan, self.workers
        )

    def _finish(self, started: float, undo: bool = False) -> None:
        """Leave the best weights, once; those from before the epoch where a step may be half."""
        history, chain, averaged = self.history, self.chain, self.averaged
        with undivided():
            if self._finished:
                return
            self._finished = True
            if undo:
                averaged.theta[...], averaged.statistics[...] = self._before
            history.steps, history.seconds = self.t, time.monotonic() - started
            if isinstance(self._steps, TorchSteps):
                history.notes = (*self._steps.notes, *history.notes)
            history.weights_sha256 = hashlib.sha256(chain.theta.tobytes()).hexdigest()
            chain.theta[...], chain.statistics[...] = averaged.theta, averaged.statistics
            if self.monitor and self.plan.restore_best:
                self.monitor.restore(chain.theta, chain.statistics)
            self._tell("on_end")

    # -- stopping and going on ----------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything that changes, after the last whole step; for callbacks to keep."""
        within = self._losses is not None
        if within:
            self._steps.store()
            self._look()
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
            "epochs": self.history.epochs,
            "stopped_early": self.history.stopped_early,
        }
        for_going_back, of_guard = self._guard.snapshot(within)
        arrays, facts = arrays | for_going_back, facts | of_guard
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
        self._guard.resume(arrays, facts, self._before, self.t - self._done)
        self.history.epochs = [{k: number(v) for k, v in r.items()} for r in facts["epochs"]]
        self.history.stopped_early = facts["stopped_early"]
        if self.monitor:
            self.monitor.resume(arrays, facts["monitor"])
            self.history.best_epoch = self.monitor.best_epoch

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)

    def _good_epoch(self) -> dict[str, float]:
        """The record of an epoch; it begins anew as often as the guard allows."""
        while True:
            try:
                return self._one_epoch()
            except Diverged as error:
                if not self._guard.goes_back(error):
                    raise
                self._losses = None

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
        self._guard.see_epoch(loss)
        if self.rows_val is not None:
            found = evaluate(self.averaged, self.objective, self.rows_val, self.judge, self._scored)
            self._guard.see_mean("the validation loss", found["loss"])
            record |= {f"val_{name}": value for name, value in found.items()}
        return record

    def _all_steps(self, order: Array) -> tuple[Array, Array]:
        """Take every step of an epoch; the loss of each and the weight of its rows."""
        self._weights = weights = batch_weights(self.rows.weight, order, self.plan.batch_size)
        if self._losses is None:
            self._losses, self._done = np.empty(len(weights)), 0
        losses = self._losses
        self._steps.load()
        try:
            while self._done < len(losses):
                left = order[self._done * self.plan.batch_size :]
                taken = self._steps.advance(left, self.t + 1)
                self._unseen.append(taken)
                self._done += len(taken)
                self.t += len(taken)
                if at_hand(taken):
                    self._look()
                self._tell("on_step")
            self._look()
        except BaseException:
            self._steps.leave()
            raise
        finally:
            self._unseen = []
        self._steps.store()
        return losses, weights

    def _look(self) -> None:
        """Take note of losses that were not looked at, and stop at one that is not finite."""
        assert self._losses is not None
        found = np.concatenate([np.empty(0), *map(on_host, self._unseen)])
        self._unseen = []
        if not len(found):
            return
        at = slice(self._done - len(found), self._done)
        self._losses[at] = found
        self.t -= len(found)  # the guard counts them, up to the one that it stops at
        self._guard.see_steps(found, self._weights[at], self._steps.gradient_is_finite)
