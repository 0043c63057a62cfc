"""The report of a run: one HTML file that needs nothing else and fetches nothing, or Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..ground.errors import Problems
from . import lines, plots, summaries
from .histories import quantities, series
from .markdown import Markdown
from .mistakes import mistakes_view
from .rendering import DETAILS, Detail, Picture, render, within_size
from .words import count, legible, metric_value

__all__ = ["run_markdown", "run_page"]

MAX_CURVES = 8
TIMED_CURVES = 2  # the loss and the first metric
MAX_DRAWN_CLASSES = 200


def run_page(facts: Mapping[str, Any]) -> str:
    """The report of one run as an HTML page without scripts or network requests.

    Parameters
    ----------
    facts : mapping
        Plain values; arrays may be NumPy's.  `title` must be there; a page simply lacks the part
        for which another key is missing:

        - `data` {name, n_train, n_val, n_columns of a table, n_features, n_outputs}, `parameters`,
          `engine`, `seconds`, `layers` (records of name, detail, output, parameters), `recipe`
          (TOML), `versions` {name: version}, `command`, `warnings` (sentences),
          `task` 'classification' or 'regression';
        - `history`: one record per epoch of epoch, step, lr, seconds since the start, train_X and
          val_X for any metrics X, ratio_L (‖ΔW‖/‖W‖ of a step) and dead_L (a share of units) for
          any layers L; `best_epoch` and `monitor`;
        - `confusion` (k, k), rows for true classes, and `class_names`;
        - `calibration` {confidence, right, n (each a value per bin of confidence), error, bins};
        - `mistakes` {rows, wrong, n}: records of true, predicted and, of classes,
          confidence and of_true, worst first; how many of the n answers were wrong; and either
          `images`, bytes (m, height, width, 1 or 3), or `columns` and `cells` (m rows of values);
        - `first_layer` {W, image_shape}, `scatter` {y, prediction}.

    Returns
    -------
    str
        The page, below 500 kB: of what would be larger it shows less.  The same facts give the
        same bytes.

    Raises
    ------
    InvalidInput
        If the facts do not fit each other; all problems in one message.
    """
    _check(facts)
    return within_size(lambda detail: render("run.html", _view(facts, detail)))


def run_markdown(facts: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The same report as Markdown, and its pictures: file name → SVG.

    Raises
    ------
    InvalidInput
        As `run_page`.
    """
    _check(facts)
    view = _view(facts, DETAILS[0])
    page = Markdown()
    page.heading(1, view["headline"])
    page.paragraph(view["title"])
    page.paragraph(view["lede"])
    page.bullets([f"Warning: {warning}" for warning in view["warnings"]])
    page.table(("overview", ""), [(c.label, f"{c.value} {c.note}") for c in view["cards"]])
    for heading, pictures in _sections(view):
        if pictures:
            page.heading(2, heading)
            for picture in pictures:
                page.picture(picture)
    if view["confusion"]:
        page.table(
            ("class", "rows", "found", "right", "most often taken for"),
            [(r.name, r.rows, r.recall, r.precision, r.mistaken_for)
             for r in view["confusion"]["rows"][:30]],
        )  # fmt: skip
    if view["mistakes"]:
        page.heading(2, view["mistakes"]["heading"])
        page.paragraph(view["mistakes"]["remark"])
        page.gallery(view["mistakes"]["pictures"])
        page.table(view["mistakes"]["columns"], view["mistakes"]["rows"])
    if view["layers"]:
        page.heading(2, "The network")
        page.table(("layer", "detail", "output", "parameters"), view["layers"])
    page.heading(2, "Do it again")
    if view["command"]:
        page.code(view["command"], "sh")
    if view["recipe"]:
        page.code(view["recipe"], "toml")
    page.table(("software", "version"), view["versions"])
    return page.text, page.files


def _sections(view: Mapping[str, Any]) -> list[tuple[str, list[Picture]]]:
    one = [view["confusion"] and view["confusion"]["picture"]]
    return [
        ("Learning curves", view["curves"]),
        ("Inside the network", view["inside"]),
        ("Predictions", [view["scatter"]] if view["scatter"] else []),
        ("How sure it is", [view["calibration"]] if view["calibration"] else []),
        ("First-layer weights", [view["weights"]] if view["weights"] else []),
        ("Which classes are mistaken for which", [p for p in one if p]),
    ]


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


def _view(facts: Mapping[str, Any], detail: Detail) -> dict[str, Any]:
    """Everything the template shows, as clean text, rows and pictures."""
    history = list(facts.get("history") or [])
    best_epoch = facts.get("best_epoch")
    rows = summaries.epoch_rows(history, best_epoch, detail.rows)
    return {
        "title": legible(facts["title"]),
        "headline": summaries.headline(facts),
        "lede": summaries.lede(facts),
        "warnings": [legible(w, 1000) for w in (facts.get("warnings") or [])[:20]],
        "cards": summaries.cards(facts),
        "curves": _curves(history, best_epoch, detail.points),
        "inside": _inside(history, detail.points),
        "confusion": _confusion(facts, detail.rows),
        "calibration": _calibration(facts.get("calibration")),
        "mistakes": mistakes_view(facts.get("mistakes"), detail.photographs),
        "scatter": _scatter(facts.get("scatter")),
        "weights": _weights(facts.get("first_layer"), detail.tiles),
        "layers": [_layer(layer) for layer in (facts.get("layers") or [])[: detail.rows]],
        "columns": [spoken for _, spoken in summaries.columns_of(history)],
        "epochs": rows,
        "epochs_left_out": len(history) - len(rows),
        "command": legible(facts.get("command") or "", 4000, lines=True),
        "recipe": legible(facts.get("recipe") or "", detail.recipe, lines=True),
        "versions": [
            (legible(name, 60), legible(version, 60))
            for name, version in list((facts.get("versions") or {}).items())[:60]
        ],
    }


def _curves(history: list[Mapping[str, Any]], best_epoch: int | None, points: int) -> list[Picture]:
    """Each quantity over epochs, and the first over time beside it."""
    drawn = []
    timed = len(series(history, "seconds")[0]) > 1
    for i, quantity in enumerate(quantities(history)[:MAX_CURVES]):
        name = f"curves-{i}"
        caption = summaries.curve_caption(history, quantity)
        svg = lines.curves(history, quantity, best_epoch, points=points, prefix=name)
        drawn.append(Picture(name, svg, caption, caption))
        if timed and i < TIMED_CURVES:
            name, caption = f"times-{i}", "The same over the time of training."
            svg = lines.curves(
                history, quantity, best_epoch, over="seconds", points=points, prefix=name
            )
            drawn.append(Picture(name, svg, "The same over time", caption))
    if len(series(history, "lr")[0]):
        svg = lines.learning_rate(history, points=points)
        drawn.append(Picture("learning-rate", svg, "Learning rate", "Learning rate"))
    return drawn


def _inside(history: list[Mapping[str, Any]], points: int) -> list[Picture]:
    """What a few rows showed of each layer."""
    captions = {
        "ratio": "How far the next step would move each layer's weights, as a share of their "
        "length. About 0.001 is healthy; far below nothing is learned, far above the weights are "
        "thrown about.",
        "dead": "Units that pass no gradient on any of 128 training rows: they do not learn "
        "any more.",
    }
    return [
        Picture(
            f"layers-{kind}",
            lines.by_layer(history, kind, points=points, prefix=f"layers-{kind}"),
            lines.OF_LAYERS[kind][1],
            caption,
        )
        for kind, caption in captions.items()
        if lines.layers_of(history, kind)
    ]


def _confusion(facts: Mapping[str, Any], most: int) -> dict[str, Any] | None:
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
    rows = summaries.class_rows(matrix, names, most)
    picture = None
    if drawable:
        svg = plots.confusion(matrix, names)
        picture = Picture("confusion", svg, "Confusion matrix", caption)
    return {
        "picture": picture,
        "commonest": summaries.commonest_confusions(matrix, names, 3 if few else 10),
        "rows": rows,
        "few": few,
        "left_out": len(names) - len(rows),
    }


def _calibration(found: Mapping[str, Any] | None) -> Picture | None:
    if not found or not len(found["n"]):
        return None
    sure, right, n = (np.asarray(found[k], np.float64) for k in ("confidence", "right", "n"))
    gap = float(n @ (sure - right) / max(n.sum(), 1.0))
    side = f"too sure of themselves by {metric_value('accuracy', gap)}"
    if gap < 0:
        side = f"not sure enough, by {metric_value('accuracy', -gap)}"
    if abs(gap) < 0.001:
        side = "neither too sure nor too unsure"
    caption = (
        f"Answers given with a confidence of 80 % should be right 8 times in 10: on the line. "
        f"These are {side} on average; the expected calibration error is "
        f"{metric_value('accuracy', found['error'])}."
    )
    svg = plots.reliability(sure, right, n)
    return Picture("calibration", svg, "Right answers by confidence", caption)


def _scatter(scatter: Mapping[str, Any] | None) -> Picture | None:
    if not scatter:
        return None
    n = np.size(scatter["y"])
    some = f", {count(plots.MAX_SCATTER)} of {count(n)} points" if n > plots.MAX_SCATTER else ""
    return Picture(
        "predictions",
        plots.predicted_against_true(scatter["y"], scatter["prediction"]),
        "Predicted over true values",
        f"Predicted over true values{some}; on the line, prediction and truth agree.",
    )


def _weights(first_layer: Mapping[str, Any] | None, most: int) -> Picture | None:
    if not first_layer:
        return None
    units = np.shape(first_layer["W"])[-1]
    some = f"the first {most} of {count(units)}" if units > most else "all"
    return Picture(
        "weights",
        plots.weight_tiles(first_layer["W"], first_layer["image_shape"], most=most),
        "First-layer weights",
        f"What the units of the first layer look for ({some} units): each picture is one unit's "
        f"incoming weights, middle grey is zero.",
    )


def _layer(layer: Mapping[str, Any]) -> tuple[str, str, str, str]:
    name, detail, output = (legible(layer.get(k, ""), 80) for k in ("name", "detail", "output"))
    return name, detail, output, count(layer.get("parameters", 0))
