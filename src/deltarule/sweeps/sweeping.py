"""Sweeps: many trials of a recipe, by any number of processes, with nothing lost."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ground.errors import DeltaruleError, NotAvailable
from ..ground.frames import data_frame
from ..runs.recipes import Recipe
from ..storage.atomic import as_path
from .announcing import announcer
from .findings import best_of, best_recipe, findings, write_page
from .searches import Search, search_for
from .stores import Store, masked
from .workers import IDENTITY, Worker, open_study
from .workplaces import STUDY, TRIALS, Workplace, check_folder, described, open_workplace

if TYPE_CHECKING:
    from optuna.study import Study

__all__ = ["SweepResult", "sweep"]


@dataclass(frozen=True)
class SweepResult:
    """What a sweep came to.

    Attributes
    ----------
    folder : Path
    study : str
    metric : str
    best : Recipe or None
        Of the best trial; None where no trial is complete.
    best_trial : int or None
    best_value : float or None
        The metric at the epoch whose weights were kept.
    trials : list of dict
        For each trial: trial, state ("complete", "pruned", "failed" or "running"), value, epochs,
        seconds, reason, changes (keys of the recipe) and parameters (as the sampler sees them).
    facts : dict
        All of it, JSON-able; what `result.json` holds.
    """

    folder: Path
    study: str
    metric: str
    best: Recipe | None
    best_trial: int | None
    best_value: float | None
    trials: list[dict[str, Any]]
    facts: dict[str, Any]

    @property
    def run(self) -> Path | None:
        """The run folder of the best trial, where it is in this folder."""
        if self.best_trial is None:
            return None
        run = self.folder / TRIALS / str(self.best_trial)
        return run if run.is_dir() else None

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row per trial, one column per key that was searched.

        Raises
        ------
        NotAvailable
            If pandas is not installed.
        """
        told = ("trial", "state", "value", "epochs", "seconds")
        rows = [{**{name: t[name] for name in told}, **t["changes"]} for t in self.trials]
        return data_frame(rows, "trials", ".trials", index="trial", columns=told)


def sweep(
    data: str | Path,
    space: str | Path | Mapping[str, Any],
    *,
    recipe: str | Recipe | Mapping[str, Any] = "default",
    changes: Mapping[str, Any] | None = None,
    trials: int = 20,
    out: str | Path | None = None,
    storage: str | None = None,
    study: str | None = None,
    metric: str | None = None,
    sampler: str = "tpe",
    pruner: str = "median",
    timeout: float | None = None,
    progress: bool = True,
    command: str = "",
) -> SweepResult:
    """Search for the best recipe: try many, end the bad ones early, keep each as a run.

    The same call in another process joins the work, and after an interruption or a kill goes on
    with it: trials that nobody is at work on are resumed, to the bits that they would have had.

    Parameters
    ----------
    data : str or path
        What a recipe's `data` may be: digits, cifar10, mnist, or a path.
    space : path or mapping
        A TOML file, or its content: a key of the recipe → {"low": 1e-4, "high": 1e-2, "log": True},
        {"low": 0, "high": 0.5, "step": 0.1}, {"choices": ["relu", "gelu"]}, or, for
        hidden_layer_sizes, {"depth": [1, 4], "width": {"low": 16, "high": 512, "log": True}}.
    recipe : str, path, Recipe or mapping
        What all trials have in common.
    changes : mapping, optional
        Keys that differ from the recipe's, for all trials.
    trials : int
        How many there are to be in all, of all processes and all earlier calls.
    out : path, optional
        The folder of the sweep; sweeps/STUDY by default.
    storage : str, optional
        sqlite:///FILE or postgresql://user@host/database; a file in the folder by default.
    study : str, optional
        The name of the sweep in its store; that of the data by default.
    metric : str, optional
        The column of the history that decides; the recipe's `monitor`, or val_loss, by default.
    sampler : str
        "tpe", "random" or "grid".  What it proposes is a function of the recipe's seed, of the
        trial's number, and of the trials that have ended.
    pruner : str
        "median" ends a trial whose best value so far is worse than the median of the others' at
        that epoch; "none" ends none.
    timeout : float, optional
        Seconds after which no trial begins.
    progress : bool
    command : str
        What the page says made the sweep.

    Returns
    -------
    SweepResult

    Raises
    ------
    InvalidInput
        Naming every mistake at once, before anything is written.
    NotAvailable
        If Optuna is not installed, or the store does not answer; trials that had begun go on when
        the same call is made again.
    FileRefused
        If the folder is in use for something else.
    KeyboardInterrupt
        After a checkpoint.
    """
    wanted = None if out is None else as_path(out)
    search = search_for(
        data,
        space,
        recipe=recipe,
        changes=changes,
        trials=trials,
        study=study,
        metric=metric,
        sampler=sampler,
        pruner=pruner,
        timeout=timeout,
        storage=storage,
    )
    folder = wanted or Path("sweeps") / (
        re.sub(r"[^\w.-]+", "-", search.name).strip(".-") or "sweep"
    )
    with _opened(search, folder, storage) as (store, place, opened):
        about = {
            "study": search.name,
            "store": STUDY if storage is None else store.shown,
            "data": search.data,
            "metric": search.metric,
            "greater_is_better": search.greater_is_better,
            "sampler": search.sampler,
            "pruner": search.pruner,
            "command": masked(command, storage),
        }
        worker = Worker(search, opened, store, place, announcer(progress))
        try:
            worker.work()
        except KeyboardInterrupt as error:
            with contextlib.suppress(DeltaruleError):
                _found(search, opened, store, place, about)
            raise type(error)(_interrupted(worker)) from None
        except NotAvailable as error:
            raise NotAvailable(f"{error}{_stands(worker)}") from None
        return _found(search, opened, store, place, about)


@contextlib.contextmanager
def _opened(
    search: Search, folder: Path, storage: str | None
) -> Iterator[tuple[Store, Workplace, Study]]:
    """The store, the folder and the study; nothing is made where one of them is refused."""
    check_folder(folder)
    with contextlib.ExitStack() as opened:
        if storage is not None:
            store = Store(storage)
            opened.callback(store.close)
            study, identity = open_study(store, search, described(folder).get(IDENTITY))
            place = open_workplace(folder)
        else:
            place = open_workplace(folder)
            with place.alone():
                store = Store(folder / STUDY)
                opened.callback(store.close)
                study, identity = open_study(store, search, described(folder).get(IDENTITY))
        with place.alone():
            place.describe(
                {
                    IDENTITY: identity,
                    "study": search.name,
                    "store": store.shown if storage is not None else STUDY,
                    "metric": search.metric,
                    "sampler": search.sampler,
                    "pruner": search.pruner,
                    "space": search.space.given,
                    "recipe": dataclasses.asdict(search.recipe),
                }
            )
        yield store, place, study


def _found(
    search: Search, study: Study, store: Store, place: Workplace, about: dict[str, Any]
) -> SweepResult:
    """Write down what was found, and tell it."""
    with store.guarded():
        facts = findings(study, search.space, search.recipe, about, search.trials)
    with place.alone():
        write_page(place.folder, facts)
    best = best_of(facts["trials"], search.greater_is_better)
    return SweepResult(
        place.folder,
        search.name,
        search.metric,
        best_recipe(search.recipe, best) if best else None,
        facts["best_trial"],
        facts["best_value"],
        facts["trials"],
        facts,
    )


def _interrupted(worker: Worker) -> str:
    at = "" if worker.at_work is None else f"; trial {worker.at_work} stands at a checkpoint"
    return f"Interrupted{at}. Go on with the same command."


def _stands(worker: Worker) -> str:
    if worker.at_work is None:
        return ""
    run = worker.place.run(worker.at_work)
    return f" Trial {worker.at_work} stands at its last checkpoint in {run}."
