"""The use of a trained model: find it, evaluate it, predict with it."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.dataset import Dataset, Table
from ..data.doubts import unknown_texts
from ..data.selection import Input, rows_within, select
from ..ground.contracts import Array
from ..ground.errors import (
    FileRefused,
    InvalidInput,
    NotAvailable,
    Problems,
    UnknownName,
    choose,
    did_you_mean,
)
from ..network.judging import metrics_of_run
from ..network.loading import BEST, load
from ..network.network import Network
from ..network.parts import levels_of
from ..storage.atomic import as_path
from .folders import RECIPE
from .preparation import load_for, validation_rows
from .recipes import Recipe, find_recipe, recipe_from, settled_recipe

__all__ = ["SPLITS", "Model", "evaluate_model", "open_model", "predictions_csv"]

SPLITS = {
    "auto": "the test rows where there are any, else (to evaluate) those that the run held out, "
    "else all",
    "all": "all rows of the training part",
    "validation": "the rows that the run held out",
    "test": "the test part",
}


@dataclass(frozen=True, eq=False)
class Model:
    """A network, and the recipe of the run that made it, if it came from a run folder."""

    network: Network
    recipe: Recipe | None


def open_model(path: str | Path) -> Model:
    """Open a run folder (its best weights) or a model file.

    Raises
    ------
    NotAvailable
        If there is nothing there, or the run has no weights yet.
    FileRefused
        If a file is damaged.
    """
    place = as_path(path)
    if not place.is_dir():
        return Model(load(place), None)
    if not (place / RECIPE).is_file():
        raise NotAvailable(
            f"{place} is no run folder: it holds no {RECIPE}. Name a run's folder or a model file."
        )
    if not (place / BEST).is_file():
        raise NotAvailable(
            f"The run {place} holds no {BEST}: it has not come to its end. Train again."
        )
    try:
        recipe = settled_recipe(find_recipe(str(place / RECIPE)))
    except InvalidInput as error:
        raise FileRefused(f"{place / RECIPE} is damaged: {error}") from None
    return Model(load(place / BEST), recipe)


def rows_for(
    model: Model, data: str, changes: dict[str, Any], split: str, need_target: bool
) -> tuple[Dataset, str]:
    """The rows that a command names, and which split they are.

    The run's own settings (target, task, image size, data folder) hold unless changed.
    """
    choose(split, SPLITS, "split")
    base = dataclasses.asdict(model.recipe) if model.recipe else {}
    known: dict[str, Any] = {k: base[k] for k in ("image_size", "data_dir") if k in base}
    if need_target or split == "validation":
        known["target"] = base.get("target") or model.network.about.get("target")
        known["task"] = base.get("task") or model.network.preprocessing.targets.task
    recipe = recipe_from(
        {k: v for k, v in known.items() if v is not None}, {**changes, "data": data}
    )
    if split in ("auto", "test"):
        test = _test_part(recipe, need_target, required=split == "test")
        if test is not None:
            return test, "test"
    dataset = load_for(recipe, "train", need_target or split == "validation")
    if model.recipe and (split == "validation" or (split == "auto" and need_target)):
        own = dataset.fingerprint() == model.network.about.get("fingerprint")
        if own and model.recipe.validation:
            return _held_out(model.recipe, dataset), "validation"
        if not own and not changes and _same(data, model.recipe.data):
            raise InvalidInput(
                f"{data} has changed since this run was trained on it, so the rows that it held "
                "out are not known any more; use --split all for all of its rows."
            )
    if split == "validation":
        raise InvalidInput(
            f"Validation rows are those that a run held out of its own data; give a run that held "
            f"some out, and the data it was trained on, not {data}."
        )
    return dataset, "all"


def _held_out(recipe: Recipe, dataset: Dataset) -> Dataset:
    """The rows that a run held out of its data."""
    _, rows = validation_rows(recipe, dataset)
    X = dataset.X.take(rows) if isinstance(dataset.X, Table) else select(dataset.X, rows)
    return dataclasses.replace(dataset, X=X, y=None if dataset.y is None else dataset.y[rows])


def _test_part(recipe: Recipe, need_target: bool, required: bool) -> Dataset | None:
    """The test rows; None where the data have no parts, unless they are required.

    Where a source has no parts, every split of it is all of its rows.
    """
    try:
        test = load_for(recipe, "test", need_target)
        if recipe.data in ("cifar10", "mnist"):
            return test
        if recipe.data != "digits" and not isinstance(test.X, Table):
            train = load_for(recipe, "train", need_target)
            if isinstance(train.X, Table) or not _alike(test.X, train.X):
                return test
    except NotAvailable:
        if required:
            raise
        return None
    if required:
        raise InvalidInput(
            f"{recipe.data} has no test part; use --split all, or --split validation for the rows "
            "that a run held out."
        )
    return None


def _alike(one: Input, other: Input) -> bool:
    """Whether two arrays hold the same numbers, of which a file may hold more than memory."""
    if one.shape != other.shape:
        return False
    rows = rows_within(one, len(one))
    parts = (slice(start, start + rows) for start in range(0, len(one), rows))
    return all(np.array_equal(one[part], other[part]) for part in parts)


def _same(one: str, other: str) -> bool:
    """Whether two names are those of the same data."""
    try:
        return one == other or Path(one).samefile(other)
    except OSError:
        return False


def _look_at(
    dataset: Dataset, network: Network, data: str, tell: Callable[[str], object] | None
) -> None:
    """Tell what rows look like they got wrong for a model.

    Raises
    ------
    UnknownName
        If the model needs columns that a table lacks; all are named.
    """
    encoder, table = network.preprocessing.encoder, dataset.X
    notes = list(dataset.notes)
    if encoder is not None and isinstance(table, Table):
        problems = Problems()
        learned, asked = network.about.get("target"), dataset.target_name
        problems.require(
            asked in (None, learned) or asked not in {column.name for column in encoder.columns},
            f"The model learned {learned!r} from {asked!r} and other columns, so it cannot be "
            f"asked for {asked!r}; leave the target out, or train a model of it.",
        )
        problems.raise_if_any()
        for column in encoder.columns:
            problems.require(
                column.name in table,
                f"{data} has no column {column.name!r}, which the model was trained on."
                f"{did_you_mean(column.name, table.names)}",
            )
        problems.raise_if_any(UnknownName)
        notes += unknown_texts(encoder, table)
    if tell is not None:
        for sentence in notes:
            tell(sentence)


def evaluate_model(
    path: str | Path,
    data: str,
    changes: dict[str, Any],
    split: str = "auto",
    *,
    tell: Callable[[str], object] | None = None,
) -> dict[str, Any]:
    """Loss and metrics of a model on some data, and which rows they were.

    Parameters
    ----------
    tell : function of a sentence, optional
        Called with each that the rows look like they got wrong.
    """
    model = open_model(path)
    dataset, which = rows_for(model, data, changes, split, need_target=True)
    assert dataset.y is not None
    _look_at(dataset, model.network, data, tell)
    task = model.network.preprocessing.targets.task
    found = model.network.evaluate(dataset.X, dataset.y, metrics=metrics_of_run(task, None))
    return {"loss": found["loss"], "accuracy": None, **found, "n": len(dataset.y), "split": which}


def predictions_csv(
    path: str | Path,
    data: str,
    changes: dict[str, Any],
    split: str = "auto",
    proba: bool = False,
    *,
    tell: Callable[[str], object] | None = None,
) -> tuple[str, int]:
    """Predictions as CSV, one row each: the label or number, and probabilities if asked for.

    Parameters
    ----------
    tell : function of a sentence, optional
        As in `evaluate_model`.

    Returns
    -------
    text : str
    n : int
        The number of rows.
    """
    model = open_model(path)
    dataset, _ = rows_for(model, data, changes, split, need_target=False)
    network = model.network
    _look_at(dataset, network, data, tell)
    predicted = network.predict(dataset.X)
    columns = [predicted.reshape(len(predicted), -1)]
    target = network.about.get("target") or "prediction"
    header = [target]
    if predicted.ndim > 1:
        outputs = levels_of(network.settings.loss) or range(predicted.shape[1])
        header = [f"{target}_{output:g}" for output in outputs]
    if proba:
        p = network.predict_proba(dataset.X)
        names = network.about.get("class_names") or list(range(p.shape[1]))
        header += [f"p({name})" for name in names]
        columns.append(p)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in zip(*columns, strict=True):
        writer.writerow([_cell(value) for part in row for value in part])
    return text.getvalue(), len(predicted)


def _cell(value: Array) -> str:
    item = value.item()
    return f"{item:.9g}" if isinstance(item, float) else str(item)  # what float32 can tell apart
