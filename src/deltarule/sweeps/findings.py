"""What a sweep has found, as plain values: for people, for scripts and for its page."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ground.randomness import derive
from ..report.sweeps import sweep_page
from ..runs.facts import versions
from ..runs.folders import REPORT, RESULT
from ..runs.recipes import Recipe, recipe_from
from ..storage.atomic import write_text
from ..storage.json_text import json_text
from .spaces import Space
from .trials import COMPLETE, FAILED, PRUNED

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = [
    "RUNNING",
    "SURPLUS",
    "best_of",
    "best_recipe",
    "findings",
    "importances",
    "record_of",
    "write_page",
]

RUNNING = "running"
FEWEST_TRIALS = 10
SURPLUS = "surplus"
MASK32 = (1 << 32) - 1


def record_of(trial: FrozenTrial, space: Space) -> dict[str, Any]:
    """A trial as plain values.

    `parameters` are the store's, one for each layer's width; `changes` the keys of the recipe.
    """
    states = {"COMPLETE": COMPLETE, "PRUNED": PRUNED, "FAIL": FAILED}
    state = states.get(trial.state.name, RUNNING)
    told = trial.user_attrs
    try:
        changes = space.changes(lambda name, _: trial.params[name])
    except (KeyError, ValueError):  # it ended before it had all of them
        changes = {}
    return {
        "trial": trial.number,
        "state": state,
        "value": trial.value if state == COMPLETE else None,
        "last": _last(trial),
        "epochs": told.get("epochs", len(trial.intermediate_values)),
        "seconds": told.get("seconds", 0.0),
        "reason": told.get("reason", ""),
        "changes": changes,
        "parameters": dict(trial.params),
    }


def _last(trial: FrozenTrial) -> float | None:
    """The last value that the store heard of."""
    step = trial.last_step
    return None if step is None else trial.intermediate_values[step]


def best_of(records: list[dict[str, Any]], greater_is_better: bool) -> dict[str, Any] | None:
    """The complete trial with the best value, the first of equal ones; None without any."""
    sign = -1.0 if greater_is_better else 1.0
    complete = [record for record in records if record["state"] == COMPLETE]
    return min(complete, key=lambda r: (sign * r["value"], r["trial"]), default=None)


def importances(
    study: Study, records: list[dict[str, Any]], seed: int
) -> tuple[dict[str, float], str]:
    """How much each parameter decided, by fANOVA; and why it is not known, where it is not.

    Shares of the variance of the metric over the space (Hutter, Hoos and Leyton-Brown, 2014, "An
    efficient approach for assessing hyperparameter importance"), of the parameters that every
    complete trial has.
    """
    complete = [record for record in records if record["state"] == COMPLETE]
    if len(complete) < FEWEST_TRIALS:
        return {}, (
            f"{len(complete)} complete trials are too few to tell what mattered; it takes "
            f"{FEWEST_TRIALS}."
        )
    if find_spec("sklearn") is None:
        return {}, "What mattered is told where scikit-learn is installed."
    shared = set.intersection(*(set(record["parameters"]) for record in complete))
    varied = [n for n in shared if len({str(r["parameters"][n]) for r in complete}) > 1]
    if len(varied) < 2:
        return {}, "With fewer than two parameters that vary, there is nothing to compare."
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    evaluator = FanovaImportanceEvaluator(seed=derive(seed, "importances") & MASK32)
    try:
        found = get_param_importances(study, evaluator=evaluator, params=sorted(varied))
    except (RuntimeError, ValueError):
        return {}, "All complete trials came to the same; nothing made a difference."
    return {name: float(share) for name, share in found.items()}, ""


def findings(
    study: Study, space: Space, recipe: Recipe, about: dict[str, Any], wanted: int
) -> dict[str, Any]:
    """Everything that `report.sweeps.sweep_page` shows.

    Parameters
    ----------
    study : optuna Study
    space : Space
    recipe : Recipe
        What the trials have in common.
    about : dict
        study, store, data, metric, greater_is_better, sampler, pruner, command.
    wanted : int
        How many trials were asked for.
    """
    trials = [t for t in study.get_trials(deepcopy=False) if not t.user_attrs.get(SURPLUS)]
    records = [record_of(trial, space) for trial in trials]
    best = best_of(records, about["greater_is_better"])
    found, why_not = importances(study, records, recipe.seed)
    facts = {
        **about,
        "title": f"{about['data']['name']}: {recipe.description or 'sweep'}",
        "wanted": wanted,
        "trials": records,
        "best_trial": best and best["trial"],
        "best_value": best and best["value"],
        "best_recipe": "",
        "logarithmic": _logarithmic(trials),
        "importances": found,
        "importances_missing": why_not,
        "seconds": sum(record["seconds"] for record in records),
        "versions": versions() | _version_of_optuna(),
    }
    if best:
        facts["best_recipe"] = best_recipe(recipe, best).to_toml()
    return facts


def _logarithmic(trials: list[FrozenTrial]) -> list[str]:
    """The parameters that were searched on a log scale."""
    every = {name: d for trial in trials for name, d in trial.distributions.items()}
    return [name for name, d in every.items() if getattr(d, "log", False)]


def best_recipe(recipe: Recipe, best: dict[str, Any]) -> Recipe:
    """The recipe of a trial."""
    return recipe_from(dataclasses.asdict(recipe), best["changes"])


def _version_of_optuna() -> dict[str, str]:
    from importlib.metadata import version

    return {"optuna": version("optuna")}


def write_page(folder: Path, facts: dict[str, Any]) -> None:
    """Write down what was found, and the page that shows it, into the folder of the sweep."""
    write_text(folder / RESULT, json_text(facts, indent=1) + "\n")
    write_text(folder / REPORT, sweep_page(facts))
