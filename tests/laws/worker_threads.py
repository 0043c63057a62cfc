"""Workers as threads of one process: the same code, without torch, in milliseconds."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from deltarule.distributed import workers as module
from deltarule.distributed.launch import Launch
from deltarule.distributed.workers import Workers


class Exchange:
    """What all threads share: letters by call, sender and receiver, and a moment to meet."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.moment, self.gone = threading.Condition(), False
        self.arrived: Counter[int] = Counter()
        self.letters: dict[tuple[int, int, int], Any] = {}

    def leave(self) -> None:
        """One is gone: what the others wait for will not come."""
        with self.moment:
            self.gone = True
            self.moment.notify_all()


class Backend:
    """One thread's torch.distributed, over NumPy's arrays."""

    def __init__(self, exchange: Exchange, rank: int) -> None:
        self.exchange, self.rank, self.calls = exchange, rank, 0

    def _all(self, given: np.ndarray) -> list[np.ndarray]:
        self.exchange.letters[self.calls, self.rank, -1] = given.copy()
        self._meet()
        letters, call = self.exchange.letters, self.calls - 1
        return [letters[call, rank, -1] for rank in range(self.exchange.size)]

    def _meet(self) -> None:
        shared = self.exchange
        with shared.moment:
            shared.arrived[self.calls] += 1
            shared.moment.notify_all()
            shared.moment.wait_for(
                lambda: shared.arrived[self.calls] == shared.size or shared.gone, timeout=60
            )
            complete = shared.arrived[self.calls] == shared.size
        self.calls += 1
        if not complete:
            raise RuntimeError("Connection closed by peer")

    def all_gather_single(self, out: np.ndarray, given: np.ndarray) -> None:
        out[...] = np.concatenate(self._all(given))

    def reduce_scatter_single(self, out: np.ndarray, given: np.ndarray) -> None:
        out[...] = np.sum(self._all(given), axis=0).reshape(self.exchange.size, -1)[self.rank]

    def all_reduce(self, tensor: Any) -> None:
        """A tensor of torch's; the sum in the order of ranks, so that all have its bits."""
        window = tensor.numpy()
        window[...] = np.sum(self._all(window), axis=0)

    def gather(self, given: np.ndarray, parts: list[np.ndarray] | None) -> None:
        for part, array in zip(parts or (), self._all(given), strict=False):
            part[...] = array

    def isend(self, given: np.ndarray, partner: int) -> Any:
        self.exchange.letters[self.calls, self.rank, partner] = given.copy()
        return self

    def irecv(self, wanted: np.ndarray, partner: int) -> Any:
        self._meet()
        wanted[...] = self.exchange.letters[self.calls - 1, partner, self.rank]
        return self

    def wait(self) -> None:
        """Nothing is left to wait for."""

    def destroy_process_group(self) -> None:
        """Let the others know that one is gone."""
        self.exchange.leave()


def in_threads(
    monkeypatch: pytest.MonkeyPatch, size: int, work: Callable[[Workers], Any]
) -> list[Any]:
    """What `work` returns, or raises, in each of so many workers."""
    monkeypatch.setattr(module, "tensors", lambda *arrays: list(arrays))
    exchange = Exchange(size)

    def one(rank: int) -> Any:
        workers = Workers(Launch(rank, size, 0), Backend(exchange, rank))
        try:
            return work(workers)
        except BaseException as error:
            exchange.leave()
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))
