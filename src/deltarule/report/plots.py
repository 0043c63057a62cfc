"""The report's pictures, from plain values to SVG text.

Every function takes `prefix`, which begins all ids of its picture; pictures that share a page need
different ones.  The same values give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..ground.errors import InvalidInput
from .axes import WIDTH, drawable, legend, plain_numbers, spread
from .figures import INK, TRAIN, VALIDATION, canvas, figure_svg, picture_svg
from .words import count, legible, metric_value, number

__all__ = ["confusion", "photograph", "predicted_against_true", "reliability", "weight_tiles"]

Floats = NDArray[np.float64]

MAX_SCATTER = 2000
MAX_TILES = 36
MAX_TILE_SIDE = 40  # pixels; keeps 36 tiles in three colours below 250 kB
MAX_PHOTOGRAPH = 64  # pixels
ANNOTATED_CLASSES = 12
NAMED_CLASSES = 30
DENSEST = 0.75  # opacity of a cell; the page shows through, so that its text stays readable


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
        If the matrix is not square, has not one row per name or holds what is no count.
    """
    counts = np.asarray(matrix, dtype=np.float64)
    k = len(class_names)
    if counts.shape != (k, k) or k == 0:
        raise InvalidInput(
            f"A confusion matrix needs one row and one column per class name; got the shape "
            f"{counts.shape} and {k} names."
        )
    if not (drawable(counts) & (counts >= 0)).all():
        raise InvalidInput("A confusion matrix holds counts; got negative or infinite entries.")
    side = 5.4 if k <= ANNOTATED_CLASSES else 6.4
    with canvas(side, side * 0.95) as figure:
        axes = figure.add_subplot()
        axes.imshow(_shades(counts), interpolation="none", aspect="equal")
        axes.spines[["top", "right"]].set_visible(True)
        _class_ticks(axes, [_short(name) for name in class_names])
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
    W: ArrayLike,
    image_shape: tuple[int, int, int],
    *,
    most: int = MAX_TILES,
    prefix: str = "weights",
) -> str:
    """The incoming weights of the first units as pictures, at most `most`.

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
    weights = np.asarray(W)
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
    first = weights[:, :most].T.astype(np.float64)
    tiles = [_tile(column.reshape(shape)) for column in first]
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
    fine = drawable(true) & drawable(predicted)
    x, h = true[fine], predicted[fine]
    chosen = spread(x.size, MAX_SCATTER)
    with canvas(WIDTH, 4.6) as figure:
        axes = figure.add_subplot()
        plain_numbers(axes.xaxis)
        plain_numbers(axes.yaxis)
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


def reliability(
    confidence: ArrayLike, right: ArrayLike, n: ArrayLike, *, prefix: str = "calibration"
) -> str:
    """How often answers of each confidence are right, and how many there are of each.

    Parameters
    ----------
    confidence, right, n : array_like, shape (bins,)
        Of the rows in each bin: the mean confidence and the share of right answers, both in
        [0, 1], and their number.  Where the first two agree, the network is as sure as it may be.

    Raises
    ------
    InvalidInput
        If the three have different lengths.
    """
    sure, share, rows = (np.asarray(a, dtype=np.float64).ravel() for a in (confidence, right, n))
    if not sure.shape == share.shape == rows.shape:
        raise InvalidInput(
            f"Each bin of a calibration curve has a confidence, a share and a number; got "
            f"{sure.size}, {share.size} and {rows.size}."
        )
    fine = drawable(sure) & drawable(share) & drawable(rows)
    x, y, counts = 100 * sure[fine], 100 * share[fine], rows[fine]
    with canvas(WIDTH, 4.9) as figure:
        upper, lower = figure.subplots(2, sharex=True, height_ratios=[3, 1])
        upper.plot([0, 100], [0, 100], color=INK, lw=1, alpha=0.6, label="as it should be")
        upper.vlines(x, x, y, color=TRAIN, lw=2, label="gap")
        upper.plot(x, y, color=VALIDATION, lw=1.6, marker="o", markersize=5, label="validation")
        upper.set_ylabel("right answers (%)")
        upper.set_xlim(0, 100)
        upper.set_ylim(0, 100)
        lower.bar(x, counts, width=4.5, color=VALIDATION)
        lower.set_ylabel("rows")
        lower.set_xlabel("confidence (%)")
        for axes in (upper, lower):
            axes.grid(True, axis="y")
            plain_numbers(axes.yaxis)
        plain_numbers(lower.xaxis)
        legend(upper)
        words = [
            f"{count(k)} rows with a confidence of {a:.0f} %: {b:.0f} % right."
            for a, b, k in zip(x, y, counts, strict=True)
        ]
        return figure_svg(figure, "Right answers by confidence", " ".join(words), prefix)


def photograph(pixels: ArrayLike, title: str, description: str, *, prefix: str = "image") -> str:
    """A row of image data as a picture, at most 64 pixels wide and high.

    Parameters
    ----------
    pixels : array_like of bytes, shape (height, width, 1 or 3)
    """
    from PIL import Image

    given = np.asarray(pixels, dtype=np.uint8)
    plain = given[..., 0] if given.shape[-1] == 1 else given
    shrink = MAX_PHOTOGRAPH / max(plain.shape[:2])
    if shrink < 1.0:
        height, width = (max(1, round(side * shrink)) for side in plain.shape[:2])
        small = Image.fromarray(plain).resize((width, height), Image.Resampling.BOX)
        plain = np.asarray(small)
    return picture_svg(plain, title, description, prefix)


def _shades(counts: Floats) -> NDArray[np.uint8]:
    rows = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
    cells = np.empty((*counts.shape, 4), dtype=np.uint8)
    cells[...] = _rgba(TRAIN)
    cells[np.diag_indices(len(counts))] = _rgba(VALIDATION)
    cells[..., 3] = np.round(255 * DENSEST * np.sqrt(share)).astype(np.uint8)
    return cells


def _rgba(colour: str) -> tuple[int, int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue, 255


def _short(name: str) -> str:
    """At most 14 characters, both ends kept: numbered names differ at the end."""
    whole = legible(name)
    return whole if len(whole) <= 14 else f"{whole[:7].rstrip()}…{whole[-6:].lstrip()}"


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

    unit = _scaled(np.where(drawable(image), image, 0.0))
    _, height, width = image.shape
    shrink = min(1.0, MAX_TILE_SIDE / max(height, width))
    if shrink < 1.0:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        planes = [
            Image.fromarray(plane.astype(np.float32)).resize(size, Image.Resampling.BOX)
            for plane in unit
        ]
        unit = _scaled(np.stack([np.asarray(plane, dtype=np.float64) for plane in planes]))
    grey = np.round(127.5 + 127.5 * unit).astype(np.uint8)
    colour = np.broadcast_to(grey, (3, *grey.shape[1:]))
    opaque = np.full(grey.shape[1:], 255, dtype=np.uint8)
    return np.dstack([*colour, opaque])


def _scaled(image: Floats) -> Floats:
    largest = np.abs(image).max()
    return image / largest if largest > 0 else image


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
