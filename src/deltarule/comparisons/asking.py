"""From what a user asks to a question that fits the data, every mistake told at once."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.dataset import Dataset
from ..ground.errors import InvalidInput, Problems, did_you_mean
from ..ground.options import options_of
from ..mathematics import metrics as metric_table
from ..network.assembly import assemble
from ..network.inputs import brief, check_number
from ..network.judging import check_plan, judge_for, metrics_of_run, monitor_for
from ..network.network import Network
from ..report.words import is_share
from ..runs.preparation import (
    encoder_for,
    load_for,
    network_arguments,
    plan_of,
    planned_memory,
    prepare,
    settle,
    validation_rows,
)
from ..runs.recipes import TRAINING, Recipe, recipe_from
from .arms import Arm, arms_of_grid, arms_of_recipes, plain_value
from .questions import Question

__all__ = ["Wish", "ask", "greater_is_better"]

SAME_ROWS = ("data", "data_dir", "target", "task", "image_size", "validation", "stratify")
"""What arms must agree on to be judged by the same rows."""
FEWEST_VALUES = 2


@dataclass(frozen=True)
class Wish:
    """What a user asks, as given; `ask` makes a Question of it.

    Attributes
    ----------
    data : str or path, or None
        None leaves it to the recipes.
    recipes : recipe, or sequence of recipes
        Names, files, mappings or Recipe values.
    vary, tune : mapping of key to values
    changes : mapping
        Keys that all arms change.
    names : sequence of str
    seeds : int or sequence of int
    tune_seeds : int
    metric : str or None
    reach : float or None
    level : float
    command : str
    """

    data: str | Path | None
    recipes: Any = "default"
    vary: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    tune: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    names: Sequence[str] = ()
    seeds: Any = 5
    tune_seeds: Any = 2
    metric: str | None = None
    reach: float | None = None
    level: float = 0.95
    command: str = ""


def ask(wish: Wish) -> tuple[Question, int]:
    """Check everything that is asked, and that each arm fits the data.

    Returns
    -------
    question : Question
    memory : int
        Bytes that the largest run takes, its rows included.

    Raises
    ------
    InvalidInput
        Naming every problem at once.
    NotAvailable, FileRefused
        If a recipe or the data are not there or damaged.
    """
    problems = Problems()
    seeds = _seeds(wish.seeds, problems)
    check_number(problems, "level", wish.level, low=0, high=1, above=True, below=True)
    check_number(problems, "tune_seeds", wish.tune_seeds, low=1, integer=True)
    vary, tune = (_values(name, getattr(wish, name), problems) for name in ("vary", "tune"))
    changes: dict[str, Any] = {k: plain_value(v) for k, v in wish.changes.items()}
    _check_keys(changes, vary, tune, problems)
    problems.raise_if_any()
    if wish.data is not None:
        changes["data"] = str(wish.data)
    arms = _arms(wish, {**changes, "seed": seeds[0]}, vary, problems)
    for arm in arms:
        for key in tune:  # whether the arms have such a key, and options
            for value in tune[key]:
                try:
                    recipe_from(dataclasses.asdict(arm.recipe), {key: value})
                except InvalidInput as error:
                    problems.take(error)
    problems.raise_if_any()
    after = max(seeds) + 1
    question = Question(
        arms=tuple(arms),
        seeds=seeds,
        tune_seeds=tuple(range(after, after + int(wish.tune_seeds))) if tune else (),
        metric="",
        reach=wish.reach,
        tune=tune,
        level=float(wish.level),
        command=wish.command,
    )
    _require_same_rows(question)
    return _fit_to_data(question, wish.metric, load_for(arms[0].recipe))


def _seeds(given: Any, problems: Problems) -> tuple[int, ...]:
    """0 … N−1 of a number N, or the seeds that were listed."""
    if isinstance(given, Sequence | range) and not isinstance(given, str):
        if not given:
            problems.add("seeds is empty; give at least one, better five or more.")
        for seed in given:
            check_number(problems, "each of the seeds", seed, low=0, high=2**63 - 1, integer=True)
        problems.require(len(set(given)) == len(given), "seeds holds one twice; take it out.")
        return tuple(int(s) for s in given) if not problems else (0,)
    if not check_number(problems, "seeds", given, low=1, high=10_000, integer=True):
        return (0,)
    return tuple(range(int(given)))


def _values(
    what: str, given: Mapping[str, Sequence[Any]], problems: Problems
) -> dict[str, list[Any]]:
    """The values of each key; at least two, none of them twice."""
    found: dict[str, list[Any]] = {}
    for key, values in given.items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            problems.add(f"{what} must give a list of values for {key}, not {brief(values)}.")
            continue
        plain = [plain_value(value) for value in values]
        found[str(key)] = plain
        if len(plain) < FEWEST_VALUES:
            problems.add(
                f"{what} gives {key} one value, {brief(plain[0])}; give at least two, or set it "
                "for all arms with --set."
                if plain
                else f"{what} gives {key} no values; give at least two."
            )
        twice = [value for i, value in enumerate(plain) if value in plain[:i]]
        if twice:
            problems.add(f"{what} gives {key} the value {brief(twice[0])} twice; take one out.")
    return found


def _check_keys(
    changes: Mapping[str, Any],
    vary: Mapping[str, Any],
    tune: Mapping[str, Any],
    problems: Problems,
) -> None:
    """Each key is given once, and none of them is undone by a later one."""
    given: list[tuple[str, str]] = []
    for what, keys in (("set", changes), ("vary", vary), ("tune", tune)):
        for key in keys:
            problems.require(
                key != "seed", f"{what} seed: seeds are given by --seeds N and --seed FIRST."
            )
            for earlier, other in given:
                if other == key:
                    problems.add(f"{key} is in both {earlier} and {what}; give it once.")
                elif other.startswith(f"{key}."):
                    problems.add(
                        f"{what} {key} would undo {earlier} {other}; write the option into each "
                        f'value, such as {key}={{name = "sgd", momentum = 0.9}}.'
                    )
        given += [(what, key) for key in keys]


def _arms(
    wish: Wish, changes: dict[str, Any], vary: dict[str, list[Any]], problems: Problems
) -> list[Arm]:
    several = isinstance(wish.recipes, Sequence) and not isinstance(wish.recipes, str)
    given = list(wish.recipes) if several else [wish.recipes]
    names = [wish.names] if isinstance(wish.names, str) else list(wish.names)
    if vary and len(given) > 1:
        problems.add(
            f"vary changes one recipe, and {len(given)} were given; leave out vary, or all recipes "
            "but one."
        )
        return []
    if vary:
        return arms_of_grid(given[0], changes, vary, names, problems)
    if len(given) < FEWEST_VALUES:
        problems.add(
            "A comparison needs at least two arms: name several recipes (--recipe A --recipe B), "
            "or values of a key (--vary optimizer=sgd,adam)."
        )
        return []
    return arms_of_recipes(given, changes, names, problems)


def _require_same_rows(question: Question) -> None:
    """Refuse arms that would be judged by different rows."""
    problems, first = Problems(), question.arms[0]
    for key in SAME_ROWS:
        for other in question.arms[1:]:
            one, two = getattr(first.recipe, key), getattr(other.recipe, key)
            if one != two:
                problems.add(
                    f"{key} is {brief(one)} in {first.name} and {brief(two)} in {other.name}; "
                    "arms must be judged by the same rows, so set it for all of them."
                )
                break
    problems.raise_if_any()


def greater_is_better(metric: str) -> bool:
    """Whether more of a column is better."""
    name = metric.partition("_")[2]
    return name != "loss" and bool(getattr(metric_table, name).greater_is_better)


def columns_of(recipe: Recipe) -> list[str]:
    """What a run by a settled recipe records, training and validation."""
    chosen = metrics_of_run(recipe.task or "classification", recipe.metrics)
    return [f"{part}_{name}" for part in ("val", "train") for name in ("loss", *chosen)]


def _fit_to_data(question: Question, metric: str | None, dataset: Dataset) -> tuple[Question, int]:
    """The question with its arms settled, once everything has been checked that a run would check.

    Parameters
    ----------
    question : Question
    metric : str or None
        As asked for; None takes what all arms monitor, else accuracy or r2.
    dataset : Dataset
        What the arms' recipes name.

    Returns
    -------
    question : Question
    memory : int
        Bytes that the largest run takes, its rows included.

    Raises
    ------
    InvalidInput
        Naming every problem at once.
    """
    problems = Problems()
    first = question.arms[0].recipe
    train, held_out = validation_rows(first, dataset)
    if not len(held_out):
        raise InvalidInput(
            "A comparison needs rows that the arms are judged by, and validation is 0; give a "
            "share or a number of rows, such as --validation 0.2."
        )
    encoder_of = functools.cache(functools.partial(encoder_for, dataset, train))
    memory, arms = 0, []
    for arm in question.arms:
        settled = arm.recipe
        for values in question.tries or [{}]:
            try:
                recipe = recipe_from(dataclasses.asdict(arm.recipe), values)
                given = network_arguments(recipe, dataset, encoder_of(recipe.pieces))
                planned = planned_memory(recipe, dataset, given, len(train), len(held_out))
                planned.require()
                memory = max(memory, planned.total)
                network = Network(**given)
                _check_training(recipe, network, problems)
                settled = settle(arm.recipe, dataset, network, len(train), len(held_out))
            except InvalidInput as error:
                problems.take(error)
        arms.append(dataclasses.replace(arm, recipe=settled))
    problems.raise_if_any()
    for i, arm in enumerate(arms):
        for other in arms[:i]:
            problems.require(
                not arm.same_runs(other),
                f"The arms {other.name} and {arm.name} differ in nothing; change one of them.",
            )
    chosen = _metric(question, arms, metric, problems)
    problems.raise_if_any()
    _check_rows(first, dataset)
    settled_question = dataclasses.replace(
        question,
        arms=tuple(arms),
        metric=chosen,
        fingerprint=dataset.fingerprint(),
        data_name=dataset.name,
        n_train=len(train),
        n_val=len(held_out),
    )
    return settled_question, memory


def _check_training(recipe: Recipe, network: Network, problems: Problems) -> None:
    """What `Network.train` would refuse of the settings, without its rows."""
    own = {name: getattr(recipe, name) for name in ("lr", "patience", "min_delta")}
    check_plan(problems, plan_of(recipe, network.settings), network.settings, **own)
    targets = network.preprocessing.targets
    judge = judge_for(targets, metrics_of_run(targets.task, recipe.metrics), problems)
    monitor_for(recipe.monitor, judge, True, recipe.patience, recipe.min_delta, problems)


def _check_rows(recipe: Recipe, dataset: Dataset) -> None:
    """What `Network.train` would refuse of the rows, for the first arm's network."""
    prepared = prepare(recipe, dataset)
    settings = {name: getattr(prepared.recipe, name) for name in TRAINING}
    rows = {name: getattr(prepared, name) for name in ("X", "y", "X_val", "y_val")}
    rows["sample_weight"] = prepared.weight
    given = {**options_of(Network.train), **settings, **rows, "progress": False}
    assemble(prepared.network.chain, prepared.network.preprocessing, 0, given)


def _metric(question: Question, arms: list[Arm], asked: str | None, problems: Problems) -> str:
    """The column that arms are compared by."""
    columns = [columns_of(arm.recipe) for arm in arms]
    known = [name for name in columns[0] if all(name in others for others in columns)]
    losses = [arm.recipe.loss for arm in arms]
    alike = all(loss == losses[0] for loss in losses)
    if asked is None:
        monitors = {arm.recipe.monitor for arm in arms}
        monitor = monitors.pop() if len(monitors) == 1 else None
        usable = monitor in known and (alike or not str(monitor).endswith("_loss"))
        asked = monitor if monitor and usable else _not_loss(known)
    name = asked if asked in known else f"val_{asked}"
    if not isinstance(asked, str) or name not in known:
        problems.add(
            f"No run records {brief(asked)}.{did_you_mean(asked, known)} The arms record: "
            f"{', '.join(known)}. Others are named by --metrics."
        )
        return ""
    if name.endswith("_loss") and not alike:
        problems.add(
            f"The arms have different losses, so that {name} means something else in each; compare "
            f"them by another metric, such as {next(n for n in known if n != 'val_loss')}."
        )
    if question.reach is not None and check_number(problems, "reach", question.reach):
        problems.require(
            not is_share(name) or 0 < question.reach <= 1,
            f"reach is {question.reach:g}, but {name} is a share between 0 and 1; 42 % is 0.42.",
        )
        problems.require(math.isfinite(question.reach), "reach must be a finite number.")
    return name


def _not_loss(columns: Sequence[str]) -> str:
    """The first validation metric that is no loss, if there is one."""
    return next((n for n in columns if n.startswith("val_") and n != "val_loss"), "val_loss")
