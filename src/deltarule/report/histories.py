"""Reading a history: one record per epoch, with any metrics, some of them missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .words import as_float

__all__ = ["History", "epoch_of", "last_epoch", "quantities", "series"]

History = Sequence[Mapping[str, Any]]


def epoch_of(record: Mapping[str, Any], index: int) -> float:
    """The record's epoch; where it has none, its place in the history, counted from 1."""
    epoch = as_float(record.get("epoch"))
    return epoch if math.isfinite(epoch) else index + 1.0


def last_epoch(history: History) -> int:
    """The last record's epoch; 0 before the first."""
    return int(epoch_of(history[-1], len(history) - 1)) if history else 0


def series(
    history: History, key: str, over: str = "epoch"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Epochs (or seconds) and values where both were measured: what is missing is left out."""
    measured = [
        (epoch_of(record, i) if over == "epoch" else as_float(record.get(over)), as_float(value))
        for i, record in enumerate(history)
        if (value := record.get(key)) is not None
    ]
    pairs = np.array(measured, dtype=np.float64).reshape(-1, 2)
    pairs = pairs[~np.isnan(pairs[:, 0])]
    return pairs[:, 0], pairs[:, 1]


def quantities(history: History) -> list[str]:
    """The names X for which records have `train_X` or `val_X`; loss and accuracy come first."""
    names = dict.fromkeys(
        key.partition("_")[2]
        for record in history
        for key in record
        if key.startswith(("train_", "val_"))
    )
    return sorted(names, key=lambda name: (name != "loss", name != "accuracy"))
