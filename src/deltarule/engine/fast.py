"""Steps of training by the core, many in one call."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.batches import Rows
from ..data.selection import Selection, is_mapped, rows_within
from ..ground.contracts import Array
from ..ground.randomness import derive
from ..machine.chain import Chain
from ..machine.optimizer import Optimizer
from . import native
from .description import Description, core_rows, core_scaling, in_core_dtype

__all__ = ["FastSteps"]

# The core comes back after so long: often enough for a signal or a progress bar, and so rarely
# that coming back costs nothing.
SECONDS = 0.05
FIRST_STEPS = 64


class FastSteps:
    """Takes the steps of an epoch in the core, which holds packed weights meanwhile.

    Between `load` and `store` the chain, the optimizer and the average hold what they held at
    `load`; after `store` they hold what the last whole step left.

    Parameters
    ----------
    chain, optimizer, rows
    averaged : array, (n_parameters,), or None
        θ̄, the moving average of the weights.
    description : Description
        Of this chain, its loss and its rule, without reasons against it.
    batch_size, seed : int
    l2, clip_norm, average : as in a training's plan

    Attributes
    ----------
    scores : array, (n_rows, n_outputs)
        Of each row, when its batch was last taken, before its step.
    gradient_is_finite : bool
        Whether ∇ of the last step taken was.
    """

    def __init__(
        self,
        chain: Chain,
        optimizer: Optimizer,
        rows: Rows,
        averaged: Array | None,
        description: Description,
        *,
        batch_size: int,
        seed: int,
        l2: float,
        clip_norm: float | None,
        average: float,
    ) -> None:
        words = description.words
        self.chain, self.optimizer, self.averaged = chain, optimizer, averaged
        self.batch_size, self.average = batch_size, average
        self._key = derive(seed, "dropout")
        chosen = rows.X if isinstance(rows.X, Selection) else None
        X: Any = rows.X if chosen is None else chosen.base
        self._rows, self._index = rows, None if chosen is None else chosen.index
        self._X: Array | None = None  # what the core reads where it lies
        if in_core_dtype(X) or not (chosen or is_mapped(X)):
            self._X = core_rows(X, rows.dtype)
        self._steps_in_piece = max(1, rows_within(rows.X, len(rows)) // batch_size)
        self._y = np.ascontiguousarray(rows.y, np.int64 if rows.y.ndim == 1 else rows.dtype)
        self._weight = None
        if rows.weight is not None:
            self._weight = np.ascontiguousarray(rows.weight, rows.dtype)
        self.scores = np.zeros((len(rows), words["sizes"][-1]), rows.dtype)
        self._trainer = native.core().Trainer(
            **words,
            **core_scaling(rows.scaling, words["sizes"][0]),
            weight_decay=optimizer.weight_decay,
            l2=l2,
            clip=clip_norm or 0.0,
            average=averaged is not None,
            batch_size=min(batch_size, len(rows)),
        )
        self._at_once = FIRST_STEPS

    @property
    def gradient_is_finite(self) -> bool:
        """As the core has seen it while it moved the weights."""
        return bool(self._trainer.gradient_is_finite)

    def load(self) -> None:
        """Hand the weights, the optimizer's memory and the average to the core."""
        self._trainer.load(self.chain.theta, self.optimizer.state, self.averaged)

    def store(self) -> None:
        """Take them back."""
        self._trainer.store(self.chain.theta, self.optimizer.state, self.averaged)

    def leave(self) -> None:
        """Take them back after an error."""
        self.store()

    def resume(self, scores: Array) -> None:
        """Go on within an epoch of which these scores are known."""
        self.scores[...] = scores

    def advance(self, order: Array, t: int) -> Array:
        """Take steps from step t on, with the rows of `order`, batch after batch, for a while.

        Returns
        -------
        array, (steps,), float64
            The loss of each step taken, at least one.
        """
        steps = min(self._at_once, -(-len(order) // self.batch_size))
        if self._X is None:
            steps = min(steps, self._steps_in_piece)
        now = order[: steps * self.batch_size]
        X, places = self._input(now)
        rates, scalars = self.optimizer.ahead(t, steps)
        losses = np.empty(steps)
        done = self._trainer.advance(
            X,
            self._y,
            self._weight,
            now,
            rates,
            scalars,
            self._pace(t, steps),
            self._key,
            t,
            self.scores,
            losses,
            SECONDS,
            0,
            places,
        )
        # As many as will fill the time, so that rates are not computed in vain.
        self._at_once = 2 * done if done == steps else max(done, 1)
        return losses[:done]

    def _input(self, order: Array) -> tuple[Array, Array | None]:
        """Where the core reads the input of these rows, and at which places; None: at their own."""
        if self._X is None:  # a copy of all may not fit into memory
            return core_rows(self._rows.X[order], self._rows.dtype), np.arange(len(order))
        return self._X, None if self._index is None else self._index[order]

    def _pace(self, t: int, steps: int) -> Array:
        """1 − d of the moving average, after steps t, t + 1, …"""
        after = np.arange(t, t + steps, dtype=np.float64)
        return 1.0 - np.minimum(self.average, (1.0 + after) / (10.0 + after))
