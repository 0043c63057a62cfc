"""What a run's facts say: the headline, the cards and the rows of the tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .histories import History, epoch_of, last_epoch, quantities, series
from .words import (
    as_float,
    capitalised,
    count,
    duration,
    is_share,
    legible,
    metric_name,
    metric_value,
    number,
)

__all__ = [
    "Card",
    "ClassRow",
    "Confusion",
    "EpochRow",
    "cards",
    "class_rows",
    "columns_of",
    "commonest_confusions",
    "curve_caption",
    "epoch_rows",
    "headline",
    "lede",
]

Facts = Mapping[str, Any]
MAX_EPOCH_ROWS = 200
MAX_CLASS_ROWS = 200
LEADING_COLUMNS = ("step", "lr", "seconds")


@dataclass(frozen=True)
class Card:
    """One figure of the overview: what it is, how much, and a remark."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class ClassRow:
    """One class: its rows, how many were found, how often the name was right when given."""

    name: str
    rows: str
    recall: str
    precision: str
    mistaken_for: str


@dataclass(frozen=True)
class Confusion:
    """`times` of the `rows` rows of class `true` were taken for class `predicted`."""

    true: str
    predicted: str
    times: str
    rows: str


@dataclass(frozen=True)
class EpochRow:
    """One line of the table of epochs."""

    epoch: str
    best: bool
    cells: tuple[str, ...]


def headline(facts: Facts) -> str:
    """The key result in words: '52.1 % validation accuracy after epoch 14 of 20'."""
    history = facts.get("history") or []
    if not history:
        return "No epoch was completed"
    record, total = _chosen(facts), last_epoch(history)
    for metric in _by_importance(facts, record):
        if math.isfinite(as_float(record[metric])):
            result = f"{metric_value(metric, record[metric])} {metric_name(metric)}"
            if facts.get("best_epoch") is None:
                return f"{result} after {_plural(total, 'epoch')}"
            return f"{result} after epoch {facts['best_epoch']} of {total}"
    return f"No finite result after {_plural(total, 'epoch')}"


def lede(facts: Facts) -> str:
    """One or two sentences that say what was trained on what, and what guessing would reach."""
    data, history = facts.get("data") or {}, facts.get("history") or []
    words = ["A network"]
    if facts.get("parameters") is not None:
        words.append(f"of {count(facts['parameters'])} parameters")
    if data.get("n_train") is not None:
        words.append(f"trained on {count(data['n_train'])} rows")
        if data.get("name"):
            words.append(f"of {legible(data['name'], 80)}")
    if history:
        words.append(f"for {_plural(last_epoch(history), 'epoch')}")
    if facts.get("seconds") is not None:
        words.append(f"in {duration(facts['seconds'])}")
    sentence = " ".join(words) + "." if len(words) > 1 else ""
    commonest = _commonest_share(facts.get("confusion"))
    if math.isfinite(commonest):
        sentence += (
            f" Always answering the most frequent class would reach "
            f"{metric_value('accuracy', commonest)}."
        )
    return sentence


def cards(facts: Facts) -> list[Card]:
    """The overview, about eight cards; what the facts lack is left out."""
    history = facts.get("history") or []
    made: list[Card] = []
    if facts.get("best_epoch") is not None:
        monitor = facts.get("monitor")
        note = f"by {metric_name(str(monitor))}" if monitor else ""
        made.append(Card("Best epoch", f"{facts['best_epoch']} of {last_epoch(history)}", note))
    made += _metric_cards(facts)
    data = facts.get("data") or {}
    if data.get("n_train") is not None:
        validation = f"and {count(data['n_val'])} for validation" if data.get("n_val") else ""
        made.append(Card("Training rows", count(data["n_train"]), validation))
    if data.get("n_features") is not None:
        columns = f"from {_plural(data['n_columns'], 'column')}" if data.get("n_columns") else ""
        outputs = f"to {_plural(data['n_outputs'], 'output')}" if data.get("n_outputs") else ""
        way = ", ".join(filter(None, (columns, outputs)))
        made.append(Card("Features", count(data["n_features"]), way))
    if facts.get("parameters") is not None:
        made.append(Card("Parameters", count(facts["parameters"])))
    if facts.get("seconds") is not None:
        ends = [as_float(r.get("seconds")) for r in history]  # each since the start
        ends = [0.0, *(t for t in ends if math.isfinite(t))]
        note = f"{duration(float(np.median(np.diff(ends))))} an epoch" if len(ends) > 1 else ""
        made.append(Card("Time", duration(facts["seconds"]), note))
    if facts.get("engine"):
        made.append(Card("Engine", legible(facts["engine"], 40)))
    return made


def curve_caption(history: History, quantity: str) -> str:
    """'Loss: lowest in validation, 1.381, at epoch 14.'; the name alone for unknown metrics."""
    name = capitalised(metric_name(quantity))
    side = "val" if len(series(history, f"val_{quantity}")[0]) else "train"
    epochs, values = series(history, f"{side}_{quantity}")
    finite = np.flatnonzero(np.isfinite(values))
    if finite.size == 0 or not (quantity == "loss" or is_share(quantity)):
        return name
    sign, extreme = (1.0, "lowest") if quantity == "loss" else (-1.0, "highest")
    best = int(finite[(sign * values[finite]).argmin()])
    where = "validation" if side == "val" else "training"
    value = metric_value(quantity, values[best])
    return f"{name}: {extreme} in {where}, {value}, at epoch {number(epochs[best])}."


def columns_of(history: History) -> list[tuple[str, str]]:
    """Keys and spoken names of the columns that the table of epochs has."""
    present = {key for record in history for key in record}
    spoken = {"lr": "learning rate", "seconds": "time"}
    leading = [(key, spoken.get(key, key)) for key in LEADING_COLUMNS if key in present]
    metrics = [f"{s}_{q}" for q in quantities(history) for s in ("train", "val")]
    return leading + [(key, metric_name(key)) for key in metrics if key in present]


def epoch_rows(
    history: History, best_epoch: int | None, most: int = MAX_EPOCH_ROWS
) -> list[EpochRow]:
    """The table of epochs; of very many, an even selection with the first, best and last."""
    n = len(history)
    best = [i for i, record in enumerate(history) if epoch_of(record, i) == best_epoch]
    even = np.linspace(0, n - 1, min(n, most)).round().astype(int).tolist()
    columns = columns_of(history)
    return [
        EpochRow(
            number(epoch_of(history[i], i), 9),
            i in best,
            tuple(_cell(key, history[i].get(key)) for key, _ in columns),
        )
        for i in sorted({*even, *best})
    ]


def class_rows(
    matrix: ArrayLike, names: Sequence[str], most: int = MAX_CLASS_ROWS
) -> list[ClassRow]:
    """Per class (of the first `most`): rows, recall, precision and its commonest mistake."""
    counts = np.asarray(matrix, dtype=np.float64)
    mistakes = counts - np.diag(np.diag(counts))
    rows, given = counts.sum(axis=1), counts.sum(axis=0)
    made = []
    for i, name in enumerate(names[:most]):
        worst = int(mistakes[i].argmax())
        made.append(
            ClassRow(
                legible(name),
                count(rows[i]),
                _ratio(counts[i, i], rows[i]),
                _ratio(counts[i, i], given[i]),
                f"{legible(names[worst], 60)} ({count(mistakes[i, worst])})"
                if mistakes[i, worst] > 0
                else "—",
            )
        )
    return made


def commonest_confusions(matrix: ArrayLike, names: Sequence[str], limit: int) -> list[Confusion]:
    """The most frequent mistakes, most frequent first."""
    counts = np.asarray(matrix, dtype=np.float64)
    rows = counts.sum(axis=1)
    mistakes = counts - np.diag(np.diag(counts))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
    pairs = [divmod(int(i), len(names)) for i in order if mistakes.flat[i] > 0]
    return [
        Confusion(
            legible(names[i], 40), legible(names[j], 40), count(mistakes[i, j]), count(rows[i])
        )
        for i, j in pairs
    ]


def _metric_cards(facts: Facts) -> list[Card]:
    """Loss and the first other metric of the chosen epoch, validation before training."""
    if not facts.get("history"):
        return []
    record = _chosen(facts)
    made = []
    for quantity in sorted(quantities([record]), key=lambda q: q == "loss")[:3]:
        validation, training = f"val_{quantity}", f"train_{quantity}"
        shown = validation if validation in record else training
        note = ""
        if shown == validation and training in record:
            note = f"training: {metric_value(training, record[training])}"
        made.append(Card(capitalised(metric_name(shown)), metric_value(shown, record[shown]), note))
    return made


def _chosen(facts: Facts) -> Mapping[str, Any]:
    """The record of the best epoch, or the last one."""
    history: History = facts["history"]
    for i, record in enumerate(history):
        if epoch_of(record, i) == facts.get("best_epoch"):
            return record
    return history[-1]


def _by_importance(facts: Facts, record: Mapping[str, Any]) -> list[str]:
    monitor = str(facts.get("monitor") or "")
    if facts.get("task") == "regression" and monitor not in ("", "val_loss", "train_loss"):
        first = [monitor]
    else:
        first = ["val_accuracy"]
    names = [f"{split}_{q}" for split in ("val", "train") for q in quantities([record])]
    # A metric says more to a reader than the loss, and validation more than training.
    names.sort(key=lambda name: (name.startswith("train_"), name.endswith("_loss")))
    return [name for name in dict.fromkeys([*first, *names]) if name in record]


def _plural(n: Any, noun: str) -> str:
    return f"{count(n)} {noun}{'' if as_float(n) == 1 else 's'}"


def _ratio(part: float, whole: float) -> str:
    return metric_value("accuracy", part / whole) if whole > 0 else "—"


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "—"
    if key == "step":
        return count(value)
    if key == "seconds":
        return duration(value)
    if is_share(key) or key.startswith(("train_", "val_")):
        return metric_value(key, value)
    return number(value)


def _commonest_share(matrix: ArrayLike | None) -> float:
    if matrix is None:
        return math.nan
    rows = np.asarray(matrix, dtype=np.float64).sum(axis=1)
    return float(rows.max() / rows.sum()) if rows.size and rows.sum() > 0 else math.nan
