"""The page of a sweep: its best trials, what mattered, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ground.errors import Problems
from . import sweep_plots
from .rendering import Picture, render
from .summaries import Card
from .words import ABSENT, as_float, count, duration, legible, metric_name, metric_value, number

__all__ = ["sweep_page"]

MAX_BEST = 10
MAX_TRIALS = 200
MAX_PICTURED = 8
MAX_TEXT = 20_000
NEEDED = ("title", "trials", "metric", "greater_is_better")


@dataclass(frozen=True)
class _Row:
    """A trial as the tables show it."""

    trial: str
    state: str
    value: str
    cells: tuple[str, ...]
    epochs: str
    seconds: str
    reason: str
    best: bool


def sweep_page(facts: Mapping[str, Any]) -> str:
    """The report of a sweep as an HTML page without scripts or network requests.

    Parameters
    ----------
    facts : mapping
        Plain values.  `title`, `metric`, `greater_is_better` and `trials` must be there; the last
        are records of trial, state ('complete', 'pruned', 'failed' or 'running'), value, last,
        epochs, seconds, reason, changes {key of the recipe: value} and parameters {name: value}.
        A page lacks the part for which another key is missing: `best_trial`, `best_value`,
        `best_recipe` (TOML), `importances` {name: share}, `importances_missing` (why there are
        none), `logarithmic` (names), `data` {name, rows}, `study`, `store`, `sampler`, `pruner`,
        `wanted`, `seconds`, `command`, `versions`.

    Returns
    -------
    str
        The page; the same facts give the same bytes.

    Raises
    ------
    InvalidInput
        If what must be there is not.
    """
    problems = Problems()
    for name in NEEDED:
        problems.require(name in facts, f"The page of a sweep needs {name}; the facts have none.")
    problems.raise_if_any()
    return render("sweep.html", _view(facts))


def _view(facts: Mapping[str, Any]) -> dict[str, Any]:
    trials = list(facts["trials"])
    metric, up = str(facts["metric"]), bool(facts["greater_is_better"])
    sign = -1.0 if up else 1.0
    complete = [t for t in trials if t["value"] is not None]
    complete.sort(key=lambda t: (sign * as_float(t["value"]), t["trial"]))
    keys = list(dict.fromkeys(key for t in trials for key in t["changes"]))
    shares = dict(facts.get("importances") or {})
    return {
        "title": legible(facts["title"]),
        "headline": _headline(facts),
        "lede": _lede(facts, trials),
        "cards": _cards(facts, trials),
        "metric": metric_name(metric),
        "columns": [legible(key, 40) for key in keys],
        "best": [_row(t, keys, facts) for t in complete[:MAX_BEST]],
        "history": _history(trials, metric, up),
        "importances": _importances(shares),
        "importances_missing": legible(facts.get("importances_missing") or "", 300),
        "slices": _slices(facts, trials, shares),
        "coordinates": _coordinates(facts, trials, shares),
        "trials": [_row(t, keys, facts) for t in trials[-MAX_TRIALS:]],
        "left_out": max(len(trials) - MAX_TRIALS, 0),
        "command": legible(facts.get("command") or "", 4000, lines=True),
        "recipe": legible(facts.get("best_recipe") or "", MAX_TEXT, lines=True),
        "versions": [
            (legible(name, 60), legible(version, 60))
            for name, version in list((facts.get("versions") or {}).items())[:60]
        ],
    }


def _headline(facts: Mapping[str, Any]) -> str:
    if facts.get("best_trial") is None:
        return "No trial is complete yet"
    value = metric_value(facts["metric"], facts.get("best_value"))
    return f"{value} {metric_name(facts['metric'])} in trial {facts['best_trial']}"


def _lede(facts: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> str:
    data = facts.get("data") or {}
    what = f" of {legible(data['name'], 80)}" if data.get("name") else ""
    rows = f", {count(data['rows'])} rows" if data.get("rows") is not None else ""
    words = [f"{_plural(len(trials), 'trial')}{what}{rows}"]
    if facts.get("sampler"):
        words.append(f"proposed by {_spoken(facts['sampler'])}")
    if facts.get("seconds") is not None:
        words.append(f"{duration(facts['seconds'])} of training in all")
    better = "More is better." if facts["greater_is_better"] else "Less is better."
    return f"{'; '.join(words)}. {better}"


def _spoken(sampler: str) -> str:
    known = {"tpe": "TPE", "random": "chance", "grid": "a grid"}
    return known.get(sampler, legible(sampler, 40))


def _cards(facts: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> list[Card]:
    states = [t["state"] for t in trials]
    n = {state: states.count(state) for state in ("complete", "pruned", "failed", "running")}
    spent = sum(as_float(t["seconds"]) for t in trials)
    cut = sum(as_float(t["seconds"]) for t in trials if t["state"] == "pruned")
    wanted = facts.get("wanted")
    cards = [
        Card("Trials", count(len(trials)), f"of {count(wanted)} wanted" if wanted else ""),
        Card("Complete", count(n["complete"]), _share(n["complete"], len(trials))),
        Card("Pruned", count(n["pruned"]), _share(n["pruned"], len(trials))),
        Card("Training", duration(spent), _share(cut, spent, "in pruned trials")),
    ]
    if n["failed"]:
        cards.append(Card("Failed", count(n["failed"]), _share(n["failed"], len(trials))))
    if n["running"]:
        cards.append(Card("Under way", count(n["running"])))
    if n["complete"]:
        mean = sum(as_float(t["seconds"]) for t in trials if t["state"] == "complete")
        cards.append(Card("A complete trial", duration(mean / n["complete"]), "on average"))
    for name, label in (("study", "Study"), ("store", "Store")):
        if facts.get(name):
            cards.append(Card(label, legible(facts[name], 80)))
    return cards


def _share(part: float, whole: float, what: str = "of the trials") -> str:
    return f"{100 * part / whole:.0f} % {what}" if whole else ""


def _plural(n: int, noun: str) -> str:
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"


def _row(trial: Mapping[str, Any], keys: Sequence[str], facts: Mapping[str, Any]) -> _Row:
    value = trial["value"]
    return _Row(
        str(trial["trial"]),
        legible(trial["state"], 20),
        ABSENT if value is None else metric_value(facts["metric"], value),
        tuple(_cell(trial["changes"], key) for key in keys),
        count(trial["epochs"]),
        duration(trial["seconds"]),
        legible(trial.get("reason") or "", 300),
        facts.get("best_trial") == trial["trial"],
    )


def _cell(changes: Mapping[str, Any], key: str) -> str:
    if key not in changes:
        return ABSENT
    value = changes[key]
    if value is None:
        return "none"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}" if isinstance(value, int) else number(value, 3)
    if isinstance(value, list) and all(type(v) is int for v in value):
        return " · ".join(map(str, value)) or "none"
    return legible(value if isinstance(value, str) else json.dumps(value, default=str), 80)


def _history(trials: list[Mapping[str, Any]], metric: str, up: bool) -> Picture | None:
    if not any(t["value"] is not None or t.get("last") is not None for t in trials):
        return None
    caption = (
        "Trials in the order in which they began, pruned ones where they ended, and the best so "
        "far."
    )
    drawn = sweep_plots.objective(trials, metric, up)
    return Picture("history", drawn, "How it went", caption)


def _importances(shares: Mapping[str, float]) -> Picture | None:
    if not shares:
        return None
    caption = (
        "The share of the variation between complete trials that each parameter explains (fANOVA), "
        "over all values of the others."
    )
    first = sorted(shares, key=lambda name: -shares[name])[: 2 * MAX_PICTURED]
    drawn = sweep_plots.importances({name: shares[name] for name in first})
    return Picture("importances", drawn, "What mattered", caption)


def _pictured(trials: Sequence[Mapping[str, Any]], shares: Mapping[str, float]) -> list[str]:
    """The parameters that are drawn: what mattered first."""
    complete = [t for t in trials if t["value"] is not None]
    names = list(dict.fromkeys(name for t in complete for name in t["parameters"]))
    return sorted(names, key=lambda name: -shares.get(name, 0.0))[:MAX_PICTURED]


def _slices(
    facts: Mapping[str, Any], trials: list[Mapping[str, Any]], shares: Mapping[str, float]
) -> list[Picture]:
    logarithmic = facts.get("logarithmic") or ()
    best = [t["parameters"] for t in trials if t["trial"] == facts.get("best_trial")]
    return [
        Picture(
            f"slice-{i}",
            sweep_plots.slice_of(
                trials,
                name,
                str(facts["metric"]),
                facts.get("best_trial"),
                name in logarithmic,
                prefix=f"slice-{i}",
            ),
            sweep_plots.parameter_name(name),
            _slice_caption(name, best[0] if best else {}),
        )
        for i, name in enumerate(_pictured(trials, shares))
    ]


def _slice_caption(name: str, best: Mapping[str, Any]) -> str:
    spoken = sweep_plots.parameter_name(name)
    spoken = spoken[:1].upper() + spoken[1:] if " " in spoken else spoken
    if name not in best:
        return f"{spoken}; the best trial has none."
    return f"{spoken}; the best trial has {_cell(best, name)}."


def _coordinates(
    facts: Mapping[str, Any], trials: list[Mapping[str, Any]], shares: Mapping[str, float]
) -> Picture | None:
    names = _pictured(trials, shares)
    if len(names) < 2:
        return None
    caption = (
        "A line is a complete trial, from its value of the first parameter down to that of the "
        "last. Orange is the best trial, blue the best tenth (at least three); a line has a gap "
        "where a trial lacks the parameter."
    )
    drawn = sweep_plots.coordinates(
        trials,
        names,
        str(facts["metric"]),
        bool(facts["greater_is_better"]),
        list(facts.get("logarithmic") or ()),
    )
    return Picture("coordinates", drawn, "The complete trials", caption)
