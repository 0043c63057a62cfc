"""Curves of several arms: the mean over the seeds as a line, from lowest to highest as a band.

Over time an arm's runs may have nothing in common, where one was done before another had begun to
show; then each of them is a thin line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arms import Arm, Metric, Run
from .axes import (
    HEIGHT,
    WIDTH,
    drawable,
    legend,
    legend_height,
    plain_numbers,
    thinned,
    unit_of_time,
)
from .figures import INK, canvas, figure_svg
from .histories import series
from .words import capitalised, metric_value, number

__all__ = ["bands", "over_seeds", "share_no_time"]

Floats = NDArray[np.float64]

MAX_BANDS = 6  # of more arms only the lines are drawn
TIMES = 240  # at which curves over time are compared
LOG_SPAN = 30.0
TINY = 1e-100


def over_seeds(
    runs: Sequence[Run], column: str, over: str
) -> tuple[Floats, Floats, Floats, Floats]:
    """Where all runs have a value: places, and the mean, the lowest and the highest value there.

    Over epochs the places are those that all runs have; over time, from when the last has its first
    value to when the first has its last, with straight lines between the values of a run.
    """
    curves = of_each(runs, column, over)
    none = np.empty(0)
    if not curves:
        return none, none, none, none
    if over == "epoch":
        places = curves[0][0]
        for x, _ in curves[1:]:
            places = np.intersect1d(places, x)
        values = np.array([y[np.searchsorted(x, places)] for x, y in curves])
    else:
        first, last = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
        places = np.linspace(first, last, TIMES) if first <= last else none
        values = np.array([np.interp(places, x, y) for x, y in curves])
    if not len(places):
        return none, none, none, none
    return places, values.mean(0), values.min(0), values.max(0)


def of_each(runs: Sequence[Run], column: str, over: str) -> list[tuple[Floats, Floats]]:
    """Places, in order, and values of each run that has any."""
    curves = []
    for run in runs:
        x, y = series(run.history, column, over)
        fine = drawable(x) & drawable(y)
        x, y = x[fine], y[fine]
        order = np.argsort(x, kind="stable")
        if len(x):
            curves.append((x[order], y[order]))
    return curves


def share_no_time(arm: Arm, column: str) -> bool:
    """Whether the runs of an arm have times, and none in common."""
    timed = of_each(arm.done, column, "seconds")
    return bool(timed) and not len(over_seeds(arm.done, column, "seconds")[0])


def bands(
    arms: Sequence[Arm],
    metric: Metric,
    *,
    over: str,
    target: float | None = None,
    mark: float | None = None,
    points: int = 400,
    prefix: str = "bands",
) -> str:
    """One line and one band for each arm, of up to 6 arms; of more the lines alone.

    Parameters
    ----------
    arms : sequence of Arm
        At most as many as there are colours and dashes to tell apart.
    over : {"epoch", "seconds"}
    target : float, optional
        A value to reach, marked by a dotted line.
    mark : float, optional
        A place that is marked: the time at which the arms are compared.
    points : int
        Of a curve; of many arms fewer are drawn.
    """
    limit = max(20, min(points, 2400 // max(len(arms), 1)))
    found = [(arm, over_seeds(arm.done, metric.column, over)) for arm in arms]
    apart = [(arm, of_each(arm.done, metric.column, over)) for arm, c in found if not len(c[0])]
    apart = [(arm, curves) for arm, curves in apart if curves]
    found = [(arm, curve) for arm, curve in found if len(curve[0])]
    single = [curve for _, curves in apart for curve in curves]
    scale = metric.scale
    words = []
    shown = [arm for arm in arms if any(arm is other for other, _ in (*found, *apart))]
    entries = [*(arm.label for arm in shown), *(["target 00.0 %"] * (target is not None))]
    with canvas(WIDTH, HEIGHT + legend_height(entries)) as figure:
        axes = figure.add_subplot()
        unit, name = (1.0, "epoch")
        if over != "epoch":
            unit, name = unit_of_time([x for x, *_ in (*(c for _, c in found), *single)])
        for arm, (x, mean, low, high) in found:
            kept = thinned(mean, limit)
            if len(found) <= MAX_BANDS and len(arm.done) > 1:
                axes.fill_between(
                    x[kept] / unit,
                    scale * low[kept],
                    scale * high[kept],
                    color=arm.colour,
                    alpha=0.18,
                    lw=0,
                )
            dots = {"marker": arm.mark, "markersize": 4} if len(kept) <= 12 else {}
            axes.plot(
                x[kept] / unit, scale * mean[kept], label=arm.label, lw=1.9, **arm.style, **dots
            )
            words.append(_in_words(arm, metric, x, mean, over))
        for arm, curves in apart:
            dots = {"marker": arm.mark, "markersize": 3} if len(curves[0][0]) <= 12 else {}
            for x, y in curves:
                kept = thinned(y, max(20, limit // len(curves)))
                style = {**arm.style, **dots}
                axes.plot(x[kept] / unit, scale * y[kept], label=arm.label, lw=0.8, **style)
            words.append(_one_by_one(arm, metric, [y for _, y in curves]))
        if target is not None and drawable(np.array([target])).all():
            goal = metric_value("accuracy" if metric.share else "", target)
            axes.axhline(scale * target, color=INK, lw=1, ls=":", label=f"target {goal}")
        if mark is not None and drawable(np.array([mark])).all():
            axes.axvline(mark / unit, color=INK, lw=1, ls="--", label="equal time")
        _finish(axes, name, metric, [*(c[1] for _, c in found), *(y for _, y in single)])
        title = f"{capitalised(metric.name)} over {'epochs' if over == 'epoch' else 'time'}"
        return figure_svg(figure, f"{title}, arm by arm", " ".join(words), prefix)


def _finish(axes: Any, name: str, metric: Metric, lines: list[Floats]) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    values = np.concatenate([*lines, np.empty(0)])
    wide = len(values) > 0 and values.min() > TINY and values.max() / values.min() > LOG_SPAN
    if wide and not metric.share:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(f"{metric.label} (log scale)" if wide and not metric.share else metric.label)
    axes.set_xlabel(name)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=name == "epoch"))
    plain_numbers(axes.xaxis)
    plain_numbers(axes.yaxis)
    axes.grid(True, axis="y")
    legend(axes)


def _in_words(arm: Arm, metric: Metric, x: Floats, mean: Floats, over: str) -> str:
    shown = "accuracy" if metric.share else ""
    last, at = metric_value(shown, mean[-1]), number(x[-1])
    best = mean.max() if metric.greater_is_better else mean.min()
    where = f"epoch {at}" if over == "epoch" else f"{at} s"
    return (
        f"{arm.name}, mean of {len(arm.done)}: best {metric_value(shown, best)}, {last} at {where}."
    )


def _one_by_one(arm: Arm, metric: Metric, lines: Sequence[Floats]) -> str:
    shown = "accuracy" if metric.share else ""
    best = [y.max() if metric.greater_is_better else y.min() for y in lines]
    return (
        f"{arm.name}, {len(lines)} runs one by one, whose times do not overlap: best "
        f"{metric_value(shown, min(best))} to {metric_value(shown, max(best))}."
    )
