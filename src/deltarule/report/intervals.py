"""Pictures of a comparison's answers: differences with intervals, speed, and what tuning found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arms import Arm, Metric, in_words, labels_of, name_of
from .axes import HEIGHT, WIDTH, drawable, legend, legend_height, plain_numbers, unit_of_time
from .figures import ARMS, DASHES, INK, canvas, figure_svg
from .words import as_float, capitalised, legible, number

__all__ = ["PLACES", "forest", "trade", "tuning"]

PLACES = {
    "best": "at the best epoch",
    "end": "at the end",
    "at_equal_time": "at equal time",
}
MARKS = {"best": "o", "end": "s", "at_equal_time": "D"}
ROW = 0.3  # inches
MAX_TRIED = 40  # values of one arm


def forest(
    arms: Sequence[Arm],
    differences: Sequence[Mapping[str, Any]],
    metric: Metric,
    *,
    prefix: str = "differences",
) -> str:
    """Each arm's difference from the first, with its interval; on the line there is none.

    Parameters
    ----------
    arms : sequence of Arm
        Those to draw, by name.
    differences : sequence of mappings
        {arm, at, mean, low, high}; without low and high there is a dot alone.
    """
    by_key = {arm.key: arm for arm in arms}
    rows = [row for given in differences if (row := _row(given)).arm in by_key]
    rows = [row for row in rows if row.at in PLACES and drawable(np.array(row.mean)).all()]
    groups = [(arm, _of_arm(rows, arm)) for arm in arms if _of_arm(rows, arm)]
    words = []
    with canvas(WIDTH, 1.3 + ROW * max(len(rows), 1)) as figure:
        axes = figure.add_subplot()
        axes.axvline(0.0, color=INK, lw=1.2)
        height, ticks = 0.0, []
        for arm, own in groups:
            ticks.append(height + (len(own) - 1) / 2)
            for row in own:
                mean, low, high = (metric.scale * v for v in (row.mean, row.low, row.high))
                if drawable(np.array([low, high])).all():
                    axes.hlines(height, low, high, color=arm.colour, lw=2)
                look = {"color": arm.colour, "marker": MARKS[row.at], "ls": "none"}
                axes.plot([mean], [height], markersize=6, **look)
                unit = "points" if metric.share else metric.name
                words.append(f"{arm.label} {PLACES[row.at]}: {_between(mean, low, high)} {unit}.")
                height += 1.0
            height += 0.6
        for at in [at for at in PLACES if any(row.at == at for row in rows)]:
            axes.plot([], [], color=INK, marker=MARKS[at], ls="none", label=PLACES[at])
        axes.set_yticks(ticks, labels_of([arm.name for arm, _ in groups], 22))
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(height - 0.4, -0.8)
        axes.set_xlabel(f"difference in {metric.name}{' (points)' if metric.share else ''}")
        plain_numbers(axes.xaxis)
        axes.grid(True, axis="x")
        legend(axes)
        title = "Differences from the first arm, with intervals"
        return figure_svg(figure, title, " ".join(words), prefix)


@dataclass(frozen=True)
class _Row:
    """One difference."""

    arm: str
    at: str
    mean: float
    low: float
    high: float


def _row(given: Mapping[str, Any]) -> _Row:
    mean, low, high = (as_float(given.get(k)) for k in ("mean", "low", "high"))
    return _Row(str(given.get("arm")), str(given.get("at")), mean, low, high)


def _of_arm(rows: Sequence[_Row], arm: Arm) -> list[_Row]:
    """The differences of an arm, by place."""
    places = list(PLACES)
    return sorted((r for r in rows if r.arm == arm.key), key=lambda r: places.index(r.at))


def _between(mean: float, low: float, high: float) -> str:
    inner = (
        f" (from {number(low, 3)} to {number(high, 3)})" if np.isfinite([low, high]).all() else ""
    )
    return f"{number(mean, 3)}{inner}"


def trade(arms: Sequence[Arm], metric: Metric, of: str, *, prefix: str = "trade") -> str | None:
    """The metric at the best epoch over what it took: each run a dot, each arm's mean a large one.

    Parameters
    ----------
    of : {"seconds", "seconds_to_target", "epochs_to_target"}

    Returns
    -------
    str, or None where no run has both numbers
    """
    pairs = {
        arm.place: np.array([(run.number(of), run.number("best")) for run in arm.done])
        for arm in arms
        if arm.done
    }
    fine = {place: p[drawable(p).all(1)] for place, p in pairs.items()}
    fine = {place: p for place, p in fine.items() if len(p)}
    if not fine:
        return None
    unit, name = (1.0, "epochs")
    if of != "epochs_to_target":
        unit, name = unit_of_time([p[:, 0] for p in fine.values()])
    what = "to the target" if of.endswith("target") else "of training"
    words = []
    entries = [arm.label for arm in arms if arm.place in fine]
    with canvas(WIDTH, HEIGHT + legend_height(entries)) as figure:
        axes = figure.add_subplot()
        for arm in arms:
            if arm.place not in fine:
                continue
            x, y = fine[arm.place].T
            x, y = x / unit, metric.scale * y
            look = {"color": arm.colour, "marker": arm.mark, "ls": "none"}
            axes.plot(x, y, markersize=4.5, alpha=0.7, mew=0, **look)
            axes.plot([x.mean()], [y.mean()], markersize=11, mfc="none", mew=2.2, **look)
            axes.plot([], [], markersize=7, label=arm.label, **look)
            words.append(
                f"{arm.name}: {number(x.mean(), 3)} {name}, {number(y.mean(), 3)} {metric.label}."
            )
        axes.set_xlabel(f"{name} {what}")
        axes.set_ylabel(metric.label)
        axes.margins(0.12)
        plain_numbers(axes.xaxis)
        plain_numbers(axes.yaxis)
        axes.grid(True)
        legend(axes)
        title = f"{capitalised(metric.name)} against {name} {what}"
        return figure_svg(figure, title, " ".join(words), prefix)


def tuning(rows: Sequence[Mapping[str, Any]], metric: Metric, *, prefix: str = "tuning") -> str:
    """What each arm reached with each value that was tried; the chosen one is ringed.

    Parameters
    ----------
    rows : sequence of mappings
        {arm, changes, mean, sd, chosen}; one changed number makes a logarithmic axis.
    """
    tried = [in_words(row.get("changes")) for row in rows]
    values = [_single(row.get("changes")) for row in rows]
    numeric = all(value > 0 for value in values)
    labels = list(dict.fromkeys(tried))
    names = list(dict.fromkeys(str(row.get("arm")) for row in rows))
    words = []
    entries = labels_of([name_of(name) for name in names], 44)
    with canvas(WIDTH, HEIGHT + legend_height(entries)) as figure:
        axes = figure.add_subplot()
        if numeric:
            axes.set_xscale("log")
        for i, name in enumerate(names):
            own = [k for k, row in enumerate(rows) if str(row.get("arm")) == name][:MAX_TRIED]
            x = np.array([values[k] if numeric else labels.index(tried[k]) for k in own])
            y = metric.scale * np.array([as_float(rows[k].get("mean")) for k in own])
            sd = metric.scale * np.array([as_float(rows[k].get("sd")) for k in own])
            fine = np.flatnonzero(drawable(y))
            order = fine[np.argsort(x[fine], kind="stable")]
            colour = ARMS[i % len(ARMS)]
            axes.errorbar(
                x[order],
                y[order],
                yerr=np.where(drawable(sd), sd, 0.0)[order],
                color=colour,
                ls=DASHES[(i + i // 6) % len(DASHES)],
                marker="o",
                markersize=4,
                lw=1.8,
                capsize=3,
                label=entries[i],
            )
            lost = x[~drawable(y)]
            axes.plot(
                lost,
                np.ones(len(lost)),
                color=colour,
                ls="",
                marker="x",
                transform=axes.get_xaxis_transform(),
                clip_on=False,
            )
            ringed = [j for j in order if rows[own[j]].get("chosen")]
            axes.plot(x[ringed], y[ringed], marker="o", ms=11, mfc="none", mec=colour, mew=2, ls="")
            words += [f"{entries[i]} chose {tried[own[j]]}: {number(y[j], 3)}." for j in ringed]
        _values_axis(axes, numeric, values, labels, rows)
        axes.set_ylabel(metric.label)
        plain_numbers(axes.yaxis)
        axes.grid(True, axis="y")
        legend(axes)
        return figure_svg(figure, "What tuning found", " ".join(words), prefix)


def _values_axis(
    axes: Any,
    numeric: bool,
    values: Sequence[float],
    labels: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    from matplotlib.ticker import NullLocator

    if numeric:
        different = sorted(set(values))
        shown = different if len(different) <= 8 else different[:: -(-len(different) // 8)]
        axes.set_xticks(shown, [number(value) for value in shown])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(legible(next(iter(rows[0]["changes"])), 40))
        return
    step = -(-len(labels) // 8)
    places = list(range(0, len(labels), step))
    turned = {"rotation": 30, "ha": "right"} if len(labels) > 3 else {}
    axes.set_xticks(places, labels_of([labels[i] for i in places], 22), **turned)


def _single(changes: Any) -> float:
    """The number that was tried, where there is one alone; NaN otherwise."""
    if not isinstance(changes, Mapping) or len(changes) != 1:
        return float("nan")
    (value,) = changes.values()
    return float("nan") if isinstance(value, bool) else as_float(value)
