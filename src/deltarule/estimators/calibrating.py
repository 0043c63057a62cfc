"""A classifier's probabilities beside what rows held out say of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..mathematics.calibration import expected_calibration_error, fit_temperature, log_loss
from ..network.targets import Targets
from .targets import Labels

__all__ = ["calibrate"]


def calibrate(
    labels: Labels, targets: Targets, z: Array, y: Array, weight: Array | None
) -> dict[str, Any]:
    """Fit a temperature, and say what it gains: log-loss and calibration error by both.

    Parameters
    ----------
    z : array, (n_samples, n_outputs)
        Raw scores of rows held out.
    y : array
        Their encoded targets.
    weight : array, (n_samples,), or None
    """
    codes = targets.restore(y)
    if labels.n_outputs == 1:
        codes = codes[:, None]
    found = fit_temperature(codes, z, weight)

    def both(temperature: float) -> tuple[float, float]:
        p = targets.probabilities(z.astype(np.float64) / temperature)
        assert p is not None
        p = p[:, 1:] if labels.n_outputs == 1 else p
        return (
            log_loss(codes, z, weight, temperature),
            expected_calibration_error(codes, p, weight),
        )

    before, after = both(1.0), both(found)
    return {
        "temperature": found,
        "log_loss_before": before[0],
        "log_loss_after": after[0],
        "expected_calibration_error_before": before[1],
        "expected_calibration_error_after": after[1],
        "n_samples": len(codes),
    }
