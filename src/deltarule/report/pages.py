"""Whole pages: one HTML file each, which needs nothing else and fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.errors import Problems
from . import plots, summaries
from .histories import quantities, series
from .words import count, legible

__all__ = ["run_page"]

MAX_CURVES = 8
MAX_DRAWN_CLASSES = 200
MAX_RECIPE = 20_000  # characters


@dataclass(frozen=True)
class Picture:
    """An SVG with its caption."""

    svg: Any  # markupsafe.Markup: made by plots, so trusted as it is
    caption: str


def run_page(facts: Mapping[str, Any]) -> str:
    """The report of one run as an HTML page without scripts or network requests.

    Parameters
    ----------
    facts : mapping
        Plain values; arrays may be NumPy's.  `title` must be there; a page simply lacks the part
        for which another key is missing: `data` {name, n_train, n_val, n_features, n_outputs},
        `task` 'classification' or 'regression', `history` (one record per epoch: epoch, step, lr,
        seconds since the start, train_X and val_X for any metrics X), `best_epoch`, `monitor`,
        `seconds`, `parameters`, `engine`, `layers` (records of name, detail, output, parameters),
        `confusion` (k, k) with rows for true classes, `class_names`, `first_layer` {W,
        image_shape}, `scatter` {y, prediction}, `recipe` (TOML), `versions`, `command`,
        `warnings`.

    Returns
    -------
    str
        The page; the same facts give the same bytes.

    Raises
    ------
    InvalidInput
        If the facts do not fit each other; all problems in one message.
    """
    _check(facts)
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("deltarule.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("run.html").render(_view(facts))


def _check(facts: Mapping[str, Any]) -> None:
    problems = Problems()
    problems.require("title" in facts, "A page needs a title; the facts have none.")
    names, matrix = facts.get("class_names"), facts.get("confusion")
    if matrix is not None:
        shape = np.shape(matrix)
        square = len(shape) == 2 and shape[0] == shape[1] > 0
        if not square:
            problems.add(f"A confusion matrix has as many rows as columns; got the shape {shape}.")
        elif names is not None and len(names) != shape[0]:
            problems.add(
                f"A confusion matrix of {shape[0]} classes needs as many class_names; got "
                f"{len(names)}."
            )
    problems.raise_if_any()


def _view(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the template shows, as clean text, rows and pictures."""
    history = list(facts.get("history") or [])
    best_epoch = facts.get("best_epoch")
    rows = summaries.epoch_rows(history, best_epoch)
    return {
        "title": legible(facts["title"]),
        "headline": summaries.headline(facts),
        "lede": summaries.lede(facts),
        "warnings": [legible(w, 1000) for w in (facts.get("warnings") or [])[:20]],
        "cards": summaries.cards(facts),
        "curves": _curves(history, best_epoch),
        "confusion": _confusion(facts),
        "scatter": _scatter(facts.get("scatter")),
        "weights": _weights(facts.get("first_layer")),
        "layers": [_layer(layer) for layer in (facts.get("layers") or [])[:200]],
        "columns": [spoken for _, spoken in summaries.columns_of(history)],
        "epochs": rows,
        "epochs_left_out": len(history) - len(rows),
        "command": legible(facts.get("command") or "", 4000, lines=True),
        "recipe": legible(facts.get("recipe") or "", MAX_RECIPE, lines=True),
        "versions": [
            (legible(name, 60), legible(version, 60))
            for name, version in list((facts.get("versions") or {}).items())[:60]
        ],
    }


def _curves(history: list[Mapping[str, Any]], best_epoch: int | None) -> list[Picture]:
    drawn = [
        _picture(
            plots.curves(history, quantity, best_epoch, prefix=f"curves-{i}"),
            summaries.curve_caption(history, quantity),
        )
        for i, quantity in enumerate(quantities(history)[:MAX_CURVES])
    ]
    if len(series(history, "lr")[0]):
        drawn.append(_picture(plots.learning_rate(history), "Learning rate"))
    return drawn


def _confusion(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    if facts.get("confusion") is None:
        return None
    matrix = np.asarray(facts["confusion"])
    given = facts.get("class_names")
    names = [str(name) for name in (range(len(matrix)) if given is None else given)]
    drawable, few = len(names) <= MAX_DRAWN_CLASSES, len(names) <= plots.ANNOTATED_CLASSES
    caption = (
        "Rows are true classes, columns predicted ones. Blue is right, orange a mistake; the "
        "stronger the colour, the larger the share of the true class."
    )
    rows = summaries.class_rows(matrix, names)
    return {
        "picture": _picture(plots.confusion(matrix, names), caption) if drawable else None,
        "commonest": summaries.commonest_confusions(matrix, names, 3 if few else 10),
        "rows": rows,
        "few": few,
        "left_out": len(names) - len(rows),
    }


def _scatter(scatter: Mapping[str, Any] | None) -> Picture | None:
    if not scatter:
        return None
    n = np.size(scatter["y"])
    some = f", {count(plots.MAX_SCATTER)} of {count(n)} points" if n > plots.MAX_SCATTER else ""
    return _picture(
        plots.predicted_against_true(scatter["y"], scatter["prediction"]),
        f"Predicted over true values{some}; on the line, prediction and truth agree.",
    )


def _weights(first_layer: Mapping[str, Any] | None) -> Picture | None:
    if not first_layer:
        return None
    units = np.shape(first_layer["W"])[-1]
    some = f"the first {plots.MAX_TILES} of {count(units)}" if units > plots.MAX_TILES else "all"
    return _picture(
        plots.weight_tiles(first_layer["W"], first_layer["image_shape"]),
        f"What the units of the first layer look for ({some} units): each picture is one unit's "
        f"incoming weights, middle grey is zero.",
    )


def _layer(layer: Mapping[str, Any]) -> tuple[str, str, str, str]:
    name, detail, output = (legible(layer.get(k, ""), 80) for k in ("name", "detail", "output"))
    return name, detail, output, count(layer.get("parameters", 0))


def _picture(svg: str, caption: str) -> Picture:
    from markupsafe import Markup

    # Inside HTML the name space is implied; without it the page holds no address at all.
    return Picture(Markup(svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)), caption)
