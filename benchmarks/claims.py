"""The report's claims beside what the comparisons of `reproduce` show.

The rules, which were written before the runs were made:

1.  That something is more, less, larger or faster is *confirmed* or *refuted* where the exact
    paired permutation test gives p < 0.05, by the sign of the mean difference; else it is
    *undecided*.
2.  "Similar" is within one point of accuracy: confirmed where the 95 % interval of the paired
    difference lies within, refuted where it lies outside and p < 0.05, else undecided.
3.  "No significant effect" is refuted where p < 0.05; else it is confirmed where the interval lies
    within one point, and undecided where it does not.  Neither this nor rule 2 confirms anything
    with so few seeds that p could not have been below 0.05.
4.  The number of a single run is refuted where it lies outside of what 95 % of single runs come to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deltarule.mathematics.statistics import sign_flip_p, smallest_p, summarize

ALPHA = 0.05
SIMILAR = 0.01
CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"
WITH, WITHOUT = 0.438, 0.431
MINUS = "\N{MINUS SIGN}"
Facts = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """What the report says, what is found here, and what that makes of it."""

    said: str
    here: str
    verdict: str


# -- numbers --------------------------------------------------------------------------------------


def paired(first: Sequence[float | None], other: Sequence[float | None]) -> Facts | None:
    """Other minus first, seed by seed, where both are there; None where they never are."""
    d = [b - a for a, b in zip(first, other, strict=True) if a is not None and b is not None]
    if not d:
        return None
    return {**asdict(summarize(d)), "p": sign_flip_p(d) if len(d) > 1 else None}


def directed(d: Facts | None, sign: int) -> str:
    """Rule 1."""
    if d is None or d["p"] is None or d["p"] >= ALPHA:
        return UNDECIDED
    return CONFIRMED if sign * d["mean"] > 0 else REFUTED


def similar(d: Facts | None) -> str:
    """Rule 2."""
    if d is None or d["p"] is None or smallest_p(d["n"]) >= ALPHA:
        return UNDECIDED
    if d["low"] >= -SIMILAR and d["high"] <= SIMILAR:
        return CONFIRMED
    apart = d["low"] > SIMILAR or d["high"] < -SIMILAR
    return REFUTED if apart and d["p"] < ALPHA else UNDECIDED


def no_effect(d: Facts | None) -> str:
    """Rule 3."""
    if d is not None and d["p"] is not None and d["p"] < ALPHA:
        return REFUTED
    return CONFIRMED if similar(d) == CONFIRMED else UNDECIDED


def single(summary: Facts | None) -> tuple[float, float] | None:
    """Between which values 95 % of single runs lie: m ± q·s·√(1 + 1/n)."""
    if summary is None or summary["low"] is None:
        return None
    half = (summary["high"] - summary["mean"]) * math.sqrt(summary["n"] + 1)
    return summary["mean"] - half, summary["mean"] + half


def _signed(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}".replace("-", MINUS)


def percent(summary: Facts | None) -> str:
    """51.2 ± 0.2 %"""
    if summary is None:
        return "—"
    spread = "" if summary["sd"] is None else f" ± {100 * summary['sd']:.1f}"
    return f"{100 * summary['mean']:.1f}{spread} %"


def spread(summary: Facts | None) -> str:
    """3.14 ± 0.42"""
    if summary is None:
        return "—"
    around = "" if summary["sd"] is None else f" ± {summary['sd']:.2g}"
    return f"{summary['mean']:.3g}{around}"


def told(d: Facts | None, unit: str, scale: float = 1.0) -> str:
    """'0.8 points [0.3, 1.3], p = 0.031'"""
    if d is None:
        return "no pairs"
    text = f"{_signed(scale * d['mean'])} {unit}"
    if d["low"] is not None:
        text += f" [{_signed(scale * d['low'])}, {_signed(scale * d['high'])}]"
    return text if d["p"] is None else f"{text}, p = {d['p']:.2g}"


def column(arm: Facts, key: str) -> list[float | None]:
    """One number of each run."""
    return [run[key] for run in arm["runs"]]


# -- claims ---------------------------------------------------------------------------------------


def claims(result: Facts) -> list[Claim]:
    """Every claim of the report, in its order."""
    found, whole = result["comparisons"], result["whole"]
    without, with_ = found["decay"]["arms"]
    decay = paired(column(without, "best"), column(with_, "best"))
    said = [_task(with_, found["decay"]["target"])]
    said += [_number(arm, value, whole) for arm, value in ((with_, WITH), (without, WITHOUT))]
    said.append(
        Claim(
            "L2 has no significant effect",
            f"with L2 minus without: {told(decay, 'points', 100)}; the report's single runs differ "
            f"by {100 * (WITH - WITHOUT):.1f}",
            no_effect(decay),
        )
    )
    adam, *others = found["optimizers"]["arms"]
    said += [claim for sgd in others for claim in _of_optimizers(adam, sgd)]
    return said + _of_the_schedule(found["rates"])


def _task(arm: Facts, target: float) -> Claim:
    got = arm["to_target"]
    verdict = CONFIRMED if got["reached"] == got["of"] else UNDECIDED if got["reached"] else REFUTED
    here = f"reached with {got['reached']} of {got['of']} seeds"
    if got["reached"]:
        here += f", in {spread(got['epochs'])} epochs"
    return Claim(f"these settings reach {100 * target:.0f} % validation accuracy", here, verdict)


def _number(arm: Facts, value: float, whole: bool) -> Claim:
    inside = single(arm["best"])
    here, verdict = percent(arm["best"]), UNDECIDED
    if inside is not None:
        here += f"; 95 % of single runs: {100 * inside[0]:.1f} to {100 * inside[1]:.1f} %"
        if whole:
            verdict = CONFIRMED if inside[0] <= value <= inside[1] else REFUTED
    return Claim(f"with {arm['name']} they come to {100 * value:.1f} %", here, verdict)


def _of_optimizers(adam: Facts, sgd: Facts) -> list[Claim]:
    best, epochs, first = (
        paired(column(adam, key), column(sgd, key)) for key in ("best", "epochs_to_target", "first")
    )
    name = sgd["name"]
    return [
        Claim(
            f"Adam and {name} reach similar optima",
            f"{percent(adam['best'])} and {percent(sgd['best'])}; {name} minus Adam: "
            f"{told(best, 'points', 100)}",
            similar(best),
        ),
        Claim(
            f"Adam is faster than {name}",
            f"42 % in {reached(adam)} epochs, {name} in {reached(sgd)}; {name} minus Adam: "
            f"{told(epochs, 'epochs')}; accuracy after the first epoch: "
            f"{told(first, 'points', 100)}",
            directed(epochs, 1),
        ),
    ]


def reached(arm: Facts) -> str:
    got = arm["to_target"]
    some = "" if got["reached"] == got["of"] else f" ({got['reached']} of {got['of']} seeds)"
    return f"{spread(got['epochs'])}{some}"


def _of_the_schedule(rates: Facts) -> list[Claim]:
    constant, schedule = rates["arms"]
    names = [arm["name"] for arm in (constant, schedule)]
    seeds = sorted({row["seed"] for row in rates["tries"]})
    largest, best = ([_by_seed(rates["tries"], name, seeds, of) for name in names] for of in PICKS)
    start = paired(column(constant, "start"), column(schedule, "start"))
    first = paired(column(constant, "first"), column(schedule, "first"))
    need, allows = (paired(*([_log(v) for v in arm] for arm in pair)) for pair in (largest, best))
    chosen = [arm["tuned"]["lr"] for arm in (schedule, constant)]
    return [
        Claim(
            "without a schedule 35 % and a loss of 1.8 need a smaller initial rate",
            f"largest rate that reached both, by seed: {_listed(largest[1])} with the schedule, "
            f"{_listed(largest[0])} without; {_ratio(need)}",
            directed(need, 1),
        ),
        Claim(
            "a schedule allows a larger initial rate",
            f"best rate, by seed: {_listed(best[1])} with the schedule, {_listed(best[0])} "
            f"without; {_ratio(allows)}",
            directed(allows, 1),
        ),
        Claim(
            "and so speeds up the start",
            f"each at its best rate ({chosen[0]:g} and {chosen[1]:g}): 35 % and 1.8 in "
            f"{_mean(schedule, 'start')} epochs with the schedule, {_mean(constant, 'start')} "
            f"without, {told(start, 'epochs')}; accuracy after the first epoch: "
            f"{told(first, 'points', 100)}",
            directed(start, -1),
        ),
    ]


def _largest(rows: Sequence[Facts]) -> float | None:
    return max((row["lr"] for row in rows if row["start"] is not None), default=None)


def _best(rows: Sequence[Facts]) -> float | None:
    able = [row for row in rows if row["best"] is not None]
    return max(able, key=lambda row: row["best"])["lr"] if able else None


PICKS = (_largest, _best)


def _by_seed(rows: Sequence[Facts], arm: str, seeds: Sequence[int], of: Any) -> list[float | None]:
    return [of([r for r in rows if r["arm"] == arm and r["seed"] == seed]) for seed in seeds]


def _log(value: float | None) -> float | None:
    return None if value is None else math.log(value)


def _listed(values: Sequence[float | None]) -> str:
    return ", ".join("none" if value is None else f"{value:g}" for value in values)


def _ratio(d: Facts | None) -> str:
    """'2.1 times as large [1.3, 3.4], p = 0.031'"""
    if d is None:
        return "no pairs"
    text = f"{math.exp(d['mean']):.2g} times as large"
    if d["low"] is not None:
        text += f" [{math.exp(d['low']):.2g}, {math.exp(d['high']):.2g}]"
    return text if d["p"] is None else f"{text}, p = {d['p']:.2g}"


def _mean(arm: Facts, key: str) -> str:
    values = [value for value in column(arm, key) if value is not None]
    some = (
        "" if len(values) == len(arm["runs"]) else f" ({len(values)} of {len(arm['runs'])} seeds)"
    )
    return f"{spread(asdict(summarize(values)) if values else None)}{some}"
