"""The pictures of a sweep, from plain records to SVG text.

A record is a trial: {trial, state, value, last, parameters}, where `value` is that of a complete
trial and `last` the last that a pruned one came to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import drawable, plain_numbers, spread
from .figures import INK, TRAIN, VALIDATION, canvas, figure_svg
from .words import (
    as_float,
    capitalised,
    count,
    is_share,
    legible,
    metric_name,
    metric_value,
    number,
)

__all__ = ["coordinates", "importances", "objective", "parameter_name", "slice_of"]

Record = Mapping[str, Any]
Floats = NDArray[np.float64]

WIDTH, HEIGHT = 5.4, 3.3
MAX_POINTS = 600
MAX_LINES = 100
MAX_CATEGORIES = 10
MAX_TICKS = 6
BEST_SHARE = 10  # one of so many lines is drawn as one of the best, and at least three
LOG_SPAN = 30.0
LONGEST_NAME = 24


def parameter_name(name: object) -> str:
    """A parameter in words: 'units in layer 2' for hidden_layer_sizes.width2."""
    whole = str(name)
    _, _, inner = whole.partition("hidden_layer_sizes.")
    if inner == "depth":
        return "hidden layers"
    if inner.startswith("width"):
        return f"units in layer {legible(inner[5:], 4)}"
    return legible(whole, LONGEST_NAME)


def objective(
    records: Sequence[Record], metric: str, greater_is_better: bool, *, prefix: str = "objective"
) -> str:
    """The metric of each trial, and the best so far."""
    scale = 100.0 if is_share(metric) else 1.0
    complete = [r for r in records if r["value"] is not None]
    pruned = [r for r in records if r["value"] is None and r.get("last") is not None]
    x, y = _pairs(complete, "value")
    x_cut, y_cut = _pairs(pruned, "last")
    with canvas(WIDTH, HEIGHT) as figure:
        axes = figure.add_subplot()
        _value_axis(axes.yaxis, axes.set_yscale, metric, np.concatenate([y, y_cut]))
        axes.set_xlabel("trial")
        _whole(axes.xaxis)
        axes.grid(True, axis="y")
        if x_cut.size:
            few = spread(x_cut.size, MAX_POINTS)
            axes.plot(
                x_cut[few],
                scale * y_cut[few],
                ls="none",
                marker="x",
                ms=4.5,
                color=TRAIN,
                label="pruned",
            )
        if x.size:
            few = spread(x.size, MAX_POINTS)
            _dots(axes, x[few], scale * y[few], VALIDATION, 4.0, "complete")
            best = (np.maximum if greater_is_better else np.minimum).accumulate(y)
            axes.step(x, scale * best, where="post", color=VALIDATION, lw=1.6, label="best so far")
        _legend(axes)
        words = f"{count(x.size)} complete and {count(x_cut.size)} pruned trials."
        if x.size:
            last = metric_value(metric, best[-1])
            words += (
                f" The best {metric_name(metric)} goes from {metric_value(metric, y[0])} to {last}."
            )
        title = f"{capitalised(metric_name(metric))} of each trial"
        return figure_svg(figure, title, words, prefix)


def importances(shares: Mapping[str, float], *, prefix: str = "importances") -> str:
    """How much each parameter decided, as bars."""
    names = sorted(shares, key=lambda name: shares[name])
    values = 100.0 * np.array([shares[name] for name in names])
    with canvas(WIDTH, 0.8 + 0.34 * len(names)) as figure:
        axes = figure.add_subplot()
        axes.barh(range(len(names)), values, height=0.62, color=VALIDATION)
        axes.set_yticks(range(len(names)), [_short(parameter_name(name)) for name in names])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("share of the variation (%)")
        axes.set_xlim(0, max(float(values.max(initial=0.0)) * 1.15, 1.0))
        plain_numbers(axes.xaxis)
        axes.grid(True, axis="x")
        axes.set_axisbelow(True)
        for place, value in enumerate(values):
            axes.text(value, place, f" {value:.0f}", va="center")
        told = ", ".join(f"{parameter_name(n)} {100 * shares[n]:.0f} %" for n in reversed(names))
        return figure_svg(figure, "What mattered", f"{told}.", prefix)


def slice_of(
    records: Sequence[Record],
    name: str,
    metric: str,
    best_trial: int | None,
    logarithmic: bool,
    *,
    prefix: str = "slice",
) -> str:
    """The metric over one parameter; a dot for each complete trial that has it."""
    scale = 100.0 if is_share(metric) else 1.0
    having = [r for r in records if r["value"] is not None and name in r["parameters"]]
    few = set(spread(len(having), MAX_POINTS).tolist()) if having else set()
    having = [r for i, r in enumerate(having) if i in few or r["trial"] == best_trial]
    x, categories = _places([record["parameters"][name] for record in having])
    y = np.array([as_float(record["value"]) for record in having])
    best = np.array([record["trial"] == best_trial for record in having], dtype=bool)
    with canvas(WIDTH, HEIGHT) as figure:
        axes = figure.add_subplot()
        _value_axis(axes.yaxis, axes.set_yscale, metric, y)
        spoken = parameter_name(name)
        axes.set_xlabel(f"{spoken} (log scale)" if logarithmic and not categories else spoken)
        if categories:
            axes.set_xticks(range(len(categories)), [_short(c, 12) for c in categories])
            axes.set_xlim(-0.6, len(categories) - 0.4)
        else:
            _number_axis(axes.xaxis, axes.set_xscale, x, logarithmic)
            if len(set(x)) <= MAX_TICKS and all(value.is_integer() for value in x):
                axes.set_xticks(sorted(set(x)))
        axes.grid(True, axis="y")
        fine = drawable(y)
        for chosen, colour, size, label in (
            (fine & ~best, VALIDATION, 4.0, "complete"),
            (fine & best, TRAIN, 7.0, "the best"),
        ):
            if chosen.any():
                _dots(axes, x[chosen], scale * y[chosen], colour, size, label)
        _legend(axes)
        title = f"{capitalised(metric_name(metric))} over {spoken}"
        return figure_svg(figure, title, f"{count(len(having))} complete trials.", prefix)


def coordinates(
    records: Sequence[Record],
    names: Sequence[str],
    metric: str,
    greater_is_better: bool,
    logarithmic: Sequence[str],
    *,
    prefix: str = "coordinates",
) -> str:
    """Each complete trial as a line through its parameters, one below the other.

    A trial that lacks a parameter, such as the width of a layer that it has not, has a gap there.
    """
    sign = -1.0 if greater_is_better else 1.0
    complete = [r for r in records if r["value"] is not None]
    complete.sort(key=lambda r: (sign * as_float(r["value"]), r["trial"]))
    shown = complete[:MAX_LINES]
    rows = [_row(shown, name, name in logarithmic) for name in names]
    with canvas(WIDTH, 0.7 + 0.55 * len(names)) as figure:
        axes = figure.add_subplot()
        axes.set_ylim(len(names) - 0.7, -0.75)
        axes.set_xlim(-0.03, 1.03)
        axes.spines[:].set_visible(False)
        axes.set_xticks([])
        axes.set_yticks(range(len(names)), [_short(parameter_name(name), 20) for name in names])
        axes.tick_params(axis="y", length=0)
        for place, (_, marks) in enumerate(rows):
            axes.plot([0, 1], [place, place], color=INK, lw=0.8, alpha=0.35)
            for where, text in marks:
                axes.text(where, place - 0.1, text, ha=_side(where), va="bottom", fontsize=9)
        lines = np.array([where for where, _ in rows]).reshape(len(names), len(shown))
        places, few = np.arange(len(names)), max(len(shown) // BEST_SHARE, 3)
        for i in range(len(shown) - 1, -1, -1):
            style = {"color": INK, "lw": 0.8, "alpha": 0.22}
            if i < few:
                style = {"color": VALIDATION, "lw": 1.6, "alpha": 0.9}
            if i == 0:
                style = {"color": TRAIN, "lw": 2.4, "alpha": 1.0}
            axes.plot(lines[:, i], places, marker="o", ms=3, **style)
        words = f"{count(len(shown))} of {count(len(complete))} complete trials, the best first."
        return figure_svg(figure, "Parameters of the trials", words, prefix)


def _row(
    records: Sequence[Record], name: str, logarithmic: bool
) -> tuple[Floats, list[tuple[float, str]]]:
    """Where each trial crosses a parameter's line, from 0 to 1, and what is written along it."""
    present = [r["parameters"][name] for r in records if name in r["parameters"]]
    found, categories = _places(present)
    if categories:
        most = max(len(categories) - 1, 1)
        marks = [(i / most, _short(c, 12)) for i, c in enumerate(categories)]
        found = found / most
    else:
        log = logarithmic and bool(found.size) and float(found.min()) > 0
        scaled = np.log(found) if log else found
        low, high = (float(f(scaled)) for f in (np.min, np.max)) if found.size else (0.0, 1.0)
        ends = [number(f(found), 3) for f in (np.min, np.max)] if found.size else ["", ""]
        marks = [(0.0, ends[0]), (1.0, ends[1])] if high > low else [(0.5, ends[0])]
        found = (scaled - low) / (high - low) if high > low else np.full(found.size, 0.5)
    where = np.full(len(records), math.nan)
    where[[name in r["parameters"] for r in records]] = found
    return where, marks


def _side(where: float) -> str:
    return "left" if where < 0.02 else "right" if where > 0.98 else "center"


def _places(values: Sequence[Any]) -> tuple[Floats, list[str]]:
    """Numbers as they are, without categories; other values as the places of their categories."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return np.array(values, dtype=np.float64), []
    names = list(dict.fromkeys(sorted(map(_text, values))))
    if len(names) > MAX_CATEGORIES:
        names = [*names[: MAX_CATEGORIES - 1], "others"]
    known = {name: i for i, name in enumerate(names)}
    return np.array([known.get(_text(v), len(names) - 1) for v in values], np.float64), names


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def _pairs(records: Sequence[Record], key: str) -> tuple[Floats, Floats]:
    x = np.array([as_float(record["trial"]) for record in records])
    y = np.array([as_float(record[key]) for record in records])
    fine = drawable(y)
    return x[fine], y[fine]


def _dots(axes: Any, x: Floats, y: Floats, colour: str, size: float, label: str) -> None:
    # A dot is a line of no length with round ends: a tenth of the bytes of a marker each.
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    points = np.repeat(np.column_stack([x, y]), 2, axis=0)
    path = Path(points, np.tile([Path.MOVETO, Path.LINETO], len(x)))
    path.should_simplify = False
    style = {"edgecolor": colour, "lw": size, "capstyle": "round", "alpha": 0.85}
    axes.add_patch(PathPatch(path, fill=False, **style))
    axes.plot([], [], ls="none", marker="o", ms=size, color=colour, label=label)
    axes.autoscale_view()


def _value_axis(axis: Any, set_scale: Any, metric: str, values: Floats) -> None:
    fine = values[drawable(values)]
    wide = bool(fine.size) and fine.min() > 0 and fine.max() / fine.min() > LOG_SPAN
    _number_axis(axis, set_scale, fine, wide)
    spoken = f"{metric_name(metric)} (%)" if is_share(metric) else metric_name(metric)
    axis.set_label_text(f"{spoken} (log scale)" if wide else spoken)


def _number_axis(axis: Any, set_scale: Any, values: Floats, logarithmic: bool) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    if logarithmic and values.size and values.min() > 0:
        set_scale("log")
        span = float(values.max() / values.min())
        subs = (1.0,) if span >= 1e3 else (1.0, 3.0) if span >= 30 else (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(subs=subs, numticks=8))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(nbins=6))
    plain_numbers(axis)


def _whole(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True))
    plain_numbers(axis)


def _legend(axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=3,
            borderaxespad=0.2,
            handlelength=1.4,
            columnspacing=1.2,
        )


def _short(name: object, longest: int = LONGEST_NAME) -> str:
    """A parameter's or a value's name; of a long one both ends."""
    whole = legible(name)
    if len(whole) <= longest:
        return whole
    half = (longest - 1) // 2
    return f"{whole[:half].rstrip()}…{whole[-half:].lstrip()}"
