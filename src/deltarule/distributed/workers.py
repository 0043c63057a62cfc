"""The processes of one training: sums, votes and words among them, through torch.distributed.

Its rendezvous and its connections trust whoever reaches them: they are for a network of one's own.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import DeltaruleError, InvalidInput, NotAvailable
from ..ground.installing import extra
from .launch import Launch

__all__ = ["Workers", "agreed", "join"]

Made = TypeVar("Made")

# Longer than any step or any loading of data; a worker that is gone is noticed at once.
PATIENCE = datetime.timedelta(minutes=10)


class Workers:
    """One process's view of all of them.

    Every method but `leave` must be called by all workers, in the same order.

    Attributes
    ----------
    rank, size : int
        This one's number, from 0, and how many there are.
    place : int
        Its number on its own machine: that of its GPU.
    lost : bool
        Whether another one has gone: from then on nothing can be agreed on.
    told : bool
        Whether an error that ends this one is the leading worker's to tell.
    """

    def __init__(self, launch: Launch, backend: Any = None) -> None:
        self.rank, self.size, self.restarts = launch.rank, launch.size, launch.restarts
        self.place = launch.place
        self.lost = self.told = False
        self._backend = backend

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def gather(self, vector: Array) -> Array:
        """Everybody's vector, (size, n), in the order of ranks; no arithmetic, so exact."""
        out = np.empty((self.size, vector.size), vector.dtype)
        if self.size == 1:
            out[0] = vector.ravel()
            return out
        given = np.ascontiguousarray(vector.ravel())
        self._call("all_gather_single", "all_gather_into_tensor", *tensors(out.reshape(-1), given))
        return out

    def tree_sum(self, vector: Array) -> Array:
        """Everybody's vector, added in the tree of `trees`, in place; 1, 2, 4, … workers.

        In round k each pair whose ranks differ in bit k exchanges what it has and adds it, so that
        all hold the sum after log₂(size) rounds; x + y and y + x have the same bits.
        """
        other = np.empty_like(vector)
        distance = 1
        while distance < self.size:
            self._exchange(vector, other, self.rank ^ distance)
            vector += other
            distance *= 2
        return vector

    def _exchange(self, mine: Array, other: Array, partner: int) -> None:
        def both(given: Any, wanted: Any) -> None:
            waiting = [
                self._backend.isend(given, partner),
                self._backend.irecv(wanted, partner),
            ]
            for each in waiting:
                each.wait()

        self._try(both, *tensors(mine, other))

    def collect(self, vector: Array) -> Array | None:
        """Everybody's vector, (size, n), for the leading worker; None for the others."""
        if self.size == 1:
            return vector.reshape(1, -1).copy()
        out = np.empty((self.size, vector.size), vector.dtype) if self.leads else None
        parts = None if out is None else tensors(*out)
        self._call("gather", "gather", *tensors(vector), parts)
        return out

    def scatter_sum(self, vector: Array) -> Array:
        """The slice of one worker of the sum of everybody's vectors, (n / size,), to rounding."""
        if self.size == 1:
            return vector.copy()
        out = np.empty(vector.size // self.size, vector.dtype)
        self._call("reduce_scatter_single", "reduce_scatter_tensor", *tensors(out, vector))
        return out

    def add_up(self, tensor: Any) -> None:
        """Everybody's tensor, added in place on the device where it lies, to rounding."""
        if self.size > 1:
            self._try(self._backend.all_reduce, tensor)

    def greatest(self, number: int) -> int:
        """The greatest of everybody's numbers."""
        return int(self.gather(np.array([number], np.int64)).max())

    def alike(self, digest: bytes) -> bool:
        """Whether everybody's bytes are the same; of equal length."""
        everybody = self.gather(np.frombuffer(digest, np.uint8).copy())
        return bool((everybody == everybody[0]).all())

    def require_same(self, t: int, *arrays: Array) -> None:
        """Stop where the workers no longer hold the same weights after step t.

        Raises
        ------
        NotAvailable
        """
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(array.tobytes())
        if not self.alike(digest.digest()):
            raise NotAvailable(
                f"After step {t} the workers no longer hold the same weights: their processors or "
                "libraries differ, or memory was damaged. Go on from the newest checkpoint with "
                "one worker, or with machines that are alike."
            )

    def hear(self, text: str) -> list[str]:
        """What everybody says, in the order of ranks."""
        said = text.encode()
        lengths = self.gather(np.array([len(said)], np.int64))[:, 0]
        padded = np.zeros(max(int(lengths.max()), 1), np.uint8)
        padded[: len(said)] = np.frombuffer(said, np.uint8)
        everybody = self.gather(padded)
        return [
            row[:length].tobytes().decode()
            for row, length in zip(everybody, lengths.tolist(), strict=True)
        ]

    def leave(self) -> None:
        """Part from the others; quietly, for there may be none."""
        if self._backend is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._backend.destroy_process_group()

    def _call(self, name: str, older: str, *given: Any) -> None:
        """One collective; `older` is its name in earlier versions of torch."""
        self._try(getattr(self._backend, name, None) or getattr(self._backend, older), *given)

    def _try(self, function: Callable[..., Any], *given: Any) -> None:
        try:
            function(*given)
        except RuntimeError as error:
            self.lost = True
            raise NotAvailable(
                f"Worker {self.rank} of {self.size} has lost another ({_reason(error)}). Whole "
                "steps only are kept: start the workers again with deltarule resume, or let "
                "torchrun do it with --max-restarts."
            ) from None


def _reason(error: Exception) -> str:
    """The first sentence of what torch says, without the place in its sources."""
    lines = re.sub(r"\[/[^]]*\] ?", "", str(error)).strip().splitlines()
    return lines[0].split(". ")[0].rstrip(".")[:200] if lines else "no answer"


def tensors(*arrays: Array) -> list[Any]:
    """Windows of torch's on NumPy's memory."""
    import torch

    return [torch.from_numpy(array) for array in arrays]


def agreed(workers: Workers | None, make: Callable[[], Made]) -> Made:
    """What `make` makes, if it succeeds in every worker; without workers, just that.

    Raises
    ------
    DeltaruleError
        In every worker, where it failed in one: its own error where there is one, and in the
        leading worker a word about the first of the others.
    """
    if workers is None:
        return make()
    error, made = None, []
    try:
        made.append(make())
    except DeltaruleError as problem:
        error = problem
    said = workers.hear("" if error is None else f"{error}.")
    workers.told = any(said)
    if error is not None:
        raise error
    if workers.told:
        first = next(rank for rank, words in enumerate(said) if words)
        raise InvalidInput(f"Worker {first} of {workers.size} cannot begin: {said[first][:-1]}")
    return made[0]


def join(launch: Launch) -> Workers:
    """Meet the other workers; with one BLAS thread in each, so that bits do not depend on them.

    Raises
    ------
    NotAvailable
        If torch is not installed, or the others cannot be reached.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # for libraries that are not loaded yet
    try:
        import torch
        import torch.distributed as backend
    except ImportError:
        raise NotAvailable(
            f"Several workers need torch: {extra('torch')}. Without it, start the "
            "command once, without torchrun."
        ) from None
    one_thread()
    torch.set_num_threads(1)
    if launch.size == 1:
        return Workers(launch)
    try:
        # Words and votes go through the processors' memory, what lies on GPUs from one to another.
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if launch.place < gpus:
            torch.cuda.set_device(launch.place)
        both = gpus and backend.is_nccl_available()
        store, rank, size = next(backend.rendezvous("env://", timeout=PATIENCE))
        if launch.one_machine:
            # There torchrun keeps the store when it starts them again, with addresses of the dead.
            store = backend.PrefixStore(f"start {launch.restarts}", store)
        backend.init_process_group(
            "cpu:gloo,cuda:nccl" if both else "gloo",
            store=store,
            rank=rank,
            world_size=size,
            timeout=PATIENCE,
        )
    except (RuntimeError, ValueError) as error:
        raise NotAvailable(
            f"Worker {launch.rank} of {launch.size} could not meet the others: {_reason(error)}. "
            "Check the rendezvous address that torchrun was given."
        ) from None
    return Workers(launch, backend)


def one_thread() -> None:
    """Let BLAS libraries that are loaded use one thread.

    Raises
    ------
    NotAvailable
        If threadpoolctl, which can tell them, is not installed and they would use more.
    """
    try:
        import threadpoolctl
    except ImportError:
        if os.cpu_count() == 1:
            return
        raise NotAvailable(
            "Several workers need threadpoolctl, which holds each to one BLAS thread: pip install "
            "threadpoolctl."
        ) from None
    threadpoolctl.threadpool_limits(1)
