"""Losses as scikit-learn reports them: of y in its own units, with a ½ where it has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.batches import total_weight
from ..ground.contracts import Array
from ..mathematics import losses
from ..network.targets import LabelTargets, NumberTargets, Targets

__all__ = ["Reported", "reported_loss"]

Reported = Callable[[Array, Array, "Array | None"], float]
"""reported(y, z, weight) → the loss of encoded targets y and scores z."""


def reported_loss(targets: Targets, function: Any, objective: Any) -> Reported | None:
    """What scikit-learn would report of such a network; None where it is what the network does.

    - several labels: the sum over the labels, where the network takes their mean
    - squared error: ½(ŷ − y)² in the units of y, where the network's y are standardised
    - absolute error, quantile: |ŷ − y|, and the pinball loss, in the units of y
    - Poisson: half the deviance, μ − y + y·log(y/μ), where the network leaves out what is constant

    Parameters
    ----------
    targets : Targets
    function : one of `losses`, or one's own
    objective : the same with its options
    """
    if isinstance(targets, LabelTargets) and targets.k > 1:
        return lambda y, z, weight: targets.k * _mean(objective, y, z, weight)
    if not isinstance(targets, NumberTargets):
        return None
    if function is losses.poisson:
        return lambda y, z, weight: _mean(objective, y, z, weight) + _constant(y, weight)
    in_units = (losses.half_squared_error, losses.absolute_error, losses.quantile)
    if function in in_units and targets.standardize:
        std = targets.std
        return lambda y, z, weight: _mean(objective, y * std, z * std, weight)
    return None


def _mean(objective: Any, y: Array, z: Array, weight: Array | None) -> float:
    return float(objective(y, z, weight, total_weight(weight, len(y)) or 1.0)[0])


def _constant(y: Array, weight: Array | None) -> float:
    """Mean of y·log y − y, with 0·log 0 = 0."""
    y = y.astype(np.float64)
    logs = np.log(np.where(y > 0, y, 1.0))
    return float(np.average((y * logs - y).mean(axis=1), weights=weight))
