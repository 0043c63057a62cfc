"""What a comparison's facts say in rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from deltarule.report import contrasts
from deltarule.report.arms import Summary, arms_of, metric_of
from deltarule.report.contrasts import plus_minus, power

Make = Callable[..., dict[str, Any]]
NAN = math.nan


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Summary(5, 0.5123, 0.0041, 0.5072, 0.5174), "51.23 ± 0.41 % (50.72 to 51.74)"),
        (Summary(5, 0.5123, 0.041, 0.46, 0.56), "51.2 ± 4.1 % (46.0 to 56.0)"),
        (Summary(1, 0.5, NAN, NAN, NAN), "50 %"),
        (Summary(5, 0.5, 0.0, 0.5, 0.5), "50 ± 0 %"),
        (Summary(2, -0.00001, 0.004, NAN, NAN), "0.00 ± 0.40 %"),
        (Summary(2, -0.02, 0.004, -0.03, -0.01), "−2.00 ± 0.40 % (−3.00 to −1.00)"),
        (Summary(2, 1e12, 1e11, NAN, NAN), "1e14 ± 1e13 %"),
        (None, "—"),
    ],
)
def test_means_have_as_many_places_as_their_spread(found: Summary | None, text: str) -> None:
    """The spread has two digits; without spread there is no ±, without interval no brackets."""
    assert plus_minus(found, 100.0, " %") == text


def test_what_seeds_can_show() -> None:
    """With 5 seeds nothing can be significant at 5 %, with 6 it can, with one there is no test."""
    assert "take more seeds" in power(5, 0.0625)
    assert "0.0625" in power(5, 0.0625)
    assert "can be called significant" in power(6, 0.03125)
    assert power(1, None).startswith("One seed")
    assert power(5, None) == ""


def test_rows_fit_their_heads(make_comparison: Make) -> None:
    """Every table has as many cells as columns, in every kind of comparison."""
    for kind in ({}, {"seeds": 1}, {"all_diverged": ["adam"]}, {"diverged": ["sgd"]}):
        facts = make_comparison(**kind)
        arms, metric = arms_of(facts), metric_of(facts)
        tables = [
            (contrasts.quality_columns(metric, 13.0), contrasts.quality_rows(arms, metric)),
            (contrasts.speed_columns("42 %"), contrasts.speed_rows(arms)),
            (range(7), contrasts.difference_rows(facts["differences"], metric)),
            (range(4), contrasts.change_rows(arms)),
            (range(4), contrasts.failed_rows(arms)),
            (range(6), contrasts.tuning_rows(facts["tuning"], metric)),
        ]
        for head, rows in tables:
            assert {len(row) for row in rows} <= {len(head)}


def test_rows_say_what_happened(make_comparison: Make) -> None:
    """Runs that ended of all, which reached the target, what was tried and chosen, what failed."""
    facts = make_comparison(diverged=["sgd"])
    arms, metric = arms_of(facts), metric_of(facts)
    assert [row[1] for row in contrasts.quality_rows(arms, metric)] == ["5 of 5", "4 of 5"]
    assert [row[1] for row in contrasts.speed_rows(arms)] == ["5 of 5", "4 of 4"]
    assert contrasts.failed_rows(arms) == [
        ("sgd", "4", "diverged", "Training diverged: the loss was not finite.")
    ]
    tried = contrasts.tuning_rows(facts["tuning"], metric)
    assert tried[1] == ("adam", "lr = 0.003", "2", "48.00 ± 0.40 %", "", "chosen")
    assert tried[3] == ("adam", "lr = 0.1", "2", "—", "2", "")
    assert contrasts.change_rows(arms)[0] == ("adam", "optimizer = adam", "lr = 0.003", "322,960")


def test_targets() -> None:
    """A share is told in percent, another number as it is, none not at all."""
    accuracy = metric_of({"metric": {"name": "val_accuracy"}})
    assert contrasts.shown_target(accuracy, 0.42) == "42.0 %"
    assert contrasts.shown_target(metric_of({}), 1.5) == "1.5"
    assert contrasts.shown_target(accuracy, None) == ""
