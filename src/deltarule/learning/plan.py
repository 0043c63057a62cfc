"""What a training does, all of it constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

__all__ = [
    "ENGINES",
    "POLICIES",
    "PRECISIONS",
    "Engine",
    "Plan",
    "Policy",
    "Precision",
    "steps_in",
]

Engine: TypeAlias = Literal["auto", "reference", "fast"]
Precision: TypeAlias = Literal["full", "bf16"]
Policy: TypeAlias = Literal["stop", "rollback", "raise"]
ENGINES, PRECISIONS, POLICIES = get_args(Engine), get_args(Precision), get_args(Policy)


@dataclass(frozen=True)
class Plan:
    """What a training does, all of it constant.

    Attributes
    ----------
    epochs, batch_size, seed : int
    l2 : float
        Strength of the penalty in the loss.
    clip_norm : float or None
        The greatest length of ∇.
    average : float
        Decay of the exponential moving average of the weights, 0 for none.  Where weights are
        averaged, validation and the final weights are those of the average.
    restore_best : bool
        Whether the monitored best weights are written back at the end.
    engine : one of ENGINES
        "auto" takes the fast engine for what it can do, and the reference for the rest.
    precision : one of PRECISIONS
        Of the products of the fast engine or of a device; in NumPy the reference is always full.
    shuffle : bool
        Whether every epoch takes the rows in an order of its own.
    device : str or None
        Where PyTorch's tensors take the steps, such as "cuda"; None for NumPy and the engine.
    shards : int
        Into how many parts several workers cut a batch; 0 where there is one process alone.
    sharded_optimizer : bool
        Whether each of the workers holds a slice of the optimizer's memory only.
    on_divergence : one of POLICIES
        "raise" ends the training with an error, "stop" with the best weights and a note in the
        history, once there are some; "rollback" goes back to the end of the last whole epoch with
        half the learning rate, a bounded number of times, and then stops.
    """

    epochs: int
    batch_size: int
    seed: int
    l2: float = 0.0
    clip_norm: float | None = None
    average: float = 0.0
    restore_best: bool = True
    engine: str = "auto"
    precision: str = "full"
    shuffle: bool = True
    device: str | None = None
    shards: int = 0
    sharded_optimizer: bool = False
    on_divergence: str = "raise"


def steps_in(n: int, plan: Plan) -> int:
    """How many steps a plan takes over n rows."""
    return plan.epochs * -(-n // plan.batch_size)
