"""From a recipe and a data set to rows and a network."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..data.dataset import Dataset, Table
from ..data.doubts import doubts_of_classes, doubts_of_columns, require_classes
from ..data.pieces import PIECES, ROWS_A_PIECE
from ..data.selection import Input, is_mapped, select
from ..data.sources import Split, load_data
from ..data.splits import split_rows
from ..data.tables import TableEncoder
from ..data.targets import Task
from ..ground.contracts import Array
from ..ground.errors import InvalidInput
from ..ground.memory import in_words
from ..learning.plan import Plan
from ..mathematics import losses
from ..network.assembly import OF_PLAN, rows_info
from ..network.memory import RowsInfo, TrainingMemory, describe_settings, training_memory
from ..network.network import Network
from ..network.parts import levels_of, part
from ..network.preprocessing import Encoded
from ..network.settings import Settings, settings_from
from .recipes import SETTINGS, TRAINING, Recipe

__all__ = [
    "Prepared",
    "Shown",
    "encoder_for",
    "load_for",
    "network_arguments",
    "pieces_for",
    "plan_of",
    "planned_memory",
    "prepare",
    "rows_of_run",
    "settings_of",
    "settle",
    "validation_rows",
]

MOST_NUMBERS, MOST_BYTES = 64, 2**29
"""Columns of numbers, and bytes of their pieces, up to which a table is cut up unasked."""
OF_TABLES = "feature"
"""The scaling of a table, which its encoder does."""


@dataclass(frozen=True, eq=False)
class Shown:
    """The validation rows of a table as they are written, for whoever shows some.

    Attributes
    ----------
    table : Table
    index : array or None
        Which of its rows they are; None for all.
    """

    table: Table
    index: Array | None = None

    @classmethod
    def of(cls, table: Table, rows: Array) -> Shown:
        """A copy of these rows; but where columns lie in a file, only their numbers."""
        if any(map(is_mapped, table.columns.values())):
            return cls(table, rows)
        return cls(table.take(rows))

    def take(self, rows: Array) -> Table:
        """Some of them, a table of their own."""
        return self.table.take(rows if self.index is None else self.index[rows])


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows to train on, rows to validate on, and the network for them.

    Attributes
    ----------
    recipe : Recipe
        With everything settled that was left to the data.
    network : Network
    X, y : the training rows, as numbers
    X_val, y_val : the validation rows, or None
    notes : tuple of str
        What the data look like they got wrong.
    weight : array or None
        Of each training row.  Validation rows weigh 1, so that runs with and without are judged
        alike, and as `evaluate` judges them.
    shown : Shown or None
        Of a table.
    """

    recipe: Recipe
    network: Network
    X: Input | Encoded
    y: Array
    X_val: Input | Encoded | None
    y_val: Array | None
    notes: tuple[str, ...]
    weight: Array | None = None
    shown: Shown | None = None


def load_for(recipe: Recipe, split: Split = "train", need_target: bool = True) -> Dataset:
    """Load the data that a recipe names."""
    size = recipe.image_size
    return load_data(
        recipe.data,
        target=recipe.target,
        data_dir=recipe.data_dir,
        split=split,
        task=cast("Task | None", recipe.task),
        image_size=None if size is None else (size[0], size[1]),
        need_target=need_target,
    )


def validation_rows(recipe: Recipe, dataset: Dataset) -> tuple[Array, Array]:
    """The training and the validation rows of a run: a function of the recipe and the data.

    A data set with a standing validation split (CIFAR-10: the last 5,000 rows) keeps it.
    """
    y = dataset.y
    assert y is not None
    fixed = dataset.validation_rows
    if fixed and recipe.validation and len(y) > fixed:
        return split_rows(len(y), fixed, recipe.seed, shuffle=False)
    strata = y if recipe.stratify and y.dtype.kind != "f" else None
    return split_rows(len(y), recipe.validation, recipe.seed, y=strata)


def prepare(recipe: Recipe, dataset: Dataset) -> Prepared:
    """Split and encode the rows, and make the network.

    Raises
    ------
    InvalidInput
        If the recipe does not fit the data.
    """
    y = dataset.y
    assert y is not None
    train, held_out = validation_rows(recipe, dataset)
    X, notes = dataset.X, list(dataset.notes)
    encoder = encoder_for(dataset, train, recipe.pieces)
    given = network_arguments(recipe, dataset, encoder)
    planned_memory(recipe, dataset, given, len(train), len(held_out)).require()
    if y.dtype.kind != "f":
        notes += doubts_of_classes(y, _target_of(dataset))
    if recipe.pieces not in ("auto", 0) and not isinstance(X, Table):
        notes.append(f"pieces={recipe.pieces} changes nothing: only tables are cut up.")
    if isinstance(X, Table):
        notes += doubts_of_columns(X, train)
        if recipe.pieces in ("auto", 0) and (why := why_whole(X, len(train))):
            notes.append(why)
        if recipe.scaling not in (OF_TABLES, "auto"):
            notes.append(
                f"scaling={recipe.scaling!r} changes nothing: the numbers of a table are always "
                "standardised, column by column."
            )
        assert encoder is not None
        X = encoder.transform(X, np.dtype(recipe.dtype))
    network = Network(**given)
    network.about = about(dataset, network)
    settled = settle(recipe, dataset, network, len(train), len(held_out))
    parts: list[Any] = [None, None]
    for i, index in enumerate((train, held_out)):
        if len(index):
            rows = select(X, index)
            parts[i] = rows if encoder is None else Encoded(rows)
    y_val = y[held_out] if len(held_out) else None
    shown = None
    if isinstance(dataset.X, Table) and len(held_out):
        shown = Shown.of(dataset.X, held_out)
    weight = _balanced(y[train]) if recipe.class_weight == "balanced" else None
    return Prepared(
        settled, network, parts[0], y[train], parts[1], y_val, tuple(notes), weight, shown
    )


def _balanced(y: Array) -> Array:
    """n/(k·nᵢ) for each row of a class with nᵢ of n rows: the k classes weigh the same."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    weights: Array = (len(y) / (len(counts) * counts))[codes]
    return weights


def settle(recipe: Recipe, dataset: Dataset, network: Network, n_train: int, n_val: int) -> Recipe:
    """The recipe with everything settled that was left to the data."""
    return dataclasses.replace(
        recipe,
        data=_absolute(recipe.data),
        task=network.preprocessing.targets.task,
        validation=float(n_val) if dataset.validation_rows else recipe.validation,
        scaling=OF_TABLES if isinstance(dataset.X, Table) else network.settings.scaling,
        pieces=pieces_for(recipe.pieces, dataset.X, n_train),
        loss=network.settings.loss.spec(),
    )


def _absolute(data: str) -> str:
    """A path that also leads to the data from another folder; a name stays a name."""
    return str(Path(data).expanduser().resolve()) if Path(data).expanduser().exists() else data


def encoder_for(dataset: Dataset, train: Array, pieces: int | str) -> TableEncoder | None:
    """What turns a table into numbers, learned from its training rows; None for arrays.

    Parameters
    ----------
    pieces : int or "auto"
        The recipe's key.
    """
    X = dataset.X
    if not isinstance(X, Table):
        return None
    return TableEncoder.fit(X, train, pieces=pieces_for(pieces, X, len(train)))


def pieces_for(pieces: int | str, X: Input | Table, n_train: int) -> int:
    """Into how many parts each column of numbers is cut at the most; 0 for an array."""
    if not isinstance(X, Table):
        return 0
    if pieces != "auto":
        return int(pieces)
    return 0 if why_whole(X, n_train) else min(PIECES, n_train // ROWS_A_PIECE)


def why_whole(X: Table, n_train: int) -> str:
    """Why numbers stay whole unless it is asked otherwise; "" if nothing speaks against pieces."""
    numbers = sum(X[name].dtype.kind != "O" for name in X)
    size = PIECES * numbers * len(X) * 4
    if numbers > MOST_NUMBERS:
        why = f"The table has {numbers:,} columns of numbers"
    elif size > MOST_BYTES and n_train >= 2 * ROWS_A_PIECE:
        why = f"Cut into pieces the numbers of the table would take {in_words(size)}"
    else:
        return ""
    return f"{why}, so they are standardised only; --pieces {PIECES} would cut them up."


def planned_memory(
    recipe: Recipe, dataset: Dataset, given: dict[str, Any], n_train: int, n_val: int
) -> TrainingMemory:
    """What a run will take of memory, besides what the data set takes already."""
    settings = settings_of(given)
    layers, description = describe_settings(
        settings, recipe.engine, recipe.precision, recipe.device
    )
    plan, monitored = plan_of(recipe, settings), bool(n_val or recipe.monitor)
    rows = rows_of_run(dataset, settings, n_train, n_val)
    return training_memory(
        settings, layers, description, plan, rows, monitored=monitored, checkpoints=True
    )


def settings_of(given: dict[str, Any]) -> Settings:
    """The settings of a network that is not made yet, from its arguments."""
    own = {"standardize_targets": "auto"} | given
    encoder, image_shape = own.pop("encoder"), own.pop("image_shape")
    return settings_from(own, encoder, image_shape)


def plan_of(recipe: Recipe, settings: Settings) -> Plan:
    """What `Network.train` will do by a recipe."""
    given = {name: getattr(recipe, name) for name in TRAINING if name in OF_PLAN}
    return Plan(seed=settings.seed, l2=settings.l2, **given)


def rows_of_run(dataset: Dataset, settings: Settings, n_train: int, n_val: int) -> RowsInfo:
    """What the memory of a run depends on of its rows."""
    X, width = dataset.X, np.dtype(settings.dtype).itemsize
    if isinstance(X, Table):
        held = {True: 0, False: 0}
        for column in X.columns.values():
            held[is_mapped(column)] += column.nbytes
        encoded = len(X) * settings.sizes[0] * width
        mapped = bool(held[True])  # then its encoding is, too
        return RowsInfo(
            n_train,
            n_val,
            in_memory=held[False],
            on_disk=held[True] + mapped * encoded,
            encoded=(not mapped) * encoded,
            piece=encoded,
        )
    whole = rows_info(X, None)
    return dataclasses.replace(
        whole, n_train=n_train, n_val=n_val, piece=whole.in_memory + whole.on_disk
    )


def network_arguments(
    recipe: Recipe, dataset: Dataset, encoder: TableEncoder | None
) -> dict[str, Any]:
    """The arguments of a recipe's network for a data set's features and targets."""
    assert dataset.y is not None
    classification = dataset.y.dtype.kind != "f"
    loss = recipe.loss
    if loss == "auto":
        loss = "cross_entropy" if classification else "squared_error"
    chosen = part(loss, losses, "loss")
    if (chosen.function.task == "classification") != classification:  # type: ignore[attr-defined]
        raise InvalidInput(
            f"The loss {chosen.name} is for {chosen.function.task}, but the target "  # type: ignore[attr-defined]
            f"{'holds classes' if classification else 'is a number'}; "
            "choose another loss, or say what the target is with --task."
        )
    if recipe.class_weight != "none" and not classification:
        raise InvalidInput(
            f"class_weight={recipe.class_weight!r} weighs classes, but the target is a number; "
            "leave it out, or say what the target is with --task."
        )
    outputs, classes = len(levels_of(chosen) or [0]), None
    if classification:
        classes, outputs = _classes(dataset)
        if chosen.function.link is losses.sigmoid_link:  # type: ignore[attr-defined]
            if outputs != 2:
                raise InvalidInput(
                    f"The loss {chosen.name} tells 2 classes apart, and the data have "
                    f"{outputs}; use cross_entropy."
                )
            outputs = 1
    settings: dict[str, Any] = {name: getattr(recipe, name) for name in SETTINGS}
    if encoder is not None:
        settings["scaling"] = "none"  # the encoder has standardised the columns
    n_features = len(encoder.feature_names) if encoder else dataset.X.shape[1]
    return {
        "sizes": [n_features, *recipe.hidden_layer_sizes, outputs],
        **settings,
        "loss": chosen,
        "classes": classes,
        "encoder": encoder,
        "image_shape": dataset.image_shape,
    }


def about(dataset: Dataset, network: Network) -> dict[str, Any]:
    """What is saved with a model of the data that it was trained on."""
    classes = network.settings.classes
    names = dataset.class_names or (None if classes is None else tuple(map(str, classes)))
    return {
        "data": dataset.name,
        "class_names": None if names is None else list(names),
        "target": dataset.target_name,
        "input_dtype": None if isinstance(dataset.X, Table) else str(dataset.X.dtype),
        "fingerprint": dataset.fingerprint(),
    }


def _target_of(dataset: Dataset) -> str:
    """The beginning of a sentence about the targets."""
    if dataset.target_name is None:
        return f"The target of {dataset.name}"
    return f"The target {dataset.target_name!r} of {dataset.name}"


def _classes(dataset: Dataset) -> tuple[list[Any] | None, int]:
    """The labels in order, None where they are 0..k−1; and their number."""
    assert dataset.y is not None
    found = np.unique(dataset.y)
    if len(found) < 2:
        only = repr(found.tolist()[0])
        raise InvalidInput(
            f"The target of {dataset.name} holds one class only, {only}; there is nothing to tell "
            "apart. Add rows of another class."
        )
    require_classes(found, dataset.y, _target_of(dataset))
    named = len(dataset.class_names or ())
    if found.dtype.kind in "iu" and found[0] >= 0 and found[-1] < max(named, len(found)):
        return None, max(named, len(found))
    return found.tolist(), len(found)
