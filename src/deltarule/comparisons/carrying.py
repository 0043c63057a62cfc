"""The runs of a comparison: which there are, which are still to be made, and making them."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..ground.errors import FileRefused
from ..runs.preparation import load_for
from ..runs.recipes import Recipe
from .arms import Arm
from .errands import Errand
from .findings import chosen_values, run_folder, try_folder, tuned_recipe, tuning_rows
from .pools import Crew, Pool
from .questions import Question
from .run_results import read_run
from .watching import Watched, watching

__all__ = ["make_runs", "require_same_data", "runs_are_missing"]

Rows = list[dict[str, Any]] | None


def _tries(folder: Path, question: Question) -> Iterator[tuple[Arm, dict[str, Any], int, Path]]:
    """Every run of the tuning.

    One seed after the other, and all arms of each, so that all share the load of the machine.
    """
    for seed in question.tune_seeds:
        for i, values in enumerate(question.tries):
            for arm in question.arms:
                yield arm, values, seed, try_folder(folder, arm, question.tries, i, seed)


def _runs(
    folder: Path, question: Question, rows: Rows
) -> Iterator[tuple[Arm, dict[str, Any], int, Path]]:
    """Every run of the comparison itself, in the same order."""
    for seed in question.seeds:
        for arm in question.arms:
            yield arm, chosen_values(rows, arm) or {}, seed, run_folder(folder, arm, seed)


def _unsettled(
    runs: Iterator[tuple[Arm, dict[str, Any], int, Path]],
) -> list[tuple[Path, Recipe]]:
    """The runs that are still to be made or gone on with; refuses what is damaged."""
    found = []
    for arm, values, seed, place in runs:
        recipe = tuned_recipe(arm, values, seed)
        if not read_run(place, recipe).settled:
            found.append((place, recipe))
    return found


def runs_are_missing(folder: Path, question: Question) -> bool:
    """Whether a run has still to be made.

    Raises
    ------
    FileRefused
        If one that is there is damaged or of another version.
    """
    if _unsettled(_tries(folder, question)):
        return True
    return bool(_unsettled(_runs(folder, question, tuning_rows(question, folder))))


def require_same_data(folder: Path, question: Question) -> None:
    """Refuse to go on with other data than those that the comparison was begun with."""
    if load_for(question.arms[0].recipe).fingerprint() != question.fingerprint:
        raise FileRefused(
            f"The data of {folder} have changed since it was begun, so that its runs would not be "
            "comparable; put them back, compare anew in another folder, or insist with --force."
        )


def make_runs(folder: Path, question: Question, crew: Crew, progress: bool, force: bool) -> None:
    """Make every run that is not there; first those of the tuning, which decide the others.

    Raises
    ------
    KeyboardInterrupt
        When a signal was heard, saying how to go on.
    NotAvailable
        If a worker died.
    """
    for path in folder.rglob(".deltarule-*.tmp"):  # what a killed process left half made
        shutil.rmtree(path, ignore_errors=True)
    pool = Pool(folder, crew, force)
    watched = list(_watched(folder, question))
    try:
        with pool.at_work(), watching(watched, question.metric, progress):
            tries = _unsettled(_tries(folder, question))
            pool.run([_errand(place, recipe, report=False) for place, recipe in tries])
            runs = _unsettled(_runs(folder, question, tuning_rows(question, folder)))
            pool.run([_errand(place, recipe, report=True) for place, recipe in runs])
    except KeyboardInterrupt as error:
        raise type(error)(
            f"Interrupted; what was finished is kept in {folder}, and what was begun has "
            f"checkpoints. Go on with: deltarule resume {shlex.quote(str(folder))}"
        ) from None


def _errand(place: Path, recipe: Recipe, report: bool) -> Errand:
    return Errand(str(place.absolute()), recipe, report)


def _watched(folder: Path, question: Question) -> Iterator[Watched]:
    for arm, values, seed, place in _tries(folder, question):
        told = ", ".join(f"{key}={value}" for key, value in values.items())
        epochs = tuned_recipe(arm, values, seed).epochs
        yield Watched(arm.name, f"{told}, seed {seed}", place, epochs, tuning=True)
    for arm, _, seed, place in _runs(folder, question, None):
        yield Watched(arm.name, f"seed {seed}", place, arm.recipe.epochs, tuning=False)
