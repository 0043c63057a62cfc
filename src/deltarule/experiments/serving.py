"""The use of a trained model: find it, evaluate it, predict with it."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.dataset import Dataset, Table
from ..ground.contracts import Array
from ..ground.errors import InvalidInput, NotAvailable, choose
from ..network.network import Network
from ..network.saving import load
from .folders import BEST, RECIPE
from .preparation import load_for, validation_rows
from .recipes import Recipe, find_recipe, recipe_from

__all__ = ["SPLITS", "Model", "evaluate_model", "open_model", "predictions_csv"]

SPLITS = {
    "auto": "the test rows where there are any, else the run's own validation rows, else all",
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
    place = Path(path)
    if not place.is_dir():
        return Model(load(place), None)
    if not (place / RECIPE).is_file():
        raise NotAvailable(f"{place} is no run folder: it holds no {RECIPE}.")
    if not (place / BEST).is_file():
        raise NotAvailable(f"The run {place} holds no {BEST}: it has not finished an epoch.")
    recipe = recipe_from(find_recipe(str(place / RECIPE)), {})
    return Model(load(place / BEST), recipe)


def rows_for(
    model: Model, data: str, changes: dict[str, Any], split: str, need_target: bool
) -> tuple[Dataset, str]:
    """The rows that a command names, and which split they are.

    The run's own settings (target, task, image size, data folder) hold unless changed.
    """
    choose(split, SPLITS, "split")
    base = dataclasses.asdict(model.recipe) if model.recipe else {}
    same_data = model.recipe is not None and model.recipe.data == data
    known = {k: base[k] for k in ("target", "task", "image_size", "data_dir") if k in base}
    if not known.get("target"):
        known["target"] = model.network.about.get("target")
    known["task"] = known.get("task") or model.network.preprocessing.targets.task
    recipe = recipe_from(
        {k: v for k, v in known.items() if v is not None}, {**changes, "data": data}
    )
    if split in ("auto", "test"):
        try:
            dataset = load_for(recipe, "test", need_target)
            if split == "test" or data in ("mnist", "cifar10"):
                return dataset, "test"
        except NotAvailable:
            if split == "test":
                raise
    dataset = load_for(recipe, "train", need_target)
    if split == "validation" and not same_data:
        raise InvalidInput(
            f"Validation rows are those that a run held out of its own data; give the run folder "
            f"and the data it was trained on, not {data}."
        )
    if same_data and model.recipe and model.recipe.validation and split in ("auto", "validation"):
        _, held_out = validation_rows(model.recipe, dataset)
        X = dataset.X.take(held_out) if isinstance(dataset.X, Table) else dataset.X[held_out]
        y = None if dataset.y is None else dataset.y[held_out]
        return dataclasses.replace(dataset, X=X, y=y), "validation"
    return dataset, "all"


def evaluate_model(
    path: str | Path, data: str, changes: dict[str, Any], split: str = "auto"
) -> dict[str, Any]:
    """Loss and metrics of a model on some data, and which rows they were."""
    model = open_model(path)
    dataset, which = rows_for(model, data, changes, split, need_target=True)
    assert dataset.y is not None
    found = model.network.evaluate(dataset.X, dataset.y)
    return {"loss": found["loss"], "accuracy": None, **found, "n": len(dataset.y), "split": which}


def predictions_csv(
    path: str | Path, data: str, changes: dict[str, Any], split: str = "auto", proba: bool = False
) -> tuple[str, int]:
    """Predictions as CSV, one row each: the label or number, and probabilities if asked for.

    Returns
    -------
    text : str
    n : int
        The number of rows.
    """
    model = open_model(path)
    dataset, _ = rows_for(model, data, changes, split, need_target=False)
    network = model.network
    predicted = network.predict(dataset.X)
    columns = [predicted.reshape(len(predicted), -1)]
    target = network.about.get("target") or "prediction"
    header = (
        [target] if predicted.ndim == 1 else [f"{target}_{i}" for i in range(predicted.shape[1])]
    )
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
    return f"{item:.6g}" if isinstance(item, float) else str(item)
