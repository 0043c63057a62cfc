"""What a sweep is to do, settled and checked before anything is written or tried."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.dataset import Dataset
from ..ground.errors import InvalidInput, Problems, did_you_mean
from ..mathematics import metrics as metric_table
from ..network.inputs import brief, check_number, check_one_of
from ..network.judging import check_plan, metrics_of_run
from ..runs.preparation import (
    encoder_for,
    load_for,
    network_arguments,
    plan_of,
    planned_memory,
    settings_of,
    validation_rows,
)
from ..runs.recipes import Recipe, find_recipe, recipe_from
from ..storage.json_text import json_text
from .spaces import Space, read_space, space_from
from .stores import Store

__all__ = ["PRUNERS", "SAMPLERS", "Search", "search_for"]

SAMPLERS = ("tpe", "random", "grid")
PRUNERS = ("median", "none")
APART = ("data", "data_dir", "description", "checkpoint_every", "monitor")
"""Keys that may differ between processes that work on one sweep."""
MOST_NAME = 200
MOST_TOLD = 5


@dataclass(frozen=True)
class Search:
    """A sweep that has been checked.

    Attributes
    ----------
    name : str
        Of the study.
    recipe : Recipe
        What the trials have in common; its monitor is the metric.
    space : Space
    metric : str
    greater_is_better : bool
    sampler, pruner : str
    trials : int
        How many are wanted, in all.
    timeout : float or None
        Seconds after which no trial begins.
    data : dict
        Name, fingerprint and number of rows.
    """

    name: str
    recipe: Recipe
    space: Space
    metric: str
    greater_is_better: bool
    sampler: str
    pruner: str
    trials: int
    timeout: float | None
    data: dict[str, Any]

    def definition(self) -> dict[str, Any]:
        """What all processes that work on it must agree on, as flat JSON."""
        common = dataclasses.asdict(self.recipe)
        flat = {
            "metric": self.metric,
            "sampler": self.sampler,
            "pruner": self.pruner,
            "the data's fingerprint": self.data["fingerprint"],
            **{k: v for k, v in common.items() if k not in APART and k not in self.space.given},
            **{f"the space of {key}": fields for key, fields in self.space.given.items()},
        }
        plain: dict[str, Any] = json.loads(json_text(flat))
        return plain

    def trial_recipe(self, changes: Mapping[str, Any]) -> Recipe:
        """The recipe of a trial."""
        return recipe_from(dataclasses.asdict(self.recipe), changes)


def search_for(
    data: str | Path,
    space: str | Path | Mapping[str, Any],
    *,
    recipe: str | Recipe | Mapping[str, Any],
    changes: Mapping[str, Any] | None,
    trials: int,
    study: str | None,
    metric: str | None,
    sampler: str,
    pruner: str,
    timeout: float | None,
    storage: str | None,
) -> Search:
    """Check everything that can be checked before the first trial.

    Raises
    ------
    InvalidInput
        Naming every mistake in the options, the recipe and the space at once; then, with the data
        read, every one that shows only there.
    NotAvailable, FileRefused
        If the data, the recipe or the space cannot be read.
    """
    problems = Problems()
    check_number(problems, "trials", trials, low=1, high=10**6, integer=True)
    if timeout is not None:
        check_number(problems, "timeout", timeout, low=0, above=True)
    check_one_of(problems, "sampler", sampler, SAMPLERS)
    check_one_of(problems, "pruner", pruner, PRUNERS)
    _check_name(problems, study)
    if storage is not None:
        try:
            Store.check(storage)
        except InvalidInput as error:
            problems.take(error)
    base = {**_keys_of(recipe), **(changes or {}), "data": str(data)}
    try:
        common = recipe_from(base, {})
    except InvalidInput as error:
        problems.take(error)
        base = {}
    given = space if isinstance(space, Mapping) else read_space(space)
    try:
        searched = space_from(given, base)
        _check_grid(problems, sampler, searched)
    except InvalidInput as error:
        problems.take(error)
    problems.raise_if_any()
    metric = metric if metric is not None else common.monitor or "val_loss"
    dataset = load_for(common)
    up = _direction(metric, common, searched, dataset)
    common = dataclasses.replace(common, monitor=metric)
    _check_corners(common, searched, dataset)
    assert dataset.y is not None
    facts = {"name": dataset.name, "fingerprint": dataset.fingerprint(), "rows": len(dataset.y)}
    count = searched.count if sampler == "grid" else None
    return Search(
        study if study is not None else dataset.name,
        common,
        searched,
        metric,
        up,
        sampler,
        pruner,
        trials if count is None else min(trials, count),
        timeout,
        facts,
    )


def _keys_of(recipe: str | Recipe | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(recipe, Recipe):
        return dataclasses.asdict(recipe)
    if isinstance(recipe, Mapping):
        return dict(recipe)
    if not isinstance(recipe, str | Path):
        raise InvalidInput(
            f"recipe must be a Recipe, its keys, or the name of one, not {brief(recipe)}."
        )
    return find_recipe(str(recipe))


def _check_name(problems: Problems, name: object) -> None:
    fine = name is None or (isinstance(name, str) and name.strip() and len(name) <= MOST_NAME)
    problems.require(
        fine and (name is None or str(name).isprintable()),
        f"study must be a name of at most {MOST_NAME} letters, not {brief(name)}.",
    )


def _check_grid(problems: Problems, sampler: str, space: Space) -> None:
    if sampler == "grid" and space.count is None:
        lacking = ", ".join(space.without_step())
        problems.add(
            f"The sampler grid needs a step, or choices, for {lacking}; give it one, or take the "
            "sampler tpe."
        )


def _direction(metric: object, recipe: Recipe, space: Space, dataset: Dataset) -> bool:
    """Whether more of the metric is better; refuses a metric that there is not, or not for all."""
    assert dataset.y is not None
    task = "regression" if dataset.y.dtype.kind == "f" else "classification"
    names = metrics_of_run(task, recipe.metrics)
    ups = {name: getattr(metric_table, name).greater_is_better for name in names}
    ups = {"loss": False, **ups}
    parts = ("val", "train") if len(validation_rows(recipe, dataset)[1]) else ("train",)
    known = {f"{part}_{name}": up for part in parts for name, up in ups.items()}
    if not isinstance(metric, str) or metric not in known:
        without = "" if "val" in parts else " (no rows are held out to validate)"
        raise InvalidInput(
            f"Unknown metric {brief(metric)}{without}.{did_you_mean(metric, known)} Known are: "
            f"{', '.join(known)}."
        )
    losses = [key for key in space.domains if key.partition(".")[0] == "loss"]
    if losses and metric.endswith("_loss"):
        others = [name for name in known if not name.endswith("_loss")]
        raise InvalidInput(
            f"The space has {losses[0]}, so that {metric} means something else in each trial; "
            f"take another metric ({', '.join(others)}), or {losses[0]} out of the space."
        )
    return known[metric]


def _check_corners(recipe: Recipe, space: Space, dataset: Dataset) -> None:
    """Refuse a space in a corner of which a training would be refused."""
    train, held_out = validation_rows(recipe, dataset)
    encoder_of = functools.cache(functools.partial(encoder_for, dataset, train))
    base, refused = dataclasses.asdict(recipe), dict[str, str]()
    for corner in space.corners():
        told = Problems()
        try:
            tried = recipe_from(base, corner)
            given = network_arguments(tried, dataset, encoder_of(tried.pieces))
            settings = settings_of(given)
            check_plan(
                told,
                plan_of(tried, settings),
                settings,
                lr=tried.lr,
                patience=tried.patience,
                min_delta=tried.min_delta,
            )
            planned_memory(tried, dataset, given, len(train), len(held_out)).require()
        except InvalidInput as error:
            told.take(error)
        try:
            told.raise_if_any()
        except InvalidInput as error:
            where = ", ".join(f"{key} = {brief(value)}" for key, value in corner.items())
            for sentence in error.sentences:
                refused.setdefault(sentence, f"With {where}, which is in the space: {sentence}")
    problems = Problems()
    for sentence in list(refused.values())[:MOST_TOLD]:
        problems.add(sentence)
    problems.raise_if_any()
