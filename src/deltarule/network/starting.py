"""Where a first training begins, if its targets say something better than zero."""

from __future__ import annotations

import numpy as np

from ..data.batches import Rows, total_weight
from ..machine.chain import Chain
from ..mathematics import losses
from .settings import Settings

__all__ = ["start_at_mean"]


def start_at_mean(chain: Chain, settings: Settings, rows: Rows) -> None:
    """Let a fresh network of counts answer with their mean: b = log ȳ of the last layer.

    Of all constant scores it has the least loss: Σ(e^b − y) = 0  ⇒  e^b = ȳ; see (E7).  Steps of
    a learning rate's size would take thousands of epochs from a rate of 1 to one of thousands.
    Other losses have targets of their own size, and a bias that somebody has set stays.

    Parameters
    ----------
    rows : Rows
        To learn from; their y is (n, n_outputs).
    """
    bias = chain.views[f"dense{len(settings.sizes) - 1}"].b
    if settings.loss.function is not losses.poisson or bias.any():
        return
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight.astype(np.float64)
    mean = weight @ rows.y.astype(np.float64) / (total_weight(rows.weight, len(rows)) or 1.0)
    bias[...] = np.log(np.where(mean > 0, mean, 1.0))
