"""Whose checkpoint a checkpoint is: everything that the bits of a training depend on, as text."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..data.batches import Rows, chunks
from ..data.selection import Input
from ..ground.contracts import Array
from ..ground.errors import FileRefused, InvalidInput, Problems
from ..learning.checkpointing import Checkpointer, every, load_snapshot
from ..learning.interrupts import Interrupts
from ..learning.snapshot import Snapshot
from ..learning.training import Training
from ..storage.generations import Generations
from .inputs import check_flag
from .settings import Settings

__all__ = ["Checkpoints", "checkpoints_for", "fingerprint", "identity_of"]

ROWS_AT_ONCE = 4096
OF_EACH_EPOCH = ("epoch", "step", "lr", "train_loss", "seconds")


def fingerprint(array: Input | None) -> str:
    """The SHA-256 of an array's type, shape and numbers, read some rows at a time."""
    if array is None:
        return "none"
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    for part in chunks(len(array), ROWS_AT_ONCE):
        digest.update(np.ascontiguousarray(array[part]).data)
    return digest.hexdigest()


def identity_of(
    settings: Settings, training: Training, lr: float, monitor: Mapping[str, Any]
) -> dict[str, str]:
    """What must be the same for a training to go on: name → text."""
    plan = dataclasses.asdict(training.plan)
    del plan["engine"]  # who takes the steps is named below
    device = plan.pop("device")
    if device is not None:  # checkpoints from before there were devices have no word for none
        plan["device"] = device.partition(":")[0]  # one GPU or another of its kind
    made_of = {
        **settings.to_json(),
        **plan,
        "lr": lr,
        **monitor,
        "engine": training.history.engine,
    }
    told = {name: json.dumps(value, ensure_ascii=False) for name, value in made_of.items()}
    for rows, name in ((training.rows, "training rows"), (training.rows_val, "validation rows")):
        told[name] = _of_rows(rows)
    return told


def _of_rows(rows: Rows | None) -> str:
    if rows is None:
        return "none"
    whole = "".join(fingerprint(part) for part in (rows.X, rows.y, rows.weight))
    return f"{len(rows)} rows, sha256 {hashlib.sha256(whole.encode()).hexdigest()[:16]}"


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """What `Network.train` was told of checkpoints, checked.

    Attributes
    ----------
    write, read : Generations or None
    often : Every
    force : bool
    """

    write: Generations | None
    read: Generations | None
    often: Any
    force: bool

    def attach(self, training: Training, identity: Mapping[str, str]) -> None:
        """Let a training write checkpoints, and go on from the newest that there is."""
        if self.read is not None:
            found = load_snapshot(self.read, identity, self.force)
            if found is not None:
                snapshot, refused = found
                _resume(training, snapshot, str(self.read.folder))
                training.history.notes += refused
        if self.write is not None:
            checkpointer = Checkpointer(self.write, self.often, identity)
            training.callbacks += [checkpointer, Interrupts(checkpointer)]


def _resume(training: Training, snapshot: Snapshot, folder: str) -> None:
    """Go on from a snapshot, or refuse it and leave everything as it was."""
    chain = training.chain
    before = (chain.theta.copy(), chain.statistics.copy())
    try:
        _check_facts(snapshot)
        _check_shapes(training, snapshot.arrays)
        training.resume(snapshot)
    except Exception as error:
        chain.theta[...], chain.statistics[...] = before
        if isinstance(error, InvalidInput):
            raise
        raise FileRefused(
            f"The checkpoint in {folder} is not one that this library writes ({error!r:.200}). "
            "Begin anew."
        ) from None


def _check_facts(snapshot: Snapshot) -> None:
    """What a training counts on later, so that it does not fail then."""
    facts, within = snapshot.facts, "losses" in snapshot.arrays
    records = facts["epochs"]
    counted = all(type(facts[name]) is int and 0 <= facts[name] < 2**53 for name in ("t", "epoch"))
    said = all(type(facts[name]) is bool for name in ("stop", "stopped_early"))
    counted = counted and type(facts.get("taken_back", 0)) is int
    told = facts.get("rollbacks", [])
    said = said and type(told) is list and all(type(sentence) is str for sentence in told)
    if not (counted and said and type(facts["seconds"]) in (int, float)):
        raise ValueError("its counters are not numbers")
    if len(records) != facts["epoch"] - within:
        raise ValueError("its history is not as long as it says")
    for record in records:
        if not all(isinstance(record[name], float | int | str) for name in OF_EACH_EPOCH):
            raise ValueError("its history is not one of numbers")


def _check_shapes(training: Training, arrays: Mapping[str, Array]) -> None:
    """What was forced must still fit."""
    wanted = {
        "theta": training.chain.theta.shape,
        "statistics": training.chain.statistics.shape,
        "state": training.optimizer.state.shape,
    }
    if training.averaged is not training.chain:
        wanted["averaged_theta"] = training.chain.theta.shape
    if "safe_state" in arrays:
        wanted |= {f"safe_{k}": wanted[k] for k in ("theta", "statistics", "state")}
    wrong = [name for name, shape in wanted.items() if arrays[name].shape != shape]
    if wrong or (("averaged_theta" in arrays) != (training.averaged is not training.chain)):
        raise InvalidInput(
            "The checkpoint is of another network, optimizer or average: its arrays do not fit, "
            "and forcing it cannot help. Begin anew."
        )


def checkpoints_for(given: Mapping[str, Any], problems: Problems) -> Checkpoints:
    """Check the arguments `checkpoints`, `checkpoint_every`, `resume` and `force_resume`."""
    often, folders = None, {}
    check_flag(problems, "force_resume", given["force_resume"])
    try:
        often = every(given["checkpoint_every"])
    except InvalidInput as error:
        problems.take(error)
    for name in ("checkpoints", "resume"):
        try:
            folders[name] = None if given[name] is None else Generations(given[name])
        except InvalidInput as error:
            problems.add(f"{name}: {error}")
    read = folders.get("resume")
    return Checkpoints(folders.get("checkpoints") or read, read, often, given["force_resume"])
