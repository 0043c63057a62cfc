"""What a training takes of memory, told before it is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..data.selection import PIECE
from ..engine import native
from ..engine.description import Description
from ..ground.contracts import Layer
from ..ground.errors import InvalidInput
from ..ground.memory import Limit, in_words, require_memory
from ..learning.evaluation import FAST_ROWS_AT_ONCE, ROWS_AT_ONCE
from ..learning.full_batch import MOST_KEPT
from ..learning.full_batch import ROWS_AT_ONCE as FULL_ROWS_AT_ONCE
from ..learning.plan import Plan
from ..learning.stepping import judge_engine
from ..machine.layers import Activation, Dense, Dropout
from .construction import build_layers
from .settings import Settings

__all__ = [
    "RowsInfo",
    "TrainingMemory",
    "count_parameters",
    "describe_settings",
    "full_batch_memory",
    "training_memory",
    "training_vectors",
]

# θ, ∇, the optimizer's scratch, θ before the epoch, the best θ
VECTORS = 5
# Of θ's length: the moving average, and the room behind it that a chain has for its gradient.
OF_AVERAGE = 2
# Of θ's length, beside state and average, what a device holds: θ, ∇, that of the chain which
# judges, and scratch.
TENSORS = 4
# How many numbers a layer keeps of each unit until its pullback has been called.
KEPT: dict[type, int] = {Dense: 1, Activation: 2, Dropout: 2}
KEPT_BY_NORMALIZATION = 3
# Values and gradients of the widest layer that are made and dropped on the way.
ON_THE_WAY = 3
# Of float64 vectors that L-BFGS holds: SciPy's workspace of ten pairs, 2·10 + 5, its bounds, and
# the points and gradients that it and the training pass on, as measured.
OF_FULL_BATCH = 25 + 2 + 17
# An epoch's order, and the random words that it is sorted by.
ORDER_BYTES = 24
# The part that is always there already.
HELD = "rows in memory"
REMEDY = (
    "make the network or the batches smaller, or store the rows as X.npy and y.npy in a folder, "
    "from which they are read as needed"
)


@dataclass(frozen=True)
class RowsInfo:
    """Of the rows of a training, what their memory depends on.

    Attributes
    ----------
    n_train, n_val : int
    in_memory : int
        Bytes of rows that are in memory, both kinds.
    on_disk : int
        Bytes of memory-mapped rows, which take no memory that could not be given back.
    encoded : int
        Bytes of a table's rows once they are numbers.
    piece : int
        Bytes of rows that are copied at a time, where they are not read where they lie.
    """

    n_train: int
    n_val: int
    in_memory: int = 0
    on_disk: int = 0
    encoded: int = 0
    piece: int = 0


@dataclass(frozen=True)
class TrainingMemory:
    """The memory of a training, by part.

    Attributes
    ----------
    parts : dict of name to bytes
    there : int
        Bytes of parts that are taken already.
    on_disk : int
        Bytes of rows that stay in their file.
    """

    parts: dict[str, int]
    there: int
    on_disk: int

    @property
    def total(self) -> int:
        """Bytes of all parts."""
        return sum(self.parts.values())

    @property
    def new(self) -> int:
        """Bytes that the training will take besides those that are there."""
        return max(0, self.total - self.there)

    def require(self, remedy: str = REMEDY) -> None:
        """Refuse a training that would not fit, before anything is taken.

        Parameters
        ----------
        remedy : str
            The end of the sentence.

        Raises
        ------
        InvalidInput
            With the figure, its largest part, and the limit.
        """
        new = {name: size for name, size in self.parts.items() if name != HELD}
        name = max(new, key=lambda part: new[part])
        largest = f"{name} {in_words(self.parts[name])}"
        require_memory(self.new, f"This training (the largest part: {largest})", remedy)

    def fits(self, limit: Limit | None) -> bool:
        """Whether it would not be refused."""
        return limit is None or self.new <= limit.left


def count_parameters(layers: Mapping[str, Layer], what: str = "parameters") -> int:
    """How many numbers the layers learn, or keep as statistics."""
    return sum(
        math.prod(shape) for layer in layers.values() for shape in getattr(layer, what).values()
    )


def training_vectors(settings: Settings, average: float = 0.0) -> int:
    """How many vectors of θ's length a monitored training holds."""
    slots: int = settings.optimizer.function.slots  # type: ignore[attr-defined]
    return VECTORS + slots + (OF_AVERAGE if average else 0)


def describe_settings(
    settings: Settings, engine: str, precision: str, device: str | None = None
) -> tuple[dict[str, Layer], Description]:
    """The layers that settings make, and what the engine says to a training of them.

    Nothing of θ's length is made.
    """
    layers = build_layers(settings)
    bare: Any = SimpleNamespace(layers=layers, theta=np.empty(0, settings.dtype))
    s = settings
    rule, options = s.optimizer.function, s.optimizer.options
    return layers, judge_engine(engine, precision, bare, s.loss.bound, rule, options, device=device)


def training_memory(
    settings: Settings,
    layers: Mapping[str, Layer],
    description: Description,
    plan: Plan,
    rows: RowsInfo,
    *,
    monitored: bool,
    checkpoints: bool = False,
    network_is_there: bool = False,
) -> TrainingMemory:
    """What a training will hold at its fullest, by part.

    Parameters
    ----------
    description : Description
        Of the engine; one with reasons means that the reference takes the steps.
    monitored : bool
        Whether the best weights are kept.
    checkpoints : bool
        Whether some are written.
    network_is_there : bool
        Whether θ and ∇ have been made.
    """
    width = np.dtype(settings.dtype).itemsize
    vector = count_parameters(layers) * width
    statistics = count_parameters(layers, "statistics") * width
    fast, elsewhere = not description.reasons, plan.device not in (None, "cpu")
    others = training_vectors(settings, plan.average) - VECTORS
    slots = others - (OF_AVERAGE if plan.average else 0)
    batch = min(plan.batch_size, rows.n_train)
    changing = (1 + slots + bool(plan.average)) * vector  # θ, the optimizer's memory, the average
    at_the_end = changing + vector
    before = vector + (changing if plan.on_divergence == "rollback" else 0)
    of_checkpoint = _checkpoint(changing, monitored * vector, before, settings, rows)
    parts = {
        "parameters": vector,
        "gradient": vector,
        "optimizer": (slots + 1) * vector,
        "averaged weights": (OF_AVERAGE * vector) if plan.average else 0,
        # Those before the epoch, the best, and, when it ends, where it stopped and a copy from
        # which the weights' checksum is taken; and where it may go back to.
        "weights kept": before + monitored * vector + at_the_end + 4 * statistics,
        # A copy of all that changes, and the file that it becomes, beside what was before the
        # epoch; the end's own copies are not there yet.
        "checkpoint": max(0, of_checkpoint - at_the_end) if checkpoints else 0,
        "engine": _engine_bytes(settings, description, plan, batch, rows) if fast else 0,
        "tensors": (TENSORS + others) * vector if plan.device == "cpu" else 0,
        "activations": 0 if elsewhere else _activations(settings, layers, batch, rows, fast),
        "targets and scores": _of_each_row(settings, rows, width),
        HELD: rows.in_memory,
        "encoded table": rows.encoded,
    }
    there = rows.in_memory + (2 * vector if network_is_there else 0)
    return TrainingMemory({k: int(v) for k, v in parts.items()}, int(there), rows.on_disk)


def full_batch_memory(
    settings: Settings,
    layers: Mapping[str, Layer],
    rows: RowsInfo,
    *,
    monitored: bool,
    network_is_there: bool = False,
) -> TrainingMemory:
    """What a training by L-BFGS, which computes in float64, will hold at its fullest, by part.

    Parameters
    ----------
    monitored, network_is_there : bool
        As in `training_memory`.
    """
    width, n = np.dtype(settings.dtype).itemsize, count_parameters(layers)
    numbers = rows.n_train * settings.sizes[0]
    parts = {
        "parameters": n * width,
        "gradient": n * width,
        "L-BFGS": OF_FULL_BATCH * n * 8,
        "weights kept": (1 + monitored) * n * width,
        "activations": _kept_of_a_row(settings, layers) * 8 * min(FULL_ROWS_AT_ONCE, rows.n_train),
        "targets and scores": _of_each_row(settings, rows, 8),
        HELD: rows.in_memory,
        "rows in float64": numbers * 8 if numbers <= MOST_KEPT else 0,
        "encoded table": rows.encoded,
    }
    there = rows.in_memory + (2 * n * width if network_is_there else 0)
    return TrainingMemory({k: int(v) for k, v in parts.items()}, int(there), rows.on_disk)


def _checkpoint(changing: int, best: int, before: int, settings: Settings, rows: RowsInfo) -> float:
    """What is copied for a checkpoint within an epoch, and twice the file before it is written: by
    tensors, and as one.
    """
    scores = rows.n_train * settings.sizes[-1] * np.dtype(settings.dtype).itemsize
    copied = changing + best + scores
    return 3 * copied + 2 * before


def _engine_bytes(
    settings: Settings, description: Description, plan: Plan, batch: int, rows: RowsInfo
) -> float:
    """What the compiled core packs for steps, and what it packs to judge."""
    core, still = native.core(), np.zeros(settings.sizes[0])
    try:
        needed: float = core.Trainer.bytes_for(
            **description.words,
            weight_decay=settings.weight_decay,
            l2=plan.l2,
            clip=plan.clip_norm or 0.0,
            average=bool(plan.average),
            shift=still,
            factor=still,
            scaled=False,
            batch_size=batch,
        )
        if rows.n_val:
            needed += core.forward_bytes(settings.sizes, settings.dtype)
    except MemoryError:
        raise InvalidInput(
            "The engine cannot hold a network of these sizes; make the layers smaller."
        ) from None
    return needed


def _activations(
    settings: Settings, layers: Mapping[str, Layer], batch: int, rows: RowsInfo, fast: bool
) -> float:
    """What the rows of a batch, or of the part that is judged at a time, become on their way."""
    width = np.dtype(settings.dtype).itemsize
    if fast:
        judged = min(FAST_ROWS_AT_ONCE, rows.n_val) * settings.sizes[-1] * width
        return judged + min(rows.piece, PIECE)
    rows_at_once = max(batch, min(ROWS_AT_ONCE, rows.n_val))
    return _kept_of_a_row(settings, layers) * width * rows_at_once


def _kept_of_a_row(settings: Settings, layers: Mapping[str, Layer]) -> float:
    """How many numbers of each row the reference holds at a time."""
    units, kept = settings.sizes[0], float(settings.sizes[0])
    for layer in layers.values():
        units = getattr(layer, "n_out", units)
        kept += units * KEPT.get(type(layer), KEPT_BY_NORMALIZATION)
    return kept + ON_THE_WAY * max(settings.sizes)


def _of_each_row(settings: Settings, rows: RowsInfo, width: int) -> float:
    """The targets as the loss takes them, the scores, and what metrics make of both."""
    outputs, classes = settings.sizes[-1], settings.loss.function.task == "classification"  # type: ignore[attr-defined]
    target = 8 if classes else outputs * (width + 3 * 8)
    of_one = target + outputs * width
    return rows.n_train * (of_one + ORDER_BYTES) + rows.n_val * (of_one + outputs * width)
