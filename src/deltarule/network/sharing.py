"""Whether several workers can share a training: their number, the shards, the batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..distributed.workers import Workers
from ..ground.errors import InvalidInput, Problems
from ..learning.training import Training
from .inputs import brief, check_flag, check_number

__all__ = ["MOST_SHARDS", "check_shards", "check_workers", "require_alike"]

MOST_SHARDS = 4096


def check_shards(problems: Problems, shards: object) -> bool:
    """Check the number of parts of a batch; workers add them in a tree that halves."""
    if not check_number(problems, "shards", shards, low=1, high=MOST_SHARDS, integer=True):
        return False
    assert isinstance(shards, int | np.integer)
    power = int(shards).bit_count() == 1
    problems.require(power, f"shards must be a power of two, such as 4 or 8, not {shards}.")
    return power


def check_workers(problems: Problems, given: Mapping[str, Any], n: int | None) -> None:
    """Check that the workers can share the work: what they are, the shards, the batch, the rows."""
    workers, fits = given["workers"], check_shards(problems, given["shards"])
    check_flag(problems, "sharded_optimizer", given["sharded_optimizer"])
    if workers is None:
        return
    if not isinstance(workers, Workers):
        problems.add(
            f"workers must be what deltarule.distributed.workers.join gives, not {brief(workers)}."
        )
        return
    size = workers.size
    problems.require(
        not fits or given["device"] is not None or given["shards"] % size == 0,
        f"{size} workers cannot share {given['shards']} shards alike: start 1, 2, 4, … workers, or "
        "choose more shards, a power of two.",
    )
    batch = given["batch_size"]
    if isinstance(batch, int | np.integer):
        least = min(int(batch), batch if n is None else n)
        problems.require(
            least >= size,
            f"A batch of {least} rows is too small for {size} workers; start fewer, or choose a "
            "larger batch_size.",
        )
    problems.require(
        given["engine"] != "fast",
        'engine="fast" is for one process alone; leave engine="auto" for several workers.',
    )
    device = given["device"]
    numbered = isinstance(device, str) and ":" in device
    problems.require(
        not numbered,
        f'device="{device}" is one GPU; with several workers say "cuda", and each takes its own.',
    )
    slices = given["sharded_optimizer"] is True
    problems.require(
        not (slices and device is not None),
        "sharded_optimizer is for workers on processors; leave it or device out.",
    )
    problems.require(
        not (slices and given["on_divergence"] == "rollback"),
        'sharded_optimizer keeps no whole memory to go back to; leave it or "rollback" out.',
    )


def require_alike(workers: Workers, training: Training) -> None:
    """Require that all workers are about to do the same.

    Raises
    ------
    InvalidInput
        In every worker, if rows, settings, weights or the step that they begin with differ.
    """
    assert training.identity is not None
    told = {
        **training.identity(),
        "step to begin with": str(training.t),
        "weights": hashlib.sha256(training.chain.theta.tobytes()).hexdigest(),
    }
    everybody = [json.loads(words) for words in workers.hear(json.dumps(told))]
    different = [
        name for name in told if any(other[name] != everybody[0][name] for other in everybody)
    ]
    if different:
        workers.told = True
        raise InvalidInput(
            f"The {workers.size} workers do not do the same; different are: "
            f"{', '.join(different)}. Each needs the same data, options and run folder."
        )
