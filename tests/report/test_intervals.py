"""Pictures of a comparison's answers: differences, speed, and what tuning found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from deltarule.report.arms import arms_of, metric_of
from deltarule.report.intervals import forest, trade, tuning

Make = Callable[..., dict[str, Any]]


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]


def description(svg: str) -> str:
    found = ElementTree.fromstring(svg).find("{*}desc")
    assert found is not None
    return found.text or ""


def test_a_forest_names_arms_and_intervals(make_comparison: Make) -> None:
    """Arms on the axis, places in the legend, each difference with its interval in words."""
    facts = make_comparison(["adam", "sgd", "lion"])
    svg = forest(arms_of(facts), facts["differences"], metric_of(facts))
    assert {"sgd", "lion", "at the best epoch", "at the end", "at equal time"} <= set(texts(svg))
    assert "adam" not in texts(svg)
    assert "difference in validation accuracy (points)" in texts(svg)
    (first, *_) = facts["differences"]
    assert f"sgd at the best epoch: {100 * first['mean']:.3g} (from" in description(svg)


@pytest.mark.parametrize(
    "row",
    [
        {"arm": "sgd", "at": "best", "mean": 0.1, "low": None, "high": None},
        {"arm": "sgd", "at": "best", "mean": None},
        {"arm": "nobody", "at": "best", "mean": 0.1},
        {"arm": "sgd", "at": "nowhere", "mean": 0.1},
        {},
    ],
)
def test_strange_differences(make_comparison: Make, row: dict[str, Any]) -> None:
    """Without an interval there is a dot; what is of no arm, place or number is left out."""
    facts = make_comparison()
    svg = forest(arms_of(facts), [row], metric_of(facts))
    assert ("sgd" in texts(svg)) == (row.get("low", 1) is None)


def test_a_name_twice(make_comparison: Make) -> None:
    """Arms whose short names agree keep rows of their own."""
    names = ["first", f"{'x' * 60}a{'y' * 60}", f"{'x' * 60}b{'y' * 60}"]
    facts = make_comparison(names)
    shown = texts(forest(arms_of(facts), facts["differences"], metric_of(facts)))
    assert sum(text.startswith(("1: xx", "2: xx")) for text in shown) == 2


@pytest.mark.parametrize("of", ["seconds", "seconds_to_target", "epochs_to_target"])
def test_speed_against_quality(make_comparison: Make, of: str) -> None:
    """Each arm's mean of both numbers stands in the words, its unit on the axis."""
    facts = make_comparison()
    svg = trade(arms_of(facts), metric_of(facts), of)
    assert svg is not None
    assert ("epochs to the target" in texts(svg)) == (of == "epochs_to_target")
    assert "adam: " in description(svg)


def test_what_never_reached_the_target_is_not_drawn(make_comparison: Make) -> None:
    """Without both numbers of any run there is no picture."""
    facts = make_comparison()
    for arm in facts["arms"]:
        for run in arm["runs"]:
            run["epochs_to_target"] = None
    arms, metric = arms_of(facts), metric_of(facts)
    assert trade(arms, metric, "epochs_to_target") is None
    assert trade(arms, metric, "seconds") is not None


def test_tuning_has_a_logarithmic_axis_for_numbers(make_comparison: Make) -> None:
    """One number that was varied makes an axis of its values; the choice stands in the words."""
    facts = make_comparison()
    svg = tuning(facts["tuning"], metric_of(facts))
    assert {"0.001", "0.003", "0.01", "0.1", "lr"} <= set(texts(svg))
    assert "adam chose lr = 0.003: 48." in description(svg)


def test_tuning_of_words_and_of_several_keys(make_comparison: Make) -> None:
    """What is no single number gets an axis of names."""
    rows = [
        {"arm": "a", "changes": {"optimizer": name, "lr": 0.1}, "mean": 0.5, "chosen": name == "b"}
        for name in "abcdefghijkl"
    ]
    shown = texts(tuning(rows, metric_of(make_comparison())))
    assert "optimizer … lr = 0.1" in " ".join(shown) or any("lr = 0.1" in t for t in shown)
    strange = [{"arm": None, "changes": None, "mean": None}, {"changes": {"x": True}}, {}]
    assert tuning(strange, metric_of({})).startswith("<svg")
