"""Whole pages: one HTML file each, which needs nothing else and fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.errors import Problems
from . import plots, summaries
from .words import as_float, count, legible, metric_name, number

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
        seconds, train_X and val_X for any metrics X), `best_epoch`, `monitor`, `seconds`,
        `parameters`, `engine`, `layers` (records of name, detail, output, parameters),
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
        square = problems.require(
            len(shape) == 2 and shape[0] == shape[1] > 0,
            f"A confusion matrix has as many rows as columns; got the shape {shape}.",
        )
        if square and names is not None:
            problems.require(
                len(names) == shape[0],
                f"A confusion matrix of {shape[0]} classes needs as many class_names; got "
                f"{len(names)}.",
            )
    problems.raise_if_any()


def _view(facts: Mapping[str, Any]) -> dict[str, Any]:
    history = list(facts.get("history") or [])
    best_epoch = facts.get("best_epoch")
    matrix = facts.get("confusion")
    names = [str(name) for name in facts.get("class_names") or range(len(matrix or ()))]
    rows = summaries.epoch_rows(history, best_epoch)
    return {
        "title": legible(facts["title"]),
        "headline": summaries.headline(facts),
        "lede": summaries.lede(facts),
        "warnings": [legible(w, 1000) for w in (facts.get("warnings") or [])[:20]],
        "cards": summaries.cards(facts),
        "curves": _curves(history, best_epoch),
        "confusion": None,
        "n_classes": len(names),
        "columns": [spoken for _, spoken in summaries.columns_of(history)],
        "epochs": rows,
        "left_out": len(history) - len(rows),
    }
