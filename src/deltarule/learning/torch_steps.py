"""The steps of an epoch on a device: the reference's own code, over tensors.

Everything that a step reads and writes lies on the device, its number too, so that one step is the
same sequence of operations as the next.  The host does not look at a number before the epoch ends
or a checkpoint is due; on a CUDA GPU the sequence is recorded once, as a graph, and replayed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..data.batches import Rows, batch_weights, chunks
from ..distributed.workers import Workers
from ..ground.contracts import Array, Batch, Objective
from ..ground.devices import find_device, full_name, on_device, on_host, require_room, torch
from ..ground.randomness import RecordedNoise
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from .device_rows import DeviceRows, tensor
from .device_share import DeviceShare
from .evaluation import FAST_ROWS_AT_ONCE, ROWS_AT_ONCE
from .mixed import with_short_products
from .plan import Plan
from .step import descend, l2, move_average, pace_of_average, train_step

__all__ = ["TorchSteps"]

# As the engine: often enough for a signal or a progress bar.
SECONDS = 0.05
# The same for several workers.
STEPS_TOGETHER = 16
# Whole steps before one is recorded: libraries set themselves up in the first.
WARM_UP = 3
# Columns of an epoch's table before those of the rule: pace, total, 1 − ηλ, η.
COLUMNS = 4


class TorchSteps:
    """Takes the steps of an epoch on a device, which holds all that they change meanwhile.

    Parameters
    ----------
    chain, objective, optimizer, rows, averaged, plan
        As of `ReferenceSteps`; plan.device is not None.
    every_step : bool
        Whether the chain must hold the weights after each step: one at a time, and waited for.
    workers : Workers, optional
        Those who take the steps together, each a part of every batch on its own device.

    Attributes
    ----------
    device : torch.device
    notes : tuple of str
        Whole sentences: why steps are not replayed from a graph.

    Raises
    ------
    NotAvailable
        If PyTorch or the device is not here.
    InvalidInput
        If the device has not the memory.
    """

    def __init__(
        self,
        chain: Chain,
        objective: Objective,
        optimizer: Optimizer,
        rows: Rows,
        averaged: Chain,
        plan: Plan,
        *,
        every_step: bool = False,
        workers: Workers | None = None,
        device: Any = None,
    ) -> None:
        assert plan.device is not None
        self.device = device or find_device(plan.device)
        self.notes: tuple[str, ...] = ()
        self.host = (chain, averaged, optimizer)
        self.plan, self.every_step = plan, every_step
        self._objective, self._penalty = objective, l2(plan.l2)
        self._size = min(plan.batch_size, len(rows))
        self._weight = rows.weight
        with on_device(self.device):
            vectors = optimizer.state.nbytes + (8 if plan.average else 4) * chain.theta.nbytes
            require_room(self.device, vectors, "The weights and what is kept of each")
            self._rows = DeviceRows(rows, self.device)
            self._judged: tuple[Rows, DeviceRows] | None = None
            self._over(chain, averaged, optimizer)
            self._room_for_an_epoch(len(rows), chain)
            self._share = None if workers is None else DeviceShare(workers, self._chain)
        self._fresh, self._done, self._t = True, 0, 0
        self._whole_scores: Array | None = None
        self._graph: Any = None
        self._records = self.device.type == "cuda" and workers is None
        self._warm = 0

    @property
    def where(self) -> str:
        """The device's full name."""
        return full_name(self.device)

    def _over(self, chain: Chain, averaged: Chain, optimizer: Optimizer) -> None:
        """The same chain, average and optimizer, over tensors."""
        theta, statistics = (self._sent(v) for v in (chain.theta, chain.statistics))
        layers = chain.layers
        if self.plan.precision == "bf16":
            layers = with_short_products(layers)
        self._chain = Chain(layers, theta=theta, statistics=statistics)
        self._averages = averaged is not chain
        self._averaged = chain.over(theta, statistics)
        if self._averages:
            vectors = (averaged.theta, averaged.statistics)
            self._averaged = chain.over(*(self._sent(v) for v in vectors))
        self._optimizer = Optimizer(
            optimizer.rule,
            theta,
            lr=optimizer.lr,
            total=optimizer.total,
            weight_decay=optimizer.weight_decay,
            matrices=optimizer.matrices,
            options=optimizer.options,
        )

    def _room_for_an_epoch(self, n: int, chain: Chain) -> None:
        """What is written before an epoch and read by its steps, and what they leave."""
        _, own = self.host[2].ahead(1, 1)
        steps, theta = -(-n // self._size), self._chain.theta
        xp, whole = torch(), {"dtype": torch().int64, "device": self.device}
        widest = max([self._size, *(max(s, default=0) for s in _shapes(chain))])
        self._numbers = xp.arange(widest, **whole)
        self._places = self._numbers[: self._size]
        self._at = xp.zeros(1, **whole)
        self._order = xp.zeros(n, **whole)
        self._keys = xp.zeros((steps, len(chain.layers), 2), **whole)
        real = {"dtype": theta.dtype, "device": self.device}
        self._table = xp.zeros((steps, COLUMNS + own.shape[1]), **real)
        self._losses = xp.zeros(steps, **real)
        self._peaks = xp.zeros(steps, **real)
        outputs = self._averaged(self._rows.part(slice(0, 1)))[0].shape[1]
        self._scores = xp.zeros((n, outputs), **real)

    def _sent(self, vector: Array) -> Any:
        """A copy on the device."""
        return tensor(vector.copy()).to(self.device)

    # -- the protocol -----------------------------------------------------------------------

    @property
    def scores(self) -> Array:
        """z of each row when its batch was last taken, before its step, (n, n_outputs)."""
        return on_host(self._scores) if self._whole_scores is None else self._whole_scores

    @property
    def gradient_is_finite(self) -> Array:
        """Of each step since `load`, whether the largest |∂L/∂θⱼ| was a number, (steps,)."""
        return np.isfinite(on_host(self._peaks[: self._done]))

    def _pairs(self) -> Iterator[tuple[Array, Array]]:
        """What the host holds, and the same on the device."""
        chain, averaged, optimizer = self.host
        yield chain.theta, self._chain.theta
        yield chain.statistics, self._chain.statistics
        yield optimizer.state, self._optimizer.state
        if self._averages:
            yield averaged.theta, self._averaged.theta
            yield averaged.statistics, self._averaged.statistics

    def load(self) -> None:
        """Send the weights, the optimizer's memory and the average to the device."""
        for here, there in self._pairs():
            there.copy_(tensor(here))  # type: ignore[attr-defined]
        self._fresh = True

    def store(self) -> None:
        """Fetch them; workers see to it that all hold the same, and learn each other's scores."""
        self.leave()
        if self._share is not None and not self._share.workers.lost:
            self._share.workers.require_same(self._t, *(here for here, _ in self._pairs()))
            self._whole_scores = self._share.whole(self._scores)

    def leave(self) -> None:
        """Fetch them after an error, of which other workers may not know."""
        for here, there in self._pairs():
            here[...] = on_host(there)

    def resume(self, scores: Array) -> None:
        """Go on within an epoch of which these scores are known."""
        self._scores.copy_(tensor(scores))
        if self._share is not None and not self._share.workers.leads:
            self._scores.zero_()  # the leading worker has them

    def advance(self, order: Array, t: int) -> Array:
        """Take steps from step t on, with the rows of `order`, batch after batch, for a while.

        Returns
        -------
        tensor, (steps,)
            The loss of each step taken, at least one; to be looked at before the next `load`.
        """
        with on_device(self.device):
            if self._fresh:
                self._begin(order, t)
            first, left = self._done, len(order)
            end = time.monotonic() + SECONDS
            while left > 0:
                n = min(self._size, left)
                self._take(n)
                self._done += 1
                left -= n
                if self.every_step or self._is_enough(self._done - first, end):
                    break
            losses = self._losses[first : self._done]
            self._t = t + self._done - first - 1
            if not self.every_step:
                return losses
            self.leave()
            return on_host(losses).astype(np.float64)

    def _is_enough(self, steps: int, end: float) -> bool:
        """Whether it is time for the callbacks; workers are of one mind, whatever their clocks."""
        return time.monotonic() > end if self._share is None else steps >= STEPS_TOGETHER

    def scored(self, chain: Chain, rows: Rows) -> Iterator[tuple[slice, Array]]:
        """Some rows at a time, and their z at the weights that are to be judged."""
        with on_device(self.device):
            if self._judged is None or self._judged[0] is not rows:
                self._judged = rows, DeviceRows(rows, self.device)
            there = self._judged[1]
            own = self.device.type != "cpu"
            for part in chunks(len(rows), FAST_ROWS_AT_ONCE if own else ROWS_AT_ONCE):
                yield part, on_host(self._averaged(there.part(part))[0])

    # -- an epoch ---------------------------------------------------------------------------

    def _begin(self, order: Array, t: int) -> None:
        """Write all that the steps of (the rest of) an epoch need to know of the host."""
        optimizer, plan = self.host[2], self.plan
        if self._share is not None and len(order) == len(self._scores):
            self._scores.zero_()  # what another worker takes in this epoch
        steps = -(-len(order) // self._size)
        rates, own = optimizer.ahead(t, steps)
        totals = batch_weights(self._weight, order, self._size)
        at = np.arange(t, t + steps, dtype=np.float64)
        columns = [
            pace_of_average(plan.average, at),
            np.where(totals > 0, totals, 1.0),
            1.0 - rates * optimizer.weight_decay,
            rates,
        ]
        table = np.concatenate([np.stack(columns, axis=1), own], axis=1)
        keys = RecordedNoise.keys_of_steps(plan.seed, t, steps, len(self._chain.layers))
        table = table.astype(self.host[0].theta.dtype)
        for there, here in ((self._order, order), (self._keys, keys), (self._table, table)):
            there[: len(here)] = tensor(here).to(self.device)
        self._at.fill_(0)
        self._fresh, self._done = False, 0

    def _take(self, n: int) -> None:
        """Take one step: recorded, where it can be."""
        if not self._records or n != self._size:
            self._step(n)
        elif self._warm < WARM_UP:
            self._warm += 1
            self._aside(n)
        else:
            if self._graph is None:
                self._record(n)
            self._step(n) if self._graph is None else self._graph.replay()

    def _aside(self, n: int) -> None:
        """One step on a stream of its own, as recording asks for."""
        cuda = torch().cuda
        side = cuda.Stream(self.device)
        side.wait_stream(cuda.current_stream(self.device))
        with cuda.stream(side):
            self._step(n)
        cuda.current_stream(self.device).wait_stream(side)

    def _record(self, n: int) -> None:
        """Record a step, which does not take it."""
        cuda = torch().cuda
        graph = cuda.CUDAGraph()
        try:
            # The outer one puts the stream back where a recording ends in an error.
            with cuda.stream(cuda.current_stream(self.device)), cuda.graph(graph):
                self._step(n)
        except RuntimeError as error:
            self._records = False
            why = str(error).strip().partition("\n")[0]
            self.notes = (
                "A step could not be recorded as a CUDA graph, so each was launched operation by "
                f"operation, which is slower for small networks: {why:.200}",
            )
        else:
            self._graph = graph

    def _step(self, n: int) -> None:
        """The next step, with n rows: reads and writes what lies on the device, and waits never."""
        at = self._at
        pace, total, *scalars = self._table.index_select(0, at)[0].unbind()
        keys = self._keys.index_select(0, at)[0]
        first, end = (0, n) if self._share is None else self._share.of(n)
        if first == end:
            self._step_along(tuple(scalars), pace)
            return
        index = self._order.index_select(0, self._places[first:end] + at * self._size)
        rows = self._rows
        weight = None if rows.weight is None else rows.weight.index_select(0, index)
        value, z = train_step(
            self._chain,
            self._objective,
            self._optimizer,
            Batch(
                rows.x(index),
                rows.y.index_select(0, index),
                weight,
                float(n) if weight is None else total,
                RecordedNoise(keys, self._numbers, end - first, first, (end - first) / n),
            ),
            tuple(scalars),
            penalty=self._penalty,
            reduce=None if self._share is None else self._share.reduce,
            clip=self.plan.clip_norm,
        )
        self._scores.index_copy_(0, index, z)
        self._end_of_step(value, pace)

    def _step_along(self, scalars: tuple[Array, ...], pace: Array) -> None:
        """The step of a batch of which this worker has no row."""
        assert self._share is not None
        chain = self._chain
        chain.outgoing[...] = 0.0
        value = self._share.reduce(chain.outgoing.sum(), chain.outgoing)
        options: Any = {"penalty": self._penalty, "clip": self.plan.clip_norm}
        self._end_of_step(descend(chain, self._optimizer, scalars, value, **options), pace)

    def _end_of_step(self, value: Any, pace: Array) -> None:
        """Note its loss and the largest |∂L/∂θⱼ|; the average follows, the next step is due."""
        at = self._at
        self._losses.index_copy_(0, at, value.reshape(1))
        self._peaks.index_copy_(0, at, abs(self._chain.grad).max().reshape(1))
        if self._averages:
            move_average(self._averaged, self._chain, pace)
        at += 1


def _shapes(chain: Chain) -> Iterator[tuple[int, ...]]:
    """The shapes of all parameters; the widest layer is among them."""
    for layer in chain.layers.values():
        yield from layer.parameters.values()
