"""Metrics and the monitor, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..ground.errors import InvalidInput, Problems, choose, did_you_mean
from ..learning.evaluation import Judge
from ..learning.monitor import Monitor
from ..mathematics import metrics as metric_table
from .targets import Targets

__all__ = ["DEFAULT_METRICS", "judge_for", "monitor_for"]

DEFAULT_METRICS = {"classification": "accuracy", "regression": "r2"}


def judge_for(
    targets: Targets, metrics: Iterable[str | Callable[..., float]] | None, problems: Problems
) -> Judge:
    """The metrics asked for, or the task's default, as a Judge; problems are collected."""
    chosen: dict[str, Any] = {}
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    for given in [DEFAULT_METRICS[targets.task]] if metrics is None else metrics:
        if callable(given):
            chosen[getattr(given, "__name__", "metric")] = given
            continue
        try:
            chosen[given] = choose(given, metric_table, "metric")
        except InvalidInput as error:
            problems.take(error)
            continue
        problems.require(
            chosen[given].task == targets.task,
            f"The metric {given} is for {chosen[given].task}; this network is for {targets.task}.",
        )
    return Judge(chosen, targets.decide, targets.restore)


def monitor_for(
    name: str | None,
    judge: Judge,
    has_validation: bool,
    patience: int | None,
    min_delta: float,
    problems: Problems,
) -> Monitor | None:
    """What watches for the best epoch; None where nothing is to be watched."""
    directions = {
        "loss": False,
        **{name: getattr(f, "greater_is_better", True) for name, f in judge.metrics.items()},
    }
    parts = ("train", "val") if has_validation else ("train",)
    known = {f"{part}_{what}": up for part in parts for what, up in directions.items()}
    if name is None and not has_validation:
        problems.require(
            patience is None,
            'patience needs validation rows (X_val, y_val), or monitor="train_loss".',
        )
        return None
    name = name or "val_loss"
    if name not in known:
        without = "" if has_validation else " (there are no validation rows)"
        problems.add(
            f"Unknown monitor {name!r}{without}.{did_you_mean(name, known)} "
            f"Known are: {', '.join(known)}."
        )
        return None
    return Monitor(name, known[name], patience, min_delta)
