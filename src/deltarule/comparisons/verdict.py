"""The answer in words, which never say more than the data.

The rules, for each arm against the first one, over the n seeds of which both arms finished:

1.  *Evidence of a difference* is said where the exact paired permutation test gives p < 0.05, after
    Holm's correction where several arms are compared with the first.  Nothing else is evidence.
2.  Where p is not below 0.05 and the interval of the difference holds 0: *no evidence of a
    difference*.  That is not evidence of no difference, and is never called so.
3.  Where p is not below 0.05 but the interval excludes 0, both are said.  If n seeds could not have
    given p < 0.05 at all, it is *a hint*; else it is *undecided*.
4.  What n seeds can show at all, p = 2/2ⁿ times the number of comparisons, is said where it is not
    below 0.05, with the number of seeds that could.
5.  Of one seed there are no intervals, no tests and no evidence.

The values at the best epoch are judged first: theirs are the weights that a run keeps.  The end of
the training, and equal time, are mentioned where the rules say something else of them.  A target
that some seeds did not reach is reported with how many did; its means are over those alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..mathematics.statistics import EXACT_PAIRS, smallest_p
from ..report.words import duration, is_share, metric_name, metric_value, number

__all__ = ["ALPHA", "verdict", "warnings"]

ALPHA = 0.05
EVIDENCE, NONE, HINT, UNDECIDED, SINGLE = "evidence", "none", "hint", "undecided", "single"
MINUS = "\N{MINUS SIGN}"
Facts = Mapping[str, Any]


def verdict(facts: Facts) -> list[str]:
    """The sentences, from the facts of a comparison."""
    others = [arm["name"] for arm in facts["arms"][1:]]
    said = _target_sentences(facts)
    limits = False
    for name in others:
        found = {d["at"]: d for d in facts["differences"] if d["arm"] == name}
        if "best" not in found:
            said.append(_nothing(facts, name))
            continue
        kind = conclusion(found["best"], len(others))
        said.append(f"At the best epoch {_difference(facts, found['best'])}")
        for at in ("end", "at_equal_time"):
            if at in found and conclusion(found[at], len(others)) != kind:
                said.append(f"{_when(facts, at)} {_difference(facts, found[at])}")
        limits = limits or kind != SINGLE
    if limits:
        said += _limits(facts, len(others))
    if len(facts["seeds"]) == 1:
        said.append(
            "These are single runs with one seed: there are no intervals, and another seed may "
            "turn the order around."
        )
    return said


def conclusion(difference: Mapping[str, Any], comparisons: int) -> str:
    """What the rules say of a difference."""
    if difference["low"] is None:
        return SINGLE
    if difference["p_holm"] < ALPHA:
        return EVIDENCE
    if difference["low"] <= 0.0 <= difference["high"]:
        return NONE
    return UNDECIDED if comparisons * smallest_p(difference["n"]) < ALPHA else HINT


def _difference(facts: Facts, d: Mapping[str, Any]) -> str:
    """'the validation accuracy of sgd is 0.2 points lower than that of adam (…): no evidence …'"""
    metric, comparisons = facts["metric"]["name"], len(facts["arms"]) - 1
    name, kind = metric_name(metric), conclusion(d, comparisons)
    share = is_share(metric)
    size = _amount(abs(d["mean"]), share, d)
    if d["mean"] == 0.0:
        order = f"of {d['arm']} equals that of {d['against']}"
    else:
        order = (
            f"of {d['arm']} is {size} {'higher' if d['mean'] > 0 else 'lower'} than that of "
            f"{d['against']}"
        )
        if not facts["metric"]["greater_is_better"]:
            order += f", which is {'worse' if d['mean'] > 0 else 'better'}"
    if kind == SINGLE:
        return f"the {name} {order}, in one run of each."
    interval = (
        f"({100 * facts['level']:g} % interval of the difference "
        f"{_signed(d['low'], share, d)} to {_signed(d['high'], share, d)})"
    )
    seeds = f"over {d['n']} seeds"
    return f"the {name} {order} {interval}: {_words(kind, d, comparisons, seeds)}"


def _words(kind: str, d: Mapping[str, Any], comparisons: int, seeds: str) -> str:
    p = f"p = {number(d['p_holm'], 2)}"
    if comparisons > 1:
        p += f" after Holm's correction for {comparisons} comparisons"
    test = "paired permutation test" if d["n"] > EXACT_PAIRS else "exact paired permutation test"
    if kind == EVIDENCE:
        return f"evidence of a difference {seeds} ({test}, {p})."
    if kind == NONE:
        return f"no evidence of a difference {seeds} ({p})."
    if kind == HINT:
        return f"a hint, not evidence, {seeds}: the interval excludes 0, but {p}."
    return f"undecided {seeds}: the interval excludes 0, but the {test} gives {p}."


def _limits(facts: Facts, comparisons: int) -> list[str]:
    """What so many seeds can show at all, where that is nothing."""
    n = max((d["n"] for d in facts["differences"]), default=0)
    least = comparisons * smallest_p(n)
    if least < ALPHA:
        return []
    enough = next(k for k in range(n, 64) if comparisons * smallest_p(k) < ALPHA)
    after = f" after the correction for {comparisons} comparisons" if comparisons > 1 else ""
    return [
        f"No number of wins among {n} seeds can reach p < {ALPHA:g} by this test{after}: its "
        f"smallest value is {number(min(1.0, least))}. With {enough} seeds it could."
    ]


def _when(facts: Facts, at: str) -> str:
    if at == "end":
        return "At the end of the training"
    return f"At equal time, after {duration(facts['equal_time'])},"


def _nothing(facts: Facts, name: str) -> str:
    first = facts["arms"][0]["name"]
    return f"{name} and {first} have no seed that both finished: nothing can be said of the two."


def _target_sentences(facts: Facts) -> list[str]:
    """'adam reached 42.0 % validation accuracy in 3.1 ± 0.2 epochs, sgd in 9.4 ± 0.8.'"""
    if facts["target"] is None:
        return []
    metric = facts["metric"]["name"]
    goal = f"{_goal(metric, facts['target'])} {metric_name(metric)}"
    parts: list[str] = []
    spread, beginning = False, f" reached {goal}"
    for arm in facts["arms"]:
        found = arm["to_target"]
        if found is None or not found["reached"]:
            what = "did not" if parts else f"did not reach {goal}"
            parts.append(f"{arm['name']} {what} with any of its {_runs(arm)}")
            continue
        how = _spread(found["epochs"], "epochs")
        spread = spread or found["epochs"]["sd"] is not None
        if found["reached"] < found["of"]:
            how += (
                f" with {found['reached']} of {found['of']} seeds, and with the others not at all"
            )
        parts.append(f"{arm['name']}{beginning} in {how}")
        beginning = ""
    note = " (mean ± standard deviation over the seeds)" if spread else ""
    return [f"{', '.join(parts)}{note}."]


def _goal(metric: str, value: float) -> str:
    return f"{100 * value:g} %" if is_share(metric) else metric_value(metric, value)


def _runs(arm: Mapping[str, Any]) -> str:
    n = len(arm["runs"])
    return f"{n} seed{'' if n == 1 else 's'}"


def _spread(summary: Mapping[str, Any], unit: str) -> str:
    mean = number(summary["mean"], 3)
    if summary["sd"] is None:
        return f"{mean} {unit}"
    return f"{mean} ± {number(summary['sd'], 2)} {unit}"


def _decimals(d: Mapping[str, Any]) -> int:
    """Of points: as many as the width of the interval deserves."""
    width = abs(d["mean"]) if d["low"] is None else d["high"] - d["low"]
    return 1 if width >= 0.002 else 2


def _amount(value: float, share: bool, d: Mapping[str, Any]) -> str:
    return f"{100 * value:.{_decimals(d)}f} points" if share else number(value, 3)


def _signed(value: float, share: bool, d: Mapping[str, Any]) -> str:
    text = f"{100 * value:.{_decimals(d)}f}" if share else number(value, 3)
    return text.replace("-", MINUS)


# -- warnings -------------------------------------------------------------------------------------


def warnings(facts: Facts, optimizers_differ: bool) -> list[str]:
    """What a reader must know before believing the numbers."""
    said = []
    if len(facts["seeds"]) == 1:
        said.append("One seed only: nothing here tells a difference from chance.")
    for arm in facts["arms"]:
        said += _of_arm(arm, len(facts["seeds"]))
    said += _of_tuning(facts)
    tuned = {key for arm in facts["arms"] for key in arm["tuned"] or {}}
    if optimizers_differ and "lr" not in tuned:
        said.append(
            "The arms have different optimizers and the learning rate was not tuned for each "
            "(--tune lr=…): this compares settings, not optimizers."
        )
    processes, cores = facts["machine"]["processes"], facts["machine"]["cores"]
    if processes > 1:
        said.append(
            f"Times are of {processes} runs at once on {_cores(cores)}: they compare the arms with "
            "each other, not with a run that is alone."
        )
    pairs = max((d["n"] for d in facts["differences"]), default=0)
    if pairs > EXACT_PAIRS:
        said.append(
            f"With more than {EXACT_PAIRS} seeds the permutation test is an estimate by randomly "
            "drawn signs, not exact."
        )
    return said


def _of_arm(arm: Mapping[str, Any], seeds: int) -> list[str]:
    said = []
    for status, what in (("diverged", "diverged"), ("failed", "failed")):
        bad = [run for run in arm["runs"] if run["status"] == status]
        if not bad:
            continue
        which = ", ".join(str(run["seed"]) for run in bad)
        left = sum(run["status"] == "done" for run in arm["runs"])
        rest = (
            f"its means are over the other {left}, which flatters it"
            if left
            else "there is nothing to be said of it"
        )
        said.append(
            f"{arm['name']} {what} with {len(bad)} of {seeds} seeds ({which}); {rest}. "
            f"Seed {bad[0]['seed']}: {bad[0]['message']}"
        )
    return said


def _of_tuning(facts: Facts) -> list[str]:
    tried: list[Mapping[str, Any]] = list(facts["tuning"] or [])
    said = []
    for arm in facts["arms"]:
        own = [row for row in tried if row["arm"] == arm["name"]]
        chosen = next((row for row in own if row["chosen"]), None)
        if chosen is None:
            continue
        if chosen["mean"] is None:
            said.append(f"{arm['name']}: every value that was tried diverged; see the tuning.")
        for key, value in chosen["changes"].items():
            values = [row["changes"][key] for row in own]
            if not all(_is_number(v) for v in values) or len(set(values)) == 1:
                continue
            side = {min(values): "smallest", max(values): "largest"}.get(value)
            if side:
                said.append(
                    f"{arm['name']} did best with the {side} {key} that was tried, {value:g}: a "
                    f"{'smaller' if side == 'smallest' else 'larger'} one may be better still; "
                    "widen the list."
                )
    return said


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cores(n: int) -> str:
    return "one core" if n == 1 else f"{n} cores"
