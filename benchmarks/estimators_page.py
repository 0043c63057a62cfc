"""The figures of `estimators.py` as Markdown."""

from __future__ import annotations

import statistics
from typing import Any

from tables import machine_line, markdown, ratio

OURS, HELD_OUT = "deltarule", 0.25
# Of Student's t for 95 %, by the number of seeds.
T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
Facts = dict[str, Any]


def mean_sd(values: list[float]) -> str:
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread}"


def difference(ours: list[float], theirs: list[float]) -> str:
    """Mean of the paired differences, with its interval of 95 %."""
    pairs = [a - b for a, b in zip(ours, theirs, strict=True)]
    n = len(pairs)
    if n not in T_95:
        return f"{statistics.mean(pairs):+.4f}"
    half = T_95[n] * statistics.stdev(pairs) / n**0.5
    return f"{statistics.mean(pairs):+.4f} ± {half:.4f}"


def times(ours: list[float], theirs: list[float]) -> float:
    """The median of the paired ratios, theirs over ours."""
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))


def _median(values: list[float], digits: str = ".2f") -> str:
    return f"{statistics.median(values):{digits}}"


def scores_table(result: Facts) -> str:
    """Everybody's score, and the paired difference."""
    head = ["score", "", "peer", "deltarule", "difference", "epochs", "fit, s", "× the peer's"]
    rows = []
    for name, facts in result["tables"].items():
        ours = facts["contestants"][OURS]
        for one, theirs in facts["contestants"].items():
            if one != OURS:
                epochs = f"{_median(theirs['epochs'], 'g')} and {_median(ours['epochs'], 'g')}"
                rows.append(
                    [
                        f"{name}, {facts['score']}",
                        one,
                        mean_sd(theirs["score"]),
                        mean_sd(ours["score"]),
                        difference(ours["score"], theirs["score"]),
                        epochs,
                        f"{_median(theirs['seconds'])} and {_median(ours['seconds'])}",
                        ratio(times(ours["seconds"], theirs["seconds"])),
                    ]
                )
    return markdown(head, rows)


def few_table(result: Facts) -> str:
    """Seconds of small fits."""
    rows = []
    for work, found in result["few"].items():
        ours = found[OURS]
        for one, theirs in found.items():
            if one != OURS:
                fastest = times(ours["seconds"], theirs["seconds"])
                per_epoch = [
                    [s / n for s, n in zip(f["seconds"], f["epochs"], strict=True)]
                    for f in (ours, theirs)
                ]
                rows.append(
                    [
                        work,
                        one,
                        _median(theirs["seconds"], ".3f"),
                        _median(ours["seconds"], ".3f"),
                        ratio(fastest),
                        ratio(times(*per_epoch)),
                    ]
                )
    head = ["fit, s", "", "peer", "deltarule", "× the peer's", "× an epoch of the peer's"]
    return markdown(head, rows)


def search_table(result: Facts) -> str:
    """Seconds of the grid search, and what a second process gains."""
    rows = []
    for one, found in result["search"].items():
        single, double = (statistics.median(found[jobs]) for jobs in ("1", "2"))
        rows.append([one, f"{single:.2f}", f"{double:.2f}", ratio(single / double)])
    return markdown(["", "n_jobs=1, s", "n_jobs=2, s", "gain"], rows)


def page(result: Facts) -> str:
    """`docs/estimators.md`."""
    how = result["how"]
    parts = [
        "# The estimators beside scikit-learn's",
        "Written by `benchmarks/estimators.py` from its figures, "
        "[estimators.json](estimators.json); nothing here is written by hand.",
        f"**{result['machine']['date']}**, {how['threads']} threads for everybody, turns in one "
        f"process in an order that alternates. {machine_line(result['machine'])} Before the run "
        f"other processes kept {how['others_before']:.2f} processors busy, after it "
        f"{how['others_after']:.2f}.",
    ]
    if result["tables"]:
        held = f"{100 * HELD_OUT:.0f} %"
        parts += [
            "## Scores and fits",
            "Every setting is scikit-learn's default, and the same float64 rows are given to all: "
            "medians for gaps, standardised numbers, one-hot text, learned from the training "
            f"rows. {held} of the rows are held out, others for each of {how['seeds']} seeds; mean "
            "± standard deviation, and the mean of the paired differences (deltarule's minus the "
            "peer's) ± half of its 95 % interval. Epochs and seconds are medians, the peer's and "
            "then ours; the last column is the median of the paired ratios, above 1 where "
            "deltarule is faster. deltarule's regressor standardises y by itself, so scikit-learn "
            "is there twice: as it is, and inside TransformedTargetRegressor(StandardScaler()).",
            scores_table(result),
            "Rows and columns: "
            + ", ".join(
                f"{name} {facts['rows']:,} × {facts['features']}"
                for name, facts in result["tables"].items()
            )
            + f". Longer tables were thinned to {how['rows']:,} rows.",
        ]
    if result.get("few"):
        parts += [
            "## 1,000 rows",
            "Defaults again. The last column leaves the number of epochs aside.",
            few_table(result),
        ]
    if result.get("search"):
        parts += [
            "## A grid search",
            "`GridSearchCV` with four settings, three folds and the last fit, 50 epochs each, on "
            "1,000 digits; medians of three turns with the processes already started. A second "
            "process should gain, not lose: nobody may take more threads than there are "
            "processors.",
            search_table(result),
        ]
    if result["absent"]:
        parts.append(f"Without a file for it, left out: {', '.join(result['absent'])}.")
    return "\n\n".join(parts) + "\n"
