"""The facts of a comparison: runs, summaries, differences, as plain values."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine.processors import processors
from ..mathematics.statistics import holm, sign_flip_p, smallest_p, summarize
from ..report.words import is_share
from ..runs.facts import versions
from ..runs.recipes import Recipe, recipe_from
from .arms import Arm, folder_name
from .asking import greater_is_better
from .questions import Question
from .run_results import RunResult, read_run
from .verdict import verdict, warnings

__all__ = ["chosen_values", "findings", "run_folder", "try_folder", "tuned_recipe", "tuning_rows"]

RUNS, TUNING = "runs", "tuning"
MOMENTS = ("best", "end", "at_equal_time")


def run_folder(folder: Path, arm: Arm, seed: int) -> Path:
    """Where a run of a comparison is."""
    return folder / RUNS / arm.folder / f"seed-{seed}"


def try_folder(folder: Path, arm: Arm, tries: Sequence[dict[str, Any]], i: int, seed: int) -> Path:
    """Where a run of the tuning is, of the i-th of the combinations that are tried."""
    names: list[str] = []
    for values in tries[: i + 1]:
        spoken = ",".join(f"{key}={value}" for key, value in values.items())
        names.append(folder_name(spoken, names))
    return folder / TUNING / arm.folder / names[i] / f"seed-{seed}"


def tuned_recipe(arm: Arm, values: Mapping[str, Any], seed: int) -> Recipe:
    """The recipe of one run."""
    return recipe_from(dataclasses.asdict(arm.recipe), {**values, "seed": seed})


# -- tuning ---------------------------------------------------------------------------------------


def tuning_rows(question: Question, folder: Path) -> list[dict[str, Any]] | None:
    """What each arm came to with each combination, and which one was chosen; None without tuning.

    The best is the one with the best mean of the metric at the best epoch; where all tuning seeds
    are as good the earlier one; and one that diverged with a seed only where all others did.
    """
    if not question.tries:
        return None
    rows = []
    for arm in question.arms:
        own: list[dict[str, Any]] = []
        for i, values in enumerate(question.tries):
            runs = [
                read_run(
                    try_folder(folder, arm, question.tries, i, seed),
                    tuned_recipe(arm, values, seed),
                )
                for seed in question.tune_seeds
            ]
            found = [run.at_best(question.metric) for run in runs]
            finite = [value for value in found if value is not None]
            short = summarize(finite, question.level) if finite else None
            own.append(
                {
                    "arm": arm.name,
                    "changes": values,
                    "n": len(finite),
                    "mean": short and short.mean,
                    "sd": short and short.sd,
                    "chosen": False,
                    "diverged": sum(run.status == "diverged" for run in runs),
                }
            )
        sign = -1.0 if greater_is_better(question.metric) else 1.0
        lost = len(question.tune_seeds)
        ranks = [
            (lost - row["n"], 0.0 if row["mean"] is None else sign * row["mean"]) for row in own
        ]
        own[min(range(len(own)), key=ranks.__getitem__)]["chosen"] = True
        rows += own
    return rows


def chosen_values(rows: list[dict[str, Any]] | None, arm: Arm) -> dict[str, Any] | None:
    """The arm's own values, once they have been tuned."""
    if rows is None:
        return None
    return next(dict(r["changes"]) for r in rows if r["arm"] == arm.name and r["chosen"])


# -- the answer -----------------------------------------------------------------------------------


def findings(question: Question, folder: Path, processes: int, command: str) -> dict[str, Any]:
    """Everything that a comparison's page shows, from the runs in its folder.

    Times are those of the runs; all else is a function of the question and the data.

    Raises
    ------
    FileRefused
        If a run folder is damaged.
    """
    metric, greater = question.metric, greater_is_better(question.metric)
    rows = tuning_rows(question, folder)
    runs = {}
    for arm in question.arms:
        values = chosen_values(rows, arm) or {}
        runs[arm.name] = [
            read_run(run_folder(folder, arm, seed), tuned_recipe(arm, values, seed))
            for seed in question.seeds
        ]
    times = [
        statistics.median(seconds)
        for results in runs.values()
        if (seconds := [r.seconds for r in results if r.status == "done" and r.seconds is not None])
    ]
    equal_time = min(times, default=None)
    arms = [
        _arm(question, folder, arm, runs[arm.name], chosen_values(rows, arm), equal_time)
        for arm in question.arms
    ]
    names = [arm.name for arm in question.arms]
    against = f"{names[0]} against {names[1]}" if len(names) == 2 else f"{len(names)} arms"
    facts: dict[str, Any] = {
        "title": f"{question.data_name}: {against}",
        "verdict": [],
        "warnings": [],
        "metric": {"name": metric, "greater_is_better": greater, "share": is_share(metric)},
        "seeds": list(question.seeds),
        "level": question.level,
        "smallest_p": smallest_p(len(question.seeds)),
        "target": question.reach,
        "equal_time": equal_time,
        "data": {
            "name": question.data_name,
            "n_train": question.n_train,
            "n_val": question.n_val,
        },
        "arms": arms,
        "differences": _differences(question, arms),
        "tuning": rows,
        "recipe": question.common(),
        "command": command,
        "versions": versions(),
        "machine": {"processes": processes, "cores": processors()},
    }
    optimizers = [arm.recipe.optimizer for arm in question.arms]
    facts["verdict"] = verdict(facts)
    facts["warnings"] = warnings(facts, any(other != optimizers[0] for other in optimizers))
    return facts


def _arm(
    question: Question,
    folder: Path,
    arm: Arm,
    results: Sequence[RunResult],
    tuned: dict[str, Any] | None,
    equal_time: float | None,
) -> dict[str, Any]:
    runs = [
        _run(question, run_folder(folder, arm, seed).relative_to(folder), seed, r, equal_time)
        for seed, r in zip(question.seeds, results, strict=True)
    ]
    parameters = [r.parameters for r in results if r.parameters is not None]
    return {
        "name": arm.name,
        "changes": arm.changes,
        "tuned": tuned,
        "parameters": parameters[0] if parameters else None,
        "runs": runs,
        **{at: _summary(question, [run[at] for run in runs]) for at in MOMENTS},
        "to_target": _to_target(question, runs),
        "seconds": _summary(question, [r["seconds"] for r in runs if r["status"] == "done"]),
    }


def _run(
    question: Question, place: Path, seed: int, result: RunResult, equal_time: float | None
) -> dict[str, Any]:
    metric, reach = question.metric, question.reach
    first = None
    if reach is not None:
        first = result.first_reaching(metric, reach, greater_is_better(metric))
    known = result.status in ("done", "diverged")
    timed = None if equal_time is None else result.at_time(metric, equal_time)
    return {
        "seed": seed,
        "status": result.status if known else "failed",
        "message": result.message if known or result.message else "It has not been run.",
        "folder": place.as_posix(),
        "seconds": result.seconds,
        "best_epoch": result.best_epoch,
        "best": result.at_best(metric),
        "end": result.at_end(metric),
        "at_equal_time": timed,
        "steps_to_target": first and first["step"],
        "epochs_to_target": first and first["epoch"],
        "seconds_to_target": first and first["seconds"],
        "history": result.history,
    }


def _summary(question: Question, values: Sequence[float | None]) -> dict[str, Any] | None:
    present = [value for value in values if value is not None]
    return dataclasses.asdict(summarize(present, question.level)) if present else None


def _to_target(question: Question, runs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    if question.reach is None:
        return None
    found: dict[str, Any] = {
        unit: _summary(question, [run[f"{unit}_to_target"] for run in runs])
        for unit in ("epochs", "steps", "seconds")
    }
    reached = sum(run["epochs_to_target"] is not None for run in runs)
    return {"reached": reached, "of": len(runs), **found}


def _differences(question: Question, arms: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each arm minus the first, paired by seed; Holm's correction over the arms of one moment."""
    first, *others = arms
    found: list[dict[str, Any]] = []
    for at in MOMENTS:
        rows: list[dict[str, Any]] = []
        for arm in others:
            d = [
                run[at] - base[at]
                for run, base in zip(arm["runs"], first["runs"], strict=True)
                if run[at] is not None and base[at] is not None
            ]
            if not d:
                continue
            row = {"arm": arm["name"], "against": first["name"], "at": at}
            short = dataclasses.asdict(summarize(d, question.level))
            rows.append({**row, **short, "p": sign_flip_p(d) if len(d) > 1 else None})
        tested = [row for row in rows if row["p"] is not None]
        adjusted = iter(holm([row["p"] for row in tested]))
        for row in rows:
            row["p_holm"] = None if row["p"] is None else next(adjusted)
        found += rows
    return found
