"""Where a training stands, so that another can go on as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass

from ..ground.contracts import Array
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer

__all__ = ["Progress"]


@dataclass(frozen=True, eq=False)
class Progress:
    """All that a training changes, after a whole epoch, as arrays of its own.

    Randomness is a function of (seed, step) and (seed, epoch), so there is no generator to keep.

    Attributes
    ----------
    theta, statistics : arrays, (n_parameters,) and (n_statistics,)
        As the last step left them, neither averaged nor the best.
    averaged : the same two of the moving average, or None where nothing is averaged
    state : array, (slots, n_parameters)
        The optimizer's memory.
    t, epoch : int
        Steps and epochs done.
    """

    theta: Array
    statistics: Array
    averaged: tuple[Array, Array] | None
    state: Array
    t: int
    epoch: int

    @classmethod
    def of(
        cls, chain: Chain, averaged: Chain, optimizer: Optimizer, t: int, epoch: int
    ) -> Progress:
        """What stands there now, copied."""
        mean = None
        if averaged is not chain:
            mean = (averaged.theta.copy(), averaged.statistics.copy())
        return cls(
            chain.theta.copy(), chain.statistics.copy(), mean, optimizer.state.copy(), t, epoch
        )

    def restore(self, chain: Chain, averaged: Chain, optimizer: Optimizer) -> None:
        """Write it back; an average begins at the weights where none was kept."""
        chain.theta[...], chain.statistics[...] = self.theta, self.statistics
        optimizer.state[...] = self.state
        if averaged is not chain:
            mean = self.averaged or (self.theta, self.statistics)
            averaged.theta[...], averaged.statistics[...] = mean
