"""What stands in the result of a run, so that a damaged one is told from a whole one."""

from __future__ import annotations

from typing import Any

__all__ = ["RESULT_OF", "is_result"]

MAYBE = float | int | None
RESULT_OF: dict[str, Any] = {
    "run": str,
    "epochs": int,
    "steps": int,
    "best_epoch": int | None,
    "val_loss": MAYBE,
    "val_accuracy": MAYBE,
    "train_loss": MAYBE,
    "train_accuracy": MAYBE,
    "metric_name": str,
    "val_metric": MAYBE,
    "val_root_mean_squared_error": MAYBE,
    "seconds": float | int,
    "parameters": int,
    "engine": str,
    "device": str | None,
    "weights_sha256": str,
    "notes": list,
}
"""What stands in a result, in this order, and of what kind it is."""

LATER = ("val_root_mean_squared_error",)
"""What results of earlier versions lack, which are whole without."""


def is_result(facts: Any) -> bool:
    """Whether these are the facts of a run, all of them and each of its kind."""
    return (
        isinstance(facts, dict)
        and list(facts) == [name for name in RESULT_OF if name in facts or name not in LATER]
        and all(isinstance(value, RESULT_OF[name]) for name, value in facts.items())
    )
