"""What a run of a comparison came to, read from its folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ground.errors import DeltaruleError, FileRefused
from ..network.loading import BEST
from ..runs.folders import METRICS, RECIPE, RESULT
from ..runs.recipes import Recipe, find_recipe, settled_recipe
from .errands import noted

__all__ = ["RunResult", "read_run"]

History = list[dict[str, Any]]


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes
    ----------
    status : {"done", "diverged", "failed", "unfinished", "missing"}
    message : str or None
        Of one that diverged or failed.
    history : list of dict
        Its epochs.
    best_epoch : int or None
    seconds : float or None
    parameters : int or None
    """

    status: str
    message: str | None = None
    history: History = dataclasses.field(default_factory=list)
    best_epoch: int | None = None
    seconds: float | None = None
    parameters: int | None = None

    @property
    def settled(self) -> bool:
        """Whether running it again would change nothing."""
        return self.status in ("done", "diverged")

    def at_best(self, metric: str) -> float | None:
        """The metric at the epoch whose weights were kept."""
        return self._value(None if self.best_epoch is None else self.best_epoch - 1, metric)

    def at_end(self, metric: str) -> float | None:
        """The metric after the last epoch."""
        return self._value(len(self.history) - 1, metric)

    def at_time(self, metric: str, seconds: float) -> float | None:
        """The metric after the last epoch that was finished by then."""
        finished = [i for i, record in enumerate(self.history) if record["seconds"] <= seconds]
        return self._value(finished[-1] if finished else None, metric)

    def first_reaching(self, metric: str, value: float, greater: bool) -> dict[str, Any] | None:
        """The record of the first epoch at least, or at most, so good."""
        if self.status != "done":
            return None
        for record in self.history:
            had = record[metric]
            if had is not None and (had >= value if greater else had <= value):
                return record
        return None

    def _value(self, index: int | None, metric: str) -> float | None:
        if self.status != "done" or index is None or not 0 <= index < len(self.history):
            return None
        value = self.history[index][metric]
        return None if value is None else float(value)


def read_run(folder: Path, recipe: Recipe) -> RunResult:
    """What a run came to, once it is known to be the one that is meant.

    Parameters
    ----------
    folder : Path
        Of the run; it need not be there.
    recipe : Recipe
        What the run must have been made by.

    Raises
    ------
    FileRefused
        If the folder is damaged, of a newer version, or another run's.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return RunResult("missing")
    remedy = f"Delete the folder {folder} to have this run made anew."
    if not (folder / RECIPE).is_file():
        raise FileRefused(f"{folder} is no run folder: it holds no {RECIPE}. {remedy}")
    try:
        had = settled_recipe(find_recipe(str(folder / RECIPE)))
    except DeltaruleError as error:
        raise FileRefused(
            f"{folder / RECIPE} is damaged or of another version: {error} {remedy}"
        ) from None
    one, other = dataclasses.asdict(had), dataclasses.asdict(recipe)
    if differing := [key for key in one if one[key] != other[key] and key != "description"]:
        raise FileRefused(
            f"{folder} holds another run, which differs in {', '.join(differing)}. {remedy}"
        )
    word = noted(folder)
    if word is not None:
        diverged = word[0] == "diverged"
        return RunResult(*word, history=_history(folder, remedy) if diverged else [])
    result = _result(folder)
    if result is None:
        return RunResult("unfinished")
    history = _history(folder, remedy)
    if len(history) != result.get("epochs"):
        raise FileRefused(
            f"{folder / METRICS} is damaged: it has {len(history)} epochs, and the run had "
            f"{result.get('epochs')}. {remedy}"
        )
    return RunResult(
        "done",
        None,
        history,
        result.get("best_epoch"),
        result.get("seconds"),
        result.get("parameters"),
    )


def _result(folder: Path) -> Mapping[str, Any] | None:
    """What a finished run said of itself; None of one that is not, or that must say it again."""
    try:
        facts = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and (folder / BEST).exists() else None


def _history(folder: Path, remedy: str) -> History:
    path, records = folder / METRICS, []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise FileRefused(f"{path} cannot be read: {error}. {remedy}") from None
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            complete = isinstance(record, dict) and {"epoch", "step", "seconds"} <= set(record)
        except ValueError:
            complete = False
        if not complete:
            raise FileRefused(f"{path} is damaged: line {number} is no epoch. {remedy}")
        records.append(record)
    return records
