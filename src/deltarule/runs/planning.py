"""What a run will be, without running it: its size, its memory, and who will do the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..ground.memory import Limit, in_words, memory_left
from ..machine.layers import Dense
from ..network.memory import TrainingMemory, count_parameters, describe_settings
from .preparation import (
    encoder_for,
    load_for,
    network_arguments,
    planned_memory,
    settings_of,
    validation_rows,
)
from .recipes import Recipe

__all__ = ["RunPlan", "plan_run"]


@dataclass(frozen=True)
class RunPlan:
    """What `deltarule plan` tells.

    Attributes
    ----------
    memory : TrainingMemory
    limit : Limit or None
        None where the system tells of none.
    parameters, steps_per_epoch, epochs, n_train, n_val : int
    multiply_adds : int
        Of the matrix products of one step on a full batch, forward and backward.
    engine : str
        "fast", "reference", or "torch" on a device.
    reasons : tuple of str
        Why it is not the engine.
    """

    memory: TrainingMemory
    limit: Limit | None
    parameters: int
    steps_per_epoch: int
    epochs: int
    n_train: int
    n_val: int
    multiply_adds: int
    engine: str
    reasons: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether a training would not be refused."""
        return self.memory.fits(self.limit)

    def facts(self) -> dict[str, Any]:
        """JSON-able; what `--json` prints."""
        memory = self.memory
        return {
            "parts": memory.parts,
            "total_bytes": memory.total,
            "new_bytes": memory.new,
            "on_disk_bytes": memory.on_disk,
            "limit_bytes": self.limit and self.limit.left,
            "limit": self.limit and self.limit.source,
            "fits": self.fits,
            "parameters": self.parameters,
            "rows": self.n_train,
            "validation_rows": self.n_val,
            "epochs": self.epochs,
            "steps_per_epoch": self.steps_per_epoch,
            "multiply_adds_per_step": self.multiply_adds,
            "engine": self.engine,
            "engine_reasons": list(self.reasons),
        }

    def lines(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        memory, limit = self.memory, self.limit
        rows = [(name, in_words(size)) for name, size in memory.parts.items() if size]
        rows += [
            ("in all", f"{in_words(memory.total)}, of which {in_words(memory.new)} are to come"),
            ("left", f"{in_words(limit.left)}, {limit.source}" if limit else "not known here"),
            ("fits", "yes" if self.fits else "no: a training would be refused"),
        ]
        if memory.on_disk:
            rows.append(("rows on disk", f"{in_words(memory.on_disk)}, read as needed"))
        steps = f"{self.steps_per_epoch:,} an epoch, {self.epochs * self.steps_per_epoch:,} in all"
        return [
            *rows,
            ("parameters", f"{self.parameters:,}"),
            ("rows", f"{self.n_train:,} to train, {self.n_val:,} to validate"),
            ("steps", steps),
            ("multiply-adds", f"{self.multiply_adds:,} in a step"),
            ("engine", " ".join([self.engine, *self.reasons])),
        ]


def plan_run(recipe: Recipe) -> RunPlan:
    """Read the data and tell what a run by this recipe would be; no network is made.

    Raises
    ------
    InvalidInput, NotAvailable, FileRefused
        As a run would.
    """
    dataset = load_for(recipe)
    train, held_out = validation_rows(recipe, dataset)
    given = network_arguments(recipe, dataset, encoder_for(dataset, train, recipe.pieces))
    settings = settings_of(given)
    layers, description = describe_settings(
        settings, recipe.engine, recipe.precision, recipe.device
    )
    dense = [layer for layer in layers.values() if isinstance(layer, Dense)]
    batch = min(recipe.batch_size, len(train))
    # Forward, ∂W, and but for the first layer ∂x.
    products = sum(d.n_in * d.n_out * (3 if i else 2) for i, d in enumerate(dense))
    who = "reference" if description.reasons else "fast"
    who = who if recipe.device is None else "torch"
    return RunPlan(
        memory=planned_memory(recipe, dataset, given, len(train), len(held_out)),
        limit=memory_left(),
        parameters=count_parameters(layers),
        steps_per_epoch=-(-len(train) // recipe.batch_size),
        epochs=recipe.epochs,
        n_train=len(train),
        n_val=len(held_out),
        multiply_adds=batch * products,
        engine=who,
        reasons=description.reasons,
    )
