"""What a training remembers: one record per epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..ground.frames import data_frame
from .callbacks import PROBED

__all__ = ["History"]

PARTS = ("train_", "val_")


@dataclass
class History:
    """The course of a training; turns into a table and a figure.

    Attributes
    ----------
    epochs : list of dict
        One record per epoch: `epoch`, `step`, `lr`, `seconds` (since the start), `train_loss`,
        `val_loss`, and `train_…` and `val_…` of every metric.  `train_loss` is the mean over
        the epoch's batches, with the l2 penalty; `val_loss` is without it.  Metrics are computed
        once over all rows, not averaged over batches.  The training values use the scores that
        each batch had before its step.  Of full batches an epoch is an iteration: the training
        values are those of the weights after it, and `gradient` is the largest |∂L/∂θⱼ|.
        The records of a run also hold `ratio_…` and `dead_…` of each dense layer: how far a step
        moves its matrix, ‖ΔW‖/‖W‖, and the share of its units that no gradient passes (see
        `learning.probes`); tables in text leave them out.
    monitor : str
        The value that decides which epoch is best.
    best_epoch : int or None
        The epoch with the best monitored value; None where nothing was monitored.
    engine : str
        What took the steps: "fast", "reference", or "torch": the reference on a device.
    engine_reasons : tuple of str
        Why the reference took them: whole sentences; empty where the fast engine did.
    device : str
        The device of PyTorch's, "cpu" or such as "cuda:0 (NVIDIA H100)"; empty without one.
    stopped_early : bool
    stop_reason : str
        Of full batches, why the training ended: "converged"; "iterations" or "evaluations", of
        which there were enough; "patience"; "callback"; or "line search", where no lower point was
        found although ∇ is not yet small.  Of mini-batches "diverged", where a divergence cut the
        training short, and else empty.  Empty after an error.
    notes : tuple of str
        Whole sentences: checkpoints that were damaged and passed over, steps that could not be
        recorded on a device; divergences after which the training went back, and the one that
        ended it.
    steps : int
        Steps done.
    seconds : float
        Wall-clock time.
    weights_sha256 : str
        Of θ's bytes after the last step, before the best weights were restored.
    """

    monitor: str
    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None
    engine: str = "reference"
    engine_reasons: tuple[str, ...] = ()
    device: str = ""
    stopped_early: bool = False
    stop_reason: str = ""
    notes: tuple[str, ...] = ()
    steps: int = 0
    seconds: float = 0.0
    weights_sha256: str = ""

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, name: str) -> list[float]:
        """One column: history["val_loss"]."""
        if self.epochs and name not in self.epochs[-1]:
            raise KeyError(f"{name!r} is not recorded; recorded are {', '.join(self.epochs[-1])}")
        return [record.get(name, math.nan) for record in self.epochs]

    @property
    def best(self) -> dict[str, float] | None:
        """The record of the best epoch, or of the last where nothing was monitored.

        The network holds its weights if it was trained with restore_best=True.
        """
        if not self.epochs:
            return None
        found = [record for record in self.epochs if record["epoch"] == self.best_epoch]
        return found[0] if found else self.epochs[-1]

    def to_dict(self) -> dict[str, list[float]]:
        """All columns by name."""
        return {name: self[name] for name in self.epochs[-1]} if self.epochs else {}

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row per epoch.

        Raises
        ------
        NotAvailable
            If pandas is not installed.
        """
        return data_frame(self.epochs, "a history", "to_dict()", index="epoch", columns=["epoch"])

    def plot(self) -> Any:
        """A matplotlib Figure: losses and metrics, training and validation, over the epochs.

        Empty where no epoch was finished.
        """
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        names = [name[6:] for name in self.to_dict() if name.startswith("train_")]
        figure = Figure(figsize=(4.8 * max(len(names), 1), 3.4), layout="constrained")
        if not names:
            return figure
        for place, name in enumerate(names, 1):
            axes = figure.add_subplot(1, len(names), place)
            for part, label in (("train_", "training"), ("val_", "validation")):
                if part + name in self.epochs[-1]:
                    axes.plot(self["epoch"], self[part + name], label=label)
            if self.best_epoch is not None:
                axes.axvline(self.best_epoch, color="0.6", linestyle=":", label="best epoch")
            axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend()
        return figure

    def __repr__(self) -> str:
        """The best record on a line; `print` shows the table."""
        facts = [f"{len(self.epochs)} epoch{'' if len(self.epochs) == 1 else 's'}"]
        if self.best_epoch is not None:
            facts.append(f"best {self.best_epoch}")
        if self.epochs:
            record = self.best or {}
            facts += [f"{k}={_brief(v)}" for k, v in record.items() if k.startswith(PARTS)]
        return f"History({', '.join(facts)})"

    def __str__(self) -> str:
        """A table of at most 20 evenly chosen epochs."""
        if not self.epochs:
            return "History: no epoch was finished."
        names = [name for name in self.epochs[-1] if not name.startswith(PROBED)]
        stride = -(-len(self.epochs) // 20)
        shown = [r for r in self.epochs if r["epoch"] % stride == 0 or r is self.epochs[-1]]
        rows = [[_brief(record[name]) for name in names] for record in shown]
        widths = [max(len(c) for c in column) for column in zip(names, *rows, strict=True)]
        lines = [names, *rows]
        return "\n".join(
            "  ".join(cell.rjust(w) for cell, w in zip(line, widths, strict=True)) for line in lines
        )


def _brief(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"
