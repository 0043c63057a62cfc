"""One trial of a sweep: a run folder, whose epochs the store hears of."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ground.errors import Diverged, FileRefused, InvalidInput
from ..learning.callbacks import Callback
from ..learning.training import Training
from ..runs.folders import METRICS, RECIPE, RESULT
from ..runs.recipes import Recipe
from ..runs.running import resume_run, train_run
from ..storage.atomic import write_text
from ..storage.json_text import json_text
from .stores import Store

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["COMPLETE", "FAILED", "PRUNED", "Ended", "run_trial"]

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
MARK = "trial.json"
PRUNED_AT = "pruned_at"


@dataclass(frozen=True)
class Ended:
    """What became of a trial.

    Attributes
    ----------
    state : str
        "complete", "pruned" or "failed".
    value : float or None
        The metric at the best epoch; None unless it is complete.
    epochs : int
    seconds : float
    reason : str
        Why it was pruned or failed, in a sentence.
    """

    state: str
    value: float | None
    epochs: int
    seconds: float
    reason: str = ""


class _Reporter(Callback):
    """Tells the store of each epoch, and ends the training of a trial that is not worth it.

    That a trial is pruned is written to the store before it is done, so that a worker that is
    killed in between does not change its mind.
    """

    def __init__(self, trial: Trial, metric: str, store: Store) -> None:
        self.trial, self.metric, self.store = trial, metric, store
        with store.guarded():
            frozen = store.storage.get_trial(trial._trial_id)
        self.told = set(frozen.intermediate_values)
        self.pruned_at = frozen.user_attrs.get(PRUNED_AT)

    def on_epoch(self, training: Training) -> None:
        epoch, value = training.epoch, training.history.epochs[-1][self.metric]
        with self.store.guarded():
            if epoch not in self.told and math.isfinite(value):
                self.trial.report(value, epoch)
                self.told.add(epoch)
            if training.stop or epoch == training.plan.epochs:
                return
            again = epoch < max(self.told, default=0)  # it was judged then, and not found wanting
            if self.pruned_at is None and not again and self.trial.should_prune():
                self.pruned_at = epoch
                self.trial.set_user_attr(PRUNED_AT, epoch)
        if epoch == self.pruned_at:
            training.stop = True


def run_trial(
    trial: Trial,
    recipe: Recipe,
    folder: Path,
    metric: str,
    store: Store,
    callbacks: list[Callback],
) -> Ended:
    """Train a trial, or go on with it; its run folder is whole at the end, and says what it is.

    Parameters
    ----------
    trial : optuna Trial
        With its parameters.
    recipe : Recipe
        Of this trial; one that goes on has the same in its folder.
    folder : Path
        New, or that of the trial.
    metric : str
        A column of the history.

    Raises
    ------
    NotAvailable
        If the store or the disk gives up; the trial can go on.
    KeyboardInterrupt
        Likewise, after a checkpoint.
    """
    reporter = _Reporter(trial, metric, store)
    listening = [reporter, *callbacks]
    state, reason = COMPLETE, ""
    try:
        if (folder / RECIPE).is_file():
            resume_run(folder, callbacks=listening, progress=False, report=False)
        else:
            # To draw a page may take longer than to train; `deltarule report` does, of any trial.
            train_run(recipe, folder, callbacks=listening, progress=False, report=False)
    except Diverged as error:  # it is worth knowing that there is nothing to be found here
        state, reason = PRUNED, str(error)
    except (InvalidInput, FileRefused) as error:
        state, reason = FAILED, str(error)
    records = _records(folder)
    epochs = int(records[-1]["epoch"]) if records else 0
    seconds = float(records[-1]["seconds"]) if records else 0.0
    value = None
    if state == COMPLETE and reporter.pruned_at == epochs:
        state, reason = PRUNED, f"At epoch {epochs} it was worse than half of the others."
    elif state == COMPLETE:
        value = _best(folder, records, metric)
        if value is None:
            state, reason = FAILED, f"{metric} was not a finite number at any epoch."
    ended = Ended(state, value, epochs, seconds, reason)
    if folder.is_dir():
        _mark(folder, trial, ended)
    return ended


def _records(folder: Path) -> list[dict[str, Any]]:
    try:
        lines = (folder / METRICS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def _best(folder: Path, records: list[dict[str, Any]], metric: str) -> float | None:
    """The metric at the epoch whose weights were kept."""
    facts = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    found = [r.get(metric) for r in records if r["epoch"] == facts["best_epoch"]]
    value = found[0] if found else None
    return float(value) if value is not None and math.isfinite(value) else None


def _mark(folder: Path, trial: Trial, ended: Ended) -> None:
    facts = {
        "study": trial.study.study_name,
        "trial": trial.number,
        "state": ended.state,
        "value": ended.value,
        "reason": ended.reason,
        "parameters": trial.params,
    }
    write_text(folder / MARK, json_text(facts, indent=1) + "\n")
