"""Laws of what a page says in words and rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deltarule.report import summaries

Make = Callable[..., dict[str, Any]]


def test_the_headline_is_the_result(make_facts: Make) -> None:
    """Accuracy, split, epoch and number of epochs, in one line."""
    assert summaries.headline(make_facts()) == "52.1 % validation accuracy after epoch 14 of 20"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"history": []}, "No epoch was completed"),
        ({"history": [{"val_loss": math.nan}]}, "No finite result after 1 epoch"),
        ({"history": [{"train_loss": 0.5}] * 3}, "0.5 training loss after 3 epochs"),
        (
            {"history": [{"val_loss": 1.0, "val_r2": 0.8}], "task": "regression", "best_epoch": 1},
            "0.8 validation R² after epoch 1 of 1",
        ),
        (
            {
                "history": [{"val_loss": 1.0, "val_r2": 0.8, "val_rmse": 2.0}],
                "task": "regression",
                "monitor": "val_rmse",
            },
            "2 validation RMSE after 1 epoch",
        ),
        (
            {"history": [{"val_accuracy": math.nan, "val_loss": 2.0}]},
            "2 validation loss after 1 epoch",
        ),
    ],
)
def test_headlines_of_other_runs(facts: dict[str, Any], expected: str) -> None:
    """The headline takes the most telling finite result there is."""
    assert summaries.headline(facts) == expected


def test_the_lede_says_what_guessing_would_reach(make_facts: Make) -> None:
    """The share of the commonest true class stands beside the result."""
    facts = make_facts(confusion=[[30, 10], [5, 15]], class_names=["a", "b"])
    assert "most frequent class would reach 66.7 %" in summaries.lede(facts)
    assert summaries.lede({"title": "x"}) == ""


def test_cards_leave_out_what_is_unknown(make_facts: Make) -> None:
    """All facts make eight cards, none make none."""
    labels = [card.label for card in summaries.cards(make_facts())]
    assert labels[:3] == ["Best epoch", "Validation accuracy", "Validation loss"]
    assert len(labels) == 8
    assert summaries.cards({"title": "x"}) == []


def test_the_rows_of_classes_are_recall_and_precision() -> None:
    """Found: of the class's rows; right: of its answers; the commonest mistake by name."""
    (a, b) = summaries.class_rows([[8, 2], [0, 0]], ["a", "b"])
    assert a == summaries.ClassRow("a", "10", "80.0 %", "100.0 %", "b (2)")
    assert b == summaries.ClassRow("b", "0", "—", "0.0 %", "—")


def test_the_commonest_confusions_come_first() -> None:
    """Mistakes by frequency; the diagonal is none, zero is none."""
    found = summaries.commonest_confusions([[9, 1, 0], [4, 5, 0], [0, 0, 9]], ["a", "b", "c"], 3)
    assert [(c.true, c.predicted, c.times, c.rows) for c in found] == [
        ("b", "a", "4", "9"),
        ("a", "b", "1", "10"),
    ]


def test_long_tables_keep_first_best_and_last(
    make_history: Callable[..., list[dict[str, Any]]],
) -> None:
    """Of a thousand epochs about 200 are shown, the best and both ends among them."""
    rows = summaries.epoch_rows(make_history(1000), 777)
    assert 200 <= len(rows) <= 201
    assert [row.epoch for row in rows if row.best] == ["777"]
    assert (rows[0].epoch, rows[-1].epoch) == ("1", "1000")


def test_cells_are_written_in_their_units() -> None:
    """Steps are counts, seconds durations, accuracies percent; gaps are dashes."""
    record = {"epoch": 1, "step": 1000, "lr": 1e-3, "seconds": 65, "val_accuracy": 0.5}
    history = [record, {"epoch": 2}]
    assert [name for _, name in summaries.columns_of(history)] == [
        "step",
        "learning rate",
        "time",
        "validation accuracy",
    ]
    first, second = summaries.epoch_rows(history, None)
    assert first.cells == ("1,000", "0.001", "1 min 05 s", "50.0 %")
    assert second.cells == ("—",) * 4


def test_captions_say_what_a_curve_shows(
    make_history: Callable[..., list[dict[str, Any]]],
) -> None:
    """The lowest loss and the highest accuracy; for other metrics better is unknown."""
    history = make_history(20)
    assert summaries.curve_caption(history, "accuracy") == (
        "Accuracy: highest in validation, 52.1 %, at epoch 14."
    )
    assert summaries.curve_caption([{"train_r2": 1.0}], "r2") == "R²"
    assert summaries.curve_caption([{"val_loss": np.nan}], "loss") == "Loss"


def test_time_of_an_epoch(make_facts: Make) -> None:
    """Times of a history count from the start; an epoch takes their differences."""
    card = next(card for card in summaries.cards(make_facts()) if card.label == "Time")
    assert card.note == "3.50 s an epoch"


def test_features_are_made_from_columns() -> None:
    """The card of a table says from how many columns its features come."""
    facts = {"title": "x", "data": {"n_columns": 14, "n_features": 263, "n_outputs": 2}}
    (card,) = summaries.cards(facts)
    assert (card.label, card.value, card.note) == (
        "Features",
        "263",
        "from 14 columns, to 2 outputs",
    )
