"""The processes of one training: sums, votes and words among them, through torch.distributed.

Its rendezvous and its connections trust whoever reaches them: they are for a network of one's own.
"""

from __future__ import annotations

import datetime
import os
import warnings
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import NotAvailable
from .launch import Launch

__all__ = ["Workers", "join"]

# Longer than any step or any loading of data; a worker that is gone is noticed at once.
PATIENCE = datetime.timedelta(minutes=10)


class Workers:
    """One process's view of all of them.

    Every method but `leave` must be called by all workers, in the same order.

    Attributes
    ----------
    rank, size : int
        This one's number, from 0, and how many there are.
    lost : bool
        Whether another one has gone: from then on nothing can be agreed on.
    """

    def __init__(self, launch: Launch, backend: Any = None) -> None:
        self.rank, self.size, self.restarts = launch.rank, launch.size, launch.restarts
        self.lost = False
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
        self._call("all_gather_single", "all_gather_into_tensor", out.reshape(-1), vector.ravel())
        return out

    def scatter_sum(self, vector: Array) -> Array:
        """This worker's slice of the sum of everybody's vector, (n / size,), to rounding."""
        if self.size == 1:
            return vector.copy()
        out = np.empty(vector.size // self.size, vector.dtype)
        self._call("reduce_scatter_single", "reduce_scatter_tensor", out, vector)
        return out

    def any(self, flag: bool) -> bool:
        """Whether anybody says so."""
        return bool(self.gather(np.array([flag], np.uint8)).any())

    def alike(self, digest: bytes) -> bool:
        """Whether everybody's bytes are the same; of equal length."""
        everybody = self.gather(np.frombuffer(digest, np.uint8).copy())
        return bool((everybody == everybody[0]).all())

    def hear(self, text: str) -> str:
        """What the leading worker says; what others say is not heard."""
        said = text.encode()
        length = int(self.gather(np.array([len(said)], np.int64))[0, 0])
        padded = said.ljust(length, b" ")[:length] if self.leads else b" " * length
        if not length:
            return ""
        return self.gather(np.frombuffer(padded, np.uint8).copy())[0].tobytes().decode()

    def leave(self) -> None:
        """Part from the others; quietly, for there may be none."""
        if self._backend is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._backend.destroy_process_group()

    def _call(self, name: str, older: str, out: Array, given: Array) -> None:
        """One collective over NumPy's memory; `older` is its name in earlier versions of torch."""
        import torch

        function = getattr(self._backend, name, None) or getattr(self._backend, older)
        try:
            function(torch.from_numpy(out), torch.from_numpy(np.ascontiguousarray(given)))
        except RuntimeError as error:
            self.lost = True
            reason = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
            raise NotAvailable(
                f"Worker {self.rank} of {self.size} has lost another ({reason:.200}). Whole steps "
                "only are kept; start the same command again, and it goes on from the newest "
                "checkpoint."
            ) from None


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
            "Several workers need torch: pip install 'deltarule[torch]'. Without it, start the "
            "command once, without torchrun."
        ) from None
    one_thread()
    torch.set_num_threads(1)
    if launch.size == 1:
        return Workers(launch)
    try:
        backend.init_process_group("gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NotAvailable(
            f"Worker {launch.rank} of {launch.size} could not meet the others: {reason:.200}. "
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
