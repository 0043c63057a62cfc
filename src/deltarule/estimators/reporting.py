"""Losses as scikit-learn reports them: of y in its own units, with a ½ where it has one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.batches import total_weight
from ..ground.contracts import Array
from ..mathematics import losses
from ..network.targets import LabelTargets, NumberTargets, Targets

__all__ = ["Reporting", "reporting_of"]

# With which power of y's unit a loss grows.
POWERS = {losses.half_squared_error: 2, losses.absolute_error: 1, losses.quantile: 1}


@dataclass(frozen=True)
class Reporting:
    """From the network's loss to scikit-learn's.

    Attributes
    ----------
    scale : float
        Times the network's loss, penalty and all.
    plus : function (y, weight) → number, or None
        Then added: what does not depend on the weights, and the network therefore leaves out.
    anew : function (y, z, weight) → loss, or None
        Where no factor does: the loss of encoded targets y and scores z, without the penalty.
    """

    scale: float = 1.0
    plus: Callable[[Array, Array | None], float] | None = None
    anew: Callable[[Array, Array, Array | None], float] | None = None


def reporting_of(targets: Targets, function: Any, objective: Any) -> Reporting:
    """What scikit-learn would report of such a network.

    - several labels: the sum over the labels, where the network takes their mean
    - squared error: ½(ŷ − y)² in the units of y, where the network's y are standardised
    - absolute error, quantile: |ŷ − y|, and the pinball loss, in the units of y
    - Poisson: half the deviance, μ − y + y·log(y/μ), where the network leaves out what is constant,
      and the sum over the outputs, where the network takes their mean

    Parameters
    ----------
    targets : Targets
    function : one of `losses`, or one's own
    objective : the same with its options
    """
    if isinstance(targets, LabelTargets) and targets.k > 1:
        return Reporting(float(targets.k))
    if not isinstance(targets, NumberTargets):
        return Reporting()
    if function is losses.poisson:
        return Reporting(targets.k, plus=lambda y, weight: targets.k * _constant(y, weight))
    if function not in POWERS:
        return Reporting()
    std = targets.std
    if np.ptp(std) == 0:
        return Reporting(float(std[0]) ** POWERS[function])
    return Reporting(anew=lambda y, z, weight: _mean(objective, y * std, z * std, weight))


def _mean(objective: Any, y: Array, z: Array, weight: Array | None) -> float:
    return float(objective(y, z, weight, total_weight(weight, len(y)) or 1.0)[0])


def _constant(y: Array, weight: Array | None) -> float:
    """Mean of y·log y − y, with 0·log 0 = 0."""
    y = y.astype(np.float64)
    logs = np.log(np.where(y > 0, y, 1.0))
    return float(np.average((y * logs - y).mean(axis=1), weights=weight))
