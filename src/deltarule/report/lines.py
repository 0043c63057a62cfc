"""Pictures of a run's course: what was measured, over epochs or over time.

Every function takes `points`, how many of a curve are drawn at most, and `prefix`, which begins all
ids of its picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import (
    HEIGHT,
    WIDTH,
    drawable,
    legend,
    legend_height,
    plain_numbers,
    spread,
    thinned,
    unit_of_time,
)
from .figures import ARMS, DASHES, INK, TRAIN, VALIDATION, canvas, figure_svg
from .histories import History, series
from .words import capitalised, duration, is_share, metric_name, metric_value, number

__all__ = ["by_layer", "curves", "layers_of", "learning_rate"]

Floats = NDArray[np.float64]

MAX_POINTS = 400  # of one curve
MAX_LAYERS = 8
TINY = 1e-100  # below it a logarithmic axis underflows
NOT_FINITE = "not finite"
LOG_SPAN = {"loss": 30.0, "lr": 1000.0, "ratio": 10.0}  # what spans more gets a log scale
HEALTHY = 1e-3  # of ‖ΔW‖/‖W‖: A. Karpathy, 2015, "CS231n, Neural Networks Part 3"
OF_LAYERS = {
    "ratio": ("update / weight", "How far a step moves each layer's weights"),
    "dead": ("dead units (%)", "Dead units of each layer"),
}


def curves(
    history: History,
    quantity: str,
    best_epoch: int | None = None,
    *,
    over: str = "epoch",
    points: int = MAX_POINTS,
    prefix: str = "curves",
) -> str:
    """Training and validation `quantity`, the best epoch marked.

    Parameters
    ----------
    history : sequence of mappings
        One record per epoch with `epoch`, `seconds` and `train_<quantity>`, `val_<quantity>`; any
        may be missing or None.  Where it is NaN or infinite, a cross stands at the upper edge.
    quantity : str
        'loss', 'accuracy' (drawn in percent) or any other metric.
    best_epoch : int, optional
        Marked by a dotted line.
    over : {"epoch", "seconds"}
        What the curves are drawn over.
    """
    scale = 100.0 if is_share(quantity) else 1.0
    drawn = [
        (f"{split}_{quantity}", colour, width)
        for split, colour, width in (("train", TRAIN, 1.6), ("val", VALIDATION, 2.2))
        if len(series(history, f"{split}_{quantity}", over)[0])
    ]
    spoken = metric_name(quantity)
    with canvas(WIDTH, HEIGHT) as figure:
        axes = figure.add_subplot()
        lines = [series(history, key, over) for key, _, _ in drawn]
        label = f"{spoken} (%)" if is_share(quantity) else spoken
        unit = _x_axis(axes, over, [x for x, _ in lines])
        _y_axis(axes, label, [y for _, y in lines], LOG_SPAN.get(quantity, math.inf))
        for (key, colour, width), (x, y) in zip(drawn, lines, strict=True):
            side = "training" if key.startswith("train_") else "validation"
            _line(axes, x / unit, scale * y, side, points, color=colour, lw=width)
        marked = best_epoch if over == "epoch" else _when(history, best_epoch)
        if marked is not None:
            axes.axvline(marked / unit, color=INK, lw=1, ls=":", label=f"best epoch {best_epoch}")
        legend(axes)
        words = [_in_words(history, key, over) for key, _, _ in drawn]
        if best_epoch is not None:
            words.append(f"The best epoch is {best_epoch}.")
        title = f"{capitalised(spoken)} over {'epochs' if over == 'epoch' else 'time'}"
        return figure_svg(figure, title, " ".join(words), prefix)


def learning_rate(
    history: History, *, points: int = MAX_POINTS, prefix: str = "learning-rate"
) -> str:
    """The learning rate over epochs, from the records' `lr`."""
    with canvas(WIDTH, HEIGHT) as figure:
        axes = figure.add_subplot()
        epochs, values = series(history, "lr")
        _x_axis(axes, "epoch", [epochs])
        _y_axis(axes, "learning rate", [values], LOG_SPAN["lr"])
        _line(axes, epochs, values, "learning rate", points, color=INK, lw=1.8)
        words = _in_words(history, "lr", name="Learning rate")
        return figure_svg(figure, "Learning rate over epochs", words, prefix)


def layers_of(history: History, kind: str) -> list[str]:
    """The layers of which records have `<kind>_<layer>`, in order."""
    start = f"{kind}_"
    names = dict.fromkeys(key for record in history for key in record if key.startswith(start))
    return [name[len(start) :] for name in names if len(series(history, name)[0])]


def by_layer(
    history: History, kind: str, *, points: int = MAX_POINTS, prefix: str = "layers"
) -> str:
    """One line for each layer, of at most 8: of many the first, the last and some in between.

    Parameters
    ----------
    kind : {"ratio", "dead"}
        The records' `ratio_<layer>`, ‖ΔW‖/‖W‖ of a step, or `dead_<layer>`, a share, drawn in
        percent.
    """
    label, title = OF_LAYERS[kind]
    scale = 100.0 if kind == "dead" else 1.0
    layers = layers_of(history, kind)
    chosen = [layers[i] for i in spread(len(layers), MAX_LAYERS)] if layers else []
    with canvas(WIDTH, HEIGHT + legend_height([*chosen, "about healthy"])) as figure:
        axes = figure.add_subplot()
        lines = [series(history, f"{kind}_{layer}") for layer in chosen]
        _x_axis(axes, "epoch", [x for x, _ in lines])
        _y_axis(axes, label, [y for _, y in lines], LOG_SPAN.get(kind, math.inf))
        known = layers_of(history, "ratio") or layers  # a layer has one colour in all pictures
        for layer, (x, y) in zip(chosen, lines, strict=True):
            i = known.index(layer) if layer in known else layers.index(layer)
            style = {"color": ARMS[i % len(ARMS)], "ls": DASHES[i % len(DASHES)]}
            _line(axes, x, scale * y, metric_name(layer), points, lw=1.8, **style)
        if kind == "ratio" and lines:
            axes.axhline(HEALTHY, color=INK, lw=1, ls=":", label="about healthy")
        elif lines:
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        legend(axes)
        words = [_in_words(history, f"{kind}_{layer}", name=layer) for layer in chosen]
        if len(chosen) < len(layers):
            words.append(f"{len(chosen)} of {len(layers)} layers are drawn.")
        return figure_svg(figure, title, " ".join(words), prefix)


def _when(history: History, epoch: int | None) -> float | None:
    """The time at which an epoch ended."""
    epochs, seconds = series(history, "seconds")
    found = seconds[epochs == epoch]
    return float(found[0]) if len(found) and np.isfinite(found[0]) else None


def _span(lines: Sequence[Floats]) -> float:
    """Highest over lowest value of all lines; 1 where a logarithm could not show one of them."""
    values = np.concatenate([v[drawable(v)] for v in lines] or [np.empty(0)])
    if values.size == 0 or values.min() < TINY:
        return 1.0
    return float(values.max() / values.min())


def _x_axis(axes: Any, over: str, lines: Sequence[Floats]) -> float:
    """Label the axis; what its values are to be divided by."""
    from matplotlib.ticker import MaxNLocator

    whole = over == "epoch"
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=whole))
    plain_numbers(axes.xaxis)
    unit, name = (1.0, "epoch") if whole else unit_of_time(lines)
    axes.set_xlabel(name)
    return unit


def _y_axis(axes: Any, label: str, lines: Sequence[Floats], log_span: float) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    span = _span(lines)
    if span > log_span:
        axes.set_yscale("log")
        subs = (1.0, 3.0) if span < 1e4 else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(f"{label} (log scale)" if span > log_span else label)
    plain_numbers(axes.yaxis)
    axes.grid(True, axis="y")


def _line(axes: Any, x: Floats, y: Floats, label: str, points: int, **style: Any) -> None:
    fine = drawable(y) & drawable(x)
    gaps = np.flatnonzero(~drawable(y) & drawable(x))
    dots = {"marker": "o", "markersize": 3.5} if fine.sum() <= 40 else {}
    if fine.any():
        chosen = np.flatnonzero(fine)[thinned(y[fine], points)]
        axes.plot(x[chosen], y[chosen], label=label, **style, **dots)
    if gaps.size:
        marked = gaps[spread(gaps.size, 50)]
        axes.plot(
            x[marked],
            np.ones(marked.size),
            color=style["color"],
            ls="none",
            marker="x",
            markersize=6,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            label=NOT_FINITE,
        )


def _in_words(history: History, key: str, over: str = "epoch", name: str | None = None) -> str:
    """One sentence on where a curve starts, ends and is lowest or highest."""
    places, values = series(history, key, over)
    name = name or capitalised(metric_name(key))
    fine = np.flatnonzero(np.isfinite(values))
    if fine.size == 0:
        return f"{name} has no finite value."
    shown = "accuracy" if key.startswith("dead_") else key  # a share, too
    first, last = (metric_value(shown, values[i]) for i in (fine[0], fine[-1]))
    low, high = fine[values[fine].argmin()], fine[values[fine].argmax()]
    if over == "epoch":
        at_low, at_high = (f"at epoch {number(places[i])}" for i in (low, high))
    else:
        at_low, at_high = (f"after {duration(places[i])}" for i in (low, high))
    sentence = (
        f"{name} goes from {first} to {last}; lowest {metric_value(shown, values[low])} "
        f"{at_low}, highest {metric_value(shown, values[high])} {at_high}."
    )
    missing = values.size - fine.size
    return f"{sentence} Not finite: {missing} of {values.size} epochs." if missing else sentence
