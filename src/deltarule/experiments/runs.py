"""A run: from a recipe to a folder that holds everything about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ground.errors import DeltaruleError, Diverged
from ..learning.callbacks import Callback
from ..learning.history import History
from ..learning.training import Training
from ..network.judging import DEFAULT_METRICS
from ..network.loading import BEST
from ..report.pages import run_page
from ..storage.atomic import as_path, write_text
from ..storage.json_text import json_text
from .facts import run_facts
from .folders import METRICS, RECIPE, REPORT, RESULT, append_line, claim_folder, free_folder
from .preparation import Prepared, load_for, prepare
from .recipes import TRAINING, Recipe

__all__ = ["Outcome", "train_run"]


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes
    ----------
    folder : Path
    facts : dict
        JSON-able; what `--json` prints.
    history : History
    """

    folder: Path
    facts: dict[str, Any]
    history: History


class _Journal(Callback):
    """Makes the run folder when all checks have passed, and appends each epoch's record.

    Parameters
    ----------
    wanted : Path or None
        The folder asked for; None takes the first free runs/NAME-N.
    """

    def __init__(self, wanted: Path | None, name: str, recipe: Recipe) -> None:
        self.wanted, self.name, self.recipe = wanted, name, recipe
        self.folder, self.claimed = wanted or Path("runs"), False

    def on_start(self, training: Training) -> None:
        files = {METRICS: "", RECIPE: self.recipe.to_toml()}
        while not self.claimed:
            self.folder = self.wanted or free_folder(Path("runs"), self.name)
            try:
                claim_folder(self.folder, files)
                self.claimed = True
            except DeltaruleError:
                if self.wanted or not self.folder.exists():
                    raise  # else another run has just taken this number

    def on_epoch(self, training: Training) -> None:
        append_line(self.folder / METRICS, training.history.epochs[-1])


def train_run(
    recipe: Recipe,
    out: str | Path | None = None,
    *,
    command: str = "",
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
) -> Outcome:
    """Train by a recipe; write the run folder: recipe, metrics, best weights, report, result.

    Parameters
    ----------
    recipe : Recipe
    out : path, optional
        A new or empty folder; by default the next free runs/DATA-N.
    command : str
        What the report says made the run.

    Raises
    ------
    InvalidInput, NotAvailable, FileRefused
        Before anything is written.
    Diverged, KeyboardInterrupt
        After the best weights so far and the report are written.
    """
    wanted = None if out is None else as_path(out)
    dataset = load_for(recipe)
    prepared = prepare(recipe, dataset)
    recipe, network = prepared.recipe, prepared.network
    del dataset  # the rows of a run are in `prepared`; a copy would double the memory
    journal = _Journal(wanted, network.about["data"], recipe)
    warnings = list(prepared.notes)
    failure: Diverged | KeyboardInterrupt | None = None
    metrics = recipe.metrics
    if metrics is not None and recipe.task == "classification":
        metrics = list(dict.fromkeys([*metrics, "accuracy"]))  # scripts count on it
    try:
        network.train(
            prepared.X,
            prepared.y,
            prepared.X_val,
            prepared.y_val,
            **{name: getattr(recipe, name) for name in TRAINING} | {"metrics": metrics},
            callbacks=[journal, *callbacks],
            progress=progress,
        )
    except Diverged as error:
        failure = error
        warnings.append(str(error))
    except KeyboardInterrupt:
        if not journal.claimed:
            raise
        failure = KeyboardInterrupt(
            f"Interrupted; the best weights so far and a report are in {journal.folder}."
        )
        warnings.append("The training was interrupted.")
    folder, history = journal.folder, network.history
    assert history is not None
    network.save(folder / BEST)
    facts = _result(folder, prepared, history)
    command = command or f"deltarule train {recipe.data} --recipe {folder / RECIPE}"
    write_text(folder / REPORT, run_page(run_facts(recipe, prepared, history, command, warnings)))
    if failure:
        raise failure
    write_text(folder / RESULT, json_text(facts, indent=1) + "\n")
    return Outcome(folder, facts, history)


def _result(folder: Path, prepared: Prepared, history: History) -> dict[str, Any]:
    """The JSON of a run; a value that is not there is null."""
    best = history.best or {}
    task = prepared.network.preprocessing.targets.task
    last = history.epochs[-1] if history.epochs else {}
    metric = next(
        (name[6:] for name in last if name.startswith("train_") and name != "train_loss"),
        DEFAULT_METRICS[task],
    )
    return {
        "run": str(folder),
        "epochs": len(history),
        "steps": history.steps,
        "best_epoch": history.best_epoch,
        "val_loss": best.get("val_loss"),
        "val_accuracy": best.get("val_accuracy"),
        "train_loss": last.get("train_loss"),
        "train_accuracy": last.get("train_accuracy"),
        "metric_name": metric,
        "val_metric": best.get(f"val_{metric}"),
        "seconds": round(history.seconds, 3),
        "parameters": prepared.network.n_parameters,
        "engine": history.engine,
        "weights_sha256": history.weights_sha256,
    }
