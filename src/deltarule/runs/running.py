"""A run: from a recipe to a folder that holds everything about it."""

from __future__ import annotations

import contextlib
import json
import shlex
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..distributed.workers import Workers, agreed
from ..ground.devices import find_device
from ..ground.errors import (
    CutShort,
    DeltaruleError,
    Diverged,
    FileRefused,
    InvalidInput,
    NotAvailable,
)
from ..learning.callbacks import Callback
from ..learning.history import History
from ..learning.probes import Probe
from ..learning.tensorboard import require_tensorboardx
from ..network.judging import DEFAULT_METRICS, metrics_of_run
from ..network.loading import BEST
from ..network.network import Network
from ..report.pages import run_page
from ..storage.atomic import as_path, write_text
from ..storage.json_text import json_text
from ..storage.locks import locked
from .facts import about_run, run_facts
from .folders import (
    ABOUT,
    CHECKPOINTS,
    METRICS,
    RECIPE,
    REPORT,
    RESULT,
    TENSORBOARD,
    read_lines,
)
from .journal import Journal, board_for
from .preparation import Prepared, load_for, prepare
from .recipes import TRAINING, Recipe, find_recipe, settled_recipe
from .results import is_result

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


@dataclass(frozen=True)
class _Asked:
    """How a run is to be made, as it was asked for.

    Attributes
    ----------
    command : str
        What the report says made it.
    callbacks : tuple of Callback
    progress, report, tensorboard : bool
    workers : Workers or None
    going_on : dict
        What `Network.train` is told of a run that goes on; empty of a new one.
    tell : function of a sentence, or None
        Hears what the data look like they got wrong.
    """

    command: str
    callbacks: tuple[Callback, ...]
    progress: bool
    report: bool
    tensorboard: bool
    workers: Workers | None
    going_on: dict[str, Any]
    tell: Callable[[str], object] | None

    @property
    def leads(self) -> bool:
        """Whether this process writes."""
        return self.workers is None or self.workers.leads


def train_run(
    recipe: Recipe,
    out: str | Path | None = None,
    *,
    command: str = "",
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    report: bool = True,
    workers: Workers | None = None,
    tensorboard: bool = False,
    tell: Callable[[str], object] | None = None,
) -> Outcome:
    """Train by a recipe; write the run folder: recipe, metrics, best weights, report, result.

    Parameters
    ----------
    recipe : Recipe
    out : path, optional
        A new or empty folder; by default the next free runs/DATA-N.
    command : str
        What the report says made the run.
    report : bool
        Whether the page is made, which takes about a second.
    workers : Workers, optional
        Those who train together; each makes this call, with the same recipe and folder.
    tensorboard : bool
        Write event files into the folder `tensorboard` of the run.
    tell : function of a sentence, optional
        Called, before the training begins, with each that the data look like they got wrong.

    Raises
    ------
    InvalidInput, NotAvailable, FileRefused
        Before anything is written.
    Diverged, KeyboardInterrupt
        After the best weights so far and the report are written; of a training that has ended
        anyway a signal changes nothing.
    """
    wanted = None if out is None else as_path(out)
    if tensorboard:
        require_tensorboardx()
    if workers is not None:
        if wanted is None:
            workers.told = True  # as all of them say it
            raise InvalidInput(
                "Several workers need to be told their run folder: say --out DIR, so that those "
                "who are started again find it."
            )
        there = workers.restarts and (wanted / RECIPE).is_file()
        if workers.greatest(bool(there) and workers.leads):
            return resume_run(
                wanted,
                callbacks=callbacks,
                progress=progress,
                workers=workers,
                report=report,
                tell=tell,
            )
    asked = _Asked(command, tuple(callbacks), progress, report, tensorboard, workers, {}, tell)
    return _run(recipe, wanted, asked)


def resume_run(
    folder: str | Path,
    *,
    force: bool = False,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    report: bool = True,
    workers: Workers | None = None,
    tensorboard: bool = False,
    tell: Callable[[str], object] | None = None,
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
    report : bool
        Whether the page is made.
    workers : Workers, optional
        Those who train together, as many as before or not; each sees the folder.
    tensorboard : bool
        Write event files, of all epochs; so does a run that was begun with them, and one that is
        done writes them anew.
    tell : function of a sentence, optional
        As in `train_run`.

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
        if done is not None and not tensorboard:
            return Outcome(run, done, History(""))
        recipe = settled_recipe(find_recipe(str(run / RECIPE)))
        if done is not None:
            if workers is None or workers.leads:
                board_for(run, recipe).write(_whole_history(run, done["epochs"]))
            return Outcome(run, done, History(""))
        if (run / TENSORBOARD).is_dir():
            tensorboard = True
            require_tensorboardx(f"To go on without it, remove {run / TENSORBOARD}.")
        elif tensorboard:
            require_tensorboardx()
        going_on = {
            "resume": run / CHECKPOINTS,
            "force_resume": force,
            "checkpoint_every": recipe.checkpoint_every,
        }
        command = f"deltarule resume {shlex.quote(str(run))}"
        asked = _Asked(
            command, tuple(callbacks), progress, report, tensorboard, workers, going_on, tell
        )
        try:
            return _run(recipe, run, asked)
        except KeyboardInterrupt as error:
            if error.args:
                raise
            told = f"Interrupted before the run went on. Go on with: {command}"
            raise type(error)(told) from None


def _whole_history(run: Path, epochs: int) -> list[dict[str, Any]]:
    """The records of a run that is done, all of them."""
    records = read_lines(run / METRICS)
    if len(records) != epochs:
        raise FileRefused(
            f"{run / METRICS} holds {len(records)} epochs, and the run had {epochs}. Take it from "
            "a backup, or train again."
        )
    return records


def _done(run: Path) -> dict[str, Any] | None:
    """What a finished run said of itself; None of one that is not finished."""
    try:
        facts = json.loads((run / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):  # a damaged result is made anew
        return None
    return facts if is_result(facts) and (run / BEST).exists() else None


def _run(recipe: Recipe, wanted: Path | None, asked: _Asked) -> Outcome:
    device = recipe.device
    if device is not None:
        agreed(asked.workers, lambda: find_device(device))
    # The rows of a run are in `prepared`; the data set beside it would double the memory.
    prepared = agreed(asked.workers, lambda: prepare(recipe, load_for(recipe)))
    recipe, name = prepared.recipe, prepared.network.about["data"]
    there = bool(asked.going_on)
    journal = Journal(wanted, name, recipe, there, asked.tensorboard, asked.leads)
    if asked.tell is not None and asked.leads:
        for sentence in prepared.notes:
            asked.tell(sentence)
    with journal.lock:
        return _train(prepared, journal, asked)


def _train(prepared: Prepared, journal: Journal, asked: _Asked) -> Outcome:
    recipe, network = prepared.recipe, prepared.network
    told = list(prepared.notes)
    failure: Diverged | KeyboardInterrupt | None = None
    assert recipe.task is not None  # `prepare` has settled it
    metrics = metrics_of_run(recipe.task, recipe.metrics)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CutShort)  # it is told by the report and an error
            network.train(
                prepared.X,
                prepared.y,
                prepared.X_val,
                prepared.y_val,
                sample_weight=prepared.weight,
                **{name: getattr(recipe, name) for name in TRAINING} | {"metrics": metrics},
                callbacks=[Probe(), journal, *asked.callbacks],
                progress=asked.progress,
                workers=asked.workers,
                **asked.going_on,
            )
    except Diverged as error:
        failure = error
        told.append(str(error))
    except NotAvailable as error:  # a folder has gone, or takes no more
        if not (asked.leads and journal.claimed and network.history):
            raise
        raise NotAvailable(f"{error} {_save_what_can_be(network, journal.folder)}") from None
    except KeyboardInterrupt as error:
        if not journal.claimed or network.history is None:
            raise
        failure = type(error)(
            f"Interrupted; the best weights so far and a report are in {journal.folder}. Go on "
            f"with: deltarule resume {shlex.quote(str(journal.folder))}"
        )
        told.append("The training was interrupted.")
    folder, history = journal.folder, network.history
    assert history is not None
    told += history.notes
    if history.stop_reason == "diverged":
        failure = Diverged(history.notes[-1], history.steps)
    facts = _result(folder, prepared, history)
    if not asked.leads:
        if failure:
            raise failure
        return Outcome(folder, facts, history)
    network.save(folder / BEST)
    command = asked.command or f"deltarule train {recipe.data} --recipe {folder / RECIPE}"
    shown = run_facts(recipe, prepared, history, command, told)
    write_text(folder / ABOUT, json_text(about_run(shown), indent=1) + "\n")
    if asked.report:
        write_text(folder / REPORT, run_page(shown))
    if failure:
        raise failure
    write_text(folder / RESULT, json_text(facts, indent=1) + "\n")
    return Outcome(folder, facts, history)


def _save_what_can_be(network: Network, folder: Path) -> str:
    """Keep the best weights although a run cannot go on; what became of them."""
    try:
        network.save(folder / BEST)
    except DeltaruleError:
        return "The weights could not be kept; what checkpoints there are is left."
    again = f"deltarule resume {shlex.quote(str(folder))}"
    return f"The best weights so far are in {folder / BEST}. Once that is mended: {again}"


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
        "val_root_mean_squared_error": best.get("val_root_mean_squared_error"),
        "seconds": round(history.seconds, 3),
        "parameters": prepared.network.n_parameters,
        "engine": history.engine,
        "device": history.device or None,
        "weights_sha256": history.weights_sha256,
        "notes": [*prepared.notes, *history.notes],
    }
