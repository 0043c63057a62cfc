"""The network opened up: what one step does, value by value and gradient by gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.batches import total_weight
from ..data.selection import Input
from ..ground.arrays import quiet
from ..ground.contracts import Array, Batch, LabelsLike, RowsLike, WeightsLike
from ..ground.errors import Problems, did_you_mean
from ..ground.randomness import StepNoise
from ..learning.step import l2
from ..machine.chain import Chain
from .inputs import check_number
from .passes import ForwardPass, Gradients, backward_pass
from .preprocessing import Preprocessing
from .settings import Settings

__all__ = ["SingleSteps"]


class SingleSteps:
    """The part of a network for learners and for training loops of one's own; abstract."""

    chain: Chain
    preprocessing: Preprocessing
    settings: Settings

    if not TYPE_CHECKING:  # or a checker would take any name for one of ours

        def __getattr__(self, name: str) -> Any:
            if hasattr(type(self), name):  # a property failed, whose own error tells why
                return object.__getattribute__(self, name)
            known = [] if name.startswith("_") else [n for n in dir(type(self)) if n[0] != "_"]
            raise AttributeError(
                f"A {type(self).__name__} has no {name!r}.{did_you_mean(name, known)}",
                name=name,
                obj=self,
            )

    @property
    def objective(self) -> Callable[..., tuple[Array, Array]]:
        """The loss with its options: (y, z, weight, total) → (L, ∂L/∂z)."""
        return self.settings.loss.bound

    def prepare(self, X: RowsLike, y: LabelsLike) -> None:
        """Learn the scaling of X and the classes, or the spread, of y, as `train` does first.

        For a training loop of one's own: from then on `batch`, `forward`, `backward` and `predict`
        treat all rows alike.  A network that was neither prepared nor trained scales rows by
        themselves.
        """
        problems = Problems()
        prepared = self.preprocessing.with_targets_of(y, problems)
        rows = prepared.checked_rows(X, y, None, problems)
        self.preprocessing = prepared.with_scaling_of(rows.X)

    @quiet
    def forward(self, X: RowsLike, *, step: int | None = None) -> ForwardPass:
        """Every layer's name, value and pullback, in order; the last value is the scores z.

        Parameters
        ----------
        step : int, optional
            Given, the pass is that of a training step with this number: with dropout and batch
            statistics.

        Returns
        -------
        ForwardPass
            A sequence of links, each with a `name`, a `value` and a `pullback`, found by place or
            by name: `net.forward(X)["relu1"].value`; prints as a table.
        """
        array = self._features(X, step)[:]
        x = self.preprocessing.scaling_for(array)(array, self.chain.theta.dtype)
        return ForwardPass(self.chain.forward(x, self._noise(len(x), step)))

    def _noise(self, n: int, step: int | None) -> StepNoise | None:
        return None if step is None else StepNoise(self.settings.seed, step, np.arange(n))

    def batch(
        self,
        X: RowsLike,
        y: LabelsLike,
        sample_weight: WeightsLike | None = None,
        *,
        step: int | None = None,
    ) -> Batch:
        """These rows as one mini-batch: scaled, encoded, ready for `learning.step.train_step`."""
        problems = Problems()
        check_number(problems, "step", 1 if step is None else step, low=1, integer=True)
        prepared = self.preprocessing.with_targets_of(y, problems)
        rows = prepared.checked_rows(X, y, sample_weight, problems)
        x = rows.x(slice(None))
        total = total_weight(rows.weight, len(rows))
        return Batch(x, rows.y, rows.weight, total, self._noise(len(rows), step))

    @quiet
    def backward(
        self,
        X: RowsLike,
        y: LabelsLike,
        sample_weight: WeightsLike | None = None,
        *,
        step: int | None = None,
    ) -> Gradients:
        """One forward and backward pass over these rows: every value and gradient by name.

        Nothing is updated.  `step` as in `forward`.  Targets to regress on are standardised first,
        and loss and gradients are those of what comes of it, unless the network was made with
        standardize_targets=False.

        Returns
        -------
        Gradients
            `loss`; `values` and `incoming`, a layer's value and ∂L/∂value, by "dense1", "relu1", …
            and "input"; `parameters`, ∂L/∂θ, by "dense1.W", "dense1.b", …, which it also holds
            itself: `grads["dense1.W"]`.  Prints as a table.
        """
        batch = self.batch(X, y, sample_weight, step=step)
        return backward_pass(self.chain, self.objective, batch, l2(self.settings.l2))

    def _features(self, X: RowsLike, step: int | None = None) -> Input:
        """X as numbers, (n_samples, n_features), or all its problems as one error."""
        problems = Problems()
        check_number(problems, "step", 1 if step is None else step, low=1, integer=True)
        array = self.preprocessing.features(X, problems)
        problems.raise_if_any()
        assert array is not None
        return array
