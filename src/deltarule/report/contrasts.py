"""What a comparison's facts say in rows: every number with its spread, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .arms import Arm, Metric, Summary, in_words, name_of
from .intervals import PLACES
from .words import as_float, count, duration, legible, metric_value, number

__all__ = [
    "change_rows",
    "difference_rows",
    "failed_rows",
    "plus_minus",
    "power",
    "quality_columns",
    "quality_rows",
    "shown_target",
    "speed_columns",
    "speed_rows",
    "tuning_rows",
]

ABSENT = "—"
Rows = list[tuple[str, ...]]


def plus_minus(found: Summary | None, scale: float = 1.0, unit: str = "") -> str:
    """'51.23 ± 0.20 % (50.98 to 51.48)': the spread has two digits, the mean as many places."""
    if found is None:
        return ABSENT
    mean, sd, low, high = (scale * v for v in (found.mean, found.sd, found.low, found.high))
    if not (math.isfinite(sd) and sd > 0 and abs(mean) < 1e6 * sd):
        spread = " ± 0" if sd == 0 else ""
        return f"{number(mean)}{spread}{unit}"
    places = max(0, min(9, 1 - math.floor(math.log10(sd))))
    if abs(mean) >= 1e6 or places >= 6:
        return f"{number(mean)} ± {number(sd, 2)}{unit}"
    text = f"{_fixed(mean, places)} ± {_fixed(sd, places)}{unit}"
    if math.isfinite(low) and math.isfinite(high):
        text += f" ({_fixed(low, places)} to {_fixed(high, places)})"
    return text


def _fixed(value: float, places: int) -> str:
    text = f"{value:,.{places}f}".replace("-", "−")
    return text.removeprefix("−") if not as_float(text.replace("−", "").replace(",", "")) else text


def quality_columns(metric: Metric, equal_time: Any) -> tuple[str, ...]:
    """The head of the table of quality."""
    at = f"at {duration(equal_time)}" if equal_time is not None else "at equal time"
    return "arm", "runs", "at the best epoch", "at the end", at


def quality_rows(arms: Sequence[Arm], metric: Metric) -> Rows:
    """Each arm's metric: at the best epoch, at the end, and at equal time."""
    unit = " %" if metric.share else ""
    return [
        (
            arm.name,
            f"{len(arm.done)} of {len(arm.runs)}",
            *(plus_minus(arm.at[at], metric.scale, unit) for at in PLACES),
        )
        for arm in arms
    ]


def speed_columns(target: str) -> tuple[str, ...]:
    """The head of the table of speed."""
    to = f"to {target}" if target else "to the target"
    return "arm", "reached it", f"epochs {to}", f"steps {to}", f"seconds {to}", "seconds in all"


def speed_rows(arms: Sequence[Arm]) -> Rows:
    """What each arm took to reach the target, and in all."""
    rows: Rows = []
    for arm in arms:
        found = arm.to_target
        parts = (found.epochs, found.steps, found.seconds) if found else (None, None, None)
        reached = f"{found.reached} of {found.of}" if found else ABSENT
        spoken = (plus_minus(part) for part in (*parts, arm.seconds))
        rows.append((arm.name, reached, *spoken))
    return rows


def difference_rows(differences: Sequence[Mapping[str, Any]], metric: Metric) -> Rows:
    """Arm, against, where, the difference with its interval, p and Holm's p."""
    unit = " points" if metric.share else ""
    made: Rows = []
    for given in differences:
        mean, sd, low, high = (as_float(given.get(k)) for k in ("mean", "sd", "low", "high"))
        n = as_float(given.get("n"))
        found = Summary(0, mean, sd, low, high) if math.isfinite(mean) else None
        made.append(
            (
                name_of(given.get("arm"), 60),
                name_of(given.get("against"), 60),
                PLACES.get(str(given.get("at")), legible(given.get("at"), 40)),
                count(n),
                plus_minus(found, metric.scale, unit),
                number(given.get("p"), 3),
                number(given.get("p_holm"), 3),
            )
        )
    return made


def power(seeds: int, smallest: Any) -> str:
    """What so many seeds can show at all."""
    if seeds == 1:
        return "One seed shows no spread: there is no interval and no test."
    p = as_float(smallest)
    if not math.isfinite(p):
        return ""
    verdict = (
        "so no difference, however large, can be called significant at 5 %; take more seeds for "
        "that"
        if p > 0.05
        else "so a difference that all seeds agree on can be called significant at 5 %"
    )
    return (
        f"With {seeds} seeds the smallest two-sided p that the exact permutation test can give is "
        f"{number(p, 3)}, {verdict}."
    )


def change_rows(arms: Sequence[Arm]) -> Rows:
    """What each arm changes of the common recipe, what was tuned, and its parameters."""
    return [
        (arm.name, arm.changes or "nothing", arm.tuned or ABSENT, count(arm.parameters))
        for arm in arms
    ]


def failed_rows(arms: Sequence[Arm]) -> Rows:
    """The runs that did not come to their end, by arm and seed."""
    return [
        (arm.name, run.seed, run.status, run.message)
        for arm in arms
        for run in arm.runs
        if run.status != "done"
    ]


def tuning_rows(given: Sequence[Mapping[str, Any]], metric: Metric) -> Rows:
    """What was tried for each arm, what it reached, and which was chosen."""
    unit = " %" if metric.share else ""
    made: Rows = []
    for row in given:
        nothing = math.nan
        mean, sd = (as_float(row.get(k)) for k in ("mean", "sd"))
        found = Summary(0, mean, sd, nothing, nothing) if math.isfinite(mean) else None
        diverged = as_float(row.get("diverged"))
        made.append(
            (
                name_of(row.get("arm"), 60),
                in_words(row.get("changes")),
                count(row.get("n")),
                plus_minus(found, metric.scale, unit),
                count(diverged) if diverged else "",
                "chosen" if row.get("chosen") else "",
            )
        )
    return made


def shown_target(metric: Metric, target: Any) -> str:
    """'42.0 %', or '' where there is none."""
    if target is None:
        return ""
    return metric_value("accuracy" if metric.share else "", target)
