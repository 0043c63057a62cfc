"""The report's pictures, from plain values to SVG text.

Every function takes `prefix`, which begins all ids of its picture; pictures that share a page need
different ones.  The same values give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..ground.errors import InvalidInput
from .figures import INK, TRAIN, VALIDATION, canvas, figure_svg, picture_svg
from .words import as_float, count, is_share, legible, metric_name, metric_value, number

__all__ = ["confusion", "curves", "learning_rate", "predicted_against_true", "weight_tiles"]

History = Sequence[Mapping[str, Any]]
Floats = NDArray[np.float64]

WIDTH, HEIGHT = 5.4, 3.3  # inches; at 328 CSS pixels, a phone, the text is still 9 pixels high
MAX_POINTS = 400  # of one curve
MAX_SCATTER = 2000
MAX_TILES = 36
MAX_TILE_SIDE = 40  # pixels; keeps 36 tiles in three colours below 250 kB
ANNOTATED_CLASSES = 12
NAMED_CLASSES = 30
HUGE = 1e100  # beyond it axes overflow, and no reader cares how far
LOG_SPAN = 30.0


def curves(
    history: History, quantity: str, best_epoch: int | None = None, *, prefix: str = "curves"
) -> str:
    """Training and validation `quantity` over epochs, the best epoch marked.

    Parameters
    ----------
    history : sequence of mappings
        One record per epoch with `epoch` and `train_<quantity>`, `val_<quantity>`; either may be
        missing, NaN or infinite: then a cross at the upper edge stands in for the point.
    quantity : str
        'loss', 'accuracy' (drawn in percent) or any other metric.
    best_epoch : int, optional
        Marked by a dotted line.
    """
    scale = 100.0 if is_share(quantity) else 1.0
    drawn = [
        (f"{split}_{quantity}", colour, width)
        for split, colour, width in (("train", TRAIN, 1.6), ("val", VALIDATION, 2.2))
        if any(f"{split}_{quantity}" in record for record in history)
    ]
    spoken = metric_name(quantity)
    with canvas(WIDTH, HEIGHT) as figure:
        axes = figure.add_subplot()
        logarithmic = _wants_logarithm([_values(history, key) for key, _, _ in drawn])
        _epoch_axes(axes, spoken, logarithmic, percent=scale != 1.0)
        for key, colour, width in drawn:
            label = "training" if key.startswith("train_") else "validation"
            _line(axes, _epochs(history), scale * _values(history, key), colour, width, label)
        if best_epoch is not None:
            axes.axvline(best_epoch, color=INK, lw=1, ls=":", label=f"best epoch {best_epoch}")
        if axes.get_legend_handles_labels()[0]:
            _legend(axes)
        words = [_in_words(history, key) for key, _, _ in drawn]
        if best_epoch is not None:
            words.append(f"The best epoch is {best_epoch}.")
        return figure_svg(figure, f"{spoken.capitalize()} over epochs", " ".join(words), prefix)


def learning_rate(history: History, *, prefix: str = "learning-rate") -> str:
    """The learning rate over epochs, from the records' `lr`."""
    with canvas(WIDTH, HEIGHT) as figure:
        axes = figure.add_subplot()
        values = _values(history, "lr")
        _epoch_axes(axes, "learning rate", _wants_logarithm([values]), percent=False)
        _line(axes, _epochs(history), values, INK, 1.8, "learning rate")
        words = _in_words(history, "lr", "Learning rate")
        return figure_svg(figure, "Learning rate over epochs", words, prefix)


def confusion(matrix: ArrayLike, class_names: Sequence[str], *, prefix: str = "confusion") -> str:
    """The confusion matrix: rows are true classes, columns predicted ones.

    A cell's shade is the square root of its share of the true class, so that rare mistakes are
    visible; right answers have one colour and mistakes another.  Up to 12 classes show counts,
    above 30 only every few classes are named along the axes.

    Parameters
    ----------
    matrix : array_like, shape (k, k)
        Counts.
    class_names : sequence of k str

    Raises
    ------
    InvalidInput
        If the matrix is not square or has not one row per name.
    """
    counts = np.nan_to_num(np.asarray(matrix, dtype=np.float64), posinf=0.0, neginf=0.0).clip(0)
    k = len(class_names)
    if counts.shape != (k, k) or k == 0:
        raise InvalidInput(
            f"A confusion matrix needs one row and one column per class name; got the shape "
            f"{counts.shape} and {k} names."
        )
    side = 5.4 if k <= ANNOTATED_CLASSES else 6.4
    with canvas(side, side * 0.95) as figure:
        axes = figure.add_subplot()
        axes.imshow(_shades(counts), interpolation="none", aspect="equal")
        axes.spines[["top", "right"]].set_visible(True)
        _class_ticks(axes, [legible(name, 14) for name in class_names])
        if k <= ANNOTATED_CLASSES:
            longest = len(f"{counts.max():.0f}")
            size = max(4.0, min(11.0, 62.0 / max(k, 3) * 4.5 / max(longest, 3)))
            for row, column in zip(*np.nonzero(counts), strict=True):
                text = f"{counts[row, column]:.0f}"
                axes.text(column, row, text, ha="center", va="center", fontsize=size)
        total = counts.sum()
        right = np.trace(counts) / total if total else math.nan
        words = (
            f"{k} classes, {count(total)} rows, {metric_value('accuracy', right)} on the diagonal "
            f"and so right."
        )
        return figure_svg(figure, "Confusion matrix, true class by predicted class", words, prefix)


def weight_tiles(
    W: ArrayLike, image_shape: tuple[int, int, int], *, prefix: str = "weights"
) -> str:
    """The incoming weights of the first units as pictures, at most 36.

    Each tile is scaled by its own largest weight, symmetric around zero: middle grey is 0.

    Parameters
    ----------
    W : array_like, shape (n_features, n_units)
        The first layer's weights; the features are the pixels, channel by channel.
    image_shape : (channels, height, width)
        One channel gives grey pictures, three give red, green and blue.  Tiles larger than 40
        pixels are drawn smaller.

    Raises
    ------
    InvalidInput
        If the shapes do not fit, or there are neither one nor three channels.
    """
    weights = np.asarray(W, dtype=np.float64)
    shape = tuple(int(n) for n in image_shape)
    if len(shape) != 3 or shape[0] not in (1, 3) or min(shape) < 1:
        raise InvalidInput(
            f"Weights are drawn as images of 1 or 3 channels, (channels, height, width); got "
            f"image_shape={shape}."
        )
    if weights.ndim != 2 or weights.shape[0] != math.prod(shape) or weights.shape[1] == 0:
        raise InvalidInput(
            f"Images of shape {shape} have {math.prod(shape)} weights per unit; got an array of "
            f"shape {weights.shape}."
        )
    tiles = [_tile(column.reshape(shape)) for column in weights.T[:MAX_TILES]]
    columns = min(len(tiles), 9)
    rows = -(-len(tiles) // columns)
    height, width = tiles[0].shape[:2]
    gap = max(1, round(max(height, width) / 16))
    # Four channels, so that the gaps between the tiles show the page.
    sheet = np.zeros(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 4), dtype=np.uint8
    )
    for i, tile in enumerate(tiles):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = tile
    words = (
        f"{len(tiles)} of {weights.shape[1]} units, one picture of {shape[1]} by {shape[2]} pixels "
        f"each{' in colour' if shape[0] == 3 else ''}; middle grey is a weight of zero."
    )
    return picture_svg(sheet, "Incoming weights of the first layer's units", words, prefix)


def predicted_against_true(y: ArrayLike, z: ArrayLike, *, prefix: str = "predictions") -> str:
    """Predicted over true values; right predictions lie on the diagonal line.

    At most 2,000 points are drawn, evenly spaced among the rows.

    Parameters
    ----------
    y, z : array_like, shape (n,) or (n, outputs)
        True values and predictions; all outputs share one picture.

    Raises
    ------
    InvalidInput
        If the two have different sizes.
    """
    true, predicted = (np.asarray(a, dtype=np.float64).ravel() for a in (y, z))
    if true.shape != predicted.shape:
        raise InvalidInput(
            f"Each true value needs one prediction; got {true.size} values and {predicted.size} "
            f"predictions."
        )
    drawable = _drawable(true) & _drawable(predicted)
    x, h = true[drawable], predicted[drawable]
    chosen = _spread(x.size, MAX_SCATTER)
    with canvas(WIDTH, 4.6) as figure:
        axes = figure.add_subplot()
        _plain_numbers(axes.xaxis)
        _plain_numbers(axes.yaxis)
        axes.grid(True)
        axes.set_xlabel("true value")
        axes.set_ylabel("predicted value")
        if chosen.size:
            low, high = float(min(x.min(), h.min())), float(max(x.max(), h.max()))
            axes.plot([low, high], [low, high], color=INK, lw=1, alpha=0.6, zorder=1)
            _dots(axes, x[chosen], h[chosen])
        words = [f"{count(chosen.size)} of {count(true.size)} points are drawn."]
        if x.size > 1 and x.std() > 0 and h.std() > 0:
            words.append(f"Their correlation is {number(np.corrcoef(x, h)[0, 1], 3)}.")
        title = "Predicted over true values"
        return figure_svg(figure, title, " ".join(words), prefix)


def _epochs(history: History) -> Floats:
    return np.array([as_float(r.get("epoch", i)) for i, r in enumerate(history, 1)])


def _values(history: History, key: str) -> Floats:
    return np.array([as_float(record.get(key)) for record in history], dtype=np.float64)


def _drawable(values: Floats) -> NDArray[np.bool_]:
    return np.isfinite(values) & (np.abs(values) <= HUGE)


def _wants_logarithm(series: Sequence[Floats]) -> bool:
    values = np.concatenate([v[_drawable(v)] for v in series] or [np.empty(0)])
    if values.size == 0 or values.min() < 1.0 / HUGE:
        return False
    return bool(values.max() / values.min() > LOG_SPAN)


def _spread(n: int, limit: int) -> NDArray[np.intp]:
    """At most `limit` indices below n, evenly spaced, with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, limit)).round().astype(np.intp))


def _thinned(values: Floats, limit: int) -> NDArray[np.intp]:
    """Indices that keep a long curve's shape: each stretch's lowest and highest point."""
    if values.size <= limit:
        return np.arange(values.size)
    kept = [np.array([0, values.size - 1])]
    for stretch in np.array_split(np.arange(values.size), limit // 2):
        kept.append(stretch[[values[stretch].argmin(), values[stretch].argmax()]])
    return np.unique(np.concatenate(kept))


def _epoch_axes(axes: Any, label: str, logarithmic: bool, percent: bool) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True))
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=9))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(f"{label}{' (%)' if percent else ''}{' (log scale)' if logarithmic else ''}")
    _plain_numbers(axes.yaxis)
    _plain_numbers(axes.xaxis)
    axes.grid(True, axis="y")


def _plain_numbers(axis: Any) -> None:
    # matplotlib's own formatters write offsets and powers in its TeX dialect.
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 6)))


def _line(axes: Any, x: Floats, y: Floats, colour: str, width: float, label: str) -> None:
    fine = _drawable(y) & _drawable(x)
    gaps = np.flatnonzero(~fine & ~np.isnan(x))
    dots = {"marker": "o", "markersize": 3.5} if fine.sum() <= 40 else {}
    if fine.all():
        chosen = _thinned(y, MAX_POINTS)
        axes.plot(x[chosen], y[chosen], color=colour, lw=width, label=label, **dots)
    elif fine.any():
        chosen = np.flatnonzero(fine)[_thinned(y[fine], MAX_POINTS)]
        axes.plot(x[chosen], y[chosen], color=colour, lw=width, label=label, **dots)
    if gaps.size:
        marked = gaps[_spread(gaps.size, 50)]
        axes.plot(
            x[marked],
            np.ones(marked.size),
            color=colour,
            ls="none",
            marker="x",
            markersize=6,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            label=f"{label}: not finite",
        )


def _legend(axes: Any) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=3,
        borderaxespad=0.2,
        handlelength=1.4,
        columnspacing=1.2,
    )


def _in_words(history: History, key: str, name: str | None = None) -> str:
    """One sentence on where a curve starts, ends and is lowest or highest."""
    values, epochs = _values(history, key), _epochs(history)
    name = name or metric_name(key).capitalize()
    fine = np.flatnonzero(np.isfinite(values))
    if fine.size == 0:
        return f"{name} has no finite value."
    first, last = (metric_value(key, values[i]) for i in (fine[0], fine[-1]))
    low, high = fine[values[fine].argmin()], fine[values[fine].argmax()]
    sentence = (
        f"{name} goes from {first} to {last}; lowest {metric_value(key, values[low])} at epoch "
        f"{number(epochs[low])}, highest {metric_value(key, values[high])} at epoch "
        f"{number(epochs[high])}."
    )
    missing = len(history) - fine.size
    return f"{sentence} It is not finite in {missing} epochs." if missing else sentence


def _shades(counts: Floats) -> NDArray[np.uint8]:
    rows = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
    cells = np.empty((*counts.shape, 4), dtype=np.uint8)
    cells[...] = _rgba(TRAIN)
    cells[np.diag_indices(len(counts))] = _rgba(VALIDATION)
    # The page shows through: at most 80 % leaves text in the page's own colour readable.
    cells[..., 3] = np.round(255 * 0.8 * np.sqrt(share)).astype(np.uint8)
    return cells


def _rgba(colour: str) -> tuple[int, int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue, 255


def _class_ticks(axes: Any, names: list[str]) -> None:
    k = len(names)
    step = 1 if k <= NAMED_CLASSES else -(-k // 25)
    ticks = list(range(0, k, step))
    shown = [names[i] for i in ticks]
    size = 10.0 if k <= 12 else 8.0
    crowded = max(len(name) for name in shown) * size * 0.6 > 300.0 / len(shown)
    turned = {"rotation": 90, "ha": "right", "va": "center"} if crowded else {}
    axes.set_xticks(ticks, shown, fontsize=size, rotation_mode="anchor", **turned)
    axes.set_yticks(ticks, shown, fontsize=size)
    axes.tick_params(length=0 if k <= NAMED_CLASSES else 3)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")


def _tile(image: Floats) -> NDArray[np.uint8]:
    """(channels, height, width) weights as (height, width, 4) bytes."""
    from PIL import Image

    image = np.where(_drawable(image), image, 0.0)
    channels, height, width = image.shape
    shrink = min(1.0, MAX_TILE_SIDE / max(height, width))
    if shrink < 1.0:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        planes = [
            Image.fromarray(plane.astype(np.float32)).resize(size, Image.Resampling.BOX)
            for plane in image
        ]
        image = np.stack([np.asarray(plane, dtype=np.float64) for plane in planes])
    largest = np.abs(image).max()
    unit = image / largest if largest > 0 else image
    grey = np.round(127.5 + 127.5 * unit).astype(np.uint8)
    colour = np.broadcast_to(grey, (3, *grey.shape[1:]))
    opaque = np.full(grey.shape[1:], 255, dtype=np.uint8)
    return np.dstack([*colour, opaque])


def _dots(axes: Any, x: Floats, y: Floats) -> None:
    # A dot is a line of no length with round ends: a tenth of the bytes of a marker each.  Four
    # translucent layers let dense regions look dense.
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for layer in range(4):
        points = np.repeat(np.column_stack([x, y])[layer::4], 2, axis=0)
        if not len(points):
            continue
        codes = np.tile([Path.MOVETO, Path.LINETO], len(points) // 2)
        path = Path(points, codes)
        path.should_simplify = False
        axes.add_patch(
            PathPatch(path, fill=False, edgecolor=VALIDATION, alpha=0.5, lw=4, capstyle="round")
        )
    axes.autoscale_view()
