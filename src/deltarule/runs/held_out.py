"""What the validation rows say of a network, for a report: where it errs, and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.dataset import Table
from ..ground.contracts import Array
from ..ground.errors import Problems
from ..mathematics.calibration import expected_calibration_error, reliability
from ..network.network import Network
from ..report.axes import spread
from .preparation import Prepared

__all__ = ["held_out_facts"]

MOST_POINTS = 2000
MOST_MISTAKES = 12
MOST_COLUMNS = 40
DIMMEST = 63  # the greatest byte of pictures that are not to be brightened is above it
BINS = 15


def held_out_facts(prepared: Prepared, network: Network) -> dict[str, Any]:
    """Confusions, calibration and mistakes of classes; predictions and errors of numbers.

    Parameters
    ----------
    prepared : Prepared
        Of which the validation rows are judged; without any there is nothing to say.
    network : Network
        What judges them: that of `prepared`, or one that was trained on such rows before.
    """
    if prepared.X_val is None:
        return {}
    targets = network.preprocessing.targets
    z = network.scores(prepared.X_val)
    decision = targets.point(z)
    problems = Problems()
    encoded = targets.encode(prepared.y_val, len(decision), problems, "y")
    problems.raise_if_any()
    assert encoded is not None
    truth = targets.restore(encoded)
    if targets.task == "regression":
        few = spread(len(truth), MOST_POINTS)  # the first ones mislead where rows are sorted
        return {
            "scatter": {"y": truth[few, 0], "prediction": decision[few, 0]},
            "mistakes": _errors(prepared, network, truth[:, 0], decision[:, 0]),
        }
    k = 2 if network.settings.sizes[-1] == 1 else network.settings.sizes[-1]
    names = network.about.get("class_names") or [str(i) for i in range(k)]
    p = targets.probabilities(z)
    assert p is not None
    return {
        "confusion": _confusion(truth, decision, k),
        "class_names": names,
        "calibration": _calibration(truth, p),
        "mistakes": _mistakes(prepared, network, truth, decision, p, names),
    }


def _confusion(truth: Array, decision: Array, k: int) -> Array:
    """Counts by (true class, predicted class), (k, k)."""
    return np.bincount(truth * k + decision, minlength=k * k).reshape(k, k)


def _calibration(truth: Array, p: Array) -> dict[str, Any]:
    """Of each bin of confidence with rows: how many, how sure on average, and how often right."""
    n, confidence, right = reliability(truth, p, bins=BINS)
    full = n > 0
    return {
        "n": n[full].astype(np.int64),
        "confidence": confidence[full] / n[full],
        "right": right[full] / n[full],
        "bins": BINS,
        "error": expected_calibration_error(truth, p, bins=BINS),
    }


def _mistakes(
    prepared: Prepared,
    network: Network,
    truth: Array,
    decision: Array,
    p: Array,
    names: list[str],
) -> dict[str, Any]:
    """The wrong answers that were given with the greatest confidence."""
    sure = np.where(decision == truth, -np.inf, p.max(1))
    worst = _largest(sure)
    rows = [
        {
            "true": names[truth[i]],
            "predicted": names[decision[i]],
            "confidence": float(p[i, decision[i]]),
            "of_true": float(p[i, truth[i]]),
        }
        for i in worst
    ]
    return _shown(prepared, network, worst, rows, int((decision != truth).sum()), len(truth))


def _errors(prepared: Prepared, network: Network, truth: Array, decision: Array) -> dict[str, Any]:
    """The predictions that are farthest from the truth."""
    worst = _largest(abs(decision - truth))
    rows = [{"true": float(truth[i]), "predicted": float(decision[i])} for i in worst]
    return _shown(prepared, network, worst, rows, None, len(truth))


def _largest(size: Array) -> Array:
    """Where the largest of the finite sizes are, of equal ones the first."""
    order = np.argsort(-size, kind="stable")[:MOST_MISTAKES]
    return order[np.isfinite(size[order])]


def _shown(
    prepared: Prepared,
    network: Network,
    worst: Array,
    rows: list[dict[str, Any]],
    wrong: int | None,
    n: int,
) -> dict[str, Any]:
    made: dict[str, Any] = {"rows": rows, "wrong": wrong, "n": n}
    if prepared.shown is not None:
        table = prepared.shown.take(worst)
        made["columns"] = list(table)[:MOST_COLUMNS]
        made["cells"] = _cells(table)
    elif network.image_shape is not None and len(worst):
        assert prepared.X_val is not None
        X: Any = prepared.X_val
        made["images"] = _pixels(np.asarray(X[worst]), network.image_shape)
    return made


def _cells(table: Table) -> list[list[Any]]:
    """The values of a table's rows, None where one is missing."""
    of_column = [table[name] for name in list(table)[:MOST_COLUMNS]]
    cells = [[values[i] for values in of_column] for i in range(len(table))]
    return [[None if v is None or v != v else v for v in row] for row in cells]


def _pixels(rows: Array, shape: tuple[int, int, int]) -> Array:
    """Rows of images as bytes, (n, height, width, channels).

    Bytes that are all small are of another scale, such as 0 to 16, and would be black.
    """
    images = rows.reshape(-1, *shape).transpose(0, 2, 3, 1)
    if images.dtype == np.uint8 and images.max() > DIMMEST:
        return images
    wide = images.astype(np.float64)
    low, high = min(0.0, float(wide.min())), float(wide.max())
    return np.round(255 * (wide - low) / ((high - low) or 1.0)).astype(np.uint8)
