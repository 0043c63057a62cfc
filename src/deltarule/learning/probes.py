"""What a look at a few training rows tells of each layer, once an epoch, beside the training."""

from __future__ import annotations

import numpy as np

from ..ground.contracts import Array
from ..ground.randomness import derive, permutation
from ..machine.layers import Activation
from .callbacks import Callback
from .examination import BOUNDED, ENOUGH_ROWS, bare, layer_steps, mover_of, unit_shares
from .step import l2
from .training import Training

__all__ = ["MOST_ROWS", "Probe"]

MOST_ROWS = 128


class Probe(Callback):
    """Adds to each epoch's record how far a step moves each matrix, and how many units are dead.

    `ratio_NAME` is ‖ΔW‖/‖W‖ of dense layer NAME, of the step that would come next, to five digits,
    at the rate that the record tells, with which the epoch began: a schedule may have ended at 0.
    `dead_NAME` is the share of the layer's units that pass no gradient on any of the rows looked
    at; sigmoid and tanh, which saturate instead, and layers without an activation have no such
    column.

    The rows, at most 128, are a function of the seed; the step is taken by the reference, on copies
    of weights and memory, so that the training goes on to the same bits.
    """

    def __init__(self) -> None:
        self._order: Array | None = None

    def on_start(self, training: Training) -> None:
        """Choose the rows."""
        rows = training.rows
        index = np.arange(len(rows)) if rows.weight is None else np.flatnonzero(rows.weight > 0)
        chosen = permutation(derive(training.plan.seed, "probe"), len(index))[:MOST_ROWS]
        self._order = index[chosen]

    def on_epoch(self, training: Training) -> None:
        """Look, and write down what is seen."""
        assert self._order is not None
        training.history.epochs[-1].update(_seen(training, self._order))


def _seen(training: Training, order: Array) -> dict[str, float]:
    chain, rows, plan = training.chain, training.rows, training.plan
    mover = mover_of(training.optimizer, training.history.epochs[-1]["lr"])
    steps = layer_steps(
        chain, training.objective, mover, rows, plan, order, training.t + 1, l2(plan.l2)
    )
    found = {f"ratio_{name}": float(f"{ratio:.5g}") for name, (ratio, _) in steps.items()}
    if len(order) >= ENOUGH_ROWS:
        below = ""
        shares = unit_shares(chain, rows.x(order))
        for name, layer in chain.layers.items():
            if "W" in layer.parameters:
                below = name
            elif isinstance(layer, Activation) and bare(layer.function) not in BOUNDED:
                found |= {f"dead_{below}": shares[below][0]} if below in shares else {}
    return found
