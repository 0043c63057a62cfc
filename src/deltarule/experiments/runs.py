"""A run: from a recipe to a folder that holds everything about it."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..distributed.workers import Workers, agreed
from ..ground.errors import DeltaruleError, Diverged, InvalidInput, NotAvailable
from ..learning.callbacks import Callback
from ..learning.checkpointing import Checkpointer, every
from ..learning.history import History
from ..learning.interrupts import Interrupts
from ..learning.training import Training
from ..network.judging import DEFAULT_METRICS
from ..network.loading import BEST
from ..report.pages import run_page
from ..storage.atomic import as_path, write_text
from ..storage.generations import Generations
from ..storage.json_text import json_text
from ..storage.locks import locked
from .facts import run_facts
from .folders import (
    CHECKPOINTS,
    METRICS,
    RECIPE,
    REPORT,
    RESULT,
    append_line,
    claim_folder,
    free_folder,
    repair_lines,
)
from .preparation import Prepared, load_for, prepare
from .recipes import TRAINING, Recipe, find_recipe, recipe_from

__all__ = ["Outcome", "resume_run", "train_run"]


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
    """Makes the run folder when all checks have passed, appends each epoch's record, and sees to it
    that checkpoints are written and signals heard.

    Parameters
    ----------
    wanted : Path or None
        The folder asked for; None takes the first free runs/NAME-N.
    there : bool
        Whether it is the folder of a run that goes on.
    """

    def __init__(
        self,
        wanted: Path | None,
        name: str,
        recipe: Recipe,
        there: bool,
        workers: Workers | None = None,
    ) -> None:
        self.wanted, self.name, self.recipe = wanted, name, recipe
        self.leads = workers is None or workers.leads
        self.folder, self.claimed, self.there = wanted or Path("runs"), there, there
        self.lock = contextlib.ExitStack()

    def on_start(self, training: Training) -> None:
        if self.leads:
            self._claim(training)
        if not self.there:  # what resumes from checkpoints writes them, too
            assert training.identity
            often = every(self.recipe.checkpoint_every)
            where = Generations(self.folder / CHECKPOINTS)
            checkpointer = Checkpointer(where, often, training.identity())
            training.callbacks += [checkpointer, Interrupts(checkpointer)]

    def _claim(self, training: Training) -> None:
        files = {METRICS: "", RECIPE: self.recipe.to_toml()}
        while not self.claimed:
            self.folder = self.wanted or free_folder(Path("runs"), self.name)
            try:
                claim_folder(self.folder, files)
                self.claimed = True
            except DeltaruleError:
                if self.wanted or not self.folder.exists():
                    raise  # else another run has just taken this number
        Generations(self.folder / CHECKPOINTS).tidy()
        if self.there:
            repair_lines(self.folder / METRICS, training.history.epochs)
        else:
            self.lock.enter_context(locked(self.folder))

    def on_epoch(self, training: Training) -> None:
        if self.leads:
            append_line(self.folder / METRICS, training.history.epochs[-1])


def train_run(
    recipe: Recipe,
    out: str | Path | None = None,
    *,
    command: str = "",
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    workers: Workers | None = None,
) -> Outcome:
    """Train by a recipe; write the run folder: recipe, metrics, best weights, report, result.

    Parameters
    ----------
    recipe : Recipe
    out : path, optional
        A new or empty folder; by default the next free runs/DATA-N.
    command : str
        What the report says made the run.
    workers : Workers, optional
        Those who train together; each makes this call, with the same recipe and folder.

    Raises
    ------
    InvalidInput, NotAvailable, FileRefused
        Before anything is written.
    Diverged, KeyboardInterrupt
        After the best weights so far and the report are written.
    """
    wanted = None if out is None else as_path(out)
    if workers is not None:
        if wanted is None:
            raise InvalidInput(
                "Several workers need to be told their run folder: say --out DIR, so that those "
                "who are started again find it."
            )
        there = workers.restarts and (wanted / RECIPE).is_file()
        if workers.greatest(bool(there) and workers.leads):
            return resume_run(wanted, callbacks=callbacks, progress=progress, workers=workers)
    return _run(recipe, wanted, command, callbacks, progress, {"workers": workers}, there=False)


def resume_run(
    folder: str | Path,
    *,
    force: bool = False,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    workers: Workers | None = None,
) -> Outcome:
    """Go on with a run that was interrupted or killed, to the same bits as if it had not been.

    It goes on from the newest checkpoint that is whole, or from the beginning where there is none;
    a run that is done is left as it is.

    Parameters
    ----------
    folder : path
        Of the run.
    force : bool
        Go on even if data or settings have changed.
    workers : Workers, optional
        Those who train together, as many as before or not; each sees the folder.

    Raises
    ------
    InvalidInput
        If the data or the settings are not those of the checkpoint, saying in what they differ.
    NotAvailable, FileRefused
        If it is no run, another process is at work on it, or no checkpoint is whole.
    Diverged, KeyboardInterrupt
        After the best weights so far and the report are written.
    """
    run = as_path(folder)
    if not (run / RECIPE).is_file():
        raise NotAvailable(
            f"{run} is not the folder of a run: it has no {RECIPE}. Name one that "
            "`deltarule train` made."
        )
    with locked(run) if workers is None or workers.leads else contextlib.nullcontext():
        done = agreed(workers, lambda: _done(run))
        if done is not None:
            return Outcome(run, done, History(""))
        recipe = recipe_from(find_recipe(str(run / RECIPE)), {})
        again = {
            "resume": run / CHECKPOINTS,
            "force_resume": force,
            "checkpoint_every": recipe.checkpoint_every,
            "workers": workers,
        }
        command = f"deltarule resume {shlex.quote(str(run))}"
        return _run(recipe, run, command, callbacks, progress, again, there=True)


def _done(run: Path) -> dict[str, Any] | None:
    """What a finished run said of itself; None of one that is not finished."""
    try:
        facts = json.loads((run / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):  # a damaged result is made anew
        return None
    return facts if isinstance(facts, dict) and (run / BEST).exists() else None


def _run(
    recipe: Recipe,
    wanted: Path | None,
    command: str,
    callbacks: Iterable[Callback],
    progress: bool,
    again: dict[str, Any],
    *,
    there: bool,
) -> Outcome:
    workers = again["workers"]
    # The rows of a run are in `prepared`; the data set beside it would double the memory.
    prepared = agreed(workers, lambda: prepare(recipe, load_for(recipe)))
    name = prepared.network.about["data"]
    journal = _Journal(wanted, name, prepared.recipe, there, workers)
    with journal.lock:
        return _train(prepared, journal, command, callbacks, progress, again)


def _train(
    prepared: Prepared,
    journal: _Journal,
    command: str,
    callbacks: Iterable[Callback],
    progress: bool,
    again: dict[str, Any],
) -> Outcome:
    recipe, network = prepared.recipe, prepared.network
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
            **again,
        )
    except Diverged as error:
        failure = error
        warnings.append(str(error))
    except KeyboardInterrupt as error:
        if not journal.claimed:
            raise
        failure = type(error)(
            f"Interrupted; the best weights so far and a report are in {journal.folder}. Go on "
            f"with: deltarule resume {shlex.quote(str(journal.folder))}"
        )
        warnings.append("The training was interrupted.")
    folder, history = journal.folder, network.history
    assert history is not None
    warnings += history.notes
    facts = _result(folder, prepared, history)
    if not journal.leads:
        if failure:
            raise failure
        return Outcome(folder, facts, history)
    network.save(folder / BEST)
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
