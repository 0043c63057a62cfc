"""What a step of several workers will take, from one that was measured, before they begin."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..data.batches import Rows
from ..distributed.workers import Workers
from ..engine import native
from ..engine.processors import processors
from ..ground.contracts import Objective
from ..ground.devices import find_device, on_host
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from .device_rows import tensor
from .plan import Plan
from .sharded import ShardedSteps
from .step import descend
from .stepping import steps_for

__all__ = ["Forecast", "forecast", "forecast_sentences"]

REPEATS = 5


@dataclass(frozen=True)
class Forecast:
    """The parts of a step, in seconds.

        T(w) = (shards/w)·shard + update + ⌈log₂ w⌉·round

    Attributes
    ----------
    workers, shards, rows : int
        How many there are, into how many parts the batch is cut, and how many rows it has.
    shard : float
        The forward and backward pass of one shard.
    update : float
        The optimizer's step, which every worker takes.
    round : float
        One exchange of a vector like ∇ between two workers; 0 where there is one worker.
    alone : float
        A whole step of one process without torchrun.
    alone_engine : str
        Who takes it.
    """

    workers: int
    shards: int
    rows: int
    shard: float
    update: float
    round: float
    alone: float
    alone_engine: str

    def step(self, workers: int) -> float:
        """Seconds a step of so many workers takes."""
        computing = self.shards / workers * self.shard + self.update
        return computing + math.ceil(math.log2(workers)) * self.round

    @property
    def pays(self) -> bool:
        """Whether these workers are faster than one process alone."""
        return self.step(self.workers) < self.alone


def forecast(
    chain: Chain,
    objective: Objective,
    optimizer: Optimizer,
    rows: Rows,
    plan: Plan,
    workers: Workers,
) -> Forecast | None:
    """Measure on copies; all workers make this call, the leading one gets the answer."""
    if plan.device is not None:
        return _forecast_on_device(chain, objective, optimizer, rows, plan, workers)
    apart = chain.over(chain.theta.copy(), chain.statistics.copy())
    rule = optimizer.part(apart.theta, 0, len(apart.theta))
    simple = replace(plan, average=0.0, sharded_optimizer=False)
    steps = ShardedSteps(apart, objective, rule, rows, apart, simple, workers)
    index = np.arange(min(plan.batch_size, len(rows)))
    mine = steps.sum_of_mine(index, 1)
    shards_of_one = plan.shards // workers.size
    shard = _least(lambda: steps.sum_of_mine(index, 1)) / shards_of_one
    rounds = math.log2(workers.size)
    exchange = _least(lambda: workers.tree_sum(mine.copy())) / rounds if rounds else 0.0
    if not workers.leads:
        return None
    update = _least(lambda: descend(apart, rule, 1, mine[0], clip=plan.clip_norm))
    alone, engine = _alone(chain, objective, optimizer, rows, simple)
    return Forecast(workers.size, plan.shards, len(index), shard, update, exchange, alone, engine)


def _forecast_on_device(
    chain: Chain,
    objective: Objective,
    optimizer: Optimizer,
    rows: Rows,
    plan: Plan,
    workers: Workers,
) -> Forecast | None:
    """From a step with the whole batch and one with a part of it, each on one device."""
    size, n = workers.size, min(plan.batch_size, len(rows))
    simple = replace(plan, average=0.0)
    whole, engine = _alone(chain, objective, optimizer, rows, replace(simple, batch_size=n))
    part = whole
    if size > 1:
        of_one = replace(simple, batch_size=max(1, n // size))
        part, _ = _alone(chain, objective, optimizer, rows, of_one)
    vector = tensor(np.zeros(1 + len(chain.outgoing), chain.theta.dtype)).to(
        find_device(str(plan.device))
    )

    def add_up() -> None:
        workers.add_up(vector)
        on_host(vector[:1])  # waits for it

    rounds = math.log2(size)
    exchange = _least(add_up) / rounds if rounds else 0.0
    shard = max(0.0, whole - part) / (plan.shards - plan.shards / size) if size > 1 else 0.0
    update = whole - plan.shards * shard
    found = Forecast(size, plan.shards, n, shard, update, exchange, whole, engine)
    return found if workers.leads else None


def _alone(
    chain: Chain, objective: Objective, optimizer: Optimizer, rows: Rows, plan: Plan
) -> tuple[float, str]:
    """Seconds a step of one process takes that has all processors, and who takes it."""
    apart = chain.over(chain.theta.copy(), chain.statistics.copy())
    rule = optimizer.part(apart.theta, 0, len(apart.theta))
    steps, reasons = steps_for(
        apart, objective, rule, rows, apart, replace(plan, shards=0), callbacks=()
    )
    order, threads = np.arange(len(rows)), native.get_threads()
    native.set_threads(processors())
    try:
        times = []
        for _ in range(REPEATS):
            steps.load()
            began = time.perf_counter()
            taken = len(on_host(steps.advance(order, 1)))
            times.append((time.perf_counter() - began) / taken)
        steps.store()
    finally:
        native.set_threads(threads)
    return min(times), plan.device or ("reference" if reasons else "fast")


def _least(action: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def forecast_sentences(found: Forecast) -> Iterable[str]:
    """What a forecast says to whoever started the workers."""
    together = found.step(found.workers)
    who = "one worker" if found.workers == 1 else f"{found.workers} workers"
    words = f"a step of {found.rows} rows takes {who} {_time(together)}"
    if found.workers > 1:
        adding = math.log2(found.workers) * found.round
        words += f" ({_time(adding)} of it for adding up), one worker {_time(found.step(1))}"
    names = {"fast": "the fast engine", "reference": "the reference"}
    engine = names.get(found.alone_engine, found.alone_engine)
    yield f"By forecast {words}, and one process without torchrun {_time(found.alone)} ({engine})."
    if not found.pays:
        yield "More workers do not pay here: the same command without torchrun is faster."


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.01 else f"{seconds * 1e3:.0f} ms"
