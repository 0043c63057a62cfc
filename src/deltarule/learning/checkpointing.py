"""Checkpoints of a training: when one is due, what it holds, and whose it is."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..ground.errors import FileRefused, InvalidInput
from ..ground.installing import UPGRADE
from ..storage.generations import Generations
from .callbacks import Callback
from .snapshot import Snapshot
from .training import Training

__all__ = ["Checkpointer", "Every", "every", "load_snapshot"]

# 2: a training may have gone back after a divergence, and says by which policy.
SCHEMA = 2
ADDED = {"on_divergence": 2}  # to what a checkpoint is of, by which schema
UNITS = {"s": "seconds", "step": "steps", "epoch": "epochs"}


@dataclass(frozen=True)
class Every:
    """How often: the unit is one of "seconds", "steps", "epochs"."""

    amount: float
    unit: str


def every(given: Any) -> Every:
    """How often, of 10 (seconds), "10 s", "500 steps" or "2 epochs".

    Raises
    ------
    InvalidInput
        For anything else.
    """
    if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
        return Every(float(given), "seconds")
    match = isinstance(given, str) and re.fullmatch(
        r"\s*(\d+(?:\.\d+)?)\s*(s|step|epoch)s?\s*", given
    )
    if not match:
        raise InvalidInput(
            'checkpoint_every must be a number of seconds, or such as "10 s", "500 steps" or '
            f'"2 epochs", not {given!r:.60}.'
        )
    return Every(float(match[1]), UNITS[match[2]])


class Checkpointer(Callback):
    """Writes a checkpoint when one is due, after whole steps, and at the end.

    The fast engine is asked between its calls, some twenty times a second: steps are then counted
    to the next of these moments.  Of several workers the leading one decides and writes.

    Parameters
    ----------
    where : Generations
    often : Every
    identity : mapping of text
        Whose checkpoint it is; `load_snapshot` refuses another's.
    """

    every_step = False

    def __init__(self, where: Generations, often: Every, identity: Mapping[str, str]) -> None:
        self.where, self.often, self.identity = where, often, dict(identity)
        self.seconds, self.written = 0.0, 0
        self._last = (time.monotonic(), 0, 0)

    def on_start(self, training: Training) -> None:
        """Count from here."""
        self._last = (time.monotonic(), training.taken, training.epoch)

    def on_step(self, training: Training) -> None:
        """Write one if it is due."""
        if self.often.unit != "epochs" and self._due(training):
            self.write(training)

    def on_epoch(self, training: Training) -> None:
        """Write one if it is due, or if this was the last epoch."""
        ends = training.stop or training.epoch >= training.plan.epochs
        if ends or self._due(training):
            self.write(training)

    def _due(self, training: Training) -> bool:
        at, t, epoch = self._last
        passed = {
            "seconds": time.monotonic() - at,
            "steps": training.taken - t,
            "epochs": training.epoch - epoch,
        }
        due, workers = passed[self.often.unit] >= self.often.amount, training.workers
        return due if workers is None else bool(workers.greatest(due and workers.leads))

    def write(self, training: Training) -> None:
        """Write one now.

        Raises
        ------
        NotAvailable
            If it cannot be written; older ones are still there.
        """
        began = time.monotonic()
        snapshot = training.snapshot()
        if training.workers is not None and not training.workers.leads:
            self._last = (time.monotonic(), training.t, training.epoch)
            return
        description = {"checkpoint": SCHEMA, "identity": self.identity, "facts": snapshot.facts}
        tensors = {k: v for k, v in snapshot.arrays.items() if v.size}
        shapes = {k: list(v.shape) for k, v in snapshot.arrays.items() if not v.size}
        # By the steps taken: after going back, what is written is still the newest.
        self.where.write(training.taken, tensors, {**description, "empty": shapes})
        self._last = (time.monotonic(), training.taken, training.epoch)
        self.seconds += self._last[0] - began
        self.written += 1


def _is_description(given: Any) -> bool:
    """Whether it is what `Checkpointer.write` writes; arrays without numbers take no memory."""
    kinds = {"checkpoint": int, "identity": dict, "facts": dict, "empty": dict}
    if not isinstance(given, dict):
        return False
    return all(isinstance(given.get(name), kind) for name, kind in kinds.items()) and all(
        isinstance(shape, list) and 0 in shape and len(shape) < 9 and set(map(type, shape)) == {int}
        for shape in given["empty"].values()
    )


def load_snapshot(
    where: Generations, identity: Mapping[str, str], force: bool = False
) -> tuple[Snapshot, tuple[str, ...]] | None:
    """The newest whole checkpoint, and sentences about newer ones; None where there is none.

    Raises
    ------
    InvalidInput
        If it is of another training, saying in what it differs; not with `force`.
    FileRefused
        If none is whole, or it is of a newer version.
    """
    import numpy as np

    found = where.newest()
    if found is None:
        return None
    tensors, description, refused = found
    if not _is_description(description):
        raise FileRefused(f"{where.folder} holds model files, not checkpoints.")
    if description["checkpoint"] > SCHEMA:
        raise FileRefused(f"The checkpoint in {where.folder} is of a newer version; {UPGRADE}.")
    older = {k for k, schema in ADDED.items() if schema > description["checkpoint"]}
    had = {k: identity[k] for k in older & identity.keys()} | description["identity"]
    other = [
        f"{name} was {had.get(name, 'not known')} and is {identity.get(name, 'not given')}"
        for name in sorted({*had, *identity})
        if had.get(name) != identity.get(name)
    ]
    if other and not force:
        raise InvalidInput(
            f"The checkpoint in {where.folder} is of another training: {'; '.join(other)}. "
            "Make them alike, or force it."
        )
    arrays = {
        **tensors,
        **{k: np.zeros(shape, np.float32) for k, shape in description["empty"].items()},
    }
    return Snapshot(arrays, description["facts"]), refused
