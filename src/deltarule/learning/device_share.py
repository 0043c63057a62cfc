"""What of each batch one of several workers takes on its device, and how the parts are added."""

from __future__ import annotations

from typing import Any

from ..distributed.trees import shard_bounds
from ..distributed.workers import Workers
from ..ground.contracts import Array
from ..ground.devices import on_host, torch
from ..machine.chain import Chain

__all__ = ["DeviceShare"]


class DeviceShare:
    """One all-reduce a step, of L and `outgoing`; the sums are the library's own, to rounding.

    A batch is cut into as many contiguous parts as there are workers.  Batch normalization sees
    the rows of one part.

    Parameters
    ----------
    workers : Workers
    chain : Chain
        Over tensors.
    """

    def __init__(self, workers: Workers, chain: Chain) -> None:
        self.workers = workers
        self._vector = torch().zeros(
            1 + len(chain.outgoing), dtype=chain.theta.dtype, device=chain.theta.device
        )

    def of(self, n: int) -> tuple[int, int]:
        """Where this worker's part of a batch of n rows begins and ends."""
        bounds = shard_bounds(n, self.workers.size)
        return bounds[self.workers.rank], bounds[self.workers.rank + 1]

    def reduce(self, value: Array, outgoing: Array) -> Array:
        """The contract `Reduce`: L and `outgoing` of the whole batch."""
        vector = self._vector
        vector[0].copy_(value)
        vector[1:].copy_(outgoing)
        self.workers.add_up(vector)
        outgoing.copy_(vector[1:])  # type: ignore[attr-defined]
        return vector[0].clone()

    def whole(self, scores: Any) -> Array:
        """The scores of all rows, on the host, of which each worker has those that it took."""
        together = scores.clone()
        self.workers.add_up(together)  # each row is one worker's; the others hold 0
        return on_host(together)
