"""The facts of a comparison, read so that nothing missing or strange in them stops a page."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from deltarule.report.arms import (
    MAX_DRAWN,
    Summary,
    arms_of,
    drawn_arms,
    in_words,
    labels_of,
    metric_of,
    name_of,
    summary_of,
)

Make = Callable[..., dict[str, Any]]


def test_an_arm_is_read(make_comparison: Make) -> None:
    """Names, changes in words, runs that ended, summaries as numbers."""
    first, second = arms_of(make_comparison(["adam", "sgd"], diverged=["sgd"]))
    assert (first.place, first.name, first.changes) == (0, "adam", "optimizer = adam")
    assert (first.tuned, len(first.done), len(second.done)) == ("lr = 0.003", 5, 4)
    assert second.runs[-1].status == "diverged"
    assert math.isnan(second.runs[-1].number("best"))
    best = first.at["best"]
    assert best is not None
    assert best.low < best.mean < best.high
    assert first.to_target is not None
    assert (first.to_target.reached, first.to_target.of) == (5, 5)


def test_24_arms_look_different() -> None:
    """No two of 24 arms share colour and dashes, and neighbours share neither."""
    arms = arms_of({"arms": [{"name": str(i)} for i in range(24)]})
    looks = [(arm.colour, str(arm.style["ls"])) for arm in arms]
    assert len(set(looks)) == 24
    assert len({(arm.colour, arm.mark) for arm in arms}) == 24
    for (colour, dashes), (other, others) in pairwise(looks):
        assert colour != other
        assert dashes != others


@pytest.mark.parametrize("given", [None, 3, {}, {"mean": None}, {"mean": math.nan}, "mean"])
def test_what_is_no_summary(given: Any) -> None:
    """Without a mean there is none."""
    assert summary_of(given) is None


def test_one_run_has_no_spread() -> None:
    """What is null is not a number."""
    found = summary_of({"n": 1, "mean": 0.5, "sd": None, "low": None, "high": None})
    assert isinstance(found, Summary)
    assert (found.n, found.mean) == (1, 0.5)
    assert math.isnan(found.sd)


def test_the_metric() -> None:
    """Named or not, a share or not, and which way is better."""
    accuracy = metric_of({"metric": {"name": "val_accuracy", "greater_is_better": True}})
    assert (accuracy.share, accuracy.scale, accuracy.label) == (
        True,
        100.0,
        "validation accuracy (%)",
    )
    loss = metric_of({})
    assert (loss.column, loss.greater_is_better, loss.scale) == ("val_loss", False, 1.0)


def test_long_names_keep_their_difference() -> None:
    """Both ends stay; where that is not enough, the place tells them apart."""
    long = "x" * 100
    _, *numbered = labels_of(["adam", f"{long}1", f"{long}2"], 20)
    assert numbered == ["xxxxxxxxx…xxxxxxxxx1", "xxxxxxxxx…xxxxxxxxx2"]
    same = labels_of([f"{long}a{long}", f"{long}b{long}"], 20)
    assert same[0].startswith("1: ")
    assert same[1].startswith("2: ")
    assert all(len(label) <= 20 for label in same)
    assert name_of("\u202e" + long * 3 + "end").endswith("end")


def test_changes_in_words() -> None:
    """Numbers short, nothing as none, foreign text legible."""
    assert in_words({"lr": 0.003, "schedule": None, "a\nb": "\x00"}) == (
        "lr = 0.003, schedule = none, a b = ⟨U+0000⟩"
    )
    sgd = {"name": "sgd", "momentum": 0.9, "nesterov": True}
    assert in_words({"optimizer": sgd}) == "optimizer = sgd (momentum = 0.9, nesterov = True)"
    assert in_words({"optimizer": {"name": "<b>"}, "l2": {1: 2}}) == "optimizer = <b>, l2 = {1: 2}"
    assert in_words(None) == ""


def test_pictures_show_the_first_and_the_best(make_comparison: Make) -> None:
    """Of many arms the first, and the best of those of which a run ended, in their order."""
    facts = make_comparison([f"arm {i}" for i in range(20)], epochs=60, all_diverged=["arm 19"])
    arms = arms_of(facts)
    drawn = drawn_arms(arms, metric_of(facts))
    assert len(drawn) == MAX_DRAWN
    assert drawn[0].name == "arm 0"
    assert [arm.place for arm in drawn] == sorted(arm.place for arm in drawn)
    means = {arm.name: arm.at["best"].mean for arm in arms[1:] if arm.at["best"]}  # type: ignore[union-attr]
    best = sorted(means, key=lambda name: -means[name])[: MAX_DRAWN - 1]
    assert {arm.name for arm in drawn[1:]} == set(best)
